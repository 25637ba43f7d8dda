"""The sealer's high-water mark: a small file outside the database.

It remembers the largest tree ever signed, under each suite. A database restored from an old
backup, or edited, contradicts the mark, and the sealer stops instead of signing a second history.

The mark moves by compare-and-swap: whoever seals holds the lock file beside it, and the mark on
disk must still be the one the seal began with. So two sealers on one folder never both sign.

Source: the idea of an independent lock store, Sunlight (static certificate transparency).
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from ledger.refusals import Broken
from ledger.suites import SHA256, Suite


@dataclass(frozen=True)
class Peak:
    """The largest tree ever signed under one suite."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Mark:
    """The largest trees ever signed by this sealer.

    Args:
        origin: the log's name.
        size: leaves of the tree under SHA-256.
        root: its root.
        others: the trees under other suites, by name.
        at: the latest moment ever stated in a checkpoint; None in marks of old.
        cluster: the database server's identity; empty in marks of old.
    """

    origin: str
    size: int
    root: bytes
    others: dict[str, Peak] = field(default_factory=dict)
    at: datetime | None = None
    cluster: str = ""

    def peak(self, suite: Suite) -> Peak:
        """Return the largest tree signed under a suite; size 0 when none was."""
        if suite == SHA256:
            return Peak(self.size, self.root)
        return self.others.get(suite.name, Peak(0, b""))


def mark_path() -> Path:
    """Return the path of the mark."""
    return Path(settings.VAR_DIR) / "log" / "seal.mark"


def _lock_path() -> Path:
    return mark_path().with_suffix(".lock")


@contextmanager
def held_mark(*, wait: bool = False) -> Iterator[bool]:
    """Hold the mark for one seal; say False when somebody else holds it.

    The lock is the kernel's: it ends with the process, however that ends.
    """
    path = _lock_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def read_mark() -> Mark | None:
    """Return the mark, or None when nothing was ever signed here.

    Raises:
        Broken: the file is damaged or belongs to another log.
    """
    path = mark_path()
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise Broken(f"the seal mark {path} is damaged") from error
    try:
        mark = _parsed(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Broken(f"the seal mark {path} is damaged") from error
    if mark.origin != settings.LOG_ORIGIN:
        raise Broken(f"the seal mark {path} belongs to another log: {mark.origin}")
    return mark


def _parsed(stored: dict[str, Any]) -> Mark:
    at = stored.get("at")
    return Mark(
        stored["origin"],
        int(stored["size"]),
        bytes.fromhex(stored["root"]),
        {
            name: Peak(int(each["size"]), bytes.fromhex(each["root"]))
            for name, each in stored.get("others", {}).items()
        },
        datetime.fromisoformat(at) if at else None,
        str(stored.get("cluster", "")),
    )


def _stated(mark: Mark) -> dict[str, Any]:
    return {
        "origin": mark.origin,
        "size": mark.size,
        "root": mark.root.hex(),
        "others": {
            name: {"size": each.size, "root": each.root.hex()}
            for name, each in sorted(mark.others.items())
        },
        "at": mark.at.isoformat() if mark.at else None,
        "cluster": mark.cluster,
    }


def swap_mark(expected: Mark | None, fresh: Mark) -> None:
    """Replace the mark if it still is the one this seal began with.

    Raises:
        Broken: somebody else moved it meanwhile, or the new one would go back.
        OSError: it could not be written; the old one is still whole.
    """
    if read_mark() != expected:
        raise Broken("the seal mark was moved by somebody else; are there two sealers?")
    if expected and fresh.size < expected.size:
        raise Broken(f"the seal mark does not go back from {expected.size} to {fresh.size}")
    write_mark(fresh)


def write_mark(mark: Mark) -> None:
    """Write the mark, durably: the new one is on disk before this returns."""
    path = mark_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(json.dumps(_stated(mark)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
