"""Rate a month: what each order used, who pays it, and why, as statements that nobody wrote yet.

One aggregate over the usage, a fixed number of questions about everything else, then plain Python
per line: nothing is asked per record or per order. Planning and writing are two steps, so that a
trial sees exactly what the cut-off would write.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from billing.adjustments import (
    Standing,
    TakenBack,
    carried_item,
    carried_months,
    earlier_usage,
    price_back,
    standing_charges,
    terms_of,
    tied_work,
)
from billing.filed import Filed
from billing.limits import CapsLeft, as_if_paid
from billing.models import MonthClose, Statement, StatementLine
from billing.models.statement import Payee
from billing.pricing import PricedLine, PriceTerms, back_line, price_order, read_terms
from billing.rating import RATING_VERSION, SettlementMode, ShareRule, public_share
from billing.redeeming import card_hours, rate_label, share_rule, statement_digest
from ledger.amounts import pflops_hours
from ledger.periods import Month, day_of
from providers.metering import MonthlyUsage, monthly_usage
from providers.models import Order
from vouchers.rulebook import Edition
from vouchers.standing import settles

STATEMENTS = UUID("5f0d2c1e-6a53-5b0e-9c55-2f1b5a0f7a10")  # name space of statement ids
WRITTEN_AT_ONCE = 2_000


def statement_id(month: Month, order_id: UUID) -> UUID:
    """Return the id of an order's statement for a month; the same whenever it is asked."""
    return uuid5(STATEMENTS, f"{month}/{order_id}")


@dataclass(frozen=True)
class Planned:
    """A statement as it would be written, with its lines; neither has been."""

    statement: Statement
    lines: list[StatementLine]


@dataclass(frozen=True)
class Plan:
    """The drafts of a month, and what more is taken back than the month can set off."""

    drafts: list[Planned]
    carried: list[dict[str, object]]

    @property
    def statements(self) -> list[Statement]:
        """Return the statements alone, by number."""
        return [each.statement for each in self.drafts]

    @property
    def pairs(self) -> list[tuple[Statement, list[StatementLine]]]:
        """Return each statement with its lines."""
        return [(each.statement, each.lines) for each in self.drafts]

    @property
    def unstated(self) -> list[UUID]:
        """Return the orders whose adjustments go over to the next month."""
        return [UUID(str(each["order"])) for each in self.carried]


@dataclass(frozen=True)
class Sources:
    """Everything that a month's plan reads, by order."""

    close: MonthClose
    at: datetime
    orders: list[Order]
    own: dict[UUID, list[MonthlyUsage]]
    earlier: dict[UUID, list[MonthlyUsage]]
    carried: dict[UUID, list[Month]]
    filed: Filed
    standing: Standing
    editions: dict[UUID, Edition]
    rules: dict[UUID, ShareRule]
    terms: PriceTerms


def sources_of(close: MonthClose, at: datetime) -> Sources:
    """Read what a plan needs in a number of questions that does not grow with the month."""
    own: dict[UUID, list[MonthlyUsage]] = {}
    for usage in monthly_usage(close.period, only_with_voucher=True):
        own.setdefault(usage.order_id, []).append(usage)
    carried = carried_months(close.period)
    earlier = earlier_usage(carried)
    usages = [each for found in (own, earlier) for listed in found.values() for each in listed]
    orders = list(
        Order.objects.filter(pk__in={*own, *carried})
        .select_related(
            "provider", "enterprise", "hold", "price__offering",
            "voucher__programme", "voucher__application",
        )
        .prefetch_related("parts__hold")
        .order_by("provider__uscc", "order_no")
    )  # fmt: skip
    programmes = {each.voucher.programme for each in orders if each.voucher}
    editions = {each.pk: each.edition for each in programmes}
    return Sources(
        close=close,
        at=at,
        orders=orders,
        own=own,
        earlier=earlier,
        carried=carried,
        filed=Filed(usages, at),
        standing=standing_charges(usages),
        editions=editions,
        rules={pk: share_rule(each) for pk, each in editions.items()},
        terms=read_terms(close.period, orders, editions),
    )


