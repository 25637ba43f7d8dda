"""What one usage record may say: every cell checked, every fault named.

Pure: raw cells in, a finished row or its faults out. Nothing is guessed, rounded or repaired.

Source: metering specification, section 1 (wire form v1); reliability paper 4.2 and 4.3.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from providers.problems import CATALOGUE

MOST_DEVICES = 1_000_000
FULL_SHARE_MILLI = 1000
REQUIRED = ("record_id", "order_no", "device_model", "device_count", "started_at")
OPTIONAL = (
    "share_milli",
    "ended_at",
    "basis",
    "job_state",
    "job_ref",
    "utilisation_pct",
    "energy_kwh",
    "device_seconds",
    "corrects",
    "reason",
)
FIELDS = REQUIRED + OPTIONAL
BASES = frozenset({"allocated", "reserved", "utilised"})
JOB_STATES = frozenset({"completed", "failed", "cancelled", "running", "unknown"})

_ID = re.compile(r"[A-Za-z0-9._:/\-]{1,128}")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]+)?(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_LONGEST_FRACTION = 7  # the point and six digits: PostgreSQL keeps microseconds
_LONGEST_SHOWN = 100
_LONGEST_KEPT = 1000


class Row(NamedTuple):
    """One record that can be stored as it stands."""

    row: int
    record_id: str
    order_no: str
    device_model: str
    device_count: int
    share_milli: int
    started_at: datetime
    ended_at: datetime | None
    basis: str
    job_state: str
    job_ref: str
    utilisation_pct: str
    energy_kwh: str
    device_seconds: str
    corrects: str
    reason: str
    digest: bytes


#: Months of use are counted from 2000 to 2999 (``ledger.periods``), a day's offset aside.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RowFault:
    """One fault of one cell: where it is, what it is, and what to do; row 0 is the whole body."""

    row: int
    column: str
    code: str
    value: str = ""

    @property
    def detail(self) -> str:
        """Say in Chinese what is wrong."""
        where = f"第 {self.row} 行" if self.row else ""
        where += f"“{self.column}”列" if self.column else ""
        seen = f"（收到：{self.value}）" if self.value else ""
        return f"{where}{'：' if where else ''}{CATALOGUE[self.code].zh}{seen}"

    @property
    def hint(self) -> str:
        """Say in Chinese what to do."""
        return CATALOGUE[self.code].hint_zh

    def as_plain(self, language: str = "zh") -> dict[str, Any]:
        """Return the fault as the API and the errors file tell it."""
        problem = CATALOGUE[self.code]
        pointer = f"/records/{self.row - 1}" if self.row else ""
        pointer += f"/{self.column}" if self.column else ""
        where = [f"row {self.row}"] if self.row else []
        where += [f"column {self.column}"] if self.column else []
        english = ", ".join(where)
        return {
            "pointer": pointer,
            "row": self.row,
            "column": self.column,
            "code": self.code,
            "value": self.value,
            "detail": f"{english}{': ' if where else ''}{problem.en}"
            if language == "en"
            else self.detail,
            "hint": problem.hint(language),
        }


@dataclass(frozen=True)
class BadRow:
    """A record with its faults and its cells as they came."""

    row: int
    record_id: str
    faults: tuple[RowFault, ...]
    given: dict[str, str]


class Unfit(ValueError):  # noqa: N818 - says why one cell will not do
    """One cell will not do; carries the code."""


class Inexact(str):
    """A JSON number with a point or exponent, kept as its text and always refused."""

    __slots__ = ()


def shown(value: object, longest: int = _LONGEST_SHOWN) -> str:
    """Return a cell as it may be repeated to people: short and without control characters."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = "".join(each if each.isprintable() else "\ufffd" for each in text[: longest + 1])
    return text if len(text) <= longest else text[:longest] + "…"


def _as_text(value: object) -> str:
    """Insist on text."""
    if type(value) is not str:
        raise Unfit("float_refused" if isinstance(value, Inexact) else "wrong_type")
    return value


def _read_id(value: object) -> str:
    if type(value) is not str or not _ID.fullmatch(value):
        raise Unfit("id_format")
    return value


def _free_text(longest: int) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = _as_text(value)
        if not text.isprintable():
            raise Unfit("control_character")
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if not text.strip() or len(text) > longest:
            raise Unfit("text_length")
        return text

    return read


