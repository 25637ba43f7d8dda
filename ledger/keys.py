"""Where the log's signing key lies: one PEM file outside the database, readable by its owner."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from ledger.refusals import Broken
from ledger.signing import Signer, TreeHead
from ledger.suites import Suite

#: Gives the consistency proof from a smaller size to the tree that is to be signed.
Growth = Callable[[int], list[bytes]]


def key_path() -> Path:
    """Return the path of the signing key."""
    return Path(settings.VAR_DIR) / "keys" / "log-ed25519.pem"


def load_signer() -> Signer:
    """Return the signer of this log.

    Raises:
        Broken: no key, or a file that is no Ed25519 key.
    """
    path = key_path()
    if not path.exists():
        raise Broken(f"the log has no signing key at {path}; run manage.py make_log_key")
    private = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise Broken(f"{path} is not an Ed25519 key")
    return Signer(settings.LOG_ORIGIN, private)


def sign_head(
    head: TreeHead,
    *,
    suite: Suite,
    at: datetime,  # noqa: ARG001 - for keys that state a time
    growth: Growth | None = None,  # noqa: ARG001 - for signers that ask for it
) -> str:
    """Return the signed note over a tree head, under the name of the suite's tree.

    Raises:
        Broken: no key, or a file that is no Ed25519 key.
    """
    signer = load_signer()
    return Signer(suite.origin(signer.name), signer.private).sign(head.text)


def make_key() -> bool:
    """Make the signing key unless there is one; say whether it was made now."""
    path = key_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return True
