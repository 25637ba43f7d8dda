"""Tables as files that a spreadsheet opens and no spreadsheet runs.

Pure. A cell that a spreadsheet could take for a formula is written as text.
"""

import csv
import io
from collections.abc import Mapping, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = str(value)
    risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return "'" + text if risky else text


def csv_bytes(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return rows as CSV: UTF-8 with mark, CRLF, safe cells; whole numbers stay numbers."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        cells = (row[name] for name in columns)
        writer.writerow([cell if isinstance(cell, int) else safe_cell(cell) for cell in cells])
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()