def _integer_between(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is not int:
            _as_text(value)
            raise Unfit("wrong_type")
        if not least <= value <= most:
            raise Unfit("out_of_range")
        return value

    return read


def _digits_between(least: int, most: int) -> Callable[[object], int]:
    check = _integer_between(least, most)

    def read(value: object) -> int:
        text = _as_text(value)
        if not _INTEGER.fullmatch(text) or text == "-0":
            raise Unfit("number_format")
        return check(int(text))

    return read


def _decimal_up_to(most: int | None) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = str(value) if type(value) is int else _as_text(value)
        if not _DECIMAL.fullmatch(text):
            negative = text.startswith("-") and _DECIMAL.fullmatch(text[1:])
            raise Unfit("out_of_range" if negative else "number_format")
        whole, _, fraction = text.partition(".")
        if most is not None and (int(whole), fraction.strip("0")) > (most, ""):
            raise Unfit("out_of_range")
        return text

    return read


def read_time(value: object) -> datetime:
    """Read an RFC 3339 instant with its offset; anything looser is refused."""
    text = _as_text(value)
    match = _TIME.fullmatch(text)
    if not match:
        raise Unfit("time_format")
    fraction, offset = match.groups()
    if offset is None or offset == "-00:00":
        raise Unfit("time_zone")
    if fraction and len(fraction) > _LONGEST_FRACTION:
        raise Unfit("time_precision")
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unfit("time_format") from error
    if not EARLIEST <= moment < LATEST:
        raise Unfit("out_of_range")
    return moment


def _one_of(words: frozenset[str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = _as_text(value)
        if text not in words:
            raise Unfit("not_in_vocabulary")
        return text

    return read


_SHARED: dict[str, Callable[[object], Any]] = {
    "record_id": _read_id,
    "order_no": _read_id,
    "device_model": _free_text(128),
    "started_at": read_time,
    "ended_at": read_time,
    "basis": _one_of(BASES),
    "job_state": _one_of(JOB_STATES),
    "job_ref": _free_text(64),
    "utilisation_pct": _decimal_up_to(100),
    "energy_kwh": _decimal_up_to(None),
    "device_seconds": _decimal_up_to(None),
    "corrects": _read_id,
    "reason": _free_text(200),
}
TYPED_READERS = _SHARED | {
    "device_count": _integer_between(0, MOST_DEVICES),
    "share_milli": _integer_between(1, FULL_SHARE_MILLI),
}
TEXT_READERS = _SHARED | {
    "device_count": _digits_between(0, MOST_DEVICES),
    "share_milli": _digits_between(1, FULL_SHARE_MILLI),
}


def content_digest(cells: dict[str, Any]) -> bytes:
    """Return the SHA-256 of what a record says, however it was written.

    The same instant in another offset, or a default written out, is the same content.
    """
    ended = cells.get("ended_at")
    text = "\x1f".join(
        (
            cells["order_no"],
            cells["device_model"],
            str(cells["device_count"]),
            str(cells.get("share_milli", FULL_SHARE_MILLI)),
            cells["started_at"].isoformat(),
            ended.isoformat() if ended else "",
            cells.get("basis", "allocated"),
            cells.get("job_state", ""),
            cells.get("job_ref", ""),
            cells.get("utilisation_pct", ""),
            cells.get("energy_kwh", ""),
            cells.get("device_seconds", ""),
            cells.get("corrects", ""),
            cells.get("reason", ""),
        )
    )
    return hashlib.sha256(text.encode()).digest()


def read_record(
    row: int,
    given: Mapping[str, object],
    readers: Mapping[str, Callable[[object], Any]],
    faults: list[RowFault] | None = None,
) -> Row | BadRow:
    """Check every cell of one record; return the row, or all of its faults."""
    found: list[RowFault] = list(faults or ())
    cells: dict[str, Any] = {}
    for name, value in given.items():
        reader = readers.get(name)
        if reader is None:
            found.append(RowFault(row, shown(name), "unknown_field", shown(value)))
            continue
        try:
            cells[name] = reader(value)
        except Unfit as unfit:
            found.append(RowFault(row, name, str(unfit), shown(value)))
    found.extend(RowFault(row, name, "missing_field") for name in REQUIRED if name not in given)
    if not found:
        found.extend(_judge_together(row, cells))
    if found:
        kept = {shown(name): shown(value, _LONGEST_KEPT) for name, value in given.items()}
        return BadRow(row, shown(given.get("record_id", "")), tuple(found), kept)
    return _finish(row, cells)


def _judge_together(row: int, cells: dict[str, Any]) -> list[RowFault]:
    """Find faults that only show when two cells are seen together."""
    faults: list[RowFault] = []
    ended = cells.get("ended_at")
    if ended is not None and ended < cells["started_at"]:
        faults.append(RowFault(row, "ended_at", "interval", ended.isoformat()))
    if "corrects" in cells and "reason" not in cells:
        faults.append(RowFault(row, "reason", "reason_missing"))
    if cells.get("corrects") == cells["record_id"]:
        faults.append(RowFault(row, "corrects", "unknown_corrected", cells["corrects"]))
    return faults


def _finish(row: int, cells: dict[str, Any]) -> Row:
    """Put checked cells in their order, with defaults and digest."""
    get = cells.get
    return Row(
        row,
        cells["record_id"],
        cells["order_no"],
        cells["device_model"],
        cells["device_count"],
        get("share_milli", FULL_SHARE_MILLI),
        cells["started_at"],
        get("ended_at"),
        get("basis", "allocated"),
        get("job_state", ""),
        get("job_ref", ""),
        get("utilisation_pct", ""),
        get("energy_kwh", ""),
        get("device_seconds", ""),
        get("corrects", ""),
        get("reason", ""),
        content_digest(cells),
    )
