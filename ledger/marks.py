"""The sealer's high-water mark: a small file outside the database.

It remembers the largest tree ever signed. A database restored from an old backup, or edited,
contradicts the mark, and the sealer stops instead of signing a second history.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ledger.refusals import Broken


@dataclass(frozen=True)
class Mark:
    """The largest tree ever signed by this sealer."""

    origin: str
    size: int
    root: bytes


def mark_path() -> Path:
    """Return the path of the mark."""
    return Path(settings.VAR_DIR) / "log" / "seal.mark"


def read_mark() -> Mark | None:
    """Return the mark, or None when nothing was ever signed here.

    Raises:
        Broken: the file is damaged or belongs to another log.
    """
    path = mark_path()
    if not path.exists():
        return None
    try:
        stored = json.loads(path.read_text(encoding="ascii"))
        mark = Mark(stored["origin"], int(stored["size"]), bytes.fromhex(stored["root"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Broken(f"the seal mark {path} is damaged") from error
    if mark.origin != settings.LOG_ORIGIN:
        raise Broken(f"the seal mark {path} belongs to another log: {mark.origin}")
    return mark


def write_mark(mark: Mark) -> None:
    """Replace the mark, durably: the new one is on disk before this returns."""
    path = mark_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    stated = {"origin": mark.origin, "size": mark.size, "root": mark.root.hex()}
    with fresh.open("w", encoding="ascii") as file:
        file.write(json.dumps(stated) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
