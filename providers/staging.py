"""Set-based judging and storing of an uploaded batch: no row is handled one by one here.

The rows of a batch are copied into a temporary table, judged by one statement against orders,
registry and what is already stored, and inserted by one more. A different decoder only has to
fill the same temporary table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from psycopg import Cursor
from psycopg.types.json import Jsonb

from ledger.periods import Month, month_of
from providers.columns import Piece
from providers.measures import split_use, whole_seconds
from providers.models import MeteringMonth, Provider, UsageBatch, UsageRecord
from providers.records import BadRow, Row
from providers.staging_sql import (
    COPY_LEFT_OUT,
    COPY_PART,
    COPY_STAGE,
    COUNTS,
    HELD_AGAIN,
    JUDGE,
    JUDGE_CORRECTIONS,
    LOST_TARGETS,
    MONTHS,
    OVER_CAPACITY,
    OVER_HOLD,
    TABLES,
    WAITING_TARGETS,
)
from providers.storing_sql import (
    CONFLICTS,
    INSERT_USAGE,
    LEFT_OUT,
    LET_GO,
    PART_MONTHS,
    REVERSE,
    SUMS,
    SUPERSEDE,
    WAIT_ON,
)
from providers.wire import BadBatch

_NEVER = datetime.min.replace(tzinfo=UTC)
LATEST_AHEAD = timedelta(minutes=5)
TEST_ORDER = "TEST-OK"
STORED = ("accepted", "held", "open", "zero")
# From here on statistics are worth their while, and plans are made for the very batch.
_MANY = 2_000
_SMALL_PLANS = "SET LOCAL plan_cache_mode = force_generic_plan"
# A million rows are joined and grouped several times; the default of 4 MB spills. A sample of
# 3,000 rows tells enough of a batch. Compiling takes longer than what it saves.
_LARGE_PLANS = """
SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL default_statistics_target = 10
"""


@dataclass(frozen=True)
class Sum:
    """What counts of one batch for one order, rate and settlement month."""

    order_id: Any
    order_no: str
    settle_month: str
    pricing_unit: str
    price_fen: int
    gflops: int
    device_milli_seconds: int
    reversed_device_milli_seconds: int


@dataclass
class Staged:
    """What went through the decoder: rows read, rows that could not be read, declared use."""

    rows: int = 0
    bad: int = 0
    corrections: int = 0
    device_milli_seconds: int = 0


class Stage:
    """The temporary tables of one batch inside one transaction."""

    def __init__(self, batch: UsageBatch) -> None:
        """Make the tables; they vanish with the transaction."""
        self.batch = batch
        self.counted = Staged()
        self._outcomes: dict[str, int] = {}
        self._months: set[str] = set()
        self._parts = False
        self._month: Month | None = None
        self._from = self._until = _NEVER
        self._facts: dict[str, Any] = {
            "batch": batch.pk,
            "provider": batch.provider_id,
            "livemode": batch.livemode,
            "received_at": batch.received_at,
            "latest": batch.received_at + LATEST_AHEAD,
            "test_order": TEST_ORDER,
            "hold_reason": batch.hold_reason or _watch(batch.provider, batch.livemode),
        }
        _begin(batch.provider_id, livemode=batch.livemode)

    def fill(
        self,
        pieces: Iterable[Piece],
        *,
        most_rows: int,
        tell: Callable[[int], None] | None = None,
    ) -> Staged:
        """Copy decoded records into the tables, piece by piece, so memory stays flat.

        Args:
            tell: is told after each piece how many rows have been read.

        Raises:
            BadBatch: the decoder cannot go on, or there are too many records.
        """
        for piece in pieces:
            self.counted.rows += piece.rows
            if self.counted.rows > most_rows:
                raise BadBatch("too_many_records")
            if piece.copy_text:
                with connection.cursor() as cursor, cursor.copy(COPY_STAGE) as copy:
                    copy.write(piece.copy_text)
            self.counted.device_milli_seconds += piece.device_milli_seconds
            self.counted.corrections += piece.corrections
            self._copy([each for each in piece.one_by_one if isinstance(each, Row)])
            self._leave_out([each for each in piece.one_by_one if isinstance(each, BadRow)])
            if tell:
                tell(self.counted.rows)
        return self.counted

    def _copy(self, rows: list[Row]) -> None:
        if not rows:
            return
        parts: list[str] = []
        lines = [self._line(row, parts) for row in rows]
        with connection.cursor() as cursor:
            with cursor.copy(COPY_STAGE) as copy:
                copy.write("".join(lines))
            if parts:
                self._parts = True
                with cursor.copy(COPY_PART) as copy:
                    copy.write("".join(parts))

    def _line(self, row: Row, parts: list[str]) -> str:
        """Write one row for COPY, with its use; a row that crosses a month also gives parts."""
        ended = row.ended_at
        use = 0
        if ended is not None:
            seconds = whole_seconds(row.started_at, ended)
            use = row.device_count * row.share_milli * seconds
        month = self._month_of(row.started_at)
        if use and ended is not None and ended > self._until:
            pieces = split_use(
                row.started_at,
                ended,
                device_count=row.device_count,
                share_milli=row.share_milli,
            )
            parts.extend(
                f"{row.row}\t{place}\t{piece.started_at}\t{piece.ended_at}\t{piece.month}\t"
                f"{piece.device_milli_seconds}\n"
                for place, piece in enumerate(pieces)
            )
        self.counted.device_milli_seconds += use
        self.counted.corrections += bool(row.corrects)
        return (
            f"{row.row}\t{row.record_id}\t{row.order_no}\t{_escaped(row.device_model)}\t"
            f"{row.device_count}\t{row.share_milli}\t{row.started_at}\t{ended or _NULL}\t"
            f"{row.basis}\t{row.job_state}\t{_escaped(row.job_ref)}\t"
            f"{row.utilisation_pct or _NULL}\t{row.energy_kwh or _NULL}\t"
            f"{row.device_seconds or _NULL}\t{row.corrects}\t{_escaped(row.reason)}\t"
            f"\\\\x{row.digest.hex()}\t{month}\t{use}\n"
        )

    def _month_of(self, moment: datetime) -> Month:
        """Return the Shanghai month of a moment, remembering the last one."""
        if self._month is None or not self._from <= moment < self._until:
            self._month = month_of(moment)
            self._from, self._until = self._month.start_at, self._month.end_at
        return self._month

    def _leave_out(self, rows: list[BadRow]) -> None:
        """Keep rows that could not be read, with their faults."""
        if not rows:
            return
        self.counted.bad += len(rows)
        with connection.cursor() as cursor, cursor.copy(COPY_LEFT_OUT) as copy:
            copy.set_types(["uuid", "int4", "text", "text", "jsonb", "jsonb"])
            for row in rows:
                copy.write_row((self.batch.pk, row.row, "rejected", *_told(row)))

    @property
    def _many(self) -> bool:
        return self.counted.rows > _MANY

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement; those of small batches are planned once a connection."""
        return _run(statement, self._facts, prepare=not self._many)

    def judge(self) -> dict[str, int]:
        """Decide the outcome of every staged row; return how many there are of each."""
        with connection.cursor() as cursor:
            cursor.execute(_LARGE_PLANS if self._many else _SMALL_PLANS)
            if self._many:
                cursor.execute("ANALYZE usage_stage, usage_part")
        self._run(JUDGE_CORRECTIONS if self.counted.corrections else JUDGE)
        if self._many:
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE usage_judged")
        if self.counted.corrections:
            self._run(WAITING_TARGETS)
            self._run(LOST_TARGETS)
        self._count()
        if self.batch.livemode and self._outcomes.get("accepted"):
            self._facts["corrections"] = bool(self.counted.corrections)
            self._run(OVER_CAPACITY)
            self._run(OVER_HOLD)
            self._count()
        return dict(self._outcomes)

    def _count(self) -> None:
        """Count the rows of each outcome, and note the months of those to be stored."""
        self._outcomes, self._months = {}, set()
        for outcome, month, count in self._run(COUNTS):
            self._outcomes[outcome] = self._outcomes.get(outcome, 0) + count
            if outcome in STORED:
                self._months.add(month)

    def store_left_out(self) -> None:
        """Keep duplicates, conflicts and rejected rows with their reasons."""
        if self._outcomes.keys() & {"duplicate", "conflict", "rejected"}:
            self._run(LEFT_OUT)

    def store(self) -> list[Sum]:
        """Store what may be stored and return what counts, by order, rate and month."""
        if self._parts:
            self._months |= {month for (month,) in self._run(PART_MONTHS)}
        months = sorted(self._months)
        self._facts |= {"months": months, "settle_months": list(map(str, settle_months(months)))}
        if months:
            self._run(INSERT_USAGE)
        stored = self._run(SUMS) if "accepted" in self._outcomes else []
        if "conflict" in self._outcomes:
            self._run(CONFLICTS)
        if self.counted.corrections:
            with moving_usage():
                stored += self._run(REVERSE)
                self._run(SUPERSEDE)
        return sums_of(stored)


