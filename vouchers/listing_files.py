"""Lists of cases as files that a spreadsheet opens and that do nothing by themselves.

A cell that begins like a formula is text in both forms; the first line says who took the list
out, when, for what and how many lines it has, so a copy that wanders tells where it came from.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from vouchers.spelling import is_formula

BOM = "\ufeff"  # Excel takes UTF-8 for what it is
WIDTHS = (22, 30, 22, 14, 14, 12, 12, 14, 20, 18, 12, 12)


def as_csv(mark: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a list as CSV; cells that look like formulas get an apostrophe in front."""
    out = io.StringIO()
    out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_quiet(mark)])
    writer.writerow(list(head))
    for row in rows:
        writer.writerow([_quiet(each) for each in row])
    return out.getvalue().encode()


def as_xlsx(mark: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a list as XLSX; every cell is a text, so nothing in it is ever worked out."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("办件")
    for place, width in enumerate(WIDTHS[: len(head)]):
        sheet.column_dimensions["ABCDEFGHIJKL"[place]].width = width
    sheet.oddHeader.center.text = mark[:200].replace("&", "&&")
    for row in ([mark], head, *rows):
        sheet.append([_text(sheet, each) for each in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _quiet(text: str) -> str:
    return f"'{text}" if is_formula(text) else text


def _text(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell
