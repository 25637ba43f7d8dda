"""Read an uploaded batch strictly: JSON, NDJSON, CSV or a CloudEvents batch into rows or faults.

One layer in front of everything. It never repairs: text is UTF-8 or refused by name, keys are
unique, numbers are exact, a CSV row has as many cells as its header. Rows come out one after
another, so the caller may take them in chunks of any size.

Source: metering specification, sections 1 and 2; reliability paper 4.2 and 4.3.
"""

import codecs
import csv
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

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

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
CLOUDEVENTS = "application/cloudevents-batch+json"
LONGEST_LINE = 1 << 20
LARGEST_BODY = 256 << 20
_DECODED_AT_ONCE = 1 << 20
HIGHEST_RATIO = 100
MOST_ROWS = 1_000_000
# A record has at most 15 commas; only a reason may hold more.
_COMMAS_PER_RECORD = 16
_COMMAS_PER_REASON = 200
# Columns of our own errors file: it may be mended and sent back as it is.
ERROR_COLUMNS = ("error_code", "error_detail", "error_hint")

_NEGATIVE_ZERO = re.compile(rb":\s*-0[\s,}]")
_BOM = b"\xef\xbb\xbf"
_decode_json = msgspec.json.Decoder(float_hook=Inexact).decode


class BadBatch(Exception):  # noqa: N818 - the whole batch cannot be read
    """The body cannot be read at all; carries a catalogue code and where."""

    def __init__(self, code: str, *, row: int = 0, column: str = "", value: str = "") -> None:
        """Keep the code and the place."""
        super().__init__(code)
        self.code = code
        self.row = row
        self.column = column
        self.value = value


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The outer object of a JSON batch."""

    records: list[msgspec.Raw]
    provider: str = ""


def unpack(body: bytes, encoding: str) -> bytes:
    """Undo the content encoding, guarding against bombs."""
    if encoding in ("", "identity"):
        if len(body) > LARGEST_BODY:
            raise BadBatch("too_large")
        return body
    if encoding != "gzip":
        raise BadBatch("unsupported_encoding", value=encoding)
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    most = min(LARGEST_BODY, HIGHEST_RATIO * len(body) + 1024)
    try:
        plain = inflater.decompress(body, most + 1)
    except zlib.error as error:
        raise BadBatch("unsupported_encoding", value="gzip") from error
    if len(plain) > most:
        code = "too_large" if most == LARGEST_BODY else "compression_ratio"
        raise BadBatch(code)
    if not inflater.eof or inflater.unused_data:
        raise BadBatch("unsupported_encoding", value="gzip")
    return plain


def read_batch(body: bytes, content_type: str) -> Iterator[Row | BadRow]:
    """Yield every record of the body as a finished row or with all its faults.

    Raises:
        BadBatch: the body cannot be read as what it says it is. May come after some rows,
            so a caller stores nothing before the end.
    """
    return _READERS[content_type](insist_on_text(body))


def insist_on_text(body: bytes) -> bytes:
    """Return the body without its byte order mark; refuse what is empty or not UTF-8."""
    body = body.removeprefix(_BOM)
    if not body or body.isspace():
        raise BadBatch("empty_body")
    _insist_on_utf8(body)
    return body


def provider_claim(body: bytes, content_type: str) -> str:
    """Return the provider that a JSON batch says it is from, empty if it says nothing."""
    if content_type != JSON or b'"provider"' not in body:
        return ""
    return _open_envelope(body.removeprefix(_BOM)).provider


def _insist_on_utf8(body: bytes) -> None:
    """Refuse other encodings, naming the likely one; a piece at a time, to hold no second body."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(body)
    try:
        for start in range(0, len(body), _DECODED_AT_ONCE):
            piece = view[start : start + _DECODED_AT_ONCE]
            decoder.decode(piece, final=start + _DECODED_AT_ONCE >= len(body))
    except UnicodeDecodeError as error:
        at = start + error.start - len(error.object) + len(piece)
        line = body.count(b"\n", 0, at) + 1
        raise BadBatch("encoding", row=line, value=_likely_encoding(body)) from error
    if b"\x00" in body[:4]:
        raise BadBatch("encoding", value="UTF-16")


