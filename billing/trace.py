"""From any fen to the bytes it rests on, and from a record to the payment (溯源).

One reference, whatever kind it is: a payment, a bank reference, a statement, a voucher, a record.
Everything on the way is read within bounds: a page of batches, a page of records.

Source: the product paper, what nobody has yet, point 17.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from billing.models import PaymentItem, PaymentLine, Statement
from billing.trace_proofs import Proofs
from billing.trace_steps import (
    Step,
    Used,
    batch_step,
    item_step,
    ledger_steps,
    line_step,
    moment,
    payment_step,
    redemption_step,
    statement_step,
    terms_step,
    voucher_step,
)
from ledger.amounts import pflops_hours_text
from providers.models import Provider, UsageBatch, UsageRecord
from providers.rechecking import check_record
from vouchers.models import Enterprise, Redemption, Voucher

LONGEST_REF = 200
BATCHES_A_PAGE = 10
RECORDS_A_PAGE = 50
MOST_STATEMENTS = 50
MOST_LINES = 100
#: A payment by its list and its place in it, as on our pages or as the bank is told.
_PLACE_IN_LIST = re.compile(r"(.+)[/-]([0-9]{1,5})", re.ASCII)


@dataclass(frozen=True)
class Scope:
    """Whose part is shown; without either it is the bureau that asks."""

    provider: Provider | None = None
    enterprise: Enterprise | None = None

    def statements(self) -> QuerySet[Statement]:
        """Return the statements of this part, with everything a link shows."""
        found = Statement.objects.put_out().with_parties().prefetch_related("lines")
        if self.provider is not None:
            found = found.filter(provider=self.provider)
        if self.enterprise is not None:
            found = found.filter(enterprise=self.enterprise)
        return found

    @property
    def sees_payments(self) -> bool:
        """Say whether whole payments and bank references are shown."""
        return self.enterprise is None


@dataclass
class Trace:
    """A chain with what was checked on it; ``pages`` of batches or records may follow."""

    ref: str
    kind: str
    steps: list[Step] = field(default_factory=list)
    records: list[UsageRecord] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    line: int = 0
    page: int = 1
    more: bool = False

    @property
    def broken(self) -> list[str]:
        """Return in sentences where the chain breaks; empty when nothing does."""
        return [
            f"{step.title} {step.name}：{each.title}，{each.text}"
            for step in self.steps
            for each in step.checks
            if each.outcome == "bad"
        ]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many checks came out how."""
        found = dict.fromkeys(("good", "bad", "open"), 0)
        for step in self.steps:
            for each in step.checks:
                found[each.outcome] += 1
        return found

    def as_plain(self) -> dict[str, Any]:
        """Return the chain for a machine."""
        return {
            "ref": self.ref,
            "kind": self.kind,
            "checks": self.counts,
            "broken": self.broken,
            "steps": [each.as_plain() for each in self.steps],
            "records": [each.record_id for each in self.records],
            "page": self.page,
            "more": self.more,
        }


def trace(ref: str, scope: Scope | None = None, *, line: int = 0, page: int = 1) -> Trace | None:
    """Follow a reference both ways; None when there is nothing of that name to be seen.

    Args:
        ref: number of a payment (``batch/ordinal``), bank reference, statement, voucher, or the
            id of a usage record, with the provider's credit code before it (``code/id``) or not.
        line: of a statement, the line whose records are listed.
        page: of the batches, or of the records of a line.
    """
    scope, ref = scope or Scope(), ref.strip()[:LONGEST_REF]
    if not ref or "\0" in ref:
        return None
    page = max(page, 1)
    if payment := _payment(ref, scope):
        return _of_payment(ref, payment, scope)
    if statement := scope.statements().filter(statement_no=ref).first():
        return _of_statement(ref, statement, scope, line, page)
    if voucher := _voucher(ref, scope):
        return _of_voucher(ref, voucher, scope)
    if record := _record(ref, scope):
        return _of_record(ref, record, scope)
    return None


def _payment(ref: str, scope: Scope) -> PaymentLine | None:
    if not scope.sees_payments:
        return None
    found = PaymentLine.objects.select_related("batch", "provider").prefetch_related("items")
    if scope.provider is not None:
        found = found.filter(provider=scope.provider)
    named = Q(bank_reference=ref)
    if place := _PLACE_IN_LIST.fullmatch(ref):
        named |= Q(batch__batch_no=place[1], ordinal=int(place[2]))
    return found.filter(named).order_by("pk").first()


