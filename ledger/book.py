"""The one way to move value.

``post`` books one journal and refuses by raising; ``post_set`` books a list and answers item by
item. Both look at the shape of each journal here and hand the rest to one function of the
database (``ledger_post``), which locks the accounts, judges every transfer in turn and writes
all rows and log entries: one statement in all. The database moves the balance rows with the
transfers and holds the limits once more.

A journal id answers for ever as it answered first: booked stays booked, refused stays refused.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db import DatabaseError, connection

from ledger import bookkeeping
from ledger.actors import Actor
from ledger.answers import SENTENCES, STATE_CODES
from ledger.bookkeeping import Answer
from ledger.refusals import Refused
from ledger.transfers import Journal, Phase, Transfer, shape_fault

__all__ = ["Journal", "Outcome", "Phase", "Posted", "Transfer", "post", "post_set"]

Result = TypeVar("Result")
#: Two transactions stood in each other's way; asked again, they go one after the other.
_IN_THE_WAY = {"40001", "40P01", "23505"}
_TRIES = 5
_PAUSE_MILLISECONDS = 20


class Posted(NamedTuple):
    """A journal in the books: its place, and the log entry that proves it."""

    journal_id: UUID
    seq: int
    entry_id: UUID


class Outcome(NamedTuple):
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
    fault = shape_fault(journal)
    if fault:
        raise _refusal(journal, fault.code, fault.message, fault.ordinal)
    # Inside somebody's transaction the memory of a refusal would be rolled back with it.
    inside = connection.in_atomic_block
    booked = _again(lambda: bookkeeping.book([journal], actor, at, whole=True, keep=not inside))
    seq, answer = booked.seqs[0], booked.answers.get(0)
    if answer:
        if inside and answer.code in STATE_CODES:
            bookkeeping.keep_refusal_apart(journal.id, answer, at)
        if answer.code != "exists":
            raise _refusal(journal, answer.code, SENTENCES[answer.code], answer.ordinal)
        seq = answer.seq
    return Posted(journal.id, seq, journal.id)


def _refusal(journal: Journal, code: str, message: str, ordinal: int | None) -> Refused:
    details = {"journal": str(journal.id)}
    if ordinal is not None:
        details["transfer"] = str(journal.transfers[ordinal].id)
    return Refused(code, message, details=details)


def post_set(journals: Sequence[Journal], *, actor: Actor, at: datetime) -> list[Outcome]:
    """Book a list of journals in its order; each stands or falls for itself.

    Gives exactly what posting them one at a time would give.

    Writes: per booked journal as ``post``; per journal refused by the books, its id.
    """
    faults = [shape_fault(journal) for journal in journals]
    shaped = [journal for journal, fault in zip(journals, faults, strict=True) if not fault]
    answered = iter(_booked(shaped, actor, at) if shaped else ())
    return [
        Outcome(journal.id, fault.code, None, fault.message, fault.ordinal)
        if fault
        else next(answered)
        for journal, fault in zip(journals, faults, strict=True)
    ]


def _booked(journals: list[Journal], actor: Actor, at: datetime) -> list[Outcome]:
    booked = _again(lambda: bookkeeping.book(journals, actor, at, whole=False, keep=True))
    outcomes = [
        Outcome(journal.id, "posted", Posted(journal.id, seq, journal.id))
        for journal, seq in zip(journals, booked.seqs, strict=True)
    ]
    for place, answer in booked.answers.items():
        outcomes[place] = _outcome(journals[place].id, answer)
    return outcomes


def _outcome(journal_id: UUID, answer: Answer) -> Outcome:
    if answer.code == "exists":
        return Outcome(journal_id, "exists", Posted(journal_id, answer.seq, journal_id))
    return Outcome(journal_id, answer.code, None, SENTENCES[answer.code], answer.ordinal)


def _again(ask: Callable[[], Result]) -> Result:
    """Ask, and ask again where a concurrent transaction stood in the way.

    Inside a transaction nothing can be asked again alone: it is for its owner to do.
    """
    for tried in range(1, _TRIES + 1):
        try:
            return ask()
        except DatabaseError as error:
            in_the_way = getattr(error.__cause__, "sqlstate", None) in _IN_THE_WAY
            if connection.in_atomic_block or not in_the_way or tried == _TRIES:
                raise
        time.sleep(secrets.randbelow(_PAUSE_MILLISECONDS << tried) / 1000)
    raise AssertionError
