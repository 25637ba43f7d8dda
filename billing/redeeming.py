"""Rate a month's usage and turn the public share of each order into spending.

Planning and redeeming are two steps: the plan is written at the cut-off in one transaction, so that
whatever arrives later, or wherever the machine stops, the same statements are redeemed.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import rfc8785

from billing.adjustments import (
    TakenBack,
    carried_item,
    carried_months,
    order_usage,
    price_back,
    terms_of,
    tied_work,
)
from billing.limits import CapsLeft
from billing.models import MonthClose, Statement, StatementLine
from billing.rating import (
    RATING_VERSION,
    Bonus,
    PricingUnit,
    SettlementMode,
    ShareLine,
    ShareRule,
    Stacking,
    gross_fen,
    public_share,
)
from ledger.actors import Actor
from ledger.amounts import divide_half_up, pflops_hours
from ledger.periods import Month
from providers.measures import DEVICE_MILLI_SECONDS_PER_CARD_HOUR
from providers.metering import MonthlyUsage, monthly_usage
from providers.models import AcceleratorModel, AcceleratorRate, OfferingPrice, Order
from vouchers.rulebook import Edition
from vouchers.spending import redeem

STATEMENTS = UUID("5f0d2c1e-6a53-5b0e-9c55-2f1b5a0f7a10")  # name space of statement ids
FEWEST_PRICES_FOR_MEDIAN = 3
DOMESTIC = "DOMESTIC"
_FORMATS = {"FP16_DENSE": "FP16 稠密"}


@dataclass(frozen=True)
class PricedLine:
    """One quantity of one model at one rate, priced."""

    usage: MonthlyUsage
    model: AcceleratorModel
    rate: AcceleratorRate
    price: OfferingPrice
    cap_price_fen: int | None
    gross_fen: int
    metered_fen: int
    ratio_bp: int = 0
    public_fen: int = 0

    def as_share_line(self) -> ShareLine:
        """Return the line as the share formula sees it."""
        codes = frozenset({DOMESTIC}) if self.model.domestic else frozenset[str]()
        return ShareLine(list_fen=self.gross_fen, metered_fen=self.metered_fen, bonus_codes=codes)


def statement_id(month: Month, order_id: UUID) -> UUID:
    """Return the id of an order's statement for a month; the same whenever it is asked."""
    return uuid5(STATEMENTS, f"{month}/{order_id}")


def share_rule(edition: Edition) -> ShareRule:
    """Read from a programme edition what the share formula needs."""
    return ShareRule(
        mode=SettlementMode(edition.settlement.mode),
        base_bp=edition.ratio.base_bp,
        max_bp=edition.ratio.max_bp,
        bonuses=tuple(
            Bonus(code=each.code, title=each.title, bp=each.add_bp, clause=each.clause)
            for each in edition.ratio.bonuses
        ),
        highest_bonus_only=edition.ratio.bonus_rule == "HIGHER_ONLY",
        stacking=Stacking(edition.stacking.rule),
        cumulative_cap_bp=edition.stacking.cap_bp,
        truncate_fen=100 if edition.settlement.rounding == "TO_YUAN_DOWN" else 1,
        clauses={
            "eligible": edition.settlement.clause,
            "ratio": edition.ratio.clause,
            "cap": edition.caps.clause,
            "budget": edition.budget.clause,
            "stacking": edition.stacking.clause,
            "truncate": edition.settlement.clause,
            "held": edition.validity.clause,
        },
    )


def price_cap_fen(edition: Edition, price: OfferingPrice, at: datetime) -> int | None:
    """Return the highest price the programme supports for this kind of service, if it says one.

    The median of the filed prices in force for the same model and unit, times the edition's
    factor; with fewer than three prices there is no market to take a median of.
    """
    if edition.settlement.price_cap_rule != "MEDIAN_TIMES":
        return None
    newest: dict[UUID, int] = {}
    filed = OfferingPrice.objects.filter(
        offering__model_id=price.offering.model_id,
        offering__state="published",
        pricing_unit=price.pricing_unit,
        valid_from__lte=at,
    ).order_by("valid_from", "version")
    for each in filed:
        newest[each.offering_id] = each.price_fen
    prices = sorted(newest.values())
    if len(prices) < FEWEST_PRICES_FOR_MEDIAN:
        return None
    middle, odd = divmod(len(prices), 2)
    twice_median = 2 * prices[middle] if odd else prices[middle - 1] + prices[middle]
    return divide_half_up(twice_median * edition.settlement.price_cap_bp, 2 * 10_000)


