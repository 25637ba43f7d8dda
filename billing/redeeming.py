"""Rate a month's usage and turn the public share of each order into spending.

Planning and redeeming are two steps: the plan is written at the cut-off in one transaction, so that
whatever arrives later, or wherever the machine stops, the same statements are redeemed.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import rfc8785
from django.db.models import Sum

from billing.models import MonthClose, Statement, StatementLine
from billing.rating import (
    RATING_VERSION,
    Bonus,
    Limits,
    PricingUnit,
    SettlementMode,
    Share,
    ShareLine,
    ShareRule,
    Stacking,
    gross_fen,
    public_share,
)
from ledger.actors import Actor
from ledger.amounts import divide_half_up, pflops_hours
from ledger.balances import balance
from ledger.chart import treasury
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


class CapsLeft:
    """What enterprises and programmes may still be granted, counted down while planning."""

    def __init__(self, month: Month) -> None:
        self._year = str(month.year)
        self._granted: dict[tuple[str, UUID], int] = {}
        self._programmes: dict[str, int] = {}

    def limits_for(self, order: Order) -> Limits:
        """Return every limit of one order at this point of the plan."""
        voucher, hold = order.voucher, order.hold
        assert voucher is not None
        assert hold is not None
        programme = voucher.programme
        before = order.statements.exclude(state="draft").aggregate(
            eligible=Sum("eligible_fen", default=0), granted=Sum("public_fen", default=0)
        )
        cap = programme.edition.caps.enterprise_year_fen
        spent = self._spent(programme.slug, order.enterprise_id)
        other = voucher.application.answers.get("need", {}).get("other_funding_fen", 0)
        return Limits(
            held_fen=hold.left_fen if hold.state == "open" else 0,
            cap_left_enterprise_fen=max(cap - spent, 0),
            cap_left_programme_fen=max(self._left(programme.slug), 0),
            other_funding_fen=int(other or 0),
            contract_fen=order.estimated_gross_fen,
            eligible_before_fen=before["eligible"],
            granted_before_fen=before["granted"],
        )

    def count(self, order: Order, grant_fen: int) -> None:
        """Take a planned grant off what is left for the orders after it."""
        assert order.voucher is not None
        slug = order.voucher.programme.slug
        self._granted[slug, order.enterprise_id] += grant_fen
        self._programmes[slug] -= grant_fen

    def _spent(self, slug: str, enterprise_id: UUID) -> int:
        if (slug, enterprise_id) not in self._granted:
            found = Statement.objects.filter(
                voucher__programme__slug=slug,
                enterprise_id=enterprise_id,
                month__startswith=self._year,
            ).aggregate(total=Sum("public_fen", default=0))
            self._granted[slug, enterprise_id] = found["total"]
        return self._granted[slug, enterprise_id]

    def _left(self, slug: str) -> int:
        if slug not in self._programmes:
            found = Statement.objects.filter(voucher__programme__slug=slug).aggregate(
                total=Sum("public_fen", default=0)
            )
            self._programmes[slug] = -balance(treasury(slug)).posted - found["total"]
        return self._programmes[slug]


def plan_statements(close: MonthClose, *, at: datetime) -> list[Statement]:
    """Rate everything that counts for the month and write the statements as drafts.

    Orders come in a fixed order, so numbers and caps are the same however the usage arrived.

    Writes: one draft statement per order with its lines.
    """
    month = close.period
    by_order: dict[UUID, list[MonthlyUsage]] = defaultdict(list)
    for usage in monthly_usage(month, only_with_voucher=True):
        by_order[usage.order_id].append(usage)
    orders = list(
        Order.objects.filter(pk__in=by_order)
        .select_related(
            "provider", "enterprise", "hold", "price__offering",
            "voucher__programme", "voucher__application",
        )
        .order_by("provider__uscc", "order_no")
    )  # fmt: skip
    caps = CapsLeft(month)
    return [
        _draft(close, order, by_order[order.pk], caps, number, at)
        for number, order in enumerate(orders, start=1)
    ]


def _draft(
    close: MonthClose,
    order: Order,
    usages: Iterable[MonthlyUsage],
    caps: CapsLeft,
    number: int,
    at: datetime,
) -> Statement:
    """Write one statement with its lines."""
    assert order.voucher is not None
    lines = [price_line(usage, order, at) for usage in usages]
    rule = share_rule(order.voucher.programme.edition)
    share = public_share(rule, [line.as_share_line() for line in lines], caps.limits_for(order))
    caps.count(order, share.grant_fen)
    gross = sum(line.gross_fen for line in lines)
    product = sum(line.usage.device_milli_seconds * line.usage.gflops for line in lines)
    statement = Statement(
        id=statement_id(close.period, order.pk),
        statement_no=f"PTSL-JS-{close.month}-{number:06d}",
        close=close,
        month=close.month,
        provider=order.provider,
        enterprise=order.enterprise,
        order=order,
        voucher=order.voucher,
        gross_fen=gross,
        eligible_fen=int(share.eligible_fen),
        public_fen=share.grant_fen,
        self_fen=gross - share.grant_fen,
        device_milli_seconds=sum(line.usage.device_milli_seconds for line in lines),
        compute_gflops_s=product // 1000,
        pflops_hours=pflops_hours(product),
        records=sum(line.usage.records for line in lines),
        terms=[term.as_plain() for term in share.terms],
        binding=share.binding,
        rating_version=RATING_VERSION,
        generated_at=at,
    )
    rows = _rows(statement, lines, rule, share)
    statement.digest = statement_digest(statement, rows)
    statement.save(force_insert=True)
    StatementLine.objects.bulk_create(rows)
    return statement


def _rows(
    statement: Statement, lines: Sequence[PricedLine], rule: ShareRule, share: Share
) -> list[StatementLine]:
    """Return the lines of a statement as rows."""
    return [
        StatementLine(
            id=uuid5(statement.id, f"line/{ordinal}"),
            statement=statement,
            ordinal=ordinal,
            usage_month=statement.month,
            model_ref=str(line.model.pk),
            model_name=line.model.name,
            rate_ref=str(line.rate.pk),
            rate_label=rate_label(line.rate),
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
            ratio_bp=rule.ratio_bp(line.as_share_line().bonus_codes),
            public_fen=public,
            self_fen=line.gross_fen - public,
        )
        for ordinal, (line, public) in enumerate(
            zip(lines, share.line_grants_fen, strict=True), start=1
        )
    ]


def rate_label(rate: AcceleratorRate) -> str:
    """Return how a rate is named on a statement: its number format and version."""
    return f"{_FORMATS.get(rate.number_format, rate.number_format)} 第 {rate.version} 版"


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
