"""Hold an order's public share on one voucher, or spread it over several of the enterprise.

The drawing order is fixed: what lapses first is drawn on first. Whoever redeems draws in the same
order, so no voucher lapses with value that an order could have used.

Units: fen.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.refusals import Refused
from providers.models import Order, OrderPart
from vouchers.gates import unrelated
from vouchers.models import Voucher
from vouchers.positions import voucher_positions
from vouchers.spending import hold_amount


def need_amount(hold_fen: int, most_fen: int) -> None:
    """Refuse to hold nothing, or more than the expected public share."""
    if not 0 < hold_fen <= most_fen:
        raise Refused(
            "amount_invalid",
            f"占用金额应大于 0 元且不超过预计补贴 {yuan_text(most_fen)} 元。",
            field="hold",
        )


def spread(order: Order, chosen: Voucher, hold_fen: int, at: datetime) -> list[tuple[Voucher, int]]:
    """Spread a hold over the vouchers that may carry it, in their drawing order.

    Raises:
        Refused: all of them together are not enough, or the programme pays on a claim, which is
            written off from one voucher.
    """
    if chosen.programme.edition.settlement.mode != "INSTANT":
        raise Refused(
            "one_voucher_only", "本方案先付款后核销，一笔订单只能用一张算力券。", field="together"
        )
    usable = chosen.enterprise.vouchers.spendable(at).filter(
        programme=chosen.programme,
        valid_from__lte=order.starts_at + timedelta(days=1),
        valid_until__gte=order.ends_at,
    )
    vouchers = list(usable.select_related("programme", "enterprise").in_drawing_order())
    # All at once and by id, as the close of a month locks them; what is left stands still then.
    rows = Voucher.objects.filter(pk__in=[each.pk for each in vouchers]).order_by("pk")
    list(rows.select_for_update(of=("self",)))
    positions = voucher_positions(vouchers)
    left, shares = hold_fen, []
    for each in vouchers:
        amount = min(left, positions[each.pk].available)
        if amount > 0:
            shares.append((each, amount))
            left -= amount
    if left:
        raise Refused(
            "insufficient_funds",
            f"可以合用的算力券共有 {yuan_text(hold_fen - left)} 元，"
            f"不足以占用 {yuan_text(hold_fen)} 元。请减少用量。",
            field="voucher",
        )
    return shares


def hold_shares(
    order: Order, shares: Sequence[tuple[Voucher, int]], *, actor: Actor, at: datetime
) -> list[OrderPart]:
    """Hold the public share; the order keeps the first hold, its parts the others.

    Writes: a hold with its posting on each voucher. The caller saves the order, then its parts.
    """
    parts: list[OrderPart] = []
    for ordinal, (voucher, amount_fen) in enumerate(shares, start=1):
        unrelated(voucher, order.provider.uscc)
        claim_days = voucher.programme.edition.validity.claim_days
        hold = hold_amount(
            voucher,
            amount_fen,
            order_ref=str(order.pk) if ordinal == 1 else f"{order.pk}/{ordinal}",
            provider_ref=str(order.provider_id),
            expires_at=order.ends_at + timedelta(days=claim_days),
            actor=actor,
            at=at,
        )
        if ordinal == 1:
            order.voucher, order.hold = voucher, hold
        else:
            parts.append(
                OrderPart(
                    order=order, ordinal=ordinal, voucher=voucher, hold=hold, held_fen=amount_fen
                )
            )
    order.held_fen = sum(amount for _, amount in shares)
    return parts
