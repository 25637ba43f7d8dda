"""Addresses and bytes of the log's static files: tiles of hashes and bundles of entries.

Source: C2SP tlog-tiles: tiles of 256 hashes, ``tile/<L>/<N>``, ``tile/entries/<N>``, partial
ones with ``.p/<W>``; N in groups of three digits, all but the last marked with an x.
"""

import re
from collections.abc import Iterable

WIDTH = 256
HEIGHT = 8  # 2**8 leaves below one hash of the next level
MAX_LEVEL = 7  # 8 levels of 8 hold 2**64 leaves
_NUMBER = re.compile(r"(?:x[0-9]{3}/){0,5}[0-9]{3}", re.ASCII)


def number_path(number: int) -> str:
    """Return a tile number as a path: ``1234067`` is ``x001/x234/067``."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def parse_number(path: str) -> int | None:
    """Read a tile number from its path; None for any other spelling."""
    if not _NUMBER.fullmatch(path):
        return None
    number = int(path.replace("/", "").replace("x", ""))
    return number if number_path(number) == path else None


def parse_width(text: str | None) -> int | None:
    """Read the width of a partial tile; a missing one means full, None means malformed."""
    if text is None:
        return WIDTH
    width = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    return width if 0 < width < WIDTH and str(width) == text else None


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries one after the other, each after its length in two bytes."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in entries)
