"""The program ``slq``: data on stdout, narration on stderr, an exit code that a script can use.

0 all accepted or duplicate; 2 usage; 3 rejected; 4 partial; 5 not let in; 6 try later; 7 conflict.
"""

import argparse
import gzip
import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import httpx

from slq import (
    __version__,
    convert_commands,
    own_commands,
    receipt_commands,
    showing,
    statement_commands,
    usage_commands,
)
from slq.converting import KINDS
from slq.locking import Busy
from slq.outcomes import Exit, Stopped
from slq.pushing import Order
from slq.settings import LIVE, TEST
from slq.words import CHINESE, ENGLISH, Speech, language_here

Command = Callable[[argparse.Namespace, Speech], Exit]
_TRIES = 6
_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the words it was given in the reader's language."""

    speech = Speech()

    def error(self, message: str) -> NoReturn:
        """Leave with the code for usage."""
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, _Parser.speech("usage", why=message) + "\n")

    def format_usage(self) -> str:
        """Return the usage line in the reader's language."""
        return self._spoken(super().format_usage())

    def format_help(self) -> str:
        """Return the help in the reader's language; examples come before the options."""
        return self._spoken(super().format_help())

    def _spoken(self, text: str) -> str:
        for english, word in _OWN_WORDS.items():
            text = text.replace(english, _Parser.speech(word), 1)
        return text


#: What argparse says by itself.
_OWN_WORDS = {
    "usage: ": "help_usage",
    "positional arguments:\n  COMMAND": "help_commands",
    "positional arguments:": "help_positionals",
    "options:": "help_options",
    "show this help message and exit": "help_help",
}