def _voucher(ref: str, scope: Scope) -> Voucher | None:
    found = Voucher.objects.with_parties().filter(voucher_no=ref)
    if scope.enterprise is not None:
        found = found.filter(enterprise=scope.enterprise)
    if scope.provider is not None:  # a provider sees a voucher only by what was settled with it
        found = found.filter(statements__in=scope.statements()).distinct()
    return found.first()


def _record(ref: str, scope: Scope) -> UsageRecord | None:
    found = UsageRecord.objects.filter(livemode=True, segment=0)
    if scope.provider is not None:
        found = found.filter(provider=scope.provider)
    if scope.enterprise is not None:
        found = found.filter(order__enterprise=scope.enterprise)
    full = found.select_related("batch__key", "batch__provider", "provider", "order", "rate")
    code, _, record_id = ref.partition("/")
    named = Q(record_id=ref) | Q(record_id=record_id, provider__uscc=code)
    return full.filter(named).order_by("pk").first()


def _of_payment(ref: str, payment: PaymentLine, scope: Scope) -> Trace:
    proofs = Proofs()
    told = Trace(ref, "payment", [payment_step(payment, proofs)])
    items = payment.items.select_related("line__batch").order_by("statement__statement_no")
    shown = list(items[: MOST_STATEMENTS + 1])
    told.more = len(shown) > MOST_STATEMENTS
    ids = [each.statement_id for each in shown[:MOST_STATEMENTS]]
    statements = {each.pk: each for each in scope.statements().filter(pk__in=ids)}
    for item in shown[:MOST_STATEMENTS]:
        told.steps.append(item_step(item, whole=True))
        told.steps.append(statement_step(statements[item.statement_id], proofs, level=1))
    return told


def _of_statement(ref: str, statement: Statement, scope: Scope, line: int, page: int) -> Trace:
    proofs = Proofs()
    told = Trace(ref, "statement", _payment_steps(statement, scope), page=page)
    told.steps += _settled(statement, proofs)
    lines = list(statement.lines.all())
    told.lines = [each.ordinal for each in lines if each.reverses_id is None]
    used = {(each.rate, each.usage_month): each for each in _used(statement)}
    told.steps += [line_step(each, used, lines) for each in lines[:MOST_LINES]]
    if line in told.lines:
        told.line = line
        chosen = next(each for each in lines if each.ordinal == line)
        _add_records(told, statement, UUID(chosen.rate_ref), chosen.usage_month)
    else:
        _add_batches(told, statement, proofs)
    return told


def _settled(statement: Statement, proofs: Proofs) -> list[Step]:
    """Return what became of a statement: itself, its share, its redemption, its journals."""
    redemption = redemption_step(statement, proofs)
    return [
        statement_step(statement, proofs),
        *ledger_steps(statement, proofs),
        *([redemption] if redemption else []),
        terms_step(statement),
    ]


def _payment_steps(statement: Statement, scope: Scope) -> list[Step]:
    items = PaymentItem.objects.filter(statement=statement).select_related("line__batch")
    return [item_step(each, whole=scope.sees_payments) for each in items.order_by("part")]


_USED = """
SELECT rate_id::text, month, sum(device_milli_seconds)::bigint,
       sum(CASE WHEN segment >= 1000 THEN -1 ELSE 1 END)::bigint
  FROM providers_usagerecord
 WHERE order_id = %(order)s AND counted AND livemode AND settle_month = ANY(%(months)s)
 GROUP BY 1, 2
"""
_BATCHES = """
SELECT batch_id, count(*), sum(device_milli_seconds)::bigint,
       sum(device_milli_seconds::numeric * gflops)
  FROM providers_usagerecord
 WHERE order_id = %(order)s AND counted AND livemode AND settle_month = ANY(%(months)s)
 GROUP BY 1 ORDER BY min(id) LIMIT %(limit)s OFFSET %(offset)s
"""


def _facts(statement: Statement) -> dict[str, Any]:
    months = [statement.month, *statement.also_settles]
    return {"order": statement.order_id, "months": months}


def _used(statement: Statement) -> list[Used]:
    """Return what the stored records of a statement come to, by rate and month of use."""
    with connection.cursor() as cursor:
        cursor.execute(_USED, _facts(statement))
        return [Used(*row) for row in cursor.fetchall()]