def plan_month(close: MonthClose, *, at: datetime) -> Plan:
    """Rate everything that counts for the month; nothing is written.

    Orders come in a fixed order, so numbers and caps are the same however the usage arrived.
    """
    sources = sources_of(close, at)
    return plan_from(sources, CapsLeft(close.period, sources.orders, sources.editions))


def plan_from(sources: Sources, caps: CapsLeft) -> Plan:
    """Rate every order of what was read, within what the caps leave; nothing is written."""
    plan = Plan([], [])
    for order in sources.orders:
        draft = _draft(sources, order, caps)
        if draft.statement is None:
            plan.carried.append(carried_item(order, draft.gross_fen, draft.public_fen))
        else:
            number = len(plan.drafts) + 1
            plan.drafts.append(_numbered(draft.statement, draft.lines, number))
    return plan


def write_plan(plan: Plan) -> None:
    """Write the statements of a plan as drafts.

    Writes: one draft statement per order with its lines.
    """
    Statement.objects.bulk_create(plan.statements, batch_size=WRITTEN_AT_ONCE)
    lines = [line for each in plan.drafts for line in each.lines]
    StatementLine.objects.bulk_create(lines, batch_size=WRITTEN_AT_ONCE)


def digest_of(month: str, statements: Iterable[Statement]) -> str:
    """Return the digest of everything a month pays: each statement, its version, what is held.

    Args:
        statements: by number.
    """
    hashed = hashlib.sha256(f"month/{month}\n".encode())
    for each in statements:
        said = (
            f"{each.statement_no} {each.version} {each.digest} "
            f"{each.public_fen} {each.held_back_fen} {each.provider_id}\n"
        )
        hashed.update(said.encode())
    return hashed.hexdigest()


def digest_of_plan(month: Month, plan: Plan) -> str:
    """Return the digest that the month would have if it were put out as planned."""
    return digest_of(str(month), plan.statements)


@dataclass(frozen=True)
class Draft:
    """One order of a month, rated; without a statement when it would be below zero."""

    statement: Statement | None
    lines: list[PricedLine]
    gross_fen: int
    public_fen: int


def _draft(sources: Sources, order: Order, caps: CapsLeft) -> Draft:
    """Rate one order: what was used at today's share, what is taken back at the share it had."""
    assert order.voucher is not None
    own = sources.own.get(order.pk, [])
    usages = [*own, *sources.earlier.get(order.pk, [])]
    programme_id = order.voucher.programme_id
    rule, edition = sources.rules[programme_id], sources.editions[programme_id]
    positive = [each for each in usages if each.device_milli_seconds >= 0]
    priced = price_order(order, positive, edition, sources.filed, sources.terms)
    used = [_judged(line, order) for line in priced]
    ours = [line for line in used if not line.unpaid_reason]
    limits = caps.limits_for(order)
    if rule.mode != SettlementMode.INSTANT:
        limits = as_if_paid(limits, sum(line.gross_fen for line in ours))
    share = public_share(rule, [line.as_share_line() for line in ours], limits)
    lines = [
        replace(line, public_fen=public, ratio_bp=rule.ratio_bp(line.bonus_codes))
        for line, public in zip(ours, share.line_grants_fen, strict=True)
    ]
    lines += [line for line in used if line.unpaid_reason]
    known, unknown = _taken_back(sources, order, usages)
    lines += [back_line(each, back, order, sources.filed) for each, back in known]
    gross = sum(line.gross_fen for line in lines)
    public = sum(line.public_fen for line in lines)
    if unknown or min(gross, public, gross - public) < 0:
        return Draft(None, lines, gross, public)
    caps.count(order, public)
    statement = Statement(
        id=statement_id(sources.close.period, order.pk),
        close=sources.close,
        month=sources.close.month,
        provider=order.provider,
        enterprise=order.enterprise,
        order=order,
        voucher=order.voucher,
        mode=rule.mode,
        payee_kind=Payee.PROVIDER if rule.mode == SettlementMode.INSTANT else Payee.ENTERPRISE,
        gross_fen=gross,
        eligible_fen=int(share.eligible_fen) + sum(back.metered_fen for _, back in known),
        public_fen=public,
        self_fen=gross - public,
        device_milli_seconds=sum(each.device_milli_seconds for each in usages),
        compute_gflops_s=tied_work(own),
        pflops_hours=pflops_hours(sum(u.device_milli_seconds * u.gflops for u in usages)),
        records=max(sum(each.records for each in usages), 0),
        also_settles=[str(month) for month in sources.carried.get(order.pk, [])],
        terms=[
            term.as_plain()
            for term in (*share.terms, *terms_of(share.grant_fen, [back for _, back in known]))
        ],
        binding=share.binding,
        rating_version=RATING_VERSION,
        generated_at=sources.at,
    )
    return Draft(statement, lines, gross, public)