class _Family:
    """Adds commands that all take the same general words; examples come before the options."""

    def __init__(self, speech: Speech) -> None:
        self.speech = speech
        self.everywhere = _Parser(add_help=False)
        self.option(self.everywhere, "--json", action="store_true")
        self.option(self.everywhere, "--lang", choices=(CHINESE, ENGLISH))
        self.option(self.everywhere, "--tries", type=int, default=_TRIES, metavar="N")
        mode = self.everywhere.add_mutually_exclusive_group()
        for name in (TEST, LIVE):
            words = {"dest": "mode", "action": "store_const", "const": name, "default": ""}
            self.option(mode, f"--{name}", **words)

    def option(self, parser: Any, name: str, **words: Any) -> None:
        """Add an argument with its help of the catalogue."""
        word = "arg_" + name.lstrip("-").replace("-", "_")
        parser.add_argument(name, help=self.speech(word), **words)

    def command(self, parent: Any, name: str, run: Command | None = None) -> _Parser:
        """Add a command."""
        title, examples = self.speech(f"help_{name}"), self.speech(f"example_{name}")
        made: _Parser = parent.add_parser(
            name,
            parents=[self.everywhere] if run else [],
            help=title,
            description=f"{title}\n\n{self.speech('examples')}\n{examples.rstrip()}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if run is not None:
            made.set_defaults(run=run)
        return made


def build_parser(speech: Speech) -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    _Parser.speech = speech
    family = _Family(speech)
    parser = _Parser(
        prog="slq",
        description=speech("help_slq").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"slq {__version__}", help=speech("arg_version")
    )
    parser.add_argument(
        "--lang", dest="spoken", choices=(CHINESE, ENGLISH), help=speech("arg_lang")
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_own(family, commands)
    _add_usage(family, commands)
    _add_receipts(family, commands)
    _add_conversion(family, commands)
    return parser


def _add_own(family: _Family, commands: Any) -> None:
    keygen = family.command(commands, "keygen", own_commands.keygen)
    family.option(keygen, "--out", default="slq-key.pem", metavar="FILE")
    prove = family.command(commands, "prove", own_commands.prove)
    family.option(prove, "challenge", metavar="CHALLENGE")
    family.option(prove, "--key", default="", metavar="FILE")
    login = family.command(commands, "login", own_commands.login)
    family.option(login, "--endpoint", required=True, metavar="URL")
    family.option(login, "--token-file", default="", metavar="FILE")
    family.option(login, "--key", default="", metavar="FILE")
    family.option(login, "--vkey", action="append", default=[], metavar="LINE")
    family.option(login, "--trust-new-keys", action="store_true")
    family.command(commands, "doctor", own_commands.doctor)


def _add_usage(family: _Family, commands: Any) -> None:
    for name, run in (("validate", usage_commands.validate), ("push", usage_commands.push)):
        made = family.command(commands, name, run)
        family.option(
            made, "file", nargs="?" if name == "push" else None, default="", metavar="FILE"
        )
        if name == "push":
            family.option(made, "--spool", default="", metavar="DIR")
        family.option(made, "--hold", action="store_true")
        family.option(
            made, "--on-error", choices=("reject_batch", "accept_valid"), default=Order.on_error
        )
    status = family.command(commands, "status", usage_commands.status)
    family.option(status, "batch", metavar="BATCH")
    zero = family.command(commands, "zero", usage_commands.zero)
    family.option(zero, "day", metavar="DAY")
    statement = family.command(commands, "statement", statement_commands.statement)
    family.option(statement, "month", nargs="?", default="", metavar="MONTH")
    family.option(statement, "--csv", action="store_true")


def _add_receipts(family: _Family, commands: Any) -> None:
    receipt = family.command(commands, "receipt")
    kinds = receipt.add_subparsers(metavar="COMMAND", required=True)
    verify = family.command(kinds, "verify", receipt_commands.receipt_verify)
    family.option(verify, "file", metavar="FILE")
    family.option(verify, "--vkey", action="append", default=[], metavar="LINE")
    verify.add_argument(
        "--body", "--against", default="", metavar="FILE", help=family.speech("arg_body")
    )
    family.option(verify, "--included", action="store_true")
    family.option(family.command(kinds, "get", receipt_commands.receipt_get), "batch")


def _add_conversion(family: _Family, commands: Any) -> None:
    convert = family.command(commands, "convert", convert_commands.convert_file)
    convert.add_argument(
        "--from", dest="kind", choices=KINDS, required=True, help=family.speech("arg_from")
    )
    family.option(convert, "source", metavar="IN")
    family.option(convert, "target", metavar="OUT")
    for name, shape in _DECLARED.items():
        family.option(convert, f"--{name}", default="", metavar=shape)
    family.option(convert, "--step", type=int, default=0, metavar="SECONDS")
    family.option(convert, "--open", action="store_true")
    mapping = family.command(commands, "mapping")
    kinds = mapping.add_subparsers(metavar="COMMAND", required=True)
    init = family.command(kinds, "init", convert_commands.mapping_init)
    family.option(init, "source", nargs="?", default="", metavar="CSV")
    family.option(init, "--out", default="mapping.toml", metavar="FILE")


_DECLARED = {
    "map": "FILE",
    "zone": "ZONE",
    "epoch": "TIME",
    "model": "MODEL",
    "name": "PREFIX",
}


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    asked = next((arguments[at + 1] for at in _places(arguments)), "")
    speech = Speech(language_here(asked if asked in (CHINESE, ENGLISH) else ""))
    told = build_parser(speech).parse_args(arguments)
    run: Command = told.run
    try:
        return run(told, speech)
    except Stopped as stopped:
        return _ended(stopped.code, str(stopped), told)
    except KeyboardInterrupt:
        speech.tell("interrupted")
        return _INTERRUPTED
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        why = speech("unpack", path=getattr(told, "file", ""), why=error)
        return _ended(Exit.REJECTED, why, told)
    except Busy as busy:
        return _ended(Exit.LATER, speech("locked", path=busy), told)
    except httpx.InvalidURL as error:
        return _ended(Exit.USAGE, speech("url_form", url=error), told)
    except httpx.HTTPError as error:
        return _ended(Exit.LATER, speech("later", why=f"{type(error).__name__}: {error}"), told)
    except OSError as error:
        why = f"{error.strerror or error} {error.filename or ''}"
        return _ended(Exit.LATER, speech("disk", why=why), told)


def _ended(code: Exit, why: str, told: argparse.Namespace) -> Exit:
    """Say why a run went no further: to people, and to programs that asked for JSON."""
    sys.stderr.write(f"{why}\n")
    if told.json:
        showing.put_json({"exit": int(code), "error": why})
    return code


def _places(arguments: Sequence[str]) -> list[int]:
    """Return where a language is asked for, before the rest is parsed in that language."""
    return [at for at, each in enumerate(arguments[:-1]) if each == "--lang"]


def run() -> NoReturn:
    """Start the program."""
    raise SystemExit(main(sys.argv[1:]))
