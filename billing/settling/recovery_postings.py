"""What recovering money and closing a year post, each journal named by the thing it belongs to."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from billing.models import Clawback, ClawbackReceipt, PaymentOffset, YearEnd
from billing.settling.postings import Leg, book_legs, refs_of
from ledger.actors import Actor
from ledger.chart import (
    TransferCode,
    bank_in,
    budget,
    clawback_assessed,
    clawback_due,
    clawback_recovered,
    clawback_writeoff,
    expired,
    treasury,
)


def _claim_refs(case: Clawback) -> dict[str, str]:
    return {"clawback": str(case.pk), "case_no": case.case_no}


def book_clawback(case: Clawback, *, asked: Actor, actor: Actor, at: datetime) -> UUID | None:
    """Book that a party owes back (600): principal and interest, each a transfer."""
    programme = case.statement.programme_ref
    owes, claims = clawback_due(programme, str(case.party.pk)), clawback_assessed(programme)
    legs: list[Leg] = [
        (owes, claims, case.amount_fen, TransferCode.CLAWBACK_ASSESS),
        (owes, claims, case.interest_fen, TransferCode.CLAWBACK_ASSESS),
    ]
    return book_legs(
        case.pk, "clawback.claimed", legs, refs=_claim_refs(case), actor=actor, at=at,
        approvals=(asked, actor),
    )  # fmt: skip


def _come_back(case: Clawback, amount_fen: int) -> Leg:
    """Return the transfer by which a part of a claim counts as recovered (630)."""
    programme = case.statement.programme_ref
    claims, back = clawback_assessed(programme), clawback_recovered(programme)
    return (claims, back, amount_fen, TransferCode.CLAWBACK_CLOSE)


def book_cash_back(
    case: Clawback, receipt: ClawbackReceipt, *, actor: Actor, at: datetime
) -> UUID | None:
    """Book cash that came back from a party (610), and that much of the claim recovered (630)."""
    programme = case.statement.programme_ref
    owes = clawback_due(programme, str(case.party.pk))
    amount = receipt.amount_fen
    legs: list[Leg] = [
        (bank_in(programme), owes, amount, TransferCode.CLAWBACK_CASH),
        _come_back(case, amount),
    ]
    refs = _claim_refs(case)
    return book_legs(receipt.pk, "clawback.cash", legs, refs=refs, actor=actor, at=at)


def book_offset(offset: PaymentOffset, *, actor: Actor, at: datetime) -> UUID | None:
    """Book what a statement owes a party against what the party owes back (620, 630)."""
    case, statement = offset.clawback, offset.statement
    owes = clawback_due(statement.programme_ref, str(case.party.pk))
    amount = offset.amount_fen
    legs: list[Leg] = [
        (statement.settlement_account, owes, amount, TransferCode.CLAWBACK_OFFSET),
        _come_back(case, amount),
    ]
    refs = {**refs_of(statement), **_claim_refs(case)}
    return book_legs(offset.pk, "clawback.offset", legs, refs=refs, actor=actor, at=at)


def book_write_off(
    case: Clawback, amount_fen: int, *, asked: Actor, actor: Actor, at: datetime
) -> UUID | None:
    """Book that the rest of a claim is given up (640 on both sides), by two persons."""
    programme = case.statement.programme_ref
    gone = clawback_writeoff(programme)
    legs: list[Leg] = [
        (
            gone,
            clawback_due(programme, str(case.party.pk)),
            amount_fen,
            TransferCode.CLAWBACK_WRITE_OFF,
        ),
        (clawback_assessed(programme), gone, amount_fen, TransferCode.CLAWBACK_WRITE_OFF),
    ]
    refs = {**_claim_refs(case), "decision": case.write_off_ref}
    return book_legs(
        case.pk, "clawback.written_off", legs, refs=refs, actor=actor, at=at,
        approvals=(asked, actor),
    )  # fmt: skip


def book_year_end(
    closing: YearEnd,
    programme: str,
    figures: Mapping[str, int],
    *,
    asked: Actor,
    actor: Actor,
    at: datetime,
) -> UUID | None:
    """Book what a programme gives back at the end of its year (109, 510, 650), by two persons."""
    home = treasury(programme)
    legs: list[Leg] = [
        (budget(programme), home, figures["unused_fen"], TransferCode.RETURN),
        (expired(programme), home, figures["lapsed_left_fen"], TransferCode.REBUDGET_LAPSED),
        (
            clawback_recovered(programme),
            home,
            figures["recovered_left_fen"],
            TransferCode.CLAWBACK_REBUDGET,
        ),
    ]
    refs = {"programme": programme, "document_no": closing.document_no}
    return book_legs(
        closing.pk, "budget.year_end", legs, refs=refs, actor=actor, at=at, approvals=(asked, actor)
    )
