"""Book every journal of an exported log again, from its entries alone.

Written apart from the code that posts: it shares only the chart of accounts with it. What it
arrives at are the balances the house must have.

Source: docs/ledger.md, two-phase rules.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.chart import POOLS, ROUTES, Code, Kind, TransferCode

AccountName = tuple[str, str, str]
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_JOURNAL = {"journal", "kind", "effective_at", "transfers", "refs", "approvals", "seq"}
_TRANSFER = {"id", "code", "phase", "unit", "debit", "credit", "amount"}
_OPTIONAL = {"pending_id", "expires_at", "reason"}
_ACCOUNT_PARTS = 3
_PHASE_OF = {300: "pending", 310: "post", 320: "void", 330: "void"}


class ReplayError(ValueError):
    """A journal that the rules of the books do not allow."""


@dataclass
class Sums:
    """The four sums of an account."""

    held_out: int = 0
    out: int = 0
    held_in: int = 0
    into: int = 0

    @property
    def available(self) -> int:
        """Return what may still be taken out."""
        return self.into - self.out - self.held_out


@dataclass
class Leg:
    """A transfer as read from an entry, its form already checked."""

    id: str
    code: int
    phase: str
    debit: AccountName
    credit: AccountName
    amount: int
    pending_id: str
    expires_at: str


def journal_seq(body: Mapping[str, Any]) -> int:
    """Return the place of a journal in the order of booking.

    Raises:
        ReplayError: the journal is not in its form.
    """
    if set(body) != _JOURNAL:
        raise ReplayError("the journal does not have the fields of a journal")
    return _number(body["seq"])


def _number(text: Any) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ReplayError("a number is not a positive whole number in plain digits")
    return int(text)


def _moment(text: Any) -> str:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise ReplayError("a moment is not in its form")
    return text


def _account(parts: Any) -> AccountName:
    if (
        not isinstance(parts, list)
        or len(parts) != _ACCOUNT_PARTS
        or not all(isinstance(each, str) for each in parts)
        or parts[0] not in Code._value2member_map_
    ):
        raise ReplayError("an account is not named by code, programme and subject")
    return (parts[0], parts[1], parts[2])


def _leg(stated: Any) -> Leg:
    if not isinstance(stated, dict) or not _TRANSFER <= set(stated) <= _TRANSFER | _OPTIONAL:
        raise ReplayError("a transfer does not have the fields of a transfer")
    if not all(isinstance(stated.get(each, ""), str) for each in ("id", "pending_id", "reason")):
        raise ReplayError("a field of a transfer is not a text")
    code = _number(stated["code"])
    expires_at = _moment(stated["expires_at"]) if "expires_at" in stated else ""
    leg = Leg(
        id=stated["id"],
        code=code,
        phase=str(stated["phase"]),
        debit=_account(stated["debit"]),
        credit=_account(stated["credit"]),
        amount=_number(stated["amount"]),
        pending_id=stated.get("pending_id", ""),
        expires_at=expires_at,
    )
    _check_route(leg, stated["unit"])
    return leg


def _check_route(leg: Leg, unit: Any) -> None:
    debit, credit = Code(leg.debit[0]), Code(leg.credit[0])
    if leg.code not in TransferCode._value2member_map_:
        raise ReplayError(f"transfer code {leg.code} is not known")
    if leg.debit == leg.credit or (debit, credit) not in ROUTES[TransferCode(leg.code)]:
        raise ReplayError(f"transfer code {leg.code} may not go {debit} -> {credit}")
    if POOLS[debit].unit != unit or POOLS[credit].unit != unit:
        raise ReplayError("the units of a transfer and its accounts differ")
    if unit == "CNY" and leg.debit[1] != leg.credit[1]:
        raise ReplayError("a transfer crosses from one programme to another")
    if leg.phase != _PHASE_OF.get(leg.code, "single"):
        raise ReplayError(f"transfer code {leg.code} may not be {leg.phase[:20]}")
    if bool(leg.pending_id) != (leg.phase in ("post", "void")):
        raise ReplayError("a transfer names a pending one without resolving it, or the reverse")
    if leg.expires_at and leg.phase != "pending":
        raise ReplayError("only a pending transfer expires")


@dataclass
class Replay:
    """The books as they come out of the log."""

    accounts: dict[AccountName, Sums] = field(default_factory=dict)
    journals: int = 0
    transfers: int = 0
    last_seq: int = 0
    _ids: set[str] = field(default_factory=set)
    _pending: dict[str, Leg] = field(default_factory=dict)

    def book(self, body: Mapping[str, Any]) -> None:
        """Book one journal; they must come in the order of their ``seq``.

        Raises:
            ReplayError: the rules or the balances do not allow it.
        """
        seq = journal_seq(body)
        if seq <= self.last_seq:
            raise ReplayError(f"place {seq} in the order of booking is taken twice")
        self.last_seq = seq
        effective_at = _moment(body["effective_at"])
        legs = body["transfers"]
        if not isinstance(legs, list) or not legs:
            raise ReplayError("a journal without transfers")
        for stated in legs:
            self._apply(_leg(stated), effective_at)
        self.journals += 1

    def _sums(self, name: AccountName) -> Sums:
        return self.accounts.setdefault(name, Sums())

    def _apply(self, leg: Leg, effective_at: str) -> None:
        if leg.id in self._ids:
            raise ReplayError(f"transfer {leg.id[:40]} occurs twice")
        self._ids.add(leg.id)
        debit, credit = self._sums(leg.debit), self._sums(leg.credit)
        if leg.phase in ("post", "void"):
            held = self._resolve(leg, effective_at)
            debit.held_out -= held.amount
            credit.held_in -= held.amount
        if leg.phase == "pending":
            debit.held_out += leg.amount
            credit.held_in += leg.amount
            self._pending[leg.id] = leg
        elif leg.phase != "void":
            debit.out += leg.amount
            credit.into += leg.amount
        if POOLS[Code(leg.debit[0])].kind is not Kind.EXTERNAL and debit.available < 0:
            raise ReplayError(
                f"account {':'.join(leg.debit)[:120]} would go below zero by {-debit.available}"
            )
        self.transfers += 1

    def _resolve(self, leg: Leg, effective_at: str) -> Leg:
        held = self._pending.pop(leg.pending_id, None)
        if held is None:
            raise ReplayError(f"pending {leg.pending_id[:40]} is unknown or already resolved")
        if (held.debit, held.credit) != (leg.debit, leg.credit):
            raise ReplayError("a resolution touches other accounts than its pending transfer")
        if leg.amount > held.amount or (leg.phase == "void" and leg.amount != held.amount):
            raise ReplayError("a resolution does not fit the amount of its pending transfer")
        if leg.code == int(TransferCode.EXPIRE_RESERVED) and not (
            held.expires_at and held.expires_at <= effective_at
        ):
            raise ReplayError("a hold expires before its time")
        return held


@dataclass(frozen=True)
class VoucherLine:
    """What became of one voucher.

    Units: fen.
    """

    programme: str
    voucher: str
    issued: int
    available: int
    held: int
    spent: int


def voucher_lines(books: Replay) -> list[VoucherLine]:
    """Return every voucher with what it received, still has, holds and gave away."""
    return [
        VoucherLine(name[1], name[2], sums.into, sums.available, sums.held_out, sums.out)
        for name, sums in sorted(books.accounts.items())
        if name[0] == Code.VOUCHER.value
    ]
