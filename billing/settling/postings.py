"""The only file of this room that books value: what each step of a settlement posts.

Every journal id is derived from the statement or payment it belongs to, so a step that is repeated
after a crash finds its posting there and books nothing twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from billing.models import PaymentItem, Statement, StatementLine
from ledger.actors import Actor
from ledger.book import Journal, Transfer, post
from ledger.chart import (
    AccountKey,
    TransferCode,
    invoice,
    paid,
    redeemed,
    rejected,
    self_share,
    unmatched,
    used_self,
    used_voucher,
    voucher,
)

Leg = tuple[AccountKey, AccountKey, int, TransferCode]


def _book(
    root: UUID,
    kind: str,
    legs: Sequence[Leg],
    *,
    refs: dict[str, str],
    actor: Actor,
    at: datetime,
    approvals: tuple[Actor, ...] = (),
) -> UUID | None:
    """Book legs with an amount as one journal; without any, book nothing."""
    journal_id = uuid5(root, kind)
    transfers = tuple(
        Transfer(uuid5(journal_id, str(place)), debit, credit, amount, code)
        for place, (debit, credit, amount, code) in enumerate(legs)
        if amount > 0
    )
    if not transfers:
        return None
    post(Journal(journal_id, kind, at, transfers, refs, approvals), actor=actor, at=at)
    return journal_id


def _refs(statement: Statement) -> dict[str, str]:
    return {"statement": str(statement.pk), "statement_no": statement.statement_no}


def book_own_share(statement: Statement, *, actor: Actor, at: datetime) -> UUID | None:
    """Book the enterprise's own share as a memo; usage without any share as self-paid computing."""
    provider, month = str(statement.provider_id), statement.month
    enterprise = str(statement.enterprise_id)
    computing = 0 if statement.public_fen else statement.compute_gflops_s
    legs: list[Leg] = [
        (
            invoice(provider, month),
            self_share(enterprise, provider, month),
            statement.self_fen,
            TransferCode.OWN_SHARE,
        ),
        (
            unmatched(provider, month),
            used_self(enterprise, month),
            computing,
            TransferCode.MATCH_SELF,
        ),
    ]
    return _book(
        statement.pk, "statement.own_share", legs, refs=_refs(statement), actor=actor, at=at
    )


def book_earlier_computing(
    statement: Statement, months: Mapping[str, int], *, actor: Actor, at: datetime
) -> UUID | None:
    """Book computing of earlier months whose adjustments this statement takes up.

    Units: GFLOPS-seconds by month.
    """
    provider, enterprise = str(statement.provider_id), str(statement.enterprise_id)
    tied = used_voucher(statement.programme_ref, str(statement.voucher_id))
    legs: list[Leg] = [
        (unmatched(provider, month), tied, work, TransferCode.MATCH_VOUCHER)
        if statement.public_fen
        else (
            unmatched(provider, month),
            used_self(enterprise, month),
            work,
            TransferCode.MATCH_SELF,
        )
        for month, work in sorted(months.items())
    ]
    refs = _refs(statement)
    return _book(statement.pk, "statement.earlier", legs, refs=refs, actor=actor, at=at)


def book_approval(
    statement: Statement, *, preparer: Actor, actor: Actor, at: datetime
) -> UUID | None:
    """Book what an approved statement owes (400), and what of it is held back (410)."""
    programme = statement.programme_ref
    legs: list[Leg] = [
        (
            redeemed(programme, str(statement.provider_id)),
            statement.settlement_account,
            statement.public_fen,
            TransferCode.SETTLE,
        ),
        (
            statement.settlement_account,
            statement.disputed_account,
            statement.held_back_fen,
            TransferCode.DISPUTE,
        ),
    ]
    return _book(
        statement.pk,
        "statement.settled",
        legs,
        refs=_refs(statement),
        actor=actor,
        at=at,
        approvals=(preparer, actor),
    )


def book_dismissal(
    statement: Statement, objection_id: UUID, amount_fen: int, *, actor: Actor, at: datetime
) -> UUID | None:
    """Book that a held-back part of an approved statement is owed after all (415)."""
    legs: list[Leg] = [
        (
            statement.disputed_account,
            statement.settlement_account,
            amount_fen,
            TransferCode.UNDISPUTE,
        )
    ]
    return _book(
        objection_id, "objection.dismissed", legs, refs=_refs(statement), actor=actor, at=at
    )


def book_reversal(
    statement: Statement, line: StatementLine, objection_id: UUID, *, actor: Actor, at: datetime
) -> UUID | None:
    """Book a line back (900): its share to the voucher, its own share and computing undone.

    On an approved statement the share lies in the disputed account and goes back the way it came.
    """
    programme, provider = statement.programme_ref, str(statement.provider_id)
    month, enterprise = statement.month, str(statement.enterprise_id)
    spent = redeemed(programme, provider)
    home = voucher(programme, str(statement.voucher_id))
    computing = line.device_milli_seconds * line.gflops // 1000
    share = line.public_fen
    legs: list[Leg] = []
    if statement.state == "approved":
        owed, held = statement.settlement_account, statement.disputed_account
        legs += [
            (held, owed, share, TransferCode.UNDISPUTE),
            (owed, spent, share, TransferCode.CORRECT),
        ]
    legs += [
        (spent, home, share, TransferCode.CORRECT),
        (
            self_share(enterprise, provider, month),
            invoice(provider, month),
            line.self_fen,
            TransferCode.CORRECT,
        ),
        (
            used_voucher(programme, str(statement.voucher_id)),
            unmatched(provider, month),
            computing,
            TransferCode.CORRECT,
        ),
        (unmatched(provider, month), rejected(provider, month), computing, TransferCode.REJECT),
    ]
    return _book(objection_id, "objection.upheld", legs, refs=_refs(statement), actor=actor, at=at)


def book_payment(item: PaymentItem, *, actor: Actor, at: datetime) -> UUID | None:
    """Book that a part of a statement was paid (420)."""
    statement = item.statement
    legs: list[Leg] = [
        (
            statement.settlement_account,
            paid(statement.programme_ref, str(statement.provider_id)),
            item.amount_fen,
            TransferCode.PAY,
        )
    ]
    refs = {**_refs(statement), "payment": str(item.line_id)}
    return _book(item.pk, "payment.made", legs, refs=refs, actor=actor, at=at)


def book_return(item: PaymentItem, *, actor: Actor, at: datetime) -> UUID | None:
    """Book that the bank sent a payment back (430)."""
    statement = item.statement
    legs: list[Leg] = [
        (
            paid(statement.programme_ref, str(statement.provider_id)),
            statement.settlement_account,
            item.amount_fen,
            TransferCode.BOUNCE,
        )
    ]
    refs = {**_refs(statement), "payment": str(item.line_id)}
    return _book(item.pk, "payment.returned", legs, refs=refs, actor=actor, at=at)
