"""What ``slq login`` remembers: endpoint, token, key file and the log's public keys.

One file, readable by its owner alone. The environment speaks before the file: ``SLQ_ENDPOINT``,
``SLQ_TOKEN``, ``SLQ_KEY_FILE``; ``SLQ_CONFIG`` says where the file lies.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from slq.client import MeteringClient
from slq.outcomes import Exit, Stopped
from slq.words import Speech, language_here

TEST, LIVE = "test", "live"


@dataclass(frozen=True)
class Account:
    """How to reach the service as one key."""

    endpoint: str
    token: str
    key_file: str = ""
    vkeys: str = ""

    @property
    def mode(self) -> str:
        """Say whether the token is of a test key or of a live one."""
        return TEST if self.token.startswith("pk_test_") else LIVE

    @property
    def key_id(self) -> str:
        """Return the public name of the key."""
        return self.token.partition(".")[0]


def config_path() -> Path:
    """Return where the file lies."""
    told = os.environ.get("SLQ_CONFIG")
    if told:
        return Path(told)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return home / "slq" / "config.json"


def _read() -> dict[str, Any]:
    path = config_path()
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise Stopped(Exit.USAGE, Speech(language_here())("config_form", path=path))
    return known


def save_account(account: Account) -> Path:
    """Remember an account; the last one stored is used unless another is asked for."""
    known = _read() | {account.mode: asdict(account), "active": account.mode}
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_secret(path, json.dumps(known, indent=1, ensure_ascii=False).encode() + b"\n")
    return path


def write_secret(path: Path, content: bytes, *, fresh: bool = False) -> None:
    """Write a file that only its owner may read; with ``fresh`` never over another one."""
    if fresh:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        return
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    write_secret(beside, content, fresh=True)
    beside.replace(path)


def load_account(mode: str, speech: Speech) -> Account:
    """Return the account to use.

    Raises:
        Stopped: nobody has logged in.
    """
    known = _read()
    stored: dict[str, str] = known.get(mode or known.get("active", ""), {})
    account = Account(
        os.environ.get("SLQ_ENDPOINT") or stored.get("endpoint", ""),
        os.environ.get("SLQ_TOKEN") or stored.get("token", ""),
        os.environ.get("SLQ_KEY_FILE") or stored.get("key_file", ""),
        stored.get("vkeys", ""),
    )
    if not account.endpoint or not account.token:
        raise Stopped(Exit.USAGE, speech("not_logged_in"))
    return account


def stored_account(mode: str) -> Account | None:
    """Return what an earlier login remembered, whatever the environment says."""
    known = _read()
    stored: dict[str, str] = known.get(mode or known.get("active", ""), {})
    return Account(**stored) if stored else None


def stored_vkeys(mode: str) -> str:
    """Return the log's keys that were remembered."""
    stored = stored_account(mode)
    return stored.vkeys if stored else ""


def load_key(path: str, speech: Speech) -> Ed25519PrivateKey:
    """Read the private key.

    Raises:
        Stopped: it cannot be read, or is of another kind.
    """
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise Stopped(Exit.USAGE, speech("key_unreadable", path=path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Stopped(Exit.USAGE, speech("key_unreadable", path=path))
    return key


def connect(account: Account, speech: Speech) -> MeteringClient:
    """Open a client for an account; a live key without its private half cannot send."""
    key = load_key(account.key_file, speech) if account.key_file else None
    return MeteringClient(
        account.endpoint, account.token, account.key_id, key, language=speech.language
    )