def sums_of(lines: Iterable[tuple[Any, ...]]) -> list[Sum]:
    """Return what counts of stored rows, one sum for each order, rate and month, in order."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for line in lines:
        uses = found.setdefault(line[:6], [0, 0])
        uses[0] += line[6]
        uses[1] += line[7]
    keys = sorted(found, key=lambda key: (key[1], key[2], key[5]))
    return [Sum(*key, *found[key]) for key in keys]


def _begin(provider_id: Any, *, livemode: bool) -> None:
    """Wait for the provider's turn and give empty tables to work in.

    Uploads of one provider stand in line: what is known must not change meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"usage/{provider_id}/{livemode}"],
        )
        cursor.execute(TABLES)


def _run(statement: str, facts: Mapping[str, Any], *, prepare: bool) -> list[tuple[Any, ...]]:
    """Run one statement with its facts handed to the server, where plans can be kept."""
    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(statement.encode(), facts, prepare=prepare)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def moving_usage() -> Iterator[None]:
    """Say to the guard of usage records that a block releases or corrects by its statements."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL providers.moving_usage = 'on'")
        yield
        cursor.execute("SET LOCAL providers.moving_usage = 'off'")


def _watch(provider: Provider, livemode: bool) -> str:
    """Return why everything of a provider waits while the bureau looks into it, or nothing."""
    watched = livemode and provider.findings.last_decided("hold").exists()
    return UsageRecord.HoldReason.UNDER_REVIEW if watched else ""


def release_rows(provider: Provider) -> tuple[int, list[Sum]]:
    """Judge the held records of a provider again and let go those that no longer wait.

    Returns:
        How many records were released, and what they add to each order, rate and month.
    """
    facts: dict[str, Any] = {
        "provider": provider.pk,
        "livemode": True,
        "corrections": False,
        "watched": bool(_watch(provider, livemode=True)),
    }
    _begin(provider.pk, livemode=True)
    for statement in (HELD_AGAIN, OVER_CAPACITY, OVER_HOLD):
        _run(statement, facts, prepare=False)
    months = [month for (month,) in _run(MONTHS, {}, prepare=False)]
    facts["months"] = months
    facts["settle_months"] = [str(each) for each in settle_months(months)]
    with moving_usage():
        released = _run(LET_GO, facts, prepare=False)
        _run(WAIT_ON, facts, prepare=False)
    return sum(line[8] for line in released), sums_of(released)


def settle_months(months: list[str]) -> list[Month]:
    """Return, for each month of use, where it settles: in itself or in the next open month."""
    with connection.cursor() as cursor:
        # Whoever shuts a month waits for this upload, and this upload for them (shutting.py).
        cursor.execute("LOCK TABLE providers_meteringmonth IN ROW SHARE MODE")
    closed = set(MeteringMonth.objects.values_list("month", flat=True))
    found = []
    for text in months:
        month = Month.parse(text)
        while str(month) in closed:
            month = month.next()
        found.append(month)
    open_months(found)
    return found


def open_months(months: Iterable[Month]) -> int:
    """Make the parts of the usage table in which these months lie; return how many were missing.

    Whatever stores usage asks this first: usage of a month that has no part is refused.
    """
    wanted = sorted({str(each) for each in months})
    with connection.cursor() as cursor:
        cursor.execute("SELECT providers_open_months(%s)", [wanted])
        return int(cursor.fetchone()[0])


_NULL = "\\N"


def _escaped(text: str) -> str:
    """Escape the one printable character that COPY reads specially."""
    return text.replace("\\", "\\\\") if "\\" in text else text


def _told(row: BadRow) -> tuple[str, Any, Any]:
    """Return record id, faults and cells of a row that could not be read."""
    faults = [
        {"column": fault.column, "code": fault.code, "value": fault.value} for fault in row.faults
    ]
    return row.record_id, _jsonb(faults), _jsonb(row.given)


def _jsonb(value: Any) -> Any:
    """Wrap plain data for a jsonb column."""
    return Jsonb(value)
