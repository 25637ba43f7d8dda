"""The key file of a witness: its name and two private keys, readable by its owner alone."""

import os
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.cosigning import Cosigner, witness_key
from ledger.signing import NoteError
from ledger.witness.memory import Unusable

MOST_BYTES = 65_536
_NAME = "witness: "
_BLOCK = re.compile(rb"-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\s", re.DOTALL)


def make_key(path: Path, name: str) -> Cosigner:
    """Make a key file under a name; an existing one of that name stays as it is.

    Raises:
        Unusable: the file is there under another name, or the name cannot be one.
    """
    made = Cosigner(name, Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate())
    try:
        for each in made.keys:
            witness_key(each.text)
    except NoteError as error:
        raise Unusable(f"{name!r} cannot be the name of a witness") from error
    blocks = [
        each.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for each in (made.ed25519, made.mldsa44)
    ]
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        known = read_key(path)
        if known.name != name:
            raise Unusable(f"{path} is the key of {known.name}") from None
        return known
    with os.fdopen(handle, "wb") as file:
        file.write(f"{_NAME}{name}\n".encode() + b"".join(blocks))
        file.flush()
        os.fsync(file.fileno())
    return made


def read_key(path: Path) -> Cosigner:
    """Read a key file.

    Raises:
        Unusable: it cannot be read, or is no key file of a witness.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES)
        first, _, rest = raw.partition(b"\n")
        name = first.decode("utf-8")
        keys = [load_pem_private_key(each, password=None) for each in _BLOCK.findall(rest)]
    except (OSError, ValueError) as error:
        raise Unusable(f"{path} cannot be read as a key file: {error}") from error
    ed25519 = [each for each in keys if isinstance(each, Ed25519PrivateKey)]
    mldsa44 = [each for each in keys if isinstance(each, MLDSA44PrivateKey)]
    if not name.startswith(_NAME) or len(ed25519) != 1 or len(mldsa44) != 1 or len(keys) != 2:
        raise Unusable(f"{path} is not the key file of a witness")
    return Cosigner(name.removeprefix(_NAME), ed25519[0], mldsa44[0])


def open_once(key: Path, database: Path) -> None:
    """Insist that a key in use still has its memory.

    A witness that lost its memory would cosign a fork of what it cosigned before. So the first
    start leaves a mark beside the key, and with the mark a missing database is refused.

    Raises:
        Unusable: the key was used and the database is gone.
    """
    mark = key.with_name(key.name + ".in-use")
    if mark.exists() and not database.exists():
        raise Unusable(
            f"the key {key} was used before but {database} is gone: a witness without its memory"
            " could cosign a fork. Restore the database, or make a new key under a new name."
        )
    mark.touch(mode=0o600)
