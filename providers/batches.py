"""Read an uploaded batch strictly: JSON, NDJSON, CSV or a CloudEvents batch into rows or faults.

One layer in front of everything; Parquet comes to it as CSV (``parquet``). It never repairs: text
is UTF-8 or refused by name, keys are unique, numbers are exact, a CSV row has as many cells as its
header. Rows come out one after another, so the caller may take them in chunks of any size.

Source: metering specification, sections 1 and 2; reliability paper 4.2 and 4.3.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, BinaryIO

import msgspec

from providers.arrays import elements_of, records_in
from providers.plain import insist_on_text, lines_of
from providers.records import (
    FIELDS,
    REQUIRED,
    TEXT_READERS,
    TYPED_READERS,
    BadRow,
    Inexact,
    Row,
    RowFault,
    read_record,
    shown,
)
from providers.wire import (
    CLOUDEVENTS,
    CSV,
    JSON,
    LONGEST_LINE,
    MOST_EVENTS,
    NDJSON,
    BadBatch,
)

# Columns of our own errors file: it may be mended and sent back as it is.
ERROR_COLUMNS = ("error_code", "error_detail", "error_hint")
FORMULA_MARK = "'"  # stands in that file before a cell that a spreadsheet would run

_NEGATIVE_ZERO = re.compile(rb":\s*-0[\s,}]")
_ENVELOPE = ("specversion", "id", "source", "type", "data")
_decode_json = msgspec.json.Decoder(float_hook=Inexact).decode
_open_event = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_batch(
    file: BinaryIO, content_type: str, senders: frozenset[str] = frozenset()
) -> Iterator[Row | BadRow]:
    """Yield every record of the body as a finished row or with all its faults.

    Args:
        file: the body without its packing (``plain``), from its first byte on.
        senders: what a JSON batch may say about whom it is from; anything if empty.

    Raises:
        BadBatch: the body cannot be read as what it says it is. May come after some rows,
            so a caller stores nothing before the end.
    """
    insist_on_text(file)
    if content_type == JSON:
        return _read_json(file, senders)
    return _READERS[content_type](file)


def _read_json(file: BinaryIO, senders: frozenset[str]) -> Iterator[Row | BadRow]:
    for row, record in enumerate(chain.from_iterable(records_in(file, senders)), 1):
        yield read_element(row, record)


def _read_ndjson(file: BinaryIO) -> Iterator[Row | BadRow]:
    row = 0
    for piece in lines_of(file):
        for line in piece.split(b"\n"):
            if line and not line.isspace():
                row += 1
                yield read_line(row, line)


def read_line(row: int, line: bytes) -> Row | BadRow:
    """Read one line of NDJSON."""
    if len(line) > LONGEST_LINE:
        return _faulty(row, "line_too_long")
    return _read_object(row, line.strip())


def read_element(row: int, element: bytes) -> Row | BadRow:
    """Read one record of a JSON document; one that is no JSON makes the document none.

    Raises:
        BadBatch: as said.
    """
    read = _read_object(row, element)
    if isinstance(read, BadRow) and read.faults[0].code == "malformed_record":
        raise BadBatch("malformed_json", row=row, value=read.faults[0].value)
    return read


def _read_cloudevents(file: BinaryIO) -> Iterator[Row | BadRow]:
    for row, event in enumerate(chain.from_iterable(elements_of(file)), 1):
        if row > MOST_EVENTS:
            raise BadBatch("too_many_events", row=row)
        yield _read_event(row, event)


def _read_event(row: int, raw: bytes) -> Row | BadRow:
    """Map a CloudEvent: ``data`` is the record, ``id`` and ``subject`` fill what it leaves out."""
    try:
        event = _open_event(raw)
    except msgspec.ValidationError:
        return _faulty(row, "not_an_object", shown(raw.decode("utf-8", "replace")))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBatch("malformed_json", row=row, value=shown(str(error))) from error
    faults = [RowFault(row, name, "event_envelope") for name in _ENVELOPE if name not in event]
    if "specversion" in event and bytes(event["specversion"]) != b'"1.0"':
        value = shown(bytes(event["specversion"]).decode("utf-8", "replace"))
        faults.append(RowFault(row, "specversion", "event_envelope", value))
    faults += [RowFault(row, shown(key), "duplicate_key") for key in _repeated_keys(raw)]
    if faults:
        return BadRow(row, "", tuple(faults), {})
    outcome = _open_object(row, bytes(event["data"]))
    if isinstance(outcome, BadRow):
        return outcome
    given, faults = outcome
    for attribute, name in (("id", "record_id"), ("subject", "order_no")):
        if attribute in event and name not in given:
            given[name] = _decode_json(bytes(event[attribute]))
    return read_record(row, given, TYPED_READERS, faults)


def _read_object(row: int, raw: bytes) -> Row | BadRow:
    """Read one JSON object as a record."""
    outcome = _open_object(row, raw)
    if isinstance(outcome, BadRow):
        return outcome
    return read_record(row, outcome[0], TYPED_READERS, outcome[1])


def _open_object(row: int, raw: bytes) -> tuple[dict[str, Any], list[RowFault]] | BadRow:
    """Parse one JSON object, noticing repeated keys and negative zero."""
    try:
        given = _decode_json(raw)
    except RecursionError as error:
        raise BadBatch("too_deep", row=row) from error
    except msgspec.ValidationError:
        return _faulty(row, "out_of_range")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _faulty(row, "malformed_record", shown(raw.decode("utf-8", "replace")))
    if type(given) is not dict:
        return _faulty(row, "not_an_object", shown(given))
    if len(given) > len(FIELDS):
        strange = next(iter(given.keys() - set(FIELDS)))
        return BadRow(row, "", (RowFault(row, shown(strange), "unknown_field"),), {})
    faults = []
    if _may_repeat_keys(raw, given):
        faults = [RowFault(row, shown(key), "duplicate_key") for key in _repeated_keys(raw)]
    if b"-0" in raw and _NEGATIVE_ZERO.search(raw):
        faults.append(RowFault(row, "", "number_format", "-0"))
    return given, faults


def _may_repeat_keys(raw: bytes, given: dict[str, Any]) -> bool:
    """Count quotes: a flat object has two for each key and each text value, no more."""
    quotes = 2 * len(given)
    for value in given.values():
        if type(value) is str:
            quotes += 2
    return raw.count(b'"') != quotes


def _repeated_keys(raw: bytes) -> list[str]:
    """Name keys that one object writes twice; slow, so only for doubtful records."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen and key not in repeated:
                repeated.append(key)
            seen.add(key)
        return dict(pairs)

    json.loads(raw, object_pairs_hook=note)
    return repeated