def _taken_back(
    sources: Sources, order: Order, usages: Sequence[MonthlyUsage]
) -> tuple[list[tuple[MonthlyUsage, TakenBack]], int]:
    """Return what is taken back with its price, and how much of it no statement charges."""
    less = [each for each in usages if each.device_milli_seconds < 0]
    priced = [(each, price_back(each, order.price, sources.standing)) for each in less]
    known = [(each, back) for each, found in priced for back in found or []]
    return known, sum(found is None for _, found in priced)


def _judged(line: PricedLine, order: Order) -> PricedLine:
    """Return a line with the reason why no voucher pays for what a firm used after it left."""
    firm = order.enterprise
    if line.unpaid_reason or settles(firm.state, day_of(line.usage.first_at), firm.standing_since):
        return line
    return replace(line, unpaid_reason=f"企业自 {firm.standing_since} 起不再享受支持")


def _numbered(statement: Statement, lines: Sequence[PricedLine], number: int) -> Planned:
    """Give a draft its number and digest."""
    statement.statement_no = f"PTSL-JS-{statement.month}-{number:06d}"
    rows = _rows(statement, lines)
    statement.digest = statement_digest(statement, rows)
    return Planned(statement, rows)


def _rows(statement: Statement, lines: Sequence[PricedLine]) -> list[StatementLine]:
    """Return the lines of a statement as rows."""
    return [
        StatementLine(
            id=uuid5(statement.id, f"line/{ordinal}"),
            statement=statement,
            ordinal=ordinal,
            usage_month=line.usage.usage_month,
            model_ref=str(line.model.pk),
            model_name=line.model.name,
            rate_ref=str(line.rate.pk),
            rate_label=rate_label(line.rate),
            gflops=line.usage.gflops,
            price_ref=str(line.price.pk),
            pricing_unit=line.price.pricing_unit,
            price_fen=line.price_fen,
            filed_price_fen=line.filed_price_fen,
            tier=line.tier,
            discount_bp=line.discount_bp,
            credit_fen=line.credit_fen,
            unpaid_reason=line.unpaid_reason,
            cap_price_fen=line.cap_price_fen,
            device_milli_seconds=line.usage.device_milli_seconds,
            pflops_hours=pflops_hours(line.usage.device_milli_seconds * line.usage.gflops),
            card_hours=card_hours(line.usage.device_milli_seconds),
            records=line.usage.records,
            first_at=line.usage.first_at,
            last_at=line.usage.last_at,
            gross_fen=line.gross_fen,
            metered_fen=line.metered_fen,
            ratio_bp=line.ratio_bp,
            public_fen=line.public_fen,
            self_fen=line.gross_fen - line.public_fen,
        )
        for ordinal, line in enumerate(lines, start=1)
    ]
