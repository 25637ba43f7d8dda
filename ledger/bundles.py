"""The exported log as one file, in the only byte form it can have.

A text file of lines, each ended by one line feed:

1. ``compute-voucher-log-bundle 1``
2. the manifest, canonical JSON: origin, counts, keys, root;
3. one line per checkpoint: its signed note as a canonical JSON text, sizes rising;
4. one line per entry: its leaf hash in hexadecimal, a blank, its bytes.

Nothing may stand before, between or after. Every byte is either checked against a hash, a
signature, or the form itself, so a bundle with any one byte changed is not a bundle.
"""

import hashlib
import json
from binascii import hexlify
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ledger.entries import MAX_ENTRY_BYTES, canonical
from ledger.merkle import HASH_BYTES
from ledger.refusals import Broken
from ledger.signing import MAX_NOTE_CHARACTERS, NoteError, VerificationKey

FIRST_LINE = b"compute-voucher-log-bundle 1\n"
MAX_MANIFEST_BYTES = 262_144
MAX_NOTE_BYTES = 8 * MAX_NOTE_CHARACTERS
MAX_ENTRIES = 100_000_000
MAX_KEYS = 64
BLOCK_ENTRIES = 1_024
BLOCK_BYTES = 4 * 1_024 * 1_024
_HASH_DIGITS = 2 * HASH_BYTES
_COUNT_DIGITS = 9


class BundleError(ValueError):
    """A file that is not a bundle, with the line in which that shows."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"第 {line} 行：{message}")
        self.line = line


@dataclass(frozen=True)
class Manifest:
    """What a bundle says it holds."""

    origin: str
    entries: int
    checkpoints: int
    keys: tuple[str, ...]
    root: str

    def encoded(self) -> bytes:
        """Return the one line a manifest can be."""
        return (
            canonical(
                {
                    "checkpoints": str(self.checkpoints),
                    "entries": str(self.entries),
                    "keys": list(self.keys),
                    "origin": self.origin,
                    "root": self.root,
                }
            )
            + b"\n"
        )


def note_line(note: str) -> bytes:
    """Return the line of a checkpoint."""
    return canonical(note) + b"\n"


def heads_line(count: int, origin: str) -> bytes:
    """Return the first line of a file that holds checkpoints alone.

    Args:
        origin: name of the log, without the suffix of a hash suite.
    """
    return canonical({"checkpoints": str(count), "origin": origin}) + b"\n"


def entry_line(leaf: bytes, entry: bytes) -> bytes:
    """Return the line of an entry."""
    return leaf.hex().encode("ascii") + b" " + entry + b"\n"


class BundleReader:
    """Reads a bundle line by line; hostile bytes cost no more than one line of memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.line = 0

    def fail(self, message: str) -> BundleError:
        """Return the error for the line read last."""
        return BundleError(self.line, message)

    def _line(self, limit: int) -> bytes:
        self.line += 1
        found = self._file.readline(limit + 2)
        if not found:
            raise self.fail("文件在这里中断。")
        if not found.endswith(b"\n") or len(found) > limit + 1:
            raise self.fail("这一行过长或没有结束。")
        return found

    def manifest(self) -> Manifest:
        """Read the first two lines.

        Raises:
            BundleError: they are not those of a bundle.
        """
        if self._line(len(FIRST_LINE)) != FIRST_LINE:
            raise self.fail("这不是日志导出文件。")
        raw = self._line(MAX_MANIFEST_BYTES)
        stated = self._json(raw)
        fields = {"checkpoints", "entries", "keys", "origin", "root"}
        if not isinstance(stated, dict) or set(stated) != fields:
            raise self.fail("清单的内容不完整。")
        keys = stated["keys"]
        texts = [stated["origin"], stated["root"], *(keys if isinstance(keys, list) else [None])]
        if not all(isinstance(each, str) for each in texts) or len(texts) > MAX_KEYS:
            raise self.fail("清单的内容不是文本。")
        manifest = Manifest(
            stated["origin"],
            self._count(stated["entries"]),
            self._count(stated["checkpoints"]),
            tuple(keys),
            stated["root"],
        )
        if manifest.encoded() != raw:
            raise self.fail("清单不是规范写法。")
        return manifest

    def _json(self, raw: bytes) -> object:
        try:
            return json.loads(raw.decode("utf-8"))
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            raise self.fail("不是规范的 JSON 文本。") from error

    def _count(self, text: object) -> int:
        if (
            not isinstance(text, str)
            or not (text.isascii() and text.isdigit())
            or len(text) > _COUNT_DIGITS
            or int(text) > MAX_ENTRIES
        ):
            raise self.fail("清单中的数量不是合理的整数。")
        return int(text)

    def heading(self) -> tuple[int, str]:
        """Read the first line of a file of checkpoints alone: their count and the log.

        Raises:
            BundleError: it is not that.
        """
        raw = self._line(MAX_MANIFEST_BYTES)
        stated = self._json(raw)
        if not isinstance(stated, dict) or set(stated) != {"checkpoints", "origin"}:
            raise self.fail("首行的内容不完整。")
        count, origin = self._count(stated["checkpoints"]), stated["origin"]
        if not isinstance(origin, str) or heads_line(count, origin) != raw:
            raise self.fail("首行不是规范写法。")
        return count, origin

    def note(self) -> str:
        """Read one checkpoint line.

        Raises:
            BundleError: it is not a canonical JSON text.
        """
        raw = self._line(MAX_NOTE_BYTES)
        note = self._json(raw)
        try:
            if not isinstance(note, str) or note_line(note) != raw:
                raise self.fail("检查点不是规范写法。")
        except Broken as error:
            raise self.fail("检查点不是规范写法。") from error
        return note

    def entries(self, count: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Read the entry lines block by block as (leaf hashes, entries).

        A block ends after 1,024 entries or 4 MiB, whichever comes first.

        Raises:
            BundleError: a line is not in its form, or the file does not end after them.
        """
        left = count
        while left:
            leaves, entries = self._block(min(left, BLOCK_ENTRIES))
            left -= len(entries)
            yield leaves, entries
        self.end()

    def _block(self, most: int) -> tuple[list[bytes], list[bytes]]:
        leaves: list[bytes] = []
        entries: list[bytes] = []
        size, sha256, begin = 0, hashlib.sha256, _HASH_DIGITS + 1
        limit, readline = begin + MAX_ENTRY_BYTES, self._file.readline
        while len(entries) < most and size < BLOCK_BYTES:
            self.line += 1
            raw = readline(limit + 2)
            if raw[-1:] != b"\n" or len(raw) > limit + 1:
                raise self.fail("这一行过长或没有结束。" if raw else "文件在这里中断。")
            entry = raw[begin:-1]
            leaf = sha256(b"\x00" + entry).digest()
            if not raw.startswith(hexlify(leaf) + b" "):
                raise self.fail("条目内容与其摘要不一致。")
            size += len(raw)
            leaves.append(leaf)
            entries.append(entry)
        return leaves, entries

    def end(self) -> None:
        """Make sure that nothing follows.

        Raises:
            BundleError: something does.
        """
        self.line += 1
        if self._file.read(1):
            raise self.fail("文件末尾有多余内容。")


def parse_keys(texts: tuple[str, ...] | list[str]) -> list[VerificationKey]:
    """Read verification keys.

    Raises:
        NoteError: one of them is not a key, or there is none.
    """
    keys = [VerificationKey.parse(each) for each in texts]
    if not keys or len({each.text for each in keys}) != len(texts):
        raise NoteError("no verification key, or one twice")
    return keys