def _faulty(row: int, code: str, value: str = "") -> BadRow:
    """Return a record that could not even be opened."""
    return BadRow(row, "", (RowFault(row, "", code, value),), {"": value} if value else {})


def _read_csv(file: BinaryIO) -> Iterator[Row | BadRow]:
    """Read RFC 4180 text; the first line names the fields, in any order."""
    return read_csv_rows(file)


def read_csv_rows(
    file: BinaryIO, header: list[str] | None = None, *, row: int = 0, line: int = 0
) -> Iterator[Row | BadRow]:
    """Read the rows of CSV text, from its header or from the middle on.

    Args:
        file: stands where the text begins.
        header: the names of the columns, if the text begins behind them.
        row, line: how many rows and lines came before the text.
    """
    lines = csv.reader(_lines_of_text(file, line), strict=True)
    started = line + 1
    try:
        if header is None:
            header = check_header(next(lines, []))
            started = line + lines.line_num + 1
        for cells in lines:
            if any(cells):
                row += 1
                yield read_cells(row, header, cells)
            started = line + lines.line_num + 1
    except csv.Error as error:
        raise _csv_trouble(str(error), started) from error


def _lines_of_text(file: BinaryIO, before: int) -> Iterator[str]:
    """Yield lines with their ends of all three kinds; none may be longer than a record can be."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        while line := text.readline(LONGEST_LINE + 1):
            before += 1
            if len(line) > LONGEST_LINE:
                raise BadBatch("line_too_long", row=before)
            yield line
    finally:
        with suppress(ValueError):  # its owner has closed the file already
            text.detach()  # else the file is its owner's to close


def _csv_trouble(message: str, line: int) -> BadBatch:
    """Name what the CSV reader stumbled over, and the line where that record began."""
    if "unexpected end of data" in message:
        return BadBatch("unclosed_quote", row=line)
    if "field larger" in message:
        return BadBatch("field_length", row=line)
    return BadBatch("malformed_csv", row=line, value=shown(message))


def check_header(header: list[str]) -> list[str]:
    """Return the header's names, refusing unknown, repeated or missing ones."""
    for name in header:
        if name not in FIELDS and name not in ERROR_COLUMNS:
            raise BadBatch("header_unknown", row=1, column=shown(name))
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise BadBatch("header_duplicate", row=1, column=twice)
    for name in REQUIRED:
        if name not in header:
            raise BadBatch("header_missing", row=1, column=name)
    return header


def is_errors_file(header: list[str]) -> bool:
    """Say whether this is our own file of errors, mended and sent back."""
    return not {*ERROR_COLUMNS}.isdisjoint(header)


def read_cells(row: int, header: list[str], cells: list[str]) -> Row | BadRow:
    """Read one CSV row; an empty cell is an absent field."""
    if is_errors_file(header):
        cells = [each.removeprefix(FORMULA_MARK) for each in cells]
    if len(cells) != len(header):
        given = dict(zip(header, cells, strict=False))
        fault = RowFault(row, "", "row_columns", f"{len(cells)} / {len(header)}")
        kept = {name: shown(value, 1000) for name, value in given.items()}
        return BadRow(row, shown(given.get("record_id", "")), (fault,), kept)
    given = {
        name: cell
        for name, cell in zip(header, cells, strict=True)
        if cell and name not in ERROR_COLUMNS
    }
    return read_record(row, given, TEXT_READERS)


_READERS: dict[str, Callable[[BinaryIO], Iterator[Row | BadRow]]] = {
    NDJSON: _read_ndjson,
    CSV: _read_csv,
    CLOUDEVENTS: _read_cloudevents,
}
