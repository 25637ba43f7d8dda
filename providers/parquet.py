"""Read a Parquet upload as CSV of the same records, made by a child that is held short.

Whoever sends Parquet sends a program for the reader: pages may unfold without end, footers may
promise what is not there. So the footer's length is judged here, all else in a process that has
little memory and little time, sees neither settings nor network, and is killed when it overruns.
What comes out is read like any CSV, so every form has one judge of faults.

Source: reliability paper 0.7 and 4.4; decision 0081.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from providers.records import FIELDS, REQUIRED, shown
from providers.wire import LARGEST_BODY, MOST_ROWS, BadBatch

MEMORY = 1 << 30  # of address space; the engine itself may use a quarter
SECONDS = 60  # of processor
PATIENCE = 180  # seconds by the clock on the wall
MOST_GROUPS = 1_000
MOST_NOTES = 1 << 20
LONGEST_FOOTER = 4 << 20
LONGEST_CELL = 1_001  # as much as is kept of a cell that will not do
_MAGIC = b"PAR1"
_SHORTEST = 12  # magic, length of the footer, magic
_CHILD = Path(__file__).with_name("parquet_child.py")


@contextmanager
def rows_as_csv(body: BinaryIO, folder: Path | None = None) -> Iterator[BinaryIO]:
    """Hand out the rows of a Parquet file as CSV with the same columns.

    An absent cell and an empty text are both an empty cell.

    Args:
        folder: where the files lie meanwhile.

    Raises:
        BadBatch: the file is none, declares too much, or has columns that are no record's.
    """
    with _copied(body, folder) as source:
        target = source.with_name("rows.csv")
        _judge(_convert(source, str(target)))
        with target.open("rb") as table:
            yield table


def declared_rows(body: BinaryIO, folder: Path | None = None) -> int:
    """Return how many rows the footer declares, once it is found in order; read no row.

    Raises:
        BadBatch: as ``rows_as_csv``, as far as the footer shows.
    """
    with _copied(body, folder) as source:
        return _judge(_convert(source, ""))


@contextmanager
def _copied(body: BinaryIO, folder: Path | None) -> Iterator[Path]:
    """Lay the file where the child may read it, in a folder of its own."""
    check_ends(body)
    with tempfile.TemporaryDirectory(dir=folder) as room:
        source = Path(room) / "body.parquet"
        with source.open("wb") as file:
            body.seek(0)
            shutil.copyfileobj(body, file)
        yield source


def check_ends(body: BinaryIO) -> None:
    """Look at the first and last bytes: whether this is Parquet, and how long its footer is."""
    size = body.seek(0, 2)
    if size < _SHORTEST:
        raise BadBatch("malformed_parquet")
    body.seek(0)
    begins = body.read(len(_MAGIC))
    body.seek(-8, 2)
    end = body.read(8)
    if begins != _MAGIC or end[4:] != _MAGIC:
        raise BadBatch("malformed_parquet", value="PAR1")
    footer = int.from_bytes(end[:4], "little")
    if footer > size - _SHORTEST:
        raise BadBatch("malformed_parquet", value=f"footer {footer}")
    if footer > LONGEST_FOOTER:
        raise BadBatch("too_large", value=f"footer {footer}")


def _convert(source: Path, target: str) -> dict[str, Any]:
    """Let the child work, without a target on the footer alone; return what it tells."""
    limits = {
        "memory": MEMORY, "seconds": SECONDS, "bytes": LARGEST_BODY, "rows": MOST_ROWS,
        "groups": MOST_GROUPS, "notes": MOST_NOTES, "longest": LONGEST_CELL,
        "fields": FIELDS, "required": REQUIRED,
    }  # fmt: skip
    words = [sys.executable, "-I", str(_CHILD), str(source), target, json.dumps(limits)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, our own words
            words,
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"code": "parquet_budget"}
    if done.returncode:  # killed for what it used, or fallen over its input
        return {"code": "parquet_budget"}
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _judge(said: dict[str, Any]) -> int:
    """Pass on what the child found wrong; else how many rows there are."""
    if "code" in said:
        column, value = shown(said.get("column")), shown(said.get("value"))
        raise BadBatch(said["code"], column=column, value=value)
    return int(said["rows"])
