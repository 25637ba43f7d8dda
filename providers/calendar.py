"""The calendar of a provider's days: what was reported, declared as nothing, missing or differing.

A record belongs to the Shanghai day on which it starts. A day on which the provider had no open
order needs nothing; a day over which reported work ran on is reported. Nothing is written here.

Source: metering specification, section 2 (zero usage, manifests) and 4 (sequence).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from ledger.periods import SHANGHAI, Month, day_of
from providers.models import DeskRequest, Manifest, Provider, ZeroDeclaration

REPORTED, ZERO_DECLARED, MISSING = "reported", "zero_declared", "missing"
DIFFERS, FUTURE = "manifest_differs", "future"
NOT_ADMITTED, NO_ORDER = "not_admitted", "no_order"
#: Every state of a day, in words.
DAY_STATES = {
    REPORTED: "已上报",
    ZERO_DECLARED: "零申报",
    MISSING: "缺报",
    DIFFERS: "清单不符",
    FUTURE: "未到期",
    NOT_ADMITTED: "未入库",
    NO_ORDER: "无订单",
}
#: What keeps a month from being closed.
GAP_STATES = frozenset({MISSING, DIFFERS})
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Day:
    """One day of one provider.

    Args:
        state: one of ``DAY_STATES``.
        records: records that started on the day.
        batches: uploads they came in.
        manifest: ``none``, ``matches`` or ``differs``.
        note: what a reader should know beside the state, in Chinese; may be empty.
    """

    day: date
    state: str
    records: int
    batches: int
    declared_zero: bool
    manifest: str
    note: str

    @property
    def word(self) -> str:
        """Return the state in words."""
        return DAY_STATES[self.state]

    @property
    def is_gap(self) -> bool:
        """Say whether the day keeps its month from being closed."""
        return self.state in GAP_STATES


@dataclass(frozen=True)
class SequenceGap:
    """Numbers that are missing between two uploads under one key."""

    key: str
    first: int
    last: int
    before: UUID
    after: UUID

    @property
    def numbers(self) -> str:
        """Return the missing numbers as people write a range."""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


_REPORTED = """
SELECT (started_at AT TIME ZONE 'Asia/Shanghai')::date, count(*), count(DISTINCT batch_id)
  FROM providers_usagerecord
 WHERE provider_id = %s AND livemode = %s AND month = %s AND segment = 0
 GROUP BY 1
"""
# Days over which work ran on from before; an open record runs until somebody says that it ended.
_RAN_ON = """
SELECT DISTINCT
       (started_at AT TIME ZONE 'Asia/Shanghai')::date + CASE segment WHEN 0 THEN 1 ELSE 0 END,
       ((coalesce(ended_at, %(until)s) - interval '1 microsecond')
        AT TIME ZONE 'Asia/Shanghai')::date
  FROM providers_usagerecord
 WHERE provider_id = %(provider)s AND livemode = %(livemode)s AND segment < 1000
   AND state IN ('accepted', 'held', 'open')
   AND (month = %(month)s OR state = 'open')
   AND started_at < %(until)s AND coalesce(ended_at, %(until)s) > %(first)s
"""
# The same sums and digest as ``declaring.compare``, for all days that have a manifest at once.
_HELD_HERE = """
WITH started AS (
    SELECT record_id, (started_at AT TIME ZONE 'Asia/Shanghai')::date AS day
      FROM providers_usagerecord
     WHERE provider_id = %(provider)s AND livemode = %(livemode)s AND month = %(month)s
       AND segment = 0
), wanted AS (
    SELECT * FROM started WHERE day = ANY(%(days)s)
), ids AS (
    SELECT day, count(*) AS records, encode(sha256(convert_to(
               string_agg(record_id, E'\\n' ORDER BY record_id COLLATE "C"), 'UTF8')), 'hex')
               AS digest
      FROM wanted GROUP BY day
), used AS (
    SELECT w.day, u.device_model, sum(u.device_milli_seconds)::text AS use
      FROM wanted w
      JOIN providers_usagerecord u
        ON u.provider_id = %(provider)s AND u.livemode = %(livemode)s
       AND u.record_id = w.record_id AND u.segment < 1000
     GROUP BY 1, 2
)
SELECT i.day, i.records, i.digest, jsonb_object_agg(s.device_model, s.use)
  FROM ids i JOIN used s USING (day) GROUP BY 1, 2, 3
