"""What a provider's month comes to, as plain data: settled where it is settled, else so far.

Until statements are put out, the month's counted usage is priced as it stands and called
preliminary: no cap and no limit of a voucher is applied to it. Afterwards the statements speak.
Orders without a voucher are never on a statement; they are told by their counted usage.

Units: fen; device-milli-seconds; PFLOPS-hours only for showing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Q, QuerySet, Sum, When

from billing.lookup import month_close
from billing.models import MonthClose, Statement, StatementLine
from billing.rating import PricingUnit
from billing.redeeming import card_hours, rate_label
from billing.statements import UNIT_TITLES, line_data
from ledger.amounts import pflops_hours, share_floor
from ledger.periods import Month
from providers.discounting import tariff_of
from providers.models import AcceleratorModel, AcceleratorRate, Order, Provider, UsageRecord
from providers.pricing import tiered_gross_fen

PRELIMINARY, TEST = "preliminary", "test"
NO_VOUCHER = "no_voucher"
REVERSALS_FROM = 1_000
_MONEY = ("gross_fen", "public_fen", "self_fen")
_LINE = (
    "statement_no", "order_no", "enterprise", "usage_month", "model", "rate", "gflops",
    "device_milli_seconds", "records", "pflops_hours", "unit", "quantity",
)  # fmt: skip
_SETTLED = frozenset({MonthClose.State.REVIEW, MonthClose.State.CLOSED, MonthClose.State.PAID})
_TITLES = {PRELIMINARY: "尚未出具，按当前用量", NO_VOUCHER: "无券订单，不核销", TEST: "测试数据"}


@dataclass(frozen=True)
class _Use:
    """Counted usage of one order, model and rate that was used in one month."""

    order_id: UUID | None
    model_id: UUID
    rate_id: UUID
    gflops: int
    usage_month: str
    device_milli_seconds: int
    records: int


def month_told(provider: Provider, month: Month, *, livemode: bool) -> dict[str, Any]:
    """Return everything that counts for a provider in a settlement month.

    ``adjustments`` lists what was used in an earlier month and counts in this one, under the
    name of the month in which it was used.
    """
    used = _counted(provider, month, livemode=livemode)
    orders = _orders(used)
    close = month_close(month) if livemode else None
    settled = close is not None and close.state in _SETTLED
    statements = list(_statements(provider, close)) if close is not None and settled else []
    if settled:
        lines = [_line(each, line) for each in statements for line in each.lines.all()]
        lines += _priced(_without_voucher(used, orders), orders, NO_VOUCHER)
    else:
        lines = _priced(used, orders, PRELIMINARY if livemode else TEST)
    status = str(close.state) if close is not None and settled else PRELIMINARY
    return {
        "month": str(month),
        "livemode": livemode,
        "status": status if livemode else TEST,
        "preliminary": not settled,
        "lines": lines,
        "statements": [_heading(each) for each in statements],
        "adjustments": _adjustments(used, orders, month),
        "totals": _totals(lines),
        "waiting": _waiting(provider, month, livemode=livemode),
    }


def _counted(provider: Provider, month: Month, *, livemode: bool) -> list[_Use]:
    """Sum what counts exactly, in a fixed order."""
    sign = Case(When(segment__gte=REVERSALS_FROM, then=-1), default=1)
    found = (
        UsageRecord.objects.filter(
            provider=provider, livemode=livemode, counted=True, settle_month=str(month)
        )
        .values_list("order_id", "model_id", "rate_id", "gflops", "month")
        .annotate(use=Sum("device_milli_seconds"), signed=Sum(sign))
        .order_by("order__order_no", "model_id", "rate_id", "month")
    )
    return [_Use(*each) for each in found]


def _without_voucher(used: Iterable[_Use], orders: dict[UUID, Order]) -> Iterator[_Use]:
    """Yield the usage that is on no statement because its order has no voucher."""
    for each in used:
        order = _order_of(each, orders)
        if order is not None and order.voucher_id is None:
            yield each


def _statements(provider: Provider, close: MonthClose) -> QuerySet[Statement]:
    return (
        provider.statements.filter(close=close)
        .put_out()
        .with_parties()
        .prefetch_related("lines")
        .order_by("statement_no")
    )


def _line(statement: Statement, line: StatementLine) -> dict[str, Any]:
    """Return one line of a statement; amounts as text, as everything of the interface."""
    told = line_data(statement, line)
    return {
        **{name: told[name] for name in _LINE},
        **{name: str(told[name]) for name in ("price_fen", *_MONEY)},
        "state": str(statement.state),
        "state_title": statement.get_state_display(),
    }


def _heading(statement: Statement) -> dict[str, Any]:
    """Return what stands at the top of a statement."""
    return {
        "statement_no": statement.statement_no,
        "state": str(statement.state),
        "state_title": statement.get_state_display(),
        "order_no": statement.order.order_no,
        "voucher_no": statement.voucher.voucher_no,
        "enterprise": statement.enterprise.name,
        "pflops_hours": f"{statement.pflops_hours:f}",
        **{name: str(getattr(statement, name)) for name in _MONEY},
        "held_back_fen": str(statement.held_back_fen),
        "paid_fen": str(statement.paid_fen),
        "digest": statement.digest,
    }


def _orders(used: Iterable[_Use]) -> dict[UUID, Order]:
    numbers = {each.order_id for each in used if each.order_id is not None}
    listed = Order.objects.with_parties().prefetch_related("discounts").filter(pk__in=numbers)
    return {each.pk: each for each in listed}


def _order_of(use: _Use, orders: dict[UUID, Order]) -> Order | None:
    """Return the order of usage; test usage has none."""
    return orders[use.order_id] if use.order_id is not None else None


def _priced(used: Iterable[_Use], orders: dict[UUID, Order], state: str) -> list[dict[str, Any]]:
    """Return counted usage at the price of its order."""
    listed = list(used)
    models = AcceleratorModel.objects.in_bulk({each.model_id for each in listed})
    rates = AcceleratorRate.objects.in_bulk({each.rate_id for each in listed})
    return [
        _as_used(use, _order_of(use, orders), state)
        | {"model": models[use.model_id].name, "rate": rate_label(rates[use.rate_id])}
        for use in listed
    ]


def _as_used(use: _Use, order: Order | None, state: str) -> dict[str, Any]:
    hours = pflops_hours(use.device_milli_seconds * use.gflops)
    unit = PricingUnit(order.price.pricing_unit) if order else PricingUnit.PFLOPS_HOUR
    cards = unit is PricingUnit.CARD_HOUR
    quantity: Decimal = card_hours(use.device_milli_seconds) if cards else hours
    return {
        "statement_no": "",
        "state": state,
        "state_title": _TITLES[state],
        "order_no": order.order_no if order else "",
        "enterprise": order.enterprise.name if order else "",
        "usage_month": use.usage_month,
        "gflops": str(use.gflops),
        "device_milli_seconds": str(use.device_milli_seconds),
        "records": use.records,
        "pflops_hours": f"{hours:f}",
        "unit": UNIT_TITLES[unit],
        "quantity": f"{quantity:f}",
        "price_fen": str(order.price.price_fen) if order else "",
        **_money(use, order),
    }


def _money(use: _Use, order: Order | None) -> dict[str, str]:
    """Return what usage comes to at its order's price and share; what is taken back is negative.

    Free credit comes off when the month is settled, not here.
    """
    if order is None:
        return dict.fromkeys(_MONEY, "0")
    sign = -1 if use.device_milli_seconds < 0 else 1
    tariff = tariff_of(order, use.usage_month, list(order.discounts.all()))
    gross = tiered_gross_fen(tariff, abs(use.device_milli_seconds), gflops=use.gflops)
    public = share_floor(gross, order.share_bp) if order.voucher_id else 0
    amounts = (gross, public, gross - public)
    return {name: str(sign * fen) for name, fen in zip(_MONEY, amounts, strict=True)}


def _adjustments(
    used: Iterable[_Use], orders: dict[UUID, Order], month: Month
) -> list[dict[str, Any]]:
    """Return what was used in another month and counts in this one."""
    kept = ("usage_month", "order_no", "model", "rate", "gflops", "device_milli_seconds")
    old = [each for each in used if each.usage_month != str(month)]
    return [
        {name: line[name] for name in (*kept, "records", "pflops_hours")}
        for line in _priced(old, orders, PRELIMINARY)
    ]


def _totals(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums of the lines shown; nothing is computed anew."""
    zero = Decimal(0)
    return {
        "records": sum(each["records"] for each in lines),
        "device_milli_seconds": str(sum(int(each["device_milli_seconds"]) for each in lines)),
        "pflops_hours": f"{sum((Decimal(e['pflops_hours']) for e in lines), start=zero):.6f}",
        **{name: str(sum(int(each[name]) for each in lines)) for name in _MONEY},
    }


def _waiting(provider: Provider, month: Month, *, livemode: bool) -> dict[str, int]:
    """Return how many records of the month wait, by what they wait for."""
    waiting = Q(state="open") | Q(state="held", segment__lt=REVERSALS_FROM)
    found = (
        UsageRecord.objects.filter(waiting, provider=provider, livemode=livemode, month=str(month))
        .values_list("state", "hold_reason")
        .annotate(Count("id"))
        .order_by("state", "hold_reason")
    )
    return {reason or state: count for state, reason, count in found}


def months_told(provider: Provider, *, livemode: bool) -> Iterator[dict[str, Any]]:
    """Yield the provider's settlement months, the latest first, and how far each is."""
    used = UsageRecord.objects.filter(provider=provider, livemode=livemode, counted=True)
    states: dict[str, str] = dict(MonthClose.objects.values_list("month", "state"))
    for month in used.order_by("-settle_month").values_list("settle_month", flat=True).distinct():
        state = states.get(month, "")
        settled = livemode and state in _SETTLED
        yield {"month": month, "status": state if settled else PRELIMINARY if livemode else TEST}
