"""One row of a kept upload, as its sender wrote it: for the page that tells a record's story.

Nothing is judged here: what cannot be found again is simply not shown.
"""

import csv
import gzip
import io
import zlib
from pathlib import Path

import msgspec

from providers.wire import CLOUDEVENTS, CSV, JSON, NDJSON

MOST_READ = 64 << 20  # of the plain body; larger uploads are shown as stored, not as sent
_LONGEST_SHOWN = 4_000
_FAULTS = (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, msgspec.DecodeError)


class _Envelope(msgspec.Struct):
    records: list[msgspec.Raw]


def raw_row(path: Path, content_type: str, encoding: str, row_no: int) -> str:
    """Return the row as it stands in a kept body, with the header of a table; "" if it is gone."""
    try:
        text = _row(_plain(path, encoding), content_type, row_no)
    except (*_FAULTS, IndexError, StopIteration):
        return ""
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _plain(path: Path, encoding: str) -> bytes:
    """Return the body without its content encoding; nothing of one that is too large."""
    with path.open("rb") as kept:
        source: io.BufferedIOBase = gzip.GzipFile(fileobj=kept) if encoding == "gzip" else kept  # type: ignore[assignment]
        body = source.read(MOST_READ + 1)
    return b"" if len(body) > MOST_READ else body


def _row(body: bytes, content_type: str, row_no: int) -> str:
    if content_type == CSV:
        return _table_row(body.decode("utf-8-sig"), row_no)
    if content_type == NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        return lines[row_no - 1].decode().strip()
    if content_type == JSON:
        return bytes(msgspec.json.decode(body, type=_Envelope).records[row_no - 1]).decode()
    if content_type == CLOUDEVENTS:
        return bytes(msgspec.json.decode(body, type=list[msgspec.Raw])[row_no - 1]).decode()
    return ""


def _table_row(text: str, row_no: int) -> str:
    """Return the header and one row of a CSV, written out again cell by cell."""
    rows = csv.reader(io.StringIO(text, newline=""))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    header = next(rows, [])
    row = next((each for number, each in enumerate((r for r in rows if r), 1) if number == row_no))
    writer.writerows([header, row])
    return out.getvalue().rstrip("\n")
