"""Redeem many charges at once: the same rules as one at a time, in a handful of statements.

The close of a month redeems every statement; one journal, one redemption and one entry each, but
written in sets. Who redeems a single charge uses ``spending.redeem``; both give the same.

Units: fen; compute in GFLOPS-seconds (FP16 dense).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.balances import balances
from ledger.book import Journal, Outcome, Transfer, post_set
from ledger.identifiers import new_id
from ledger.lifecycle import label, step
from ledger.periods import Month
from ledger.refusals import Refused
from vouchers import bookings
from vouchers.models import Hold, Redemption, StateRow, Voucher
from vouchers.spending import may_redeem, redemption_body, same_redemption
from vouchers.states import move, state_row


@dataclass(frozen=True)
class Charge:
    """One charge to be redeemed from a hold; the rest of the hold stays for later months.

    ``key`` becomes the id of the redemption; ``charge_ref`` is redeemed once.
    """

    hold_id: UUID
    amount_fen: int
    charge_ref: str
    terms: Mapping[str, Any]
    compute: int
    provider_ref: str
    key: UUID


@transaction.atomic
def redeem_set(
    charges: Sequence[Charge], *, month: Month, actor: Actor, at: datetime
) -> list[Redemption]:
    """Turn parts of holds into spending, each once per key and charge; all of them or none.

    At most one charge per hold. What was redeemed before gives the same redemption.

    Returns:
        The redemptions in the order of the charges.
    Writes: per new charge one journal (310, 300, 710), a redemption, a state row, a log entry.

    Raises:
        Refused: a hold is closed or too small, another provider, or redeemed for another amount.
    """
    holds = _taken(each.hold_id for each in charges)
    known = _redeemed_before(charges)
    made: dict[str, Redemption] = {}
    before: dict[str, UUID] = {}
    journals: list[Journal] = []
    for each in charges:
        hold = holds[each.hold_id]
        earlier = known.get(each.charge_ref)
        if earlier is not None:
            made[each.charge_ref] = same_redemption(earlier, hold, each.amount_fen)
            continue
        may_redeem(hold, each.amount_fen, each.compute, each.provider_ref)
        before[each.charge_ref] = hold.pending_id
        journal = Journal(
            new_id(), "voucher.redeem", at, _transfers(hold, each, month), _refs(each, hold)
        )
        journals.append(journal)
        made[each.charge_ref] = _redemption(each, hold, month, journal.id, at)
    _book(journals, actor, at)
    new = [made[ref] for ref in before]
    Redemption.objects.bulk_create(new)
    _settle(new, actor, at)
    bodies = [redemption_body(each, before[each.charge_ref]) for each in new]
    audit.record_set("voucher.redeem", bodies, actor=actor, at=at)
    return [made[each.charge_ref] for each in charges]


def _taken(hold_ids: Iterable[UUID]) -> dict[UUID, Hold]:
    """Lock the vouchers of these holds, then the holds, each in the order of their ids."""
    wanted = set(hold_ids)
    owners = Hold.objects.filter(pk__in=wanted).values("voucher_id")
    vouchers = {
        each.pk: each
        for each in Voucher.objects.select_for_update(of=("self",))
        .select_related("programme", "enterprise")
        .filter(pk__in=owners)
        .order_by("pk")
    }
    holds = Hold.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")
    found = {}
    for hold in holds:
        hold.voucher = vouchers[hold.voucher_id]
        found[hold.pk] = hold
    return found


def _redeemed_before(charges: Sequence[Charge]) -> dict[str, Redemption]:
    refs = [each.charge_ref for each in charges]
    return {each.charge_ref: each for each in Redemption.objects.filter(charge_ref__in=refs)}


def _transfers(hold: Hold, charge: Charge, month: Month) -> tuple[Transfer, ...]:
    """Make the part final, hold the rest anew, tie the computing; the hold is changed along."""
    rest = hold.left_fen - charge.amount_fen
    transfers = [bookings.posting(hold, charge.amount_fen)]
    hold.left_fen = rest
    if rest:
        hold.pending_id = new_id()
        transfers.append(bookings.pending(hold, hold.pending_id, rest))
    if charge.compute:
        transfers.append(bookings.tying(hold.voucher, charge.provider_ref, month, charge.compute))
    return tuple(transfers)


def _refs(charge: Charge, hold: Hold) -> dict[str, str]:
    return {
        "hold": str(hold.pk),
        "voucher": str(hold.voucher_id),
        "order": hold.order_ref,
        "charge": charge.charge_ref,
    }


def _redemption(
    charge: Charge, hold: Hold, month: Month, journal: UUID, at: datetime
) -> Redemption:
    return Redemption(
        pk=charge.key,
        hold=hold,
        voucher=hold.voucher,
        amount_fen=charge.amount_fen,
        month=str(month),
        charge_ref=charge.charge_ref,
        compute_gflops_s=charge.compute,
        terms=dict(charge.terms),
        journal_id=journal,
        redeemed_at=at,
    )


def _book(journals: Sequence[Journal], actor: Actor, at: datetime) -> None:
    """Post every journal; the first that the books refuse refuses all of them."""
    outcomes: list[Outcome] = post_set(journals, actor=actor, at=at) if journals else []
    for each in outcomes:
        if not each.ok:
            raise Refused(each.code, each.message, details={"journal": str(each.journal_id)})


def _settle(redeemed: Sequence[Redemption], actor: Actor, at: datetime) -> None:
    """Close the holds that hold nothing any more, and the vouchers that are all spent."""
    rows = []
    for each in redeemed:
        hold, reason = each.hold, f"核销 {yuan_text(each.amount_fen)} 元"
        told: dict[str, Any] = {"actor": actor, "at": at, "reason": reason}
        if hold.left_fen:
            rows.append(state_row(hold, "redeem", "部分核销", (hold.state,) * 2, **told))
            continue
        word = label(hold, "close")
        rows.append(state_row(hold, "close", word, step(hold, "close"), **told))
        hold.closed_at = at
    StateRow.objects.bulk_create(rows)
    holds = [each.hold for each in redeemed]
    Hold.objects.bulk_update(holds, ["left_fen", "pending_id", "state", "closed_at"])
    _use_up({each.voucher.pk: each.voucher for each in redeemed}, actor, at)


def _use_up(vouchers: Mapping[UUID, Voucher], actor: Actor, at: datetime) -> None:
    found = balances(each.account for each in vouchers.values())
    for _, voucher in sorted(vouchers.items()):
        there = found[voucher.account]
        nothing_left = there.available == 0 and there.debits_pending == 0
        if voucher.state == Voucher.State.ACTIVE and nothing_left:
            move(voucher, "use_up", actor=actor, at=at)
            voucher.save()
