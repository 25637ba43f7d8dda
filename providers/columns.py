"""Read large uploads by columns: DuckDB checks whole pieces, the row reader what is in doubt.

A piece of the body goes into a small in-memory database, every cell is checked at once, and what
is certainly good comes out as text for ``COPY``. All else goes through ``batches`` row by row,
the one authority on faults, so both ways of reading tell the same.

Source: decisions 0080, 0081.
"""

import csv
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import duckdb

from ledger.refusals import Broken
from providers import batches
from providers.arrays import records_in
from providers.columns_sql import BLANK_CSV, Form, csv_rows, json_rows
from providers.plain import insist_on_text, lines_of, size_of
from providers.records import FIELDS, BadRow, Row
from providers.wire import CSV, JSON, NDJSON

PIECE = 2 << 20
SMALL = 256 << 10  # opening the database costs as much as some thousand rows one by one
_ROWS_AT_ONCE = 10_000
_LONGEST_FORM = 10_000
_MOST_FORMS = 8
_LINES_LOOKED_AT = 200
_BLANK_CSV = re.compile(BLANK_CSV)
_BLANK_JSON = re.compile(r"[ \t\r\x0b\x0c]*")
_WHOLE_NUMBERS = ("device_count", "share_milli")
_NUMBER = re.compile(r"(: ?)[0-9]+( ?[,}]\s*)")
_ReadLine = Callable[[int, bytes], Row | BadRow]


@dataclass
class Piece:
    """What one piece of a body came to.

    Units: ``device_milli_seconds`` and ``corrections`` count the rows in ``copy_text`` only.
    """

    rows: int
    copy_text: str = ""
    device_milli_seconds: int = 0
    corrections: int = 0
    one_by_one: list[Row | BadRow] = field(default_factory=list)


class _NotByLines(Exception):  # noqa: N818 - a turn of the road, not a fault
    """A record of this piece does not end with its line."""


def read_pieces(
    file: BinaryIO,
    content_type: str,
    *,
    senders: frozenset[str] = frozenset(),
    piece: int = PIECE,
    small: int = SMALL,
) -> Iterator[Piece]:
    """Yield every record of a body, by columns where its size and form allow.

    Args:
        file: the body without its packing (``plain.unpacked``); read from its beginning.
        senders: what a JSON batch may say about whom it is from; anything if empty.
        piece: about how many bytes are read at once.
        small: a body of fewer bytes is read row by row.

    Raises:
        BadBatch: as ``batches.read_batch``, whose outcomes these are.
    """
    if size_of(file) < small or content_type not in (CSV, NDJSON, JSON):
        return _in_chunks(batches.read_batch(file, content_type, senders))
    insist_on_text(file)
    if content_type == CSV:
        return _read_csv(file, piece)
    if content_type == NDJSON:
        return _read_lines(lines_of(file, piece), batches.read_line)
    records = records_in(file, senders, piece=piece)
    return _read_lines(map(b"\n".join, records), batches.read_element)


def _in_chunks(rows: Iterator[Row | BadRow]) -> Iterator[Piece]:
    """Gather rows that were read one by one."""
    chunk: list[Row | BadRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _ROWS_AT_ONCE:
            yield Piece(len(chunk), one_by_one=chunk)
            chunk = []
    if chunk:
        yield Piece(len(chunk), one_by_one=chunk)


def ahead(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Read the next piece on another core while the caller stores this one."""
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(next, pieces, None)
        while (piece := waiting.result()) is not None:
            waiting = reader.submit(next, pieces, None)
            yield piece


def _open() -> duckdb.DuckDBPyConnection:
    """Open a database of one's own that reaches neither files nor network."""
    return duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "memory_limit": "256MB",
            "enable_external_access": False,
            "lock_configuration": True,
        },
    )


def _read_csv(file: BinaryIO, size: int) -> Iterator[Piece]:
    """Read CSV; from the first piece with a record over several lines on, row by row."""
    begin = file.tell()
    first = file.readline(_LONGEST_FORM + 1)
    head = first.removesuffix(b"\n").removesuffix(b"\r")
    if not head or b'"' in head or b"\r" in head or len(head) > _LONGEST_FORM:
        file.seek(begin)
        yield from _in_chunks(batches.read_csv_rows(file))
        return
    header = batches.check_header(head.decode().split(","))
    row, line, start = 0, 1, file.tell()
    with _open() as database:
        for raw in lines_of(file, size):
            try:
                piece = _csv_piece(database, raw, header, row)
            except _NotByLines:
                file.seek(start)
                rest = batches.read_csv_rows(file, header, row=row, line=line)
                yield from _in_chunks(rest)
                return
            yield piece
            row += piece.rows
            line += raw.count(b"\n")
            start = file.tell()


