"""The one way to move value.

``post`` books one journal and refuses by raising; ``post_set`` books a list and answers item by
item. Both do the same: find and lock the accounts in the order of their ids, judge every
transfer in turn against the locked balances, then insert everything in one statement per table.
The database moves the balance rows in the same statement and holds the limits once more.

A journal id answers for ever as it answered first: booked stays booked, refused stays refused.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from ledger import bookkeeping
from ledger.actors import Actor
from ledger.chart import TransferCode
from ledger.entries import JournalBytes, JournalFrame
from ledger.limits import STATE_CODES
from ledger.refusals import Broken, Refused
from ledger.transfers import Fault, Journal, Phase, Transfer, shape_fault

__all__ = ["Journal", "Outcome", "Phase", "Posted", "Transfer", "post", "post_set"]

_TRIES = 3
#: What waits while a check of the books has an open finding (docs/operations.md).
_NOT_IN_SAFE_MODE = frozenset(
    {TransferCode.POST_RESERVED, TransferCode.REDEEM, TransferCode.SETTLE, TransferCode.PAY}
)
_ID_REUSED = "该业务编号已用于内容不同的凭证，请刷新页面后重新提交。"
_SAFE_MODE = "账簿核对发现异常，系统处于安全模式，暂停核销、结算与付款；请稍后再试或联系数据局。"
_ID_REFUSED = "该业务编号先前已被拒绝，请刷新页面后重新提交。"


@dataclass(frozen=True)
class Posted:
    """A journal in the books: its place, and the log entry that proves it."""

    journal_id: UUID
    seq: int
    entry_id: UUID


@dataclass(frozen=True)
class Outcome:
    """What became of one journal of a set: ``posted``, ``exists``, or why not.

    Args:
        code: stable reason; the codes and their precedence stand in docs/ledger.md.
        ordinal: the transfer in which the fault lies, if it lies in one.
    """

    journal_id: UUID
    code: str
    posted: Posted | None = None
    message: str = ""
    ordinal: int | None = None

    @property
    def ok(self) -> bool:
        """Say whether the journal stands in the books."""
        return self.posted is not None


def post(journal: Journal, *, actor: Actor, at: datetime) -> Posted:
    """Book one journal, or refuse it and change nothing.

    Asking again with the same journal gives the same answer and books nothing twice.

    Writes: accounts on first use, one journal, its transfers, one ``ledger.journal`` entry.

    Raises:
        Refused: the code of the first fault, e.g. ``insufficient_funds``.
    """
    try:
        with transaction.atomic():
            outcome = _post_all([journal], actor, at)[0]
            if outcome.posted is not None:
                return outcome.posted
            raise _refusal(journal, outcome)
    except Refused as refused:
        if refused.code in STATE_CODES:
            # Everything done so far is rolled back by the caller too; the refusal must stay.
            bookkeeping.keep_refusal_apart(
                bookkeeping.Refusal(journal.id, refused.code, request_hash(journal)), at
            )
        raise


def _refusal(journal: Journal, outcome: Outcome) -> Refused:
    details = {"journal": str(journal.id)}
    if outcome.ordinal is not None:
        details["transfer"] = str(journal.transfers[outcome.ordinal].id)
    return Refused(outcome.code, outcome.message, details=details)


def post_set(journals: Sequence[Journal], *, actor: Actor, at: datetime) -> list[Outcome]:
    """Book a list of journals in its order; each stands or falls for itself.

    Gives exactly what posting them one at a time would give.

    Writes: per booked journal as ``post``; per journal refused by the books, its id.
    """
    with transaction.atomic():
        return _post_all(list(journals), actor, at)


def request_hash(journal: Journal) -> bytes:
    """Return the digest by which the same request is known again."""
    return hashlib.sha256(journal.encoded().plain()).digest()


def _post_all(journals: list[Journal], actor: Actor, at: datetime) -> list[Outcome]:
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return _Posting(journals, actor, at).run()
        except IntegrityError as error:
            # Somebody booked one of these ids while we did; now it is there to be found.
            if getattr(error.__cause__, "sqlstate", "") != "23505":
                raise
    raise Broken("posting lost the same race three times")


def _must_wait(journal: Journal) -> bool:
    return any(each.code in _NOT_IN_SAFE_MODE for each in journal.transfers)


class _Posting:
    """One pass over a list of journals: recall, lock, judge, write."""

    def __init__(self, journals: list[Journal], actor: Actor, at: datetime) -> None:
        self.journals = journals
        self.actor = actor
        self.at = at
        self.bodies: dict[int, JournalBytes] = {}
        self.hashes: dict[int, bytes] = {}
        self.outcomes: list[Outcome | None] = [None] * len(journals)

    def run(self) -> list[Outcome]:
        shaped = []
        for place, journal in enumerate(self.journals):
            fault = shape_fault(journal)
            if fault:
                self._refuse(place, fault)
            else:
                shaped.append(place)
                self.bodies[place] = journal.encoded()
                self.hashes[place] = hashlib.sha256(self.bodies[place].plain()).digest()
        if shaped:
            self._judge(shaped)
        return [each for each in self.outcomes if each is not None]

    def _refuse(self, place: int, fault: Fault) -> None:
        self.outcomes[place] = Outcome(
            self.journals[place].id, fault.code, None, fault.message, fault.ordinal
        )

    def _judge(self, shaped: list[int]) -> None:
        transfers = [each for place in shaped for each in self.journals[place].transfers]
        accounts = bookkeeping.open_accounts(transfers, self.at)
        books = bookkeeping.load_books(transfers, accounts)
        safe_mode = (
            any(_must_wait(self.journals[place]) for place in shaped)
            and bookkeeping.rows("SELECT ledger_safe_mode()")[0][0]
        )
        known = bookkeeping.recall([self.journals[place].id for place in shaped])
        # Taken after the locks and the reading, so that order by seq is an order in which
        # every limit holds: the offline verifier replays by it.
        seqs = dict(zip(shaped, bookkeeping.take_seqs(len(shaped)), strict=True))
        booked: list[int] = []
        refused: list[bookkeeping.Refusal] = []
        for place in shaped:
            journal, hashed = self.journals[place], self.hashes[place]
            if journal.id in known:
                self._recalled(place, known[journal.id])
                continue
            if safe_mode and _must_wait(journal):
                self._refuse(place, Fault("safe_mode", _SAFE_MODE))
                continue
            fault = books.judge(journal)
            if fault is None:
                booked.append(place)
                known[journal.id] = bookkeeping.Known(hashed, "", seqs[place])
                self._book(place, seqs[place], "posted")
            else:
                self._refuse(place, fault)
                if fault.code in STATE_CODES:
                    refused.append(bookkeeping.Refusal(journal.id, fault.code, hashed))
                    known[journal.id] = bookkeeping.Known(hashed, fault.code, 0)
        self._write(booked, [seqs[place] for place in booked], accounts)
        bookkeeping.keep_refusals(refused, self.at)

    def _recalled(self, place: int, known: bookkeeping.Known) -> None:
        if known.request_hash != self.hashes[place]:
            self._refuse(place, Fault("id_reused", _ID_REUSED))
        elif known.refused_code:
            self._refuse(place, Fault("id_already_refused", _ID_REFUSED))
        else:
            self._book(place, known.seq, "exists")

    def _book(self, place: int, seq: int, code: str) -> None:
        journal_id = self.journals[place].id
        self.outcomes[place] = Outcome(journal_id, code, Posted(journal_id, seq, journal_id))

    def _write(self, booked: list[int], seqs: list[int], accounts: bookkeeping.Accounts) -> None:
        if not booked:
            return
        chosen = [self.journals[place] for place in booked]
        bodies = [self.bodies[place] for place in booked]
        hashes = [self.hashes[place] for place in booked]
        bookkeeping.insert_journals(seqs, chosen, hashes, self.actor, self.at)
        bookkeeping.insert_transfers(seqs, chosen, accounts)
        frame = JournalFrame(settings.LOG_ORIGIN, self.at, self.actor.for_log())
        entries = [
            frame.entry(journal.id, seq, body)
            for journal, seq, body in zip(chosen, seqs, bodies, strict=True)
        ]
        bookkeeping.insert_entries(seqs, chosen, entries, self.at)