def _add_batches(told: Trace, statement: Statement, proofs: Proofs) -> None:
    """Add a page of the uploads that a statement rests on."""
    facts = _facts(statement) | {
        "limit": BATCHES_A_PAGE + 1,
        "offset": (told.page - 1) * BATCHES_A_PAGE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, facts)
        rows = cursor.fetchall()
    told.more = len(rows) > BATCHES_A_PAGE
    found = UsageBatch.objects.select_related("key", "provider").in_bulk([row[0] for row in rows])
    for batch_id, count, use, work in rows[:BATCHES_A_PAGE]:
        mine = f"{count:,} 条，{use:,} 卡毫秒，{pflops_hours_text(int(work))} PFLOPS·h"
        told.steps.append(batch_step(found[batch_id], proofs, mine=mine))


def _add_records(told: Trace, statement: Statement, rate: UUID, usage_month: str) -> None:
    """Add a page of the records behind one line."""
    begin = (told.page - 1) * RECORDS_A_PAGE
    found = UsageRecord.objects.filter(
        order_id=statement.order_id, counted=True, livemode=True, rate_id=rate, month=usage_month,
        settle_month__in=[statement.month, *statement.also_settles],
    ).order_by("started_at", "id")  # fmt: skip
    page = list(found[begin : begin + RECORDS_A_PAGE + 1])
    told.more = len(page) > RECORDS_A_PAGE
    told.records = page[:RECORDS_A_PAGE]


def _of_voucher(ref: str, voucher: Voucher, scope: Scope) -> Trace:
    proofs = Proofs()
    redeemed = Redemption.objects.filter(voucher=voucher).aggregate(
        total=Sum("amount_fen", default=0)
    )["total"]
    told = Trace(ref, "voucher")
    if scope.provider is None:
        told.steps.append(voucher_step(voucher, redeemed, proofs))
    own = scope.statements().filter(voucher=voucher).order_by("month", "statement_no")
    shown = list(own[: MOST_STATEMENTS + 1])
    told.more = len(shown) > MOST_STATEMENTS
    told.steps += [statement_step(each, proofs, level=1) for each in shown[:MOST_STATEMENTS]]
    return told


def _of_record(ref: str, first: UsageRecord, scope: Scope) -> Trace:
    """Follow a record back to its bytes and forward to the bank."""
    proofs = Proofs()
    found = UsageRecord.objects.filter(
        provider_id=first.provider_id, livemode=True, record_id=first.record_id
    ).select_related("batch")
    parts = list(found.order_by("segment"))
    told = Trace(ref, "record", [_record_step(first, parts)])
    told.steps.append(batch_step(first.batch, proofs))
    months = sorted({each.settle_month for each in parts if each.counted})
    settled = Q(month__in=months)
    for each in months:
        settled |= Q(also_settles__contains=[each])
    if first.order_id is None:
        return told
    for statement in scope.statements().filter(settled, order_id=first.order_id).order_by("month"):
        told.steps += _lines_of(statement, parts)
        told.steps += _settled(statement, proofs)
        told.steps += _payment_steps(statement, scope)
    return told


def _record_step(first: UsageRecord, parts: Sequence[UsageRecord]) -> Step:
    facts = [
        ("服务商", first.provider.name),
        ("订单", first.order.order_no if first.order else "—"),
        ("型号", first.device_model),
        ("起止", f"{moment(parts[0].started_at)} 至 {moment(parts[-1].ended_at)}"),
        ("卡毫秒", f"{sum(each.device_milli_seconds for each in parts):,}"),
        ("折算系数", f"{first.gflops:,} GFLOPS" if first.gflops else "—"),
        ("内容摘要（SHA-256）", bytes(first.content_digest).hex()),
        ("状态", first.get_state_display()),
        ("批次行号", f"{first.row_no:,}"),
    ]
    name = f"{first.provider.uscc}/{first.record_id}"
    return Step("record", "计量记录", first.record_id, facts, check_record(parts), name)


def _lines_of(statement: Statement, parts: Sequence[UsageRecord]) -> list[Step]:
    """Return the lines that hold parts of a record, held against all their records."""
    used = {(each.rate, each.usage_month): each for each in _used(statement)}
    keys = {(str(each.rate_id), each.month) for each in parts if each.counted}
    lines = list(statement.lines.all())
    mine = [each for each in lines if (each.rate_ref, each.usage_month) in keys]
    return [line_step(each, used, lines) for each in mine[:MOST_LINES]]
