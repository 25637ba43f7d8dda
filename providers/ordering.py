"""Orders: place, accept, refuse, cancel, complete; value is held and let go by ``vouchers``.

An order without a voucher is a filed order like any other: metered, reported, not redeemed.

Units: fen; hours are hours of one device.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI, day_of
from ledger.refusals import Refused
from providers.holding import hold_shares, need_amount, spread
from providers.metering import release_held
from providers.models import (
    Offering,
    OfferingPrice,
    Order,
    OrderPart,
    Provider,
    UsageRecord,
)
from providers.models.state_row import move, note_birth, write_row
from providers.quoting import Quote, quote
from vouchers.models import Enterprise, Voucher
from vouchers.spending import release
from vouchers.states import next_number

MOST_DEVICES = 100_000
LONGEST_DAYS = 366
_SAME_ORDER = timedelta(minutes=1)


@dataclass(frozen=True)
class _Plan:
    """What is ordered, once the rules agreed to it."""

    device_count: int
    planned_hours: int
    starts_at: datetime
    ends_at: datetime
    told: Quote


@transaction.atomic
def place_order(
    enterprise: Enterprise,
    voucher: Voucher | None,
    offering: Offering,
    price: OfferingPrice,
    *,
    device_count: int,
    starts_on: date,
    ends_on: date,
    planned_hours: int | None = None,
    hold_fen: int | None = None,
    together: bool = False,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> Order:
    """Order accelerators for whole Shanghai days and hold the public share on the voucher.

    Args:
        price: the price the enterprise was shown; refused if another is on file by now.
        starts_on: first day of service.
        ends_on: last day of service, included.
        planned_hours: hours per device, the whole period if left out.
        hold_fen: hold less than the expected public share; the rest is paid by the enterprise.
        together: where the voucher is not enough, hold the rest on further vouchers of the
            enterprise under the same programme, those that lapse first first.
        key: asking again with the same key gives the same order.
    Writes: order, state row, a hold with its posting on each voucher, log entry.

    Raises:
        Refused: size or period out of range, quote outdated, voucher not spendable or too small.
    """
    if key and (known := Order.objects.filter(place_key=key).first()):
        return _same_order(known, enterprise, offering, device_count)
    offering = _offered(offering)
    plan = _judge_plan(
        enterprise,
        voucher,
        offering,
        device_count=device_count,
        days=(starts_on, ends_on),
        planned_hours=planned_hours,
        at=at,
    )
    told = plan.told
    _same_price(told, price)
    _refuse_twice(enterprise, voucher, offering, at, together=together)
    order = _new_order(enterprise, voucher, offering, plan, actor=actor, at=at, key=key)
    parts: list[OrderPart] = []
    if voucher is not None:
        wanted = told.hold_fen if hold_fen is None else hold_fen
        need_amount(wanted, told.hold_fen)
        shares = spread(order, voucher, wanted, at) if together else [(voucher, wanted)]
        parts = hold_shares(order, shares, actor=actor, at=at)
    order.save(force_insert=True)
    OrderPart.objects.bulk_create(parts)
    note_birth(order, "下单", actor=actor, at=at)
    _log("order.place", order, actor, at)
    return order


@transaction.atomic
def accept_order(order: Order, *, actor: Actor, at: datetime, key: UUID | None = None) -> Order:
    """Confirm an order as the provider; usage may be reported from now on.

    Writes: state row, log entry. Asking again changes nothing.
    """
    del key  # an accepted order answers itself
    order = _taken(order)
    if order.state == Order.State.ACCEPTED:
        return order
    if order.provider.state != Provider.State.ADMITTED:
        raise Refused("provider_not_admitted", "供方未在库或已暂停，不能接新订单。")
    order.accepted_at = at
    return _turn(order, "accept", "", actor, at)


@transaction.atomic
def refuse_order(order: Order, *, reason: str, actor: Actor, at: datetime) -> Order:
    """Refuse an order as the provider; the hold returns to the voucher."""
    return _end(_taken(order), "refuse", reason, actor, at)


@transaction.atomic
def cancel_order(order: Order, *, reason: str, actor: Actor, at: datetime) -> Order:
    """Cancel an order on which nothing was used; the hold returns to the voucher.

    Writes: state row, released hold, log entry. Asking again changes nothing.

    Raises:
        Refused: usage has been reported, or it is over already.
    """
    order = _taken(order)
    if order.state == Order.State.CANCELLED:
        return order
    used = UsageRecord.objects.filter(order=order, livemode=True)
    if used.exclude(state__in=["superseded", "reversal", "zero", "refused"]).exists():
        raise Refused("order_used", "该订单已有用量上报，不能撤销。服务期满后按实结算。")
    return _end(order, "cancel", reason, actor, at)


@transaction.atomic
def complete_order(order: Order, *, actor: Actor, at: datetime, reason: str = "") -> Order:
    """Finish an order whose period is over and settled; the rest of the hold returns.

    Writes: state row, released hold, log entry. Asking again changes nothing.
    """
    order = _taken(order)
    if order.state == Order.State.COMPLETED:
        return order
    if at < order.ends_at:
        raise Refused("order_running", "服务期未满，不能办结。")
    return _end(order, "complete", reason or "服务期满", actor, at)


@transaction.atomic
def lift_limit(order: Order, *, reason: str, actor: Actor, at: datetime) -> Order:
    """Let usage beyond the ordered amount count: the enterprise pays it itself.

    Writes: state row, log entry; released records with their postings.
    """
    order = _taken(order)
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    order.gross_limit_fen = None
    order.save()
    write_row(
        order, "lift_limit", "解除用量上限", (order.state,) * 2, actor=actor, at=at, reason=reason
    )
    _log("order.lift_limit", order, actor, at)
    release_held(order.provider, actor=actor, at=at)
    return order


def _period(starts_on: date, ends_on: date) -> tuple[datetime, datetime]:
    """Return the half-open instants of whole Shanghai days."""
    if ends_on < starts_on:
        raise Refused("period_reversed", "服务结束日不能早于开始日。", field="ends_on")
    if (ends_on - starts_on).days >= LONGEST_DAYS:
        raise Refused("period_too_long", "服务期最长 12 个月。", field="ends_on")
    starts_at = datetime.combine(starts_on, datetime.min.time(), SHANGHAI)
    after = datetime.combine(ends_on + timedelta(days=1), datetime.min.time(), SHANGHAI)
    return starts_at.astimezone(UTC), after.astimezone(UTC)


def _may_order(
    offering: Offering,
    voucher: Voucher | None,
    enterprise: Enterprise,
    device_count: int,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    """Refuse what offering, size or voucher do not allow."""
    if offering.state != Offering.State.PUBLISHED:
        raise Refused("offering_closed", "该服务项目未上架，请选择其他项目。")
    if offering.provider.state != Provider.State.ADMITTED:
        raise Refused("provider_not_admitted", "该供方未在库或已暂停，暂不能下单。")
    if not 0 < device_count <= MOST_DEVICES:
        raise Refused(
            "out_of_range", f"数量应为 1 至 {MOST_DEVICES} 的整数。", field="device_count"
        )
    if voucher is None:
        return
    if voucher.enterprise_id != enterprise.pk:
        raise Refused("voucher_unknown", "找不到这张算力券。", field="voucher")
    if starts_at < voucher.valid_from - timedelta(days=1) or ends_at > voucher.valid_until:
        raise Refused(
            "outside_validity",
            f"服务期须在算力券有效期内（{day_of(voucher.valid_from)} 至 "
            f"{day_of(voucher.valid_until - timedelta(seconds=1))}）。",
            field="ends_on",
        )


def _refuse_twice(
    enterprise: Enterprise,
    voucher: Voucher | None,
    offering: Offering,
    at: datetime,
    *,
    together: bool,
) -> None:
    """Guard against the same order sent again with a new key after a lost answer.

    An order over several vouchers bears the first it draws on, whichever was chosen; there the
    programme is what must be the same.
    """
    if voucher is None:
        return
    drawn = {"voucher__programme": voucher.programme_id} if together else {"voucher": voucher}
    twin = Order.objects.filter(
        enterprise=enterprise,
        offering=offering,
        placed_at__gt=at - _SAME_ORDER,
        placed_at__lte=at,
        **drawn,
    ).exclude(state__in=["refused", "cancelled"])
    if found := twin.first():
        raise Refused(
            "possible_duplicate",
            f"一分钟内刚下过同一项目的订单 {found.order_no}。如确需再下一单，请稍后再试。",
            details={"order": str(found.pk)},
        )


def _offered(offering: Offering) -> Offering:
    return (
        Offering.objects.select_related("provider", "model")
        .select_for_update(of=("self",))
        .get(pk=offering.pk)
    )


def _judge_plan(
    enterprise: Enterprise,
    voucher: Voucher | None,
    offering: Offering,
    *,
    device_count: int,
    days: tuple[date, date],
    planned_hours: int | None,
    at: datetime,
) -> _Plan:
    """Ask the rules whether this may be ordered, and quote it."""
    starts_at, ends_at = _period(*days)
    hours = int((ends_at - starts_at) / timedelta(hours=1))
    planned = hours if planned_hours is None else planned_hours
    _may_order(offering, voucher, enterprise, device_count, starts_at, ends_at)
    if not 0 < planned <= hours:
        raise Refused("out_of_range", f"计划小时数应为 1 至 {hours}。", field="planned_hours")
    told = quote(
        offering,
        voucher,
        device_count=device_count,
        planned_hours=planned,
        starts_at=starts_at,
        ends_at=ends_at,
        at=at,
    )
    return _Plan(device_count, planned, starts_at, ends_at, told)


def _same_price(told: Quote, price: OfferingPrice) -> None:
    """Refuse a price that is no longer the one on file."""
    if told.price.pk != price.pk:
        raise Refused(
            "quote_expired",
            f"备案单价已变为 {yuan_text(told.price.price_fen)} 元，请按新报价重新确认。",
            details={"price_fen": str(told.price.price_fen)},
        )


def _new_order(
    enterprise: Enterprise,
    voucher: Voucher | None,
    offering: Offering,
    plan: _Plan,
    *,
    actor: Actor,
    at: datetime,
    key: UUID | None,
) -> Order:
    return Order(
        pk=new_id(),
        order_no=next_number(f"PTDD-{day_of(at).year}"),
        enterprise=enterprise,
        provider=offering.provider,
        voucher=voucher,
        offering=offering,
        price=plan.told.price,
        device_count=plan.device_count,
        planned_hours=plan.planned_hours,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        estimated_gross_fen=plan.told.gross_fen,
        share_bp=plan.told.share_bp,
        gross_limit_fen=plan.told.flat_fen if voucher else None,
        placed_at=at,
        placed_by_person=actor.person,
        place_key=key,
    )


def _taken(order: Order) -> Order:
    return (
        Order.objects.select_for_update(of=("self",))
        .select_related("provider", "hold", "enterprise", "offering__model", "price")
        .get(pk=order.pk)
    )


def _turn(order: Order, event: str, reason: str, actor: Actor, at: datetime) -> Order:
    move(order, event, actor=actor, at=at, reason=reason)
    order.save()
    _log(f"order.{event}", order, actor, at)
    return order


def _end(order: Order, event: str, reason: str, actor: Actor, at: datetime) -> Order:
    if not reason.strip():
        raise Refused("reason_missing", "请填写理由。", field="reason")
    order.ended_at = at
    order = _turn(order, event, reason.strip(), actor, at)
    for hold in order.holds():
        release(hold, actor=actor, at=at, reason=f"订单 {order.order_no} 已了结")
    return order


def _same_order(
    known: Order, enterprise: Enterprise, offering: Offering, device_count: int
) -> Order:
    asked = (enterprise.pk, offering.pk, device_count)
    if (known.enterprise_id, known.offering_id, known.device_count) != asked:
        raise Refused("key_reused", "这次请求的编号已用于另一笔订单，请刷新页面后重试。")
    return known


def _log(kind: str, order: Order, actor: Actor, at: datetime) -> None:
    audit.record(
        kind,
        {
            "order": str(order.pk),
            "order_no": order.order_no,
            "enterprise": str(order.enterprise_id),
            "provider": str(order.provider_id),
            "voucher": str(order.voucher_id or ""),
            "held_fen": str(order.held_fen),
            "estimated_gross_fen": str(order.estimated_gross_fen),
            "state": order.state,
        },
        actor=actor,
        at=at,
    )


__all__ = [
    "Quote",
    "accept_order",
    "cancel_order",
    "complete_order",
    "lift_limit",
    "place_order",
    "quote",
    "refuse_order",
]
