"""Where the log's keys lie, from one setting: files, a signer process, a hardware token.

``LOG_SIGNER`` names one place or several, parted by blanks; a key is made in the first place
that can make its kind, and a line is signed wherever the key lies:

    file:                                     the folder ``VAR_DIR/keys`` (or ``file:/FOLDER``)
    socket:/run/ledger-signer/socket          python -m ledger.signer, under another user
    pkcs11:module=/LIB.so;token=LABEL;pin-file=/PIN
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ledger.hardware import ModuleKeys
from ledger.keyfiles import FileKeys
from ledger.refusals import Broken
from ledger.signing import Algorithm, Growth, VerificationKey
from ledger.wire import SocketKeys


class KeyStore(Protocol):
    """A place that holds private keys and signs with them. An adapter has these five members."""

    @property
    def place(self) -> str:
        """Return where that is, for messages."""
        ...

    @property
    def makes(self) -> frozenset[Algorithm]:
        """Return the kinds of which keys can be made there."""
        ...

    def publics(self, algorithm: Algorithm) -> list[bytes]:
        """Return the public halves of a kind, the first made first."""
        ...

    def make(self, algorithm: Algorithm) -> bytes:
        """Make another key of a kind and return its public half."""
        ...

    def line(
        self,
        key: VerificationKey,
        text: str,
        at: datetime,
        *,
        growth: Growth | None = None,
    ) -> str:
        """Return the signature line of a key over a text.

        Args:
            growth: for a place that keeps a mark of its own and wants to see that a larger tree
                grew out of what it signed before.
        """
        ...


class SeveralKeys:
    """Several places as one."""

    def __init__(self, stores: list[KeyStore]) -> None:
        self.stores = stores

    @property
    def place(self) -> str:
        """Return where the keys lie, for messages."""
        return ", ".join(each.place for each in self.stores)

    @property
    def makes(self) -> frozenset[Algorithm]:
        """Return the kinds of which keys can be made in one of them."""
        return frozenset().union(*(each.makes for each in self.stores))

    def publics(self, algorithm: Algorithm) -> list[bytes]:
        """Return the public halves of a kind, place by place."""
        return [public for each in self.stores for public in each.publics(algorithm)]

    def make(self, algorithm: Algorithm) -> bytes:
        """Make a key in the first place that can.

        Raises:
            Broken: none can.
        """
        for each in self.stores:
            if algorithm in each.makes:
                return each.make(algorithm)
        raise Broken(f"no place of LOG_SIGNER makes {algorithm.title} keys")

    def line(
        self,
        key: VerificationKey,
        text: str,
        at: datetime,
        *,
        growth: Growth | None = None,
    ) -> str:
        """Return the signature line from the place that holds the key.

        Raises:
            Broken: none holds it.
        """
        for each in self.stores:
            if key.public in each.publics(key.algorithm):
                return each.line(key, text, at, growth=growth)
        raise Broken(
            f"the signing key {key.key_id.hex()} ({key.algorithm.title}) is not in {self.place}"
        )


class SignerSettingError(ValueError):
    """A value of LOG_SIGNER that names no place."""


def parse_signer(text: str, home: Path) -> KeyStore:
    """Return the place or places that a setting names.

    Args:
        home: the folder that ``file:`` means.

    Raises:
        SignerSettingError: it names none, in words that say what is missing.
    """
    stores = [_one(each, home) for each in text.split()]
    if not stores:
        raise SignerSettingError("LOG_SIGNER is empty; file: is the default")
    return stores[0] if len(stores) == 1 else SeveralKeys(stores)


def signer_fault(text: str) -> str:
    """Return what is wrong with a setting, empty when it names a place."""
    try:
        parse_signer(text, Path())
    except SignerSettingError as error:
        return str(error)
    return ""


def _one(text: str, home: Path) -> KeyStore:
    scheme, colon, rest = text.partition(":")
    makers: dict[str, Callable[[str], KeyStore]] = {
        "file": lambda path: FileKeys(_absolute(path, "file:") if path else home),
        "socket": lambda path: SocketKeys(_absolute(path, "socket:")),
        "pkcs11": _module,
    }
    if not colon or scheme not in makers:
        raise SignerSettingError(
            f"LOG_SIGNER: {text!r} begins with none of file:, socket:, pkcs11:"
        )
    return makers[scheme](rest)


def _absolute(path: str, scheme: str) -> Path:
    if not path.startswith("/"):
        raise SignerSettingError(f"LOG_SIGNER: {scheme} needs a path that begins with /")
    return Path(path)


def _module(text: str) -> ModuleKeys:
    parts = dict(each.partition("=")[::2] for each in text.split(";") if each)
    needed = {"module", "token", "pin-file"}
    if set(parts) != needed or not all(parts.values()):
        raise SignerSettingError(
            "LOG_SIGNER: pkcs11: needs module=...;token=...;pin-file=... and nothing else"
        )
    return ModuleKeys(parts["module"], parts["token"], _absolute(parts["pin-file"], "pin-file="))
