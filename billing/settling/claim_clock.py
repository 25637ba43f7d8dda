"""The time to claim: until when, who is reminded, and what becomes of what nobody claimed.

Source: domain.md 2.10 and U6; decisions 0191 and 0227.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5

from django.db import transaction

from billing.models import Claim, Objection, Statement, move
from billing.models.state_row import StateRow
from billing.settling.confirming import taken
from billing.settling.outcomes import tell_claim_time
from billing.settling.postings import book_claim
from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from vouchers.lapsing import reminder_due

LEAST_DAYS = 15
#: After these it is the enterprise's turn again.
BACK_TO_ENTERPRISE = ("ask_supplement", "refuse")


def claim_until(statement: Statement) -> datetime | None:
    """Return the moment until which a statement may be claimed: as long as its hold lives.

    What was not in the enterprise's hand does not eat up its time: at least ``LEAST_DAYS`` remain
    from the approval, from the decision on the last objection, and from the bureau's last answer.
    """
    hold = statement.order.hold
    if hold is None:
        return None
    tail = timedelta(days=statement.voucher.programme.edition.validity.claim_days)
    decided = statement.objections.exclude(resolved_at=None).values_list("resolved_at", flat=True)
    answered = StateRow.objects.filter(
        subject_id__in=statement.claims.values("pk"), event__in=BACK_TO_ENTERPRISE
    ).values_list("at", flat=True)
    turns = [statement.close.approved_at, *decided, *answered]
    least = [each + timedelta(days=LEAST_DAYS) for each in turns if each]
    end: datetime = max([hold.expires_at, statement.voucher.valid_until + tail, *least])
    return end


def holds_claimed() -> set[Any]:
    """Return the holds that live on, because a statement may still be claimed from them."""
    return set(Statement.objects.all().still_to_claim().values_list("order__hold_id", flat=True))


def _enterprises_turn() -> list[tuple[Statement, datetime]]:
    """Return the statements on which the enterprise has to act, each with its last moment."""
    disputed = Objection.objects.filter(state="open").values("statement")
    with_bureau = Claim.objects.all().with_bureau().values("statement")
    approved = Statement.objects.all().still_to_claim().filter(state="approved")
    theirs = approved.exclude(pk__in=with_bureau).exclude(pk__in=disputed)
    found = theirs.with_parties().select_related("order__hold").order_by("pk")
    return [(each, until) for each in found if (until := claim_until(each))]


def remind_claimants(at: datetime) -> int:
    """Tell enterprises that their time to claim ends soon, once for each day the edition names.

    Writes: messages; who was told of the same day before is not told again.
    """
    told = 0
    for statement, until in _enterprises_turn():
        days = statement.voucher.programme.edition.validity.reminder_days
        left = (day_of(until) - day_of(at)).days
        due = reminder_due(days, left)
        if due is not None and until > at:
            facts = {"days": left, "amount_fen": statement.public_fen, "until": day_of(until)}
            once = f"claim:{statement.pk}:{day_of(until)}:{due}"
            told += tell_claim_time(statement, "claim_lapsing", facts, at, once)
    return told


def lapse_claims(*, actor: Actor, at: datetime) -> int:
    """Finish statements whose time to claim is over and on which the bureau owes no answer.

    Returns how many. Writes: state rows, postings, log entries, messages; the hold lapses by
    itself (``vouchers.lapsing``).
    """
    return sum(
        _lapse(statement, actor, at) for statement, until in _enterprises_turn() if until <= at
    )


@transaction.atomic
def _lapse(statement: Statement, actor: Actor, at: datetime) -> bool:
    statement = taken(statement)
    claims = Claim.objects.select_for_update(of=("self",)).filter(statement=statement)
    if statement.state != Statement.State.APPROVED or statement.granted_fen is not None:
        return False
    if claims.with_bureau().exists():
        return False
    for claim in claims.filter(state__in=[Claim.State.DRAFT, Claim.State.SUPPLEMENT]):
        claim.papers.filter(active=True).update(active=False)
        move(claim, "lapse", actor=actor, at=at)
        claim.save()
    statement.granted_fen = 0
    statement.save()
    book_claim(statement, uuid5(statement.pk, "lapse"), checker=actor, actor=actor, at=at)
    move(statement, "pay", actor=actor, at=at, reason="逾期未申请核销")
    statement.save()
    body = {"statement": statement.pk, "expected_fen": statement.public_fen}
    audit.record("claim.lapsed", body, actor=actor, at=at)
    facts = {"amount_fen": statement.public_fen}
    tell_claim_time(statement, "claim_lapsed", facts, at, f"claim-lapsed:{statement.pk}")
    return True
