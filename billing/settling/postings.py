"""The only file of this room that books value: what each step of a settlement posts.

Every journal id is derived from the statement or payment it belongs to, so a step that is repeated
after a crash finds its posting there and books nothing twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from billing.models import (
    PaymentItem,
    Statement,
    StatementLine,
)
from billing.redeeming import drawn_on
from ledger.actors import Actor
from ledger.book import Journal, Transfer, post, post_set
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
from ledger.refusals import Refused
from vouchers.models import Redemption

Leg = tuple[AccountKey, AccountKey, int, TransferCode]


def book_legs(
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
    journal = _journal(root, kind, legs, refs=refs, at=at, approvals=approvals)
    if journal is None:
        return None
    post(journal, actor=actor, at=at)
    return journal.id


def _journal(
    root: UUID,
    kind: str,
    legs: Sequence[Leg],
    *,
    refs: dict[str, str],
    at: datetime,
    approvals: tuple[Actor, ...] = (),
) -> Journal | None:
    """Return the legs with an amount as one journal, nothing when there are none."""
    journal_id = uuid5(root, kind)
    transfers = tuple(
        Transfer(uuid5(journal_id, str(place)), debit, credit, amount, code)
        for place, (debit, credit, amount, code) in enumerate(legs)
        if amount > 0
    )
    return Journal(journal_id, kind, at, transfers, refs, approvals) if transfers else None


def refs_of(statement: Statement) -> dict[str, str]:
    """Return by what a journal names a statement."""
    return {"statement": str(statement.pk), "statement_no": statement.statement_no}


def book_own_shares(statements: Sequence[Statement], *, actor: Actor, at: datetime) -> None:
    """Book the own share of every statement in one set; all of them or none.

    Each as a memo of what its enterprise pays, and the computing that no redemption ties: usage
    without any share is self-paid. Where the share is claimed later, the usage is tied to the
    voucher here, as the redemption comes in another month or never.

    Raises:
        Refused: the books refuse one of them.
    """
    made = [
        _journal(each.pk, "statement.own_share", _own_share(each), refs=refs_of(each), at=at)
        for each in statements
    ]
    journals = [each for each in made if each is not None]
    for outcome in post_set(journals, actor=actor, at=at) if journals else []:
        if not outcome.ok:
            raise Refused(outcome.code, outcome.message)


def _own_share(statement: Statement) -> list[Leg]:
    provider, month = str(statement.provider_id), statement.month
    enterprise = str(statement.enterprise_id)
    computing = 0 if statement.public_fen else statement.compute_gflops_s
    tied = statement.compute_gflops_s if statement.public_fen and statement.by_claim else 0
    return [
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
        (
            unmatched(provider, month),
            used_voucher(statement.programme_ref, str(statement.voucher_id)),
            tied,
            TransferCode.MATCH_VOUCHER,
        ),
    ]


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
    refs = refs_of(statement)
    return book_legs(statement.pk, "statement.earlier", legs, refs=refs, actor=actor, at=at)


def book_approval(
    statement: Statement, *, preparer: Actor, actor: Actor, at: datetime
) -> UUID | None:
    """Book what an approved statement owes (400), and what of it is held back (410).

    A statement that is paid by claim owes nothing yet: ``book_claim`` books what a claim grants.
    """
    if statement.by_claim:
        return None
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
    return book_legs(
        statement.pk,
        "statement.settled",
        legs,
        refs=refs_of(statement),
        actor=actor,
        at=at,
        approvals=(preparer, actor),
    )


def book_claim(
    statement: Statement, claim_id: UUID, *, checker: Actor, actor: Actor, at: datetime
) -> UUID | None:
    """Book what a claim grants as owed (400), and what it does not as own share (750)."""
    granted = statement.granted_fen or 0
    provider, month = str(statement.provider_id), statement.month
    legs: list[Leg] = [
        (
            redeemed(statement.programme_ref, provider),
            statement.settlement_account,
            granted,
            TransferCode.SETTLE,
        ),
        (
            invoice(provider, month),
            self_share(str(statement.enterprise_id), provider, month),
            statement.public_fen - granted,
            TransferCode.OWN_SHARE,
        ),
    ]
    refs = {**refs_of(statement), "claim": str(claim_id)}
    both = (checker, actor)
    return book_legs(claim_id, "claim.settled", legs, refs=refs, actor=actor, at=at, approvals=both)


def book_dismissal(
    statement: Statement, objection_id: UUID, amount_fen: int, *, actor: Actor, at: datetime
) -> UUID | None:
    """Book that a held-back part of an approved statement is owed after all (415)."""
    if statement.by_claim:
        return None
    legs: list[Leg] = [
        (
            statement.disputed_account,
            statement.settlement_account,
            amount_fen,
            TransferCode.UNDISPUTE,
        )
    ]
    return book_legs(
        objection_id, "objection.dismissed", legs, refs=refs_of(statement), actor=actor, at=at
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
    drawn = drawn_on(statement.pk)
    first = drawn[0].voucher_id if drawn else statement.voucher_id
    computing = line.device_milli_seconds * line.gflops // 1000
    share = 0 if statement.by_claim else line.public_fen  # nothing of a claim is redeemed yet
    legs: list[Leg] = []
    if statement.state == "approved":
        owed, held = statement.settlement_account, statement.disputed_account
        legs += [
            (held, owed, share, TransferCode.UNDISPUTE),
            (owed, spent, share, TransferCode.CORRECT),
        ]
    legs += [
        *_home(statement, drawn, share),
        (
            self_share(enterprise, provider, month),
            invoice(provider, month),
            line.self_fen,
            TransferCode.CORRECT,
        ),
        (
            used_voucher(programme, str(first)),
            unmatched(provider, month),
            computing,
            TransferCode.CORRECT,
        ),
        (unmatched(provider, month), rejected(provider, month), computing, TransferCode.REJECT),
    ]
    return book_legs(
        objection_id, "objection.upheld", legs, refs=refs_of(statement), actor=actor, at=at
    )


def _home(statement: Statement, drawn: Sequence[Redemption], share: int) -> list[Leg]:
    """Return the legs that bring a share home: the voucher drawn on last gets its part back first.

    What earlier reversals of the statement brought home already is passed over.
    """
    programme = statement.programme_ref
    spent = redeemed(programme, str(statement.provider_id))
    gone = -sum(each.public_fen for each in statement.lines.filter(reverses__isnull=False))
    legs: list[Leg] = []
    for each in reversed(drawn):
        passed = min(gone, each.amount_fen)
        gone -= passed
        amount = min(share, each.amount_fen - passed)
        share -= amount
        if amount:
            home = voucher(programme, str(each.voucher_id))
            legs.append((spent, home, amount, TransferCode.CORRECT))
    return legs


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
    refs = {**refs_of(statement), "payment": str(item.line_id)}
    return book_legs(item.pk, "payment.made", legs, refs=refs, actor=actor, at=at)


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
    refs = {**refs_of(statement), "payment": str(item.line_id)}
    return book_legs(item.pk, "payment.returned", legs, refs=refs, actor=actor, at=at)
