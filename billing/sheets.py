"""Tables as files that a spreadsheet opens and no spreadsheet runs.

Pure. A cell that a spreadsheet could take for a formula is written as text.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
MARK = b"\xef\xbb\xbf"  # Excel takes UTF-8 for what it is
WIDTH = 18
_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?", re.ASCII)  # does nothing by itself
MOST_ROWS = 1_000_000  # of a sheet, with room for the head


def safe_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = str(value)
    risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return "'" + text if risky else text


def csv_chunks(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
    """Yield rows as CSV, one line a piece: UTF-8 with mark, CRLF, safe cells.

    Whole numbers stay numbers; None is an empty cell.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    yield MARK
    for row in rows:
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([_plain(row[name]) for name in columns])
    yield buffer.getvalue().encode()


def _plain(cell: object) -> object:
    if cell is None:
        return ""
    number = isinstance(cell, int) or (isinstance(cell, str) and _NUMBER.fullmatch(cell))
    return cell if number else safe_cell(cell)


def csv_bytes(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return rows as CSV: UTF-8 with mark, CRLF, safe cells; whole numbers stay numbers."""
    return b"".join(csv_chunks(columns, rows))


def xlsx_bytes(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    made_at: datetime,
) -> bytes:
    """Return rows as XLSX: texts are texts, nothing is worked out; same rows, same bytes.

    Args:
        made_at: the date written into the file and its parts.
    """
    book = Workbook(write_only=True)
    moment = made_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    book.properties.created = book.properties.modified = moment
    book.properties.creator = "compute-vouchers"
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for place in range(len(columns)):
        letter = _letters(place)
        sheet.column_dimensions[letter].width = WIDTH
    sheet.append([_text(sheet, each) for each in columns])
    for row in rows:
        sheet.append([_cell(sheet, row[name]) for name in columns])
    out = io.BytesIO()
    book.save(out)
    return _dated(out.getvalue(), moment)


def _letters(place: int) -> str:
    found = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        found = chr(65 + rest) + found
    return found


def _cell(sheet: Any, value: object) -> object:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return _text(sheet, value)


def _text(sheet: Any, value: object) -> Any:
    cell = WriteOnlyCell(sheet, value=str(value))
    cell.data_type = "s"
    return cell


def _dated(book: bytes, moment: datetime) -> bytes:
    """Return a zip file with every part dated ``moment``, and nothing of the clock inside."""
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as read, zipfile.ZipFile(out, "w") as write:
        for part in read.infolist():
            content = read.read(part)
            if part.filename == "docProps/core.xml":
                content = _restamped(content, stamp)
            fixed = zipfile.ZipInfo(part.filename, moment.timetuple()[:6])
            fixed.compress_type = zipfile.ZIP_DEFLATED
            write.writestr(fixed, content)
    return out.getvalue()


def _restamped(core: bytes, stamp: bytes) -> bytes:
    """Return the properties with the date of saving replaced: the library writes the clock's."""
    head, mark, rest = core.partition(b"<dcterms:modified")
    if not mark:
        return core
    opening, _, tail = rest.partition(b">")
    return head + mark + opening + b">" + stamp + b"<" + tail.partition(b"<")[2]
