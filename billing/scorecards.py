"""How providers report and settle: one line each, from sets, over some settlement months.

Units: counts; nothing is weighted and nothing is guessed where nothing was reported.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from billing.figuring import share_bp
from ledger.periods import Month
from providers.models import Provider


@dataclass
class Scorecard:
    """What one provider did in the months looked at.

    Args:
        rows: rows of uploads; ``rejected`` and ``conflicts`` of them were not taken.
        records: records stored; ``corrected`` of them were corrected later, ``late`` settled in a
            later month than they ran in.
        days_due: days with an order; ``days_told`` of them have a record or a zero declaration.
        lines: lines of statements; ``disputed`` were objected to, ``upheld`` taken back.
    """

    provider_id: UUID
    name: str
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Return a count, nought where nothing was found."""
        return self.counts.get(name, 0)

    def rate_bp(self, part: str, whole: str) -> int | None:
        """Return a rate in basis points; None without anything to count."""
        return share_bp(self.count(part), self.count(whole))

    @property
    def on_time_bp(self) -> int | None:
        """Return the share of records that settled in the month they ran in."""
        late = self.rate_bp("late", "records")
        return None if late is None else 10_000 - late


_UPLOADS = """
SELECT provider_id, sum(rows), sum(rejected), sum(conflict)
  FROM providers_usagebatch
 WHERE livemode AND received_at >= %(begin)s AND received_at < %(end)s GROUP BY 1
"""
_RECORDS = """
SELECT provider_id, count(*), count(*) FILTER (WHERE state = 'superseded'),
       count(*) FILTER (WHERE counted AND settle_month > month)
  FROM providers_usagerecord
 WHERE livemode AND segment = 0 AND settle_month BETWEEN %(first)s AND %(last)s GROUP BY 1
"""
_LINES = """
SELECT s.provider_id, count(*), count(o.id), count(o.id) FILTER (WHERE o.state = 'upheld')
  FROM billing_statement s
  JOIN billing_statementline l ON l.statement_id = s.id AND l.reverses_id IS NULL
  LEFT JOIN (SELECT DISTINCT ON (line_id) id, line_id, state FROM billing_objection
              ORDER BY line_id, raised_at DESC) o ON o.line_id = l.id
 WHERE s.state <> 'draft' AND s.month BETWEEN %(first)s AND %(last)s GROUP BY 1
"""
_DAYS = """
WITH days AS (
    SELECT d::date AS day FROM generate_series(
        %(first_day)s::date, %(last_day)s::date, interval '1 day') d
), due AS (
    SELECT DISTINCT o.provider_id, d.day FROM providers_order o JOIN days d
        ON d.day >= (o.starts_at AT TIME ZONE 'Asia/Shanghai')::date
       AND d.day <= ((o.ends_at - interval '1 microsecond') AT TIME ZONE 'Asia/Shanghai')::date
     WHERE o.state IN ('accepted', 'completed')
), spans AS (
    SELECT DISTINCT provider_id, (started_at AT TIME ZONE 'Asia/Shanghai')::date AS first_day,
           (coalesce(ended_at - interval '1 microsecond', started_at)
            AT TIME ZONE 'Asia/Shanghai')::date AS last_day
      FROM providers_usagerecord
     WHERE livemode AND segment < 1000 AND month BETWEEN %(first)s AND %(last)s
), told AS (
    SELECT provider_id, d::date AS day
      FROM spans, generate_series(first_day, last_day, interval '1 day') d
    UNION
    SELECT provider_id, day FROM providers_zerodeclaration WHERE livemode
)
SELECT due.provider_id, count(*), count(told.day)
  FROM due LEFT JOIN told ON told.provider_id = due.provider_id AND told.day = due.day GROUP BY 1
"""
_ASKED = (
    (_UPLOADS, ("rows", "rejected", "conflicts")),
    (_RECORDS, ("records", "corrected", "late")),
    (_LINES, ("lines", "disputed", "upheld")),
    (_DAYS, ("days_due", "days_told")),
)


def scorecards(first: Month, last: Month) -> list[Scorecard]:
    """Return a card for every provider that was ever admitted, by name.

    Four questions in all. A record belongs to its settlement month, an upload to the month it
    came in, a day to the calendar.
    """
    facts = {
        "first": str(first),
        "last": str(last),
        "begin": first.start_at,
        "end": last.end_at,
        "first_day": first.first_day,
        "last_day": last.next().first_day - timedelta(days=1),
    }
    known = Provider.objects.filter(admitted_at__isnull=False).order_by("name", "uscc")
    cards = {each.pk: Scorecard(each.pk, each.name) for each in known}
    for sql, names in _ASKED:
        for provider_id, *counts in _rows(sql, facts):
            if provider_id in cards:
                cards[provider_id].counts |= {
                    name: int(count) for name, count in zip(names, counts, strict=True)
                }
    return list(cards.values())


def _rows(sql: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        return list(cursor.fetchall())