def price_line(usage: MonthlyUsage, order: Order, at: datetime) -> PricedLine:
    """Price one quantity at the order's filed price, and at the programme's cap if lower."""
    assert order.voucher is not None
    price = order.price
    unit = PricingUnit(price.pricing_unit)
    cap = price_cap_fen(order.voucher.programme.edition, price, at)

    def priced(price_fen: int) -> int:
        return gross_fen(
            usage.device_milli_seconds, gflops=usage.gflops, price_fen=price_fen, unit=unit
        )

    gross = priced(price.price_fen)
    return PricedLine(
        usage=usage,
        model=AcceleratorModel.objects.get(pk=usage.model_id),
        rate=AcceleratorRate.objects.get(pk=usage.rate_id),
        price=price,
        cap_price_fen=cap,
        gross_fen=gross,
        metered_fen=gross if cap is None or cap >= price.price_fen else priced(cap),
    )


def back_line(usage: MonthlyUsage, back: TakenBack, order: Order) -> PricedLine:
    """Return a line that takes back, with the amounts of what it corrects."""
    return PricedLine(
        usage=usage,
        model=AcceleratorModel.objects.get(pk=usage.model_id),
        rate=AcceleratorRate.objects.get(pk=usage.rate_id),
        price=order.price,
        cap_price_fen=back.cap_price_fen,
        gross_fen=back.gross_fen,
        metered_fen=back.metered_fen,
        ratio_bp=back.ratio_bp,
        public_fen=back.public_fen,
    )


@dataclass(frozen=True)
class Plan:
    """The drafts of a month, and what more is taken back than the month can set off."""

    statements: list[Statement]
    carried: list[dict[str, object]]


def plan_statements(close: MonthClose, *, at: datetime) -> Plan:
    """Rate everything that counts for the month and write the statements as drafts.

    Orders come in a fixed order, so numbers and caps are the same however the usage arrived.

    Writes: one draft statement per order with its lines.
    """
    month = close.period
    by_order: dict[UUID, list[MonthlyUsage]] = defaultdict(list)
    for usage in monthly_usage(month, only_with_voucher=True):
        by_order[usage.order_id].append(usage)
    earlier = carried_months(month)
    orders = list(
        Order.objects.filter(pk__in={*by_order, *earlier})
        .select_related(
            "provider", "enterprise", "hold", "price__offering",
            "voucher__programme", "voucher__application",
        )
        .order_by("provider__uscc", "order_no")
    )  # fmt: skip
    caps = CapsLeft(month)
    plan = Plan([], [])
    for order in orders:
        months = earlier.get(order.pk, [])
        draft = _draft(close, order, by_order[order.pk], months, caps, at=at)
        number = len(plan.statements) + 1
        if draft.statement is None:
            plan.carried.append(carried_item(order, draft.gross_fen, draft.public_fen))
        else:
            plan.statements.append(_write(draft.statement, draft.lines, number))
    return plan


@dataclass(frozen=True)
class Draft:
    """One order of a month, rated; without a statement when it would be below zero."""

    statement: Statement | None
    lines: list[PricedLine]
    gross_fen: int
    public_fen: int