def _likely_encoding(body: bytes) -> str:
    """Name the encoding that a refused body probably has."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    try:
        body.decode("gb18030")
    except UnicodeDecodeError:
        return "unknown"
    return "GBK"


def _open_envelope(body: bytes) -> _Envelope:
    """Read the outer object of a JSON batch, refusing crowds before they take memory."""
    objects = body.count(b"{")
    commas = _COMMAS_PER_RECORD * objects + _COMMAS_PER_REASON * body.count(b'"reason"') + 100
    if objects > 2 * MOST_ROWS:
        raise BadBatch("too_many_records")
    if body.count(b",") > commas:
        raise BadBatch("malformed_json")
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except RecursionError as error:
        raise BadBatch("too_deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadBatch("malformed_json", value=shown(str(error))) from error
    if body.count(b'"records"') > 1 or (b"\\u" in body and _repeats_root_key(body)):
        raise BadBatch("duplicate_key", column="records")
    return envelope


def _repeats_root_key(body: bytes) -> bool:
    """Look for a root key written twice, once in escapes; only bodies with escapes pay."""
    keys: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        keys[:] = [key for key, _ in pairs]

    try:
        json.loads(body, object_pairs_hook=note)
    except ValueError:
        return False
    return len(set(keys)) != len(keys)


def _read_json(body: bytes) -> Iterator[Row | BadRow]:
    for position, raw in enumerate(_open_envelope(body).records, start=1):
        yield _read_object(position, bytes(raw))


def _read_ndjson(body: bytes) -> Iterator[Row | BadRow]:
    row = 0
    for line in io.BytesIO(body):
        if line.isspace():
            continue
        row += 1
        yield read_line(row, line)


def read_line(row: int, line: bytes) -> Row | BadRow:
    """Read one line of NDJSON."""
    if len(line) > LONGEST_LINE:
        return _faulty(row, "line_too_long")
    return _read_object(row, line.strip())


def _read_cloudevents(body: bytes) -> Iterator[Row | BadRow]:
    """Map CloudEvents: ``data`` is the record, ``id`` and ``subject`` fill what it leaves out."""
    try:
        events = msgspec.json.decode(body, type=list[dict[str, msgspec.Raw]])
    except RecursionError as error:
        raise BadBatch("too_deep") from error
    except msgspec.DecodeError as error:
        raise BadBatch("malformed_json", value=shown(str(error))) from error
    for row, event in enumerate(events, start=1):
        outcome = _open_object(row, bytes(event.get("data", b"{}")))
        if isinstance(outcome, BadRow):
            yield outcome
            continue
        given, faults = outcome
        for attribute, name in (("id", "record_id"), ("subject", "order_no")):
            if attribute in event and name not in given:
                given[name] = _decode_json(bytes(event[attribute]))
        yield read_record(row, given, TYPED_READERS, faults)


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


def _read_csv(body: bytes) -> Iterator[Row | BadRow]:
    """Read RFC 4180 text; the first line names the fields, in any order."""
    return read_csv_rows(body.decode("utf-8"))


def read_csv_rows(
    text: str, header: list[str] | None = None, *, row: int = 0, line: int = 0
) -> Iterator[Row | BadRow]:
    """Read the rows of CSV text, from its header or from the middle on.

    Args:
        header: the names of the columns, if the text begins behind them.
        row, line: how many rows and lines came before the text.
    """
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    started = line + 1
    try:
        if header is None:
            header = check_header(next(lines))
            started = line + lines.line_num + 1
        for cells in lines:
            if any(cells):
                row += 1
                yield read_cells(row, header, cells)
            started = line + lines.line_num + 1
    except csv.Error as error:
        raise _csv_trouble(str(error), started) from error


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


def read_cells(row: int, header: list[str], cells: list[str]) -> Row | BadRow:
    """Read one CSV row; an empty cell is an absent field."""
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


_READERS: dict[str, Callable[[bytes], Iterator[Row | BadRow]]] = {
    JSON: _read_json,
    NDJSON: _read_ndjson,
    CSV: _read_csv,
    CLOUDEVENTS: _read_cloudevents,
}
CONTENT_TYPES = tuple(_READERS)
