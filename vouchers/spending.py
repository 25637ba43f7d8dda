"""Spend a voucher: hold value for an order, redeem it, let the rest go, let it lapse.

One voucher row is locked by every act here, so two tabs or two workers come one after the other;
that nothing is spent twice is the ledger's limit, not a check here.

Units: fen; compute in GFLOPS-seconds (FP16 dense).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.balances import balance
from ledger.book import Journal, Transfer, post
from ledger.identifiers import new_id
from ledger.periods import Month
from ledger.refusals import Refused
from vouchers import bookings, gates
from vouchers.models import Hold, Redemption, Voucher
from vouchers.positions import Position, voucher_position, voucher_positions
from vouchers.states import move, write_row

__all__ = [
    "Position",
    "expire_voucher",
    "hold_amount",
    "may_redeem",
    "redeem",
    "redemption_body",
    "release",
    "same_redemption",
    "voucher_position",
    "voucher_positions",
]

MOST_FEN = 10**15


@transaction.atomic
def hold_amount(
    voucher: Voucher,
    amount_fen: int,
    *,
    order_ref: str,
    provider_ref: str,
    expires_at: datetime,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> Hold:
    """Bind part of a voucher for an order at one provider.

    Args:
        voucher: the voucher to draw on.
        amount_fen: how much.
        order_ref: the order; one hold each.
        provider_ref: id of the provider, as text.
        expires_at: until when the hold stands at most.
        actor: who holds.
        at: when.
        key: asking again with the same key gives the same hold.

    Writes: hold, one pending transfer (300), state row, log entry.

    Raises:
        Refused: frozen, not valid, not enough left, or the key was used for something else.
    """
    voucher = _taken(voucher)
    if key and (known := Hold.objects.filter(pk=key).first()):
        return _same_hold(known, voucher, amount_fen, order_ref, provider_ref)
    _may_spend(voucher, amount_fen, at)
    _enough_left(voucher, amount_fen, order_ref)
    hold = Hold(
        pk=key or new_id(),
        voucher=voucher,
        order_ref=order_ref,
        provider_ref=provider_ref,
        amount_fen=amount_fen,
        left_fen=amount_fen,
        pending_id=new_id(),
        held_at=at,
        expires_at=expires_at,
    )
    hold.save(force_insert=True)
    write_row(hold, "hold", "占用", ("", hold.state), actor=actor, at=at)
    held = bookings.pending(hold, hold.pending_id, amount_fen)
    _post(hold, "voucher.hold", [held], actor=actor, at=at)
    audit.record(
        "voucher.hold",
        {"hold": hold.pk, "voucher": voucher.pk, "order": order_ref, "amount_fen": amount_fen},
        actor=actor,
        at=at,
    )
    return hold


@transaction.atomic
def redeem(
    hold: Hold,
    amount_fen: int,
    *,
    month: Month,
    charge_ref: str,
    terms: Mapping[str, Any],
    compute: int,
    provider_ref: str,
    keep_open: bool,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> Redemption:
    """Turn part of a hold into spending, once per key and once per charge.

    ``terms`` keeps each term of the formula and the binding constraint; ``compute`` is the usage
    tied to the voucher (0 when none); with ``keep_open`` the rest stays held for later months,
    else it returns to the voucher. The same key, or the same charge, gives the same redemption.

    Writes: one journal (310 posts the part, 300 holds the rest anew, 710 ties the computing),
        a redemption, a state row, a log entry; all or none.

    Raises:
        Refused: the hold is closed or too small, another provider, or the charge was redeemed.
    """
    voucher, hold = _taken_both(hold)
    if known := _redeemed_before(charge_ref, key):
        return same_redemption(known, hold, amount_fen)
    may_redeem(hold, amount_fen, compute, provider_ref)
    old_pending, rest = hold.pending_id, hold.left_fen - amount_fen
    transfers = _draw(hold, amount_fen, rest if keep_open else 0)
    if compute:
        transfers.append(bookings.tying(voucher, provider_ref, month, compute))
    returned = rest - hold.left_fen
    transfers += _after_life(voucher, returned)
    journal_id = _post(hold, "voucher.redeem", transfers, charge_ref, actor=actor, at=at)
    redemption = Redemption.objects.create(
        pk=key or new_id(),
        hold=hold,
        voucher=voucher,
        amount_fen=amount_fen,
        month=str(month),
        charge_ref=charge_ref,
        compute_gflops_s=compute,
        terms=dict(terms),
        journal_id=journal_id,
        redeemed_at=at,
    )
    _settle_hold(hold, voucher, returned, actor, at, reason=f"核销 {yuan_text(amount_fen)} 元")
    audit.record("voucher.redeem", redemption_body(redemption, old_pending), actor=actor, at=at)
    return redemption


@transaction.atomic
def release(
    hold: Hold,
    *,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
    reason: str = "",
    overdue: bool = False,
) -> Hold:
    """Let the rest of a hold go; asking again changes nothing.

    What returns to a voucher that is no longer valid lapses at once; what returns to a revoked
    or surrendered one goes back to the budget.

    Args:
        hold: the hold.
        actor: who lets go.
        at: when.
        key: taken for the sameness of the acts; a closed hold answers itself in any case.
        reason: why, shown to the enterprise.
        overdue: nobody let go, the time to settle is over (``lapsing``).

    Writes: one journal (320 or 330, and 500 or 220 where the voucher is over), state row, entry.
    """
    voucher, hold = _taken_both(hold)
    if hold.state == Hold.State.CLOSED:
        return hold
    returned = hold.left_fen
    hold.left_fen = 0
    transfers = (bookings.voiding(hold, returned, overdue=overdue), *_after_life(voucher, returned))
    _post(hold, "voucher.release", transfers, actor=actor, at=at)
    _settle_hold(hold, voucher, returned, actor, at, reason=reason)
    audit.record(
        "voucher.release",
        {"hold": hold.pk, "voucher": voucher.pk, "amount_fen": returned, "key": key},
        actor=actor,
        at=at,
    )
    return hold


@transaction.atomic
def expire_voucher(voucher: Voucher, *, actor: Actor, at: datetime) -> Voucher:
    """Let the unheld rest of a voucher lapse once its last valid day is over.

    What is held stays until its charge is settled or it is let go.

    Writes: one journal (500) if something is left, state row, log entry.

    Raises:
        Refused: still valid, or not active.
    """
    voucher = _taken(voucher)
    if voucher.state == Voucher.State.EXPIRED:
        return voucher
    if at < voucher.valid_until:
        raise Refused("still_valid", "算力券仍在有效期内，不能作过期处理。")
    left = balance(voucher.account).available
    move(voucher, "expire", actor=actor, at=at)
    voucher.save()
    if left:
        lapse = bookings.lapsing(voucher, left)
        refs = {"voucher": str(voucher.pk), "voucher_no": voucher.voucher_no}
        post(Journal(new_id(), "voucher.expire", at, (lapse,), refs), actor=actor, at=at)
    audit.record(
        "voucher.expire",
        {"voucher": voucher.pk, "amount_fen": left},
        actor=actor,
        at=at,
    )
    return voucher


def _may_spend(voucher: Voucher, amount_fen: int, at: datetime) -> None:
    """Refuse a hold the voucher does not allow."""
    if not 0 < amount_fen <= MOST_FEN:
        raise Refused("amount_invalid", "占用金额须大于 0 元，请更正。", field="amount")
    if voucher.frozen:
        raise Refused("voucher_frozen", "这张算力券已被冻结，暂不能使用。请联系区数据局。")
    gates.in_good_standing(voucher.enterprise, "hold")
    if voucher.state != Voucher.State.ACTIVE or at >= voucher.valid_until:
        raise Refused(
            "voucher_not_active",
            f"这张算力券不可用（{voucher.get_state_display()}），请选择其他算力券。",
        )
    if at < voucher.valid_from:
        raise Refused("voucher_not_started", "这张算力券尚未生效，请在生效后使用。")


def _enough_left(voucher: Voucher, amount_fen: int, order_ref: str) -> None:
    """Refuse a second hold for an order, and one beyond what is left."""
    if Hold.objects.filter(order_ref=order_ref).exists():
        raise Refused("order_held", "这笔订单已经占用过券额，请刷新订单页面查看。")
    left = balance(voucher.account).available
    if amount_fen > left:
        raise Refused(
            "insufficient_funds",
            f"券内可用余额 {yuan_text(left)} 元，不足以占用 {yuan_text(amount_fen)} 元。"
            "请减少用量或改用其他算力券。",
            field="amount",
            details={"available_fen": str(left), "wanted_fen": str(amount_fen)},
        )


def may_redeem(hold: Hold, amount_fen: int, compute: int, provider_ref: str) -> None:
    """Refuse a redemption the hold does not allow."""
    if hold.state != Hold.State.OPEN:
        raise Refused("hold_closed", "这笔占用已经了结，不能再核销。")
    if provider_ref != hold.provider_ref:
        raise Refused("other_provider", "服务商与占用时不一致，不能核销。")
    if not 0 < amount_fen <= hold.left_fen or compute < 0:
        raise Refused(
            "hold_too_small",
            f"核销金额须大于 0 且不超过占用余额 {yuan_text(hold.left_fen)} 元。",
            field="amount",
            details={"left_fen": str(hold.left_fen), "wanted_fen": str(amount_fen)},
        )


def _same_hold(
    known: Hold, voucher: Voucher, amount_fen: int, order_ref: str, provider_ref: str
) -> Hold:
    asked = (voucher.pk, amount_fen, order_ref, provider_ref)
    if (known.voucher_id, known.amount_fen, known.order_ref, known.provider_ref) != asked:
        raise Refused("key_reused", "这次请求的编号已用于另一笔占用，请刷新页面后重试。")
    return known


def _redeemed_before(charge_ref: str, key: UUID | None) -> Redemption | None:
    known = Redemption.objects.filter(pk=key).first() if key else None
    return known or Redemption.objects.filter(charge_ref=charge_ref).first()


def same_redemption(known: Redemption, hold: Hold, amount_fen: int) -> Redemption:
    """Return a redemption that is asked for again, or refuse another amount for its charge."""
    if (known.hold_id, known.amount_fen) != (hold.pk, amount_fen):
        raise Refused("charge_redeemed", "这笔费用已按另一金额核销，不能重复核销。")
    return known


def redemption_body(redemption: Redemption, pending_id: UUID) -> dict[str, Any]:
    """Return what the log says of a redemption, and which pending transfer it made final."""
    return {
        "redemption": redemption.pk,
        "hold": redemption.hold_id,
        "pending": pending_id,
        "charge": redemption.charge_ref,
        "month": redemption.month,
        "amount_fen": redemption.amount_fen,
        "compute_gflops_s": redemption.compute_gflops_s,
    }


def _draw(hold: Hold, amount_fen: int, keep_fen: int) -> list[Transfer]:
    """Make a part of the hold final and hold ``keep_fen`` anew; the difference returns."""
    transfers = [bookings.posting(hold, amount_fen)]
    hold.left_fen = keep_fen
    if keep_fen:
        hold.pending_id = new_id()
        transfers.append(bookings.pending(hold, hold.pending_id, keep_fen))
    return transfers


def _after_life(voucher: Voucher, returned_fen: int) -> list[Transfer]:
    """Return what becomes of value that returns to a voucher which is over."""
    if not returned_fen:
        return []
    if voucher.state in (Voucher.State.REVOKED, Voucher.State.SURRENDERED):
        voucher.returned_fen += returned_fen
        voucher.save()
        return [bookings.returning(voucher, returned_fen)]
    if voucher.state == Voucher.State.EXPIRED:
        return [bookings.lapsing(voucher, returned_fen)]
    return []


def _settle_hold(
    hold: Hold, voucher: Voucher, returned_fen: int, actor: Actor, at: datetime, *, reason: str
) -> None:
    """Close a hold that holds nothing any more, and a voucher that is all spent."""
    hold.released_fen += returned_fen
    if hold.left_fen == 0:
        move(hold, "close", actor=actor, at=at, reason=reason)
        hold.closed_at = at
    else:
        write_row(hold, "redeem", "部分核销", (hold.state,) * 2, actor=actor, at=at, reason=reason)
    hold.save()
    there = balance(voucher.account)
    nothing_left = there.available == 0 and there.debits_pending == 0
    if voucher.state == Voucher.State.ACTIVE and nothing_left:
        move(voucher, "use_up", actor=actor, at=at)
        voucher.save()


def _post(
    hold: Hold,
    kind: str,
    transfers: Sequence[Transfer],
    charge: str = "",
    *,
    actor: Actor,
    at: datetime,
) -> UUID:
    refs = {"hold": str(hold.pk), "voucher": str(hold.voucher_id), "order": hold.order_ref}
    if charge:
        refs["charge"] = charge
    journal = Journal(new_id(), kind, at, tuple(transfers), refs)
    post(journal, actor=actor, at=at)
    return journal.id


def _taken(voucher: Voucher) -> Voucher:
    return (
        Voucher.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .get(pk=voucher.pk)
    )


def _taken_both(hold: Hold) -> tuple[Voucher, Hold]:
    """Lock the voucher of a hold, then the hold: always in this order."""
    voucher = _taken(hold.voucher)
    holds = Hold.objects.select_for_update(of=("self",)).select_related("voucher__programme")
    return voucher, holds.get(pk=hold.pk)