"""
_SEQUENCES = """
SELECT key, id, sequence, before_id, before
  FROM (
    SELECT coalesce(k.key_id, '') AS key, b.id, b.sequence,
           lag(b.id) OVER w AS before_id, lag(b.sequence) OVER w AS before
      FROM (SELECT DISTINCT ON (key_id, sequence) id, key_id, sequence
              FROM providers_usagebatch
             WHERE provider_id = %(provider)s AND livemode AND sequence IS NOT NULL
               AND status <> 'rejected'
             ORDER BY key_id, sequence, received_at) b
      LEFT JOIN providers_providerkey k ON k.id = b.key_id
    WINDOW w AS (PARTITION BY b.key_id ORDER BY b.sequence)
  ) steps
 WHERE sequence > before + 1
   AND EXISTS (SELECT 1 FROM providers_usagerecord u
                WHERE u.batch_id IN (steps.id, steps.before_id) AND u.month = %(month)s)
 ORDER BY key, sequence
"""
_EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def month_calendar(
    provider: Provider, month: Month, *, at: datetime, livemode: bool = True
) -> list[Day]:
    """Return every day of a month with what became of it, the first day first.

    Args:
        at: the moment of looking: days that are not over by then are ``future`` unless reported.
    """
    days = [month.first_day + number * _ONE_DAY for number in range(_length(month))]
    facts: dict[str, Any] = {
        "provider": provider.pk,
        "livemode": livemode,
        "month": str(month),
        "first": month.start_at,
        "until": min(max(at, month.start_at), month.end_at),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REPORTED, [provider.pk, livemode, str(month)])
        reported = {day: (records, batches) for day, records, batches in cursor.fetchall()}
        cursor.execute(_RAN_ON, facts)
        ran_on = _days_within(cursor.fetchall())
    zero = set(
        ZeroDeclaration.objects.filter(
            provider=provider, livemode=livemode, day__in=days
        ).values_list("day", flat=True)
    )
    manifests = _compared(provider, livemode, month, days)
    needed = _days_of_orders(provider, days)
    told = []
    for day in days:
        records, batches = reported.get(day, (0, 0))
        manifest, note = manifests.get(day, ("none", ""))
        state = _state_of(
            day, provider, records=records, zero=day in zero, manifest=manifest,
            ran_on=day in ran_on, needed=day in needed, at=at,
        )  # fmt: skip
        note = note or _note_of(state, day in zero, records, day in ran_on)
        told.append(Day(day, state, records, batches, day in zero, manifest, note))
    return told


def sequence_gaps(provider: Provider, month: Month) -> list[SequenceGap]:
    """Return the numbers missing between uploads that carry usage of a month.

    Numbers are the provider's own (header ``Batch-Sequence``), counted per key; an upload that
    was refused does not fill its number.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, {"provider": provider.pk, "month": str(month)})
        return [
            SequenceGap(key, before + 1, sequence - 1, before_id, after_id)
            for key, after_id, sequence, before_id, before in cursor.fetchall()
        ]


def gap_names(provider: Provider, month: Month, *, at: datetime) -> list[str]:
    """Return a stable name for every gap of a month: its day and kind, or key and numbers."""
    whole = _reports_every_day(provider, month, at)
    days = [] if whole else month_calendar(provider, month, at=at)
    named = [f"{each.day.isoformat()} {each.state}" for each in days if each.is_gap]
    return named + [f"sequence {g.key} {g.numbers}" for g in sequence_gaps(provider, month)]


# One look into the index for each day: a month of millions of records is not counted for it.
_NOTHING_STARTED = """
SELECT count(*)
  FROM unnest(%(days)s::date[]) d
  LEFT JOIN LATERAL (
    SELECT true AS there FROM providers_usagerecord u
     WHERE u.provider_id = %(provider)s AND u.livemode AND u.month = %(month)s AND u.segment = 0
       AND u.started_at >= d::timestamp AT TIME ZONE 'Asia/Shanghai'
       AND u.started_at < (d + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
     ORDER BY u.started_at LIMIT 1) one ON true
 WHERE one.there IS NULL
"""


def _reports_every_day(provider: Provider, month: Month, at: datetime) -> bool:
    """Tell at little cost that no day of a month can be a gap.

    Work started on each day that needs a report, and no manifest could contradict it. When the
    answer is no, only the calendar of the month knows.
    """
    days = [month.first_day + number * _ONE_DAY for number in range(_length(month))]
    if Manifest.objects.filter(provider=provider, livemode=True, day__in=days).exists():
        return False
    needed = [day for day in _days_of_orders(provider, days) if day <= day_of(at)]
    facts: dict[str, Any] = {"provider": provider.pk, "month": str(month), "days": needed}
    with connection.cursor() as cursor:
        cursor.execute(_NOTHING_STARTED, facts)
        return bool(cursor.fetchone()[0] == 0)


