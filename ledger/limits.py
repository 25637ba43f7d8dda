"""Whether the balances allow a journal: judged one transfer after the other, in order.

Pure: the standings of the accounts concerned go in, each journal is judged against them and,
if it is allowed, moves them. Judging a long list gives exactly what judging its items one at a
time would give, because it is the same loop.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from ledger.chart import AccountKey, Kind, TransferCode
from ledger.transfers import Fault, Journal, Phase, Transfer

#: Refusals that rest on the state of the books; an id refused for one of these stays refused.
STATE_CODES = frozenset(
    {
        "pending_not_found",
        "pending_other_accounts",
        "pending_already_resolved",
        "exceeds_pending",
        "void_not_whole",
        "not_expired_yet",
        "insufficient_funds",
    }
)
_MESSAGES = {
    "transfer_id_taken": "分录编号已被其他凭证使用。",
    "pending_not_found": "找不到要处理的冻结。",
    "pending_other_accounts": "冻结与本次业务的账户不一致。",
    "pending_already_resolved": "该冻结已经处理过，不能再次处理。",
    "exceeds_pending": "金额超过冻结金额。",
    "void_not_whole": "释放冻结时金额必须等于原冻结金额。",
    "not_expired_yet": "冻结尚未到期，不能按到期处理。",
    "insufficient_funds": "账户可用余额不足。",
}


@dataclass
class Standing:
    """What lies in a pool that may not go below zero."""

    debits_pending: int
    debits_posted: int
    credits_posted: int

    @property
    def available(self) -> int:
        """Return what may still be taken out."""
        return self.credits_posted - self.debits_posted - self.debits_pending


@dataclass
class Held:
    """A pending transfer as it stands."""

    debit: AccountKey
    credit: AccountKey
    amount: int
    expires_at: datetime | None
    resolved: bool


@dataclass
class Books:
    """The part of the books that a list of journals touches.

    Args:
        standings: every limited account that the list debits.
        held: every pending transfer that the list resolves.
        taken: transfer ids that are in the books already.
    """

    standings: dict[AccountKey, Standing]
    held: dict[UUID, Held] = field(default_factory=dict)
    taken: set[UUID] = field(default_factory=set)

    def judge(self, journal: Journal) -> Fault | None:
        """Book a journal if every transfer in turn is allowed; otherwise change nothing."""
        done: list[Transfer] = []
        for ordinal, transfer in enumerate(journal.transfers):
            code = self._refusal(transfer, journal.effective_at)
            if code:
                for each in reversed(done):
                    self._move(each, -1)
                return Fault(code, _MESSAGES[code], ordinal)
            self._move(transfer, 1)
            done.append(transfer)
        return None

    def _refusal(self, transfer: Transfer, at: datetime) -> str | None:
        if transfer.id in self.taken:
            return "transfer_id_taken"
        if transfer.pending_id is not None:
            return self._held_refusal(transfer, self.held.get(transfer.pending_id), at)
        standing = self.standings.get(transfer.debit)
        if transfer.debit.pool.kind is Kind.EXTERNAL or standing is None:
            return None
        return "insufficient_funds" if transfer.amount > standing.available else None

    def _held_refusal(self, transfer: Transfer, held: Held | None, at: datetime) -> str | None:
        if held is None:
            return "pending_not_found"
        if (held.debit, held.credit) != (transfer.debit, transfer.credit):
            return "pending_other_accounts"
        if held.resolved:
            return "pending_already_resolved"
        if transfer.phase is Phase.POST:
            return "exceeds_pending" if transfer.amount > held.amount else None
        if transfer.amount != held.amount:
            return "void_not_whole"
        if transfer.code is TransferCode.EXPIRE_RESERVED and (
            held.expires_at is None or at < held.expires_at
        ):
            return "not_expired_yet"
        return None

    def _move(self, transfer: Transfer, sign: int) -> None:
        debit = self.standings.get(transfer.debit)
        credit = self.standings.get(transfer.credit)
        if sign > 0:
            self.taken.add(transfer.id)
        else:
            self.taken.discard(transfer.id)
        if transfer.phase is Phase.PENDING:
            self._hold(transfer, sign)
        if transfer.pending_id is not None:
            held = self.held[transfer.pending_id]
            held.resolved = sign > 0
            if debit:
                debit.debits_pending -= sign * held.amount
        if transfer.phase in (Phase.SINGLE, Phase.POST):
            if debit:
                debit.debits_posted += sign * transfer.amount
            if credit:
                credit.credits_posted += sign * transfer.amount

    def _hold(self, transfer: Transfer, sign: int) -> None:
        debit = self.standings.get(transfer.debit)
        if debit:
            debit.debits_pending += sign * transfer.amount
        if sign > 0:
            self.held[transfer.id] = Held(
                transfer.debit,
                transfer.credit,
                transfer.amount,
                transfer.expires_at,
                False,
            )
        else:
            self.held.pop(transfer.id)
