"""Cut a file into chunks that the service answers at once, byte for byte as they stand.

Nothing is repaired or written anew: a chunk of a CSV file is its header line and some of its
lines. The same file always gives the same chunks, so that a chunk can be sent again by its key.

Units: rows are counted as the service counts them, blank lines left out; the first is row 1.
"""

import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slq.outcomes import Exit, Stopped
from slq.words import Speech

CHUNK_ROWS = 5_000
CHUNK_BYTES = (5 << 20) - (64 << 10)
LONGEST_RECORD = 1 << 20
CSV, NDJSON, JSON = "text/csv", "application/x-ndjson", "application/json"
KINDS = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON}
_BOM = b"\xef\xbb\xbf"
_BLANK = b', "\t\r\n'
_PIECE = 4 << 20
_OPENING = re.compile(r'\s*\{\s*"records"\s*:\s*\[')
_BLANKS, _COMMA = re.compile(r"\s*(?=\{)"), re.compile(r"\s*,\s*(?=\{)")
_CLOSING = re.compile(r"\s*\]\s*\}\s*")


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, ready to be sent; ``first_row`` is the place of its first row."""

    number: int
    first_row: int
    rows: int
    body: bytes
    content_type: str


def kind_of(path: Path) -> str:
    """Return the content type that a file's name says, empty when it says none."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    return KINDS.get(plain.suffix.lower(), "")


def open_file(path: Path) -> IO[bytes]:
    """Open a file, unpacking ``.gz`` on the way."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def measure(path: Path) -> tuple[str, int]:
    """Return SHA-256 and size of a file's content."""
    digest, size = hashlib.sha256(), 0
    with open_file(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def cut(path: Path, speech: Speech) -> Iterator[Chunk]:
    """Yield the chunks of a file.

    Raises:
        Stopped: the name says no kind, a quote is never closed, or JSON is no list of records.
    """
    kind = kind_of(path)
    if not kind:
        raise Stopped(Exit.USAGE, speech("file_kind", name=path.name))
    with open_file(path) as file:
        if kind == CSV:
            head = file.readline(LONGEST_RECORD + 1)
            _insist_short(head, 1, speech)
            if not head.endswith(b"\n"):
                head += b"\n"
            yield from _grouped(_csv_records(file, speech), head, kind)
        elif kind == NDJSON:
            lines = (line for _, line in _lines(file, 1, speech) if line.strip())
            yield from _grouped(lines, b"", kind)
        else:
            yield from _json_chunks(path, file, speech)


def _lines(file: IO[bytes], first: int, speech: Speech) -> Iterator[tuple[int, bytes]]:
    """Yield lines with their numbers, never more than a record may have in memory."""
    number = first
    while line := file.readline(LONGEST_RECORD + 1):
        _insist_short(line, number, speech)
        yield number, line
        number += 1


def _insist_short(line: bytes, number: int, speech: Speech) -> None:
    if len(line) > LONGEST_RECORD:
        raise Stopped(Exit.REJECTED, speech("long_line", line=number, most=LONGEST_RECORD))


def _csv_records(file: IO[bytes], speech: Speech) -> Iterator[bytes]:
    """Yield whole CSV records: a line end inside quotes does not end one."""
    held, began = b"", 2
    for number, line in _lines(file, 2, speech):
        began = began if held else number
        held += line
        if held.count(b'"') % 2 == 0:
            if held.strip(_BLANK):
                yield held
            held = b""
        elif len(held) > LONGEST_RECORD:
            break
    if held:
        raise Stopped(Exit.REJECTED, speech("unclosed_quote", line=began))


def _grouped(records: Iterator[bytes], head: bytes, kind: str) -> Iterator[Chunk]:
    number, first, size = 1, 1, len(head)
    group: list[bytes] = []
    for record in records:
        full = len(group) == CHUNK_ROWS or size + len(record) > CHUNK_BYTES
        if group and full:
            yield Chunk(number, first, len(group), head + b"".join(group), kind)
            number, first, size = number + 1, first + len(group), len(head)
            group = []
        group.append(record if record.endswith(b"\n") else record + b"\n")
        size += len(record)
    if group or number == 1:
        yield Chunk(number, first, len(group), head + b"".join(group), kind)


def _json_chunks(path: Path, file: IO[bytes], speech: Speech) -> Iterator[Chunk]:
    """Send a small JSON file as it stands; cut the text of a long one between its records.

    A long file is read twice, piece by piece: nothing is sent before all of it is known to be
    whole, and it never lies in memory as a whole.
    """
    body = file.read(CHUNK_BYTES + 1)
    if len(body) <= CHUNK_BYTES:
        rows = _rows_in(body, speech)
        if rows <= CHUNK_ROWS:
            yield Chunk(1, 1, rows, body, JSON)
            return
    for _ in spans(path, speech):
        pass
    yield from _grouped(spans(path, speech), b"", NDJSON)


def _rows_in(body: bytes, speech: Speech) -> int:
    try:
        return len(json.loads(body.removeprefix(_BOM).decode())["records"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Stopped(Exit.REJECTED, speech("json_form", why=str(error)[:200])) from error


def spans(path: Path, speech: Speech) -> Iterator[bytes]:
    """Yield the text of each record as one line, so that the service sees what was written.

    Raises:
        Stopped: not a list of records, or cut off.
    """
    with open_file(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
        try:
            yield from _spans(text, speech)
        except (ValueError, RecursionError) as error:
            raise Stopped(Exit.REJECTED, speech("json_form", why=str(error)[:200])) from error


def _spans(file: IO[str], speech: Speech) -> Iterator[bytes]:
    decoder, held = json.JSONDecoder(), file.read(_PIECE)
    head = _OPENING.match(held)
    if head is None:
        raise Stopped(Exit.REJECTED, speech("json_long"))
    place, more, between = head.end(), True, _BLANKS
    while True:
        if more and len(held) - place < LONGEST_RECORD:
            piece = file.read(_PIECE)
            held, place, more = held[place:] + piece, 0, bool(piece)
        begins = between.match(held, place)
        if begins is None:
            break
        place, between = begins.end(), _COMMA
        _, end = decoder.raw_decode(held, place)
        yield held[place:end].replace("\r", " ").replace("\n", " ").encode()
        place = end
    if not _CLOSING.fullmatch(held + file.read(_PIECE), place):
        raise ValueError("records")


def digest_of(chunk: Chunk) -> str:
    """Return the digest of a chunk as a receipt states it."""
    return hashlib.sha256(chunk.body).hexdigest()