def waived(provider: Provider, month: Month) -> set[str]:
    """Return the gaps of a month that two people let stand."""
    agreed = DeskRequest.objects.agreed().filter(
        provider=provider, kind=DeskRequest.Kind.WAIVE, subject=str(month)
    )
    return {name for names in agreed.values_list("names", flat=True) for name in names}


def gap_word(name: str) -> str:
    """Return the name of a gap as people read it."""
    first, _, rest = name.partition(" ")
    if first == "sequence":
        key, _, numbers = rest.partition(" ")
        return f"密钥 {key or '网页'} 缺第 {numbers} 号批次"
    return f"{first} {DAY_STATES.get(rest, rest)}"


def _length(month: Month) -> int:
    return (month.next().first_day - month.first_day).days


def _days_within(spans: Iterable[tuple[date, date]]) -> set[date]:
    """Return every day of some spans, first and last included."""
    found: set[date] = set()
    for first, last in spans:
        found.update(first + number * _ONE_DAY for number in range((last - first).days + 1))
    return found


def _days_of_orders(provider: Provider, days: list[date]) -> set[date]:
    """Return the days on which the provider had an order to serve."""
    spans = provider.orders.filter(state__in=["accepted", "completed"]).values_list(
        "starts_at", "ends_at", "accepted_at"
    )
    found: set[date] = set()
    for starts_at, ends_at, accepted_at in spans:
        first = day_of(max(starts_at, accepted_at or starts_at))
        last = day_of(ends_at - timedelta(microseconds=1))
        found.update(day for day in days if first <= day <= last)
    return found


def _state_of(
    day: date,
    provider: Provider,
    *,
    records: int,
    zero: bool,
    manifest: str,
    ran_on: bool,
    needed: bool,
    at: datetime,
) -> str:
    """Say what became of a day; a manifest that differs weighs more than all else."""
    if manifest == "differs":
        return DIFFERS
    if records:
        return REPORTED
    if zero or manifest == "matches":
        return ZERO_DECLARED
    if datetime.combine(day + _ONE_DAY, datetime.min.time(), SHANGHAI) > at:
        return FUTURE
    if ran_on:
        return REPORTED
    if provider.admitted_at is None or day < day_of(provider.admitted_at):
        return NOT_ADMITTED
    return MISSING if needed else NO_ORDER


def _note_of(state: str, zero: bool, records: int, ran_on: bool) -> str:
    if zero and records:
        return "零申报之后又有上报，以上报为准"
    if state == REPORTED and not records and ran_on:
        return "当日无新记录，有前一日的作业延续"
    if state == MISSING:
        return "有服务中的订单，既无上报也无零申报"
    return ""


def _compared(
    provider: Provider, livemode: bool, month: Month, days: list[date]
) -> dict[date, tuple[str, str]]:
    """Return for each day with a manifest whether its newest version agrees with what we hold."""
    newest: dict[date, Manifest] = {}
    sent = Manifest.objects.filter(provider=provider, livemode=livemode, day__in=days)
    for each in sent.order_by("version"):
        newest[each.day] = each
    if not newest:
        return {}
    facts: dict[str, Any] = {
        "provider": provider.pk,
        "livemode": livemode,
        "month": str(month),
        "days": list(newest),
    }
    held: dict[date, tuple[int, str, dict[str, str]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HELD_HERE, facts)
        for day, records, digest, sums in cursor.fetchall():
            held[day] = (records, digest, json.loads(sums))
    found = {}
    for day, manifest in newest.items():
        records, digest, sums = held.get(day, (0, _EMPTY_DIGEST, {}))
        theirs = (manifest.record_count, manifest.ids_digest, manifest.sums)
        if theirs == (records, digest, sums):
            found[day] = ("matches", "")
        else:
            found[day] = ("differs", _difference(manifest, records, digest))
    return found


def _difference(manifest: Manifest, records: int, digest: str) -> str:
    """Say in one sentence in what a manifest differs."""
    if manifest.record_count != records:
        return f"清单 {manifest.record_count} 条，平台收到 {records} 条"
    if manifest.ids_digest != digest:
        return f"条数同为 {records}，记录编号不同"
    return "条数与编号相同，用量合计不同"
