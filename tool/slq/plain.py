"""Read any CSV file by a mapping file: which column is which field, and what is the same for all.

What the mapping names is taken as it stands; nothing is derived but times (to UTC) and, where
there is no column for it, the record id: the file's name and the line. An exact repeat of an
earlier line is then a suspect and is kept apart.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import tzinfo

from slq.mapping import Mapping
from slq.profiles import UNDECLARED_MODEL, Mapped
from slq.slurm import Line
from slq.times import Unclear, moment, stamp

_ID_CHARACTERS = re.compile(r"[A-Za-z0-9._:/\-]{1,100}")
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")


def is_prefix(name: str) -> bool:
    """Say whether a name may begin a record id."""
    return bool(_ID_CHARACTERS.fullmatch(name))


def read_plain(
    lines: Iterable[str], zone: tzinfo | None, mapping: Mapping, name: str, model: str
) -> Iterator[tuple[int, Line]]:
    """Yield each row.

    Raises:
        ValueError: a column that the mapping names is missing, or a row has too few cells.
    """
    rows = csv.reader(lines, delimiter=mapping.file.get("delimiter", ","), strict=True)
    header = next(rows)
    header[0] = header[0].removeprefix("\ufeff")
    missing = sorted(set(mapping.columns.values()) - set(header))
    if missing or len(set(header)) != len(header):
        raise ValueError(", ".join(missing) or "columns twice")
    seen: set[tuple[str, ...]] = set()
    for cells in rows:
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} / {len(header)}")
        row = dict(zip(header, cells, strict=True))
        found = _row(rows.line_num, row, zone, mapping, (name, model))
        if isinstance(found, Mapped) and "record_id" not in mapping.columns:
            found.repeat = tuple(cells) in seen
            seen.add(tuple(cells))
        yield rows.line_num, found


def _row(
    line: int,
    row: dict[str, str],
    zone: tzinfo | None,
    mapping: Mapping,
    told: tuple[str, str],
) -> Line:
    try:
        return _mapped(line, row, zone, mapping, told)
    except Unclear as unclear:
        return unclear


def _mapped(
    line: int,
    row: dict[str, str],
    zone: tzinfo | None,
    mapping: Mapping,
    told: tuple[str, str],
) -> Mapped:
    given = dict(mapping.fixed)
    given |= {name: row[column].strip() for name, column in mapping.columns.items()}
    record = {name: text for name, text in given.items() if text}
    name, model = told
    record.setdefault("record_id", f"{name}:line-{line}")
    record.setdefault("device_model", model or UNDECLARED_MODEL)
    form = mapping.file.get("time_form", "")
    for needed in ("started_at", "device_count"):
        if needed not in record:
            raise Unclear("cell_missing", name=needed)
    if not _WHOLE.fullmatch(record["device_count"]):
        raise Unclear("number_form", name="device_count", text=record["device_count"])
    started_at = moment(record["started_at"], zone, form)
    ended_at = moment(record["ended_at"], zone, form) if "ended_at" in record else None
    record["started_at"] = stamp(started_at)
    if ended_at is not None:
        record["ended_at"] = stamp(ended_at)
    group = row.get(mapping.file.get("group", ""), "")
    return Mapped(line, group, record, started_at, ended_at)
