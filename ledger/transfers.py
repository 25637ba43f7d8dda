"""Transfers and journals as the caller states them, and what can be wrong with them.

Pure: a journal either has a shape that could be booked, or a named fault. Whether the balances
allow it is judged by the database (``ledger_judge``), in order.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from ledger.actors import Actor
from ledger.chart import ROUTES, AccountKey, TransferCode, Unit
from ledger.entries import canonical_text, moment_text, text_literal

#: The amount column is a signed 64-bit number; one transfer stays far below it.
MAX_AMOUNT = 10**18
MAX_TRANSFERS = 200
MAX_REASON = 200


class Phase(StrEnum):
    """How a transfer counts."""

    SINGLE = "single"  # at once
    PENDING = "pending"  # held: counts against the limit, credits nothing yet
    POST = "post"  # makes a held amount, or a part, final; the rest returns
    VOID = "void"  # lets a held amount go


@dataclass(frozen=True)
class Transfer:
    """One positive whole number moving from one account to another of the same unit."""

    id: UUID
    debit: AccountKey
    credit: AccountKey
    amount: int
    code: TransferCode
    phase: Phase = Phase.SINGLE
    pending_id: UUID | None = None
    expires_at: datetime | None = None
    reason: str = ""

    def for_log(self) -> dict[str, Any]:
        """Return the transfer as it stands in a log entry."""
        stated: dict[str, Any] = {
            "id": str(self.id),
            "code": str(int(self.code)),
            "phase": self.phase.value,
            "unit": self.debit.unit.value,
            "debit": self.debit.for_log(),
            "credit": self.credit.for_log(),
            "amount": str(self.amount),
        }
        if self.pending_id:
            stated["pending_id"] = str(self.pending_id)
        if self.expires_at:
            stated["expires_at"] = moment_text(self.expires_at)
        if self.reason:
            stated["reason"] = self.reason
        return stated


@dataclass(frozen=True)
class Journal:
    """Transfers that are booked together or not at all.

    Args:
        id: made by the caller and kept before asking, so that asking again is safe.
        kind: the business event, e.g. ``voucher.issue``.
        effective_at: the moment from which it counts.
        refs: business references as texts (never personal data).
        approvals: the people who approved, besides the actor who books.
    """

    id: UUID
    kind: str
    effective_at: datetime
    transfers: tuple[Transfer, ...]
    refs: Mapping[str, str] = field(default_factory=dict)
    approvals: tuple[Actor, ...] = ()

    def approvals_text(self) -> str:
        """Return the canonical text of the people who approved."""
        if not self.approvals:
            return "[]"
        return canonical_text([each.for_log() for each in self.approvals])

    def refs_text(self) -> str:
        """Return the canonical text of the references."""
        parts = [f"{text_literal(key)}:{text_literal(self.refs[key])}" for key in sorted(self.refs)]
        return f"{{{','.join(parts)}}}"

    def for_log(self) -> dict[str, Any]:
        """Return the journal as it stands in a log entry, without its place in the books."""
        return {
            "journal": str(self.id),
            "kind": self.kind,
            "effective_at": moment_text(self.effective_at),
            "transfers": [each.for_log() for each in self.transfers],
            "refs": dict(self.refs),
            "approvals": [each.for_log() for each in self.approvals],
        }


@dataclass(frozen=True)
class Fault:
    """Why a journal is not booked: a stable code, a sentence, and the transfer it lies in."""

    code: str
    message: str
    ordinal: int | None = None


#: The phase in which each two-phase code is written; every other code is ``SINGLE``.
PHASES = {
    TransferCode.RESERVE: Phase.PENDING,
    TransferCode.POST_RESERVED: Phase.POST,
    TransferCode.VOID_RESERVED: Phase.VOID,
    TransferCode.EXPIRE_RESERVED: Phase.VOID,
}
_MESSAGES = {
    "empty_journal": "凭证没有分录，不能记账。",
    "too_many_transfers": "一张凭证最多 200 笔分录，请分开记账。",
    "text_not_storable": "摘要或引用含有不能保存的字符，或者过长。",
    "duplicate_transfer_id": "同一张凭证内分录编号重复。",
    "amount_not_positive": "金额必须是大于零的整数。",
    "amount_too_large": "金额超出单笔上限。",
    "accounts_equal": "借贷账户相同，不能记账。",
    "units_differ": "借贷账户的计量单位不同，不能互转。",
    "programmes_differ": "借贷账户不属于同一方案年度。",
    "route_not_allowed": "此类业务不允许在这两个账户之间记账。",
    "phase_not_allowed": "此类业务不能使用这种记账方式。",
    "pending_id_needed": "确认或释放冻结时须指明原冻结编号。",
    "pending_id_forbidden": "只有确认或释放冻结时才能指明冻结编号。",
    "expires_at_forbidden": "只有冻结可以有到期时间。",
}


_SURROGATES = re.compile("[\ud800-\udfff]")


def _amount_fault(transfer: Transfer) -> str | None:
    if type(transfer.amount) is not int or transfer.amount <= 0:
        return "amount_not_positive"
    return "amount_too_large" if transfer.amount > MAX_AMOUNT else None


def _route_fault(transfer: Transfer) -> str | None:
    debit, credit = transfer.debit, transfer.credit
    legal = (debit.code, credit.code) in ROUTES[transfer.code]
    # A route leads from one code to another of the same unit (tests/ledger/test_chart.py).
    if legal and debit.programme == credit.programme:
        return None
    if debit == credit:
        return "accounts_equal"
    if debit.unit is not credit.unit:
        return "units_differ"
    if debit.unit is Unit.CNY and debit.programme != credit.programme:
        return "programmes_differ"
    return None if legal else "route_not_allowed"


def _phase_fault(transfer: Transfer) -> str | None:
    phase = transfer.phase
    if phase is not PHASES.get(transfer.code, Phase.SINGLE):
        return "phase_not_allowed"
    if phase is Phase.POST or phase is Phase.VOID:
        if transfer.pending_id is None:
            return "pending_id_needed"
    elif transfer.pending_id is not None:
        return "pending_id_forbidden"
    if transfer.expires_at is not None and phase is not Phase.PENDING:
        return "expires_at_forbidden"
    return None


def _storable(text: str) -> bool:
    if not isinstance(text, str) or len(text) > MAX_REASON or "\x00" in text:
        return False
    return text.isascii() or not _SURROGATES.search(text)


@lru_cache(maxsize=65_536)
def _is_account(key: AccountKey) -> bool:
    # The column of the programme is half as long as that of the subject.
    return _storable(key.subject) and _storable(2 * key.programme)


def _transfer_fault(transfer: Transfer) -> str | None:
    if not (
        _storable(transfer.reason) and _is_account(transfer.debit) and _is_account(transfer.credit)
    ):
        return "text_not_storable"
    return _amount_fault(transfer) or _route_fault(transfer) or _phase_fault(transfer)


def _fault(code: str, ordinal: int | None = None) -> Fault:
    return Fault(code, _MESSAGES[code], ordinal)


def shape_fault(journal: Journal) -> Fault | None:
    """Return the first fault in the shape of a journal, in the order the contract gives.

    First the journal as a whole, then transfer by transfer: text, amount, accounts, phase.
    """
    transfers, refs = journal.transfers, journal.refs
    if not transfers:
        return _fault("empty_journal")
    if len(transfers) > MAX_TRANSFERS:
        return _fault("too_many_transfers")
    if not (
        _storable(journal.kind)
        and all(_storable(key) and key.isascii() and _storable(refs[key]) for key in refs)
    ):
        return _fault("text_not_storable")
    if len(transfers) > 1 and len({each.id for each in transfers}) < len(transfers):
        return _fault("duplicate_transfer_id")
    for ordinal, each in enumerate(transfers):
        code = _transfer_fault(each)
        if code:
            return _fault(code, ordinal)
    return None