def _draft(
    close: MonthClose,
    order: Order,
    own: Sequence[MonthlyUsage],
    months: Sequence[Month],
    caps: CapsLeft,
    *,
    at: datetime,
) -> Draft:
    """Rate one order: what was used at today's share, what is taken back at the share it had."""
    assert order.voucher is not None
    usages = [*own, *(usage for month in months for usage in order_usage(order, month))]
    rule = share_rule(order.voucher.programme.edition)
    used = [price_line(each, order, at) for each in usages if each.device_milli_seconds >= 0]
    share = public_share(rule, [line.as_share_line() for line in used], caps.limits_for(order))
    lines = [
        replace(line, public_fen=public, ratio_bp=rule.ratio_bp(line.as_share_line().bonus_codes))
        for line, public in zip(used, share.line_grants_fen, strict=True)
    ]
    backs = [(each, price_back(each, order)) for each in usages if each.device_milli_seconds < 0]
    known = [(each, back) for each, back in backs if back is not None]
    lines += [back_line(each, back, order) for each, back in known]
    gross = sum(line.gross_fen for line in lines)
    public = sum(line.public_fen for line in lines)
    if len(known) < len(backs) or min(gross, public, gross - public) < 0:
        return Draft(None, lines, gross, public)
    caps.count(order, public)
    statement = Statement(
        id=statement_id(close.period, order.pk),
        close=close,
        month=close.month,
        provider=order.provider,
        enterprise=order.enterprise,
        order=order,
        voucher=order.voucher,
        gross_fen=gross,
        eligible_fen=int(share.eligible_fen) + sum(back.metered_fen for _, back in known),
        public_fen=public,
        self_fen=gross - public,
        device_milli_seconds=sum(each.device_milli_seconds for each in usages),
        compute_gflops_s=tied_work(own),
        pflops_hours=pflops_hours(sum(u.device_milli_seconds * u.gflops for u in usages)),
        records=max(sum(each.records for each in usages), 0),
        also_settles=[str(month) for month in months],
        terms=[
            term.as_plain()
            for term in (*share.terms, *terms_of(share.grant_fen, [back for _, back in known]))
        ],
        binding=share.binding,
        rating_version=RATING_VERSION,
        generated_at=at,
    )
    return Draft(statement, lines, gross, public)


def _write(statement: Statement, lines: Sequence[PricedLine], number: int) -> Statement:
    """Give a draft its number and digest and write it with its lines."""
    statement.statement_no = f"PTSL-JS-{statement.month}-{number:06d}"
    rows = _rows(statement, lines)
    statement.digest = statement_digest(statement, rows)
    statement.save(force_insert=True)
    StatementLine.objects.bulk_create(rows)
    return statement


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
            rate_label=f"{_FORMATS.get(line.rate.number_format, line.rate.number_format)} "
            f"第 {line.rate.version} 版",
            gflops=line.usage.gflops,
            price_ref=str(line.price.pk),
            pricing_unit=line.price.pricing_unit,
            price_fen=line.price.price_fen,
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


def card_hours(device_milli_seconds: int) -> Any:
    """Return card-hours with six decimals, for showing."""
    # One division, half-even, by the same function that shows PFLOPS-hours.
    return pflops_hours(
        device_milli_seconds * (3_600_000_000_000 // DEVICE_MILLI_SECONDS_PER_CARD_HOUR)
    )


def statement_digest(statement: Statement, lines: Iterable[StatementLine]) -> str:
    """Return the digest of everything a statement says, in any order of its lines."""
    said = {
        "statement": str(statement.id),
        "no": statement.statement_no,
        "month": statement.month,
        "version": statement.version,
        "order": str(statement.order_id),
        "voucher": str(statement.voucher_id),
        "gross_fen": str(statement.gross_fen),
        "public_fen": str(statement.public_fen),
        "self_fen": str(statement.self_fen),
        "device_milli_seconds": str(statement.device_milli_seconds),
        "terms": statement.terms,
        "lines": [
            {
                "ordinal": str(line.ordinal),
                "model": line.model_ref,
                "rate": line.rate_ref,
                "price": line.price_ref,
                "gflops": str(line.gflops),
                "price_fen": str(line.price_fen),
                "device_milli_seconds": str(line.device_milli_seconds),
                "gross_fen": str(line.gross_fen),
                "public_fen": str(line.public_fen),
            }
            for line in sorted(lines, key=lambda each: each.ordinal)
        ],
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def redeem_statement(statement: Statement, *, actor: Actor, at: datetime) -> None:
    """Turn the public share of a draft statement into spending, once.

    Writes: by ``vouchers.spending.redeem`` one journal (voucher to redeemed, metered computing to
        used) and one redemption row. A statement without a share leaves the voucher alone.
    """
    if statement.public_fen == 0:
        return
    hold = statement.order.hold
    assert hold is not None
    redemption = redeem(
        hold,
        statement.public_fen,
        month=statement.close.period,
        charge_ref=str(statement.pk),
        terms={"binding": statement.binding, "terms": statement.terms},
        compute=statement.compute_gflops_s,
        provider_ref=str(statement.provider_id),
        keep_open=True,
        actor=actor,
        at=at,
        key=uuid5(statement.pk, "redeem"),
    )
    statement.redemption_id = redemption.pk