def _csv_piece(
    database: duckdb.DuckDBPyConnection, raw: bytes, header: list[str], row: int
) -> Piece:
    if b"\x00" in raw or raw.count(b"\r") != raw.count(b"\r\n"):
        raise _NotByLines

    def read_row(number: int, line: str) -> Row | BadRow:
        try:
            cells = next(csv.reader([line], strict=True))
        except csv.Error as error:
            raise _NotByLines from error
        return batches.read_cells(number, header, cells)

    mark = batches.FORMULA_MARK if batches.is_errors_file(header) else ""
    reading = _Reading(csv_rows(header, mark), _BLANK_CSV, read_row)
    return reading.read(database, raw, row)


def _read_lines(pieces: Iterator[bytes], read_line: _ReadLine) -> Iterator[Piece]:
    """Read JSON objects, one a line; lines like the first ones of the pieces go by columns."""
    row = 0
    forms: dict[Form, None] = {}

    def read_row(number: int, line: str) -> Row | BadRow:
        return read_line(number, line.encode())

    with _open() as database:
        for raw in pieces:
            for line in raw.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT]:
                form = _form_of(line.decode())
                if form and len(forms) < _MOST_FORMS:
                    forms[form] = None
            if b"\x00" in raw or not forms:
                lines = (each for each in raw.split(b"\n") if each and not each.isspace())
                found = [read_line(n, each) for n, each in enumerate(lines, row + 1)]
                piece = Piece(len(found), one_by_one=found)
            else:
                reading = _Reading(json_rows(list(forms)), _BLANK_JSON, read_row)
                piece = reading.read(database, raw, row)
            yield piece
            row += piece.rows


@dataclass(frozen=True)
class _Reading:
    """How the pieces of one body are read: all at once, blank lines aside, doubtful ones alone."""

    statement: str
    blank: re.Pattern[str]
    read_row: Callable[[int, str], Row | BadRow]

    def read(self, database: duckdb.DuckDBPyConnection, raw: bytes, row: int) -> Piece:
        """Read one piece of whole lines behind ``row`` rows."""
        text = raw.decode().removesuffix("\n")
        answer = self._ask(database, text, row)
        if answer[1]:
            lines = [each for each in text.split("\n") if not self.blank.fullmatch(each)]
            if not lines:
                return Piece(0)
            text = "\n".join(lines)
            answer = self._ask(database, text, row)
        rows, _, use, corrections, doubtful, copy_text = answer
        lines = text.split("\n") if doubtful else []
        alone = [self.read_row(row + place, lines[place - 1]) for place in sorted(doubtful)]
        return Piece(rows, copy_text, int(use), corrections, alone)

    def _ask(self, database: duckdb.DuckDBPyConnection, text: str, row: int) -> tuple[Any, ...]:
        answer = database.execute(self.statement, [text, row]).fetchone()
        if answer is None:
            raise Broken("the column reader gave no answer")
        return answer


def _form_of(line: str) -> Form | None:
    """Return how this line looks; nothing if it is not a plain record.

    Between quotes stand keys and texts, outside them colons, commas and whole numbers.
    """
    pieces = line.split('"')
    if "\\" in line or len(line) > _LONGEST_FORM or len(pieces) < 3 or pieces[0] != "{":
        return None
    fixed, texts, numbers = {0: "{"}, {}, {}
    place = 1
    while place + 1 < len(pieces):
        name, behind = pieces[place], pieces[place + 1]
        if name not in FIELDS or name in texts or name in numbers:
            return None
        fixed[place] = name
        number = _NUMBER.fullmatch(behind)
        if number and name in _WHOLE_NUMBERS:
            numbers[name] = place + 1
            closing = number[2]
            fixed[place + 1] = f"{number[1]}\x00{closing}"
            place += 2
        elif behind.strip(" ") == ":" and name not in _WHOLE_NUMBERS and place + 3 < len(pieces):
            fixed[place + 1] = behind
            texts[name] = place + 2
            closing = fixed[place + 3] = pieces[place + 3]
            place += 4
        else:
            return None
        last = place >= len(pieces)
        if closing.strip(" \t\r") != ("}" if last else ","):
            return None
    if place != len(pieces):
        return None
    return Form(tuple(fixed.items()), tuple(texts.items()), tuple(numbers.items()))
