"""The program ``slq``: data on stdout, narration on stderr, an exit code that a script can use.

0 all accepted or duplicate; 2 usage; 3 rejected; 4 partial; 5 not let in; 6 try later; 7 conflict.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from slq import __version__, own_commands, usage_commands
from slq.converting import KINDS
from slq.outcomes import Exit, Stopped
from slq.pushing import Order
from slq.settings import LIVE, TEST
from slq.words import CHINESE, ENGLISH, Speech, language_here

Command = Callable[[argparse.Namespace, Speech], Exit]
_TRIES = 6
_INTERRUPTED = 130
_EXAMPLES = {
    CHINESE: """\
算力券用量上报工具。

示例：
  slq keygen                                     生成一对密钥
  slq login --endpoint https://… --token-file t  登录（测试密钥加 --test）
  slq validate usage.csv                         试算，不保存
  slq push usage.csv                             上报；中断后重新执行同一命令即可续传
  slq push --spool /var/spool/slq                发送 outgoing/ 中的全部文件
  slq receipt verify usage.receipts.ndjson       核验回执

退出码：0 全部计入或重复；2 用法；3 退回；4 部分；5 身份；6 稍后再试；7 冲突。""",
    ENGLISH: """\
Report compute usage for the voucher service.

Examples:
  slq keygen                                     make a pair of keys
  slq login --endpoint https://... --token-file t  log in (--test for a test key)
  slq validate usage.csv                         try, store nothing
  slq push usage.csv                             send; run again to go on after a break
  slq push --spool /var/spool/slq                send whatever waits in outgoing/
  slq receipt verify usage.receipts.ndjson       check receipts

Exit codes: 0 all accepted or duplicate; 2 usage; 3 rejected; 4 partial; 5 not let in;
6 try later; 7 conflict.""",
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the words it was given in the reader's language."""

    speech = Speech()

    def error(self, message: str) -> NoReturn:
        """Leave with the code for usage."""
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, _Parser.speech("usage", why=message) + "\n")


def build_parser(speech: Speech) -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    _Parser.speech = speech
    everywhere = _Parser(add_help=False)
    everywhere.add_argument("--json", action="store_true", help=speech("help_json"))
    everywhere.add_argument("--lang", choices=(CHINESE, ENGLISH), help=speech("help_lang"))
    everywhere.add_argument("--tries", type=int, default=_TRIES, metavar="N")
    mode = everywhere.add_mutually_exclusive_group()
    mode.add_argument("--test", dest="mode", action="store_const", const=TEST, default="")
    mode.add_argument("--live", dest="mode", action="store_const", const=LIVE)
    parser = _Parser(
        prog="slq",
        description=_EXAMPLES[speech.language],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"slq {__version__}")
    parser.add_argument(
        "--lang", dest="spoken", choices=(CHINESE, ENGLISH), help=speech("help_lang")
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Command, parent: "argparse._SubParsersAction[_Parser]") -> _Parser:
        made = parent.add_parser(name, parents=[everywhere], help=speech(f"help_{name}"))
        made.set_defaults(run=run)
        return made

    _add_own(lambda name, run: add(name, run, commands))
    _add_usage(lambda name, run: add(name, run, commands))
    receipt = commands.add_parser("receipt", help=speech("help_receipt"))
    kinds = receipt.add_subparsers(metavar="COMMAND", required=True)
    verify = add("verify", usage_commands.receipt_verify, kinds)
    verify.add_argument("file")
    verify.add_argument("--vkey", action="append", default=[], metavar="LINE")
    verify.add_argument("--against", default="", metavar="FILE")
    add("get", usage_commands.receipt_get, kinds).add_argument("batch")
    return parser


def _add_own(add: Callable[[str, Command], _Parser]) -> None:
    keygen = add("keygen", own_commands.keygen)
    keygen.add_argument("--out", default="slq-key.pem", metavar="FILE")
    prove = add("prove", own_commands.prove)
    prove.add_argument("challenge")
    prove.add_argument("--key", default="", metavar="FILE")
    login = add("login", own_commands.login)
    login.add_argument("--endpoint", required=True, metavar="URL")
    login.add_argument("--token-file", default="", metavar="FILE")
    login.add_argument("--key", default="", metavar="FILE")
    login.add_argument("--vkey", action="append", default=[], metavar="LINE")
    add("doctor", own_commands.doctor)


def _add_usage(add: Callable[[str, Command], _Parser]) -> None:
    for name, run in (("validate", usage_commands.validate), ("push", usage_commands.push)):
        made = add(name, run)
        made.add_argument("file", nargs="?" if name == "push" else None, default="")
        made.add_argument("--hold", action="store_true")
        made.add_argument(
            "--on-error", choices=("reject_batch", "accept_valid"), default=Order.on_error
        )
        if name == "push":
            made.add_argument("--spool", default="", metavar="DIR")
    add("status", usage_commands.status).add_argument("batch")
    add("zero", usage_commands.zero).add_argument("day")
    convert = add("convert", usage_commands.convert_file)
    convert.add_argument("--from", dest="kind", choices=KINDS, required=True)
    convert.add_argument("source", metavar="IN")
    convert.add_argument("target", metavar="OUT")
    for option in ("map", "zone", "epoch", "model", "name"):
        convert.add_argument(f"--{option}", default="")
    convert.add_argument("--step", type=int, default=0, metavar="SECONDS")
    convert.add_argument("--open", action="store_true")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    asked = next((arguments[at + 1] for at in _places(arguments)), "")
    speech = Speech(language_here(asked if asked in (CHINESE, ENGLISH) else ""))
    told = build_parser(speech).parse_args(arguments)
    run: Command = told.run
    try:
        return run(told, speech)
    except Stopped as stopped:
        sys.stderr.write(f"{stopped}\n")
        return stopped.code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _places(arguments: Sequence[str]) -> list[int]:
    """Return where a language is asked for, before the rest is parsed in that language."""
    return [at for at, each in enumerate(arguments[:-1]) if each == "--lang"]


def run() -> NoReturn:
    """Start the program."""
    raise SystemExit(main(sys.argv[1:]))
