"""Book every journal of an exported log again, from its entries alone.

Written apart from the code that posts: it shares only the chart of accounts with it. What it
arrives at are the balances the house must have.

Memory grows with the accounts, the open holds and 16 bytes per transfer; never with the bodies.

Source: docs/ledger.md, two-phase rules.
"""

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ledger.chart import POOLS, ROUTES, Code, Kind, TransferCode

AccountName = tuple[str, str, str]
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_JOURNAL = {"journal", "kind", "effective_at", "transfers", "refs", "approvals", "seq"}
_TRANSFER = {"id", "code", "phase", "unit", "debit", "credit", "amount"}
_OPTIONAL = {"pending_id", "expires_at", "reason"}
_ACCOUNT_PARTS = 3
ID_BYTES = 16
IDS_AT_ONCE = 4_096
#: So many ids are compared with each other at once; more take more rounds, not more memory.
IDS_IN_A_ROUND = 1_000_000
_PHASE_OF = {"300": "pending", "310": "post", "320": "void", "330": "void"}


class ReplayError(ValueError):
    """A journal that the rules of the books do not allow."""


@dataclass(slots=True)
class Sums:
    """The four sums of an account."""

    held_out: int = 0
    out: int = 0
    held_in: int = 0
    into: int = 0
    name: AccountName = field(default=("", "", ""), compare=False)
    #: An external account may go below zero.
    external: bool = field(default=False, compare=False)
    #: The number of its kind of account within its programme.
    group: int = field(default=0, compare=False)

    @property
    def available(self) -> int:
        """Return what may still be taken out."""
        return self.into - self.out - self.held_out

    @property
    def balance(self) -> int:
        """Return what lies in the account, held or not."""
        return self.into - self.out


@dataclass(slots=True)
class Flow:
    """What went one way: one transfer code between two kinds of accounts of one programme.

    It exists only where the chart of accounts has that way.
    """

    code: str
    phase: str
    moved: int = 0


@dataclass(slots=True)
class Leg:
    """A transfer as read from an entry, its form and its way already checked."""

    id: bytes
    flow: Flow
    debit: Sums
    credit: Sums
    amount: int
    pending_id: bytes
    expires_at: bytes


@dataclass(slots=True)
class Stated:
    """A journal as read from an entry, its form already checked."""

    seq: int
    effective_at: bytes
    recorded_at: bytes
    legs: list[Leg]
    index: int = 0


@dataclass
class Ids:
    """Ids seen so far, 16 bytes each; whether one came twice is told at the end."""

    _packed: bytearray = field(default_factory=bytearray)
    _fresh: list[bytes] = field(default_factory=list)

    def add(self, known: bytes) -> None:
        """Take one id in its one spelling."""
        self._fresh.append(known)
        if len(self._fresh) >= IDS_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        self._packed += bytes.fromhex(b"".join(self._fresh).replace(b"-", b"").decode("ascii"))
        self._fresh.clear()

    def twice(self) -> str | None:
        """Return some id that came more than once, as hexadecimal text.

        Compares the second halves, which are quick to compare; only where two are equal, all.
        """
        self._pack()
        halves = array("Q")
        halves.frombytes(self._packed)
        halves = halves[1::2]
        rounds = len(halves) // IDS_IN_A_ROUND + 1
        for turn in range(rounds):
            taken = [each for each in halves if each % rounds == turn] if rounds > 1 else halves
            if len(set(taken)) != len(taken):
                return self._twice_in_full()
        return None

    def _twice_in_full(self) -> str | None:
        packed = bytes(self._packed)
        known = [packed[each : each + ID_BYTES] for each in range(0, len(packed), ID_BYTES)]
        known.sort()
        return next((one.hex() for one, other in pairwise(known) if one == other), None)


def id_text(text: Any) -> bytes:
    """Return an id in its one spelling.

    Raises:
        ReplayError: it is not an id.
    """
    if not isinstance(text, str) or not _UUID.fullmatch(text):
        raise ReplayError("编号不合写法")
    return text.encode("ascii")


def is_moment(text: Any) -> bool:
    """Say whether something is a moment in its form."""
    return isinstance(text, str) and _MOMENT.fullmatch(text) is not None


def moment(text: Any) -> bytes:
    """Return a moment that is in its form.

    Raises:
        ReplayError: it is not.
    """
    if not is_moment(text):
        raise ReplayError("时刻不合写法")
    return str(text).encode("ascii")


def journal_seq(body: Mapping[str, Any]) -> int:
    """Return the place of a journal in the order of booking.

    Raises:
        ReplayError: the journal is not in its form.
    """
    if set(body) != _JOURNAL:
        raise ReplayError("凭证的字段不全或有多余")
    return _number(body["seq"])


def _number(text: Any) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ReplayError("数字不是正整数的写法")
    return int(text)


def _account(parts: Any) -> AccountName:
    if (
        not isinstance(parts, list)
        or len(parts) != _ACCOUNT_PARTS
        or not all(isinstance(each, str) for each in parts)
        or parts[0] not in Code._value2member_map_
    ):
        raise ReplayError("账户不是由代码、方案和对象三项组成")
    return (parts[0], parts[1], parts[2])


def _check_route(way: tuple[str, str, str], debit: AccountName, credit: AccountName) -> None:
    number, phase, unit = way
    out, into = Code(debit[0]), Code(credit[0])
    if not _NUMBER.fullmatch(number) or int(number) not in TransferCode._value2member_map_:
        raise ReplayError(f"没有分录代码 {number[:20]}")
    if (out, into) not in ROUTES[TransferCode(int(number))]:
        raise ReplayError(f"分录代码 {number} 不能从 {out} 转入 {into}")
    if POOLS[out].unit != unit or POOLS[into].unit != unit:
        raise ReplayError("分录与账户的计量单位不同")
    if unit == "CNY" and debit[1] != credit[1]:
        raise ReplayError("分录从一个方案转入另一个方案")
    if phase != _PHASE_OF.get(number, "single"):
        raise ReplayError(f"分录代码 {number} 不能是 {phase[:20]}")


@dataclass
class Replay:
    """The books as they come out of the log."""

    accounts: dict[AccountName, Sums] = field(default_factory=dict)
    flows: dict[tuple[str, ...], Flow] = field(default_factory=dict)
    journals: int = 0
    transfers: int = 0
    last_seq: int = 0
    ids: Ids = field(default_factory=Ids)
    pending: dict[bytes, Leg] = field(default_factory=dict)
    #: Told of every leg that was booked: the leg, the hold it resolves, and when it counts.
    listeners: list[Any] = field(default_factory=list)
    _groups: dict[tuple[str, str], int] = field(default_factory=dict)

    def account(self, name: AccountName) -> Sums:
        """Return the sums of an account, opened on first use."""
        known = self.accounts.get(name)
        if known is None:
            external = POOLS[Code(name[0])].kind is Kind.EXTERNAL
            group = self._groups.setdefault(name[:2], len(self._groups))
            known = self.accounts[name] = Sums(name=name, external=external, group=group)
        return known

    def flow(self, way: tuple[str, str, str], debit: AccountName, credit: AccountName) -> Flow:
        """Return the flow of a way (code, phase, unit) between two accounts.

        Raises:
            ReplayError: value may not move this way.
        """
        key = (*way, debit[0], debit[1], credit[0], credit[1])
        known = self.flows.get(key)
        if known is None:
            _check_route(way, debit, credit)
            known = self.flows[key] = Flow(way[0], way[1])
        return known

    def read(self, body: Mapping[str, Any], recorded_at: bytes = b"") -> Stated:
        """Read a journal from the body of its entry.

        Raises:
            ReplayError: it is not in its form, or value may not move this way.
        """
        seq = journal_seq(body)
        effective_at = moment(body["effective_at"])
        legs = body["transfers"]
        if not isinstance(legs, list) or not legs:
            raise ReplayError("凭证没有分录")
        return Stated(seq, effective_at, recorded_at, [self._leg(each) for each in legs])

    def _leg(self, stated: Any) -> Leg:
        if not isinstance(stated, dict) or not _TRANSFER <= set(stated) <= _TRANSFER | _OPTIONAL:
            raise ReplayError("分录的字段不全或有多余")
        way = (stated["code"], stated["phase"], stated["unit"])
        if not all(isinstance(each, str) for each in (*way, stated.get("reason", ""))):
            raise ReplayError("分录的字段不是文本")
        debit, credit = _account(stated["debit"]), _account(stated["credit"])
        leg = Leg(
            id=id_text(stated["id"]),
            flow=self.flow(way, debit, credit),
            debit=self.account(debit),
            credit=self.account(credit),
            amount=_number(stated["amount"]),
            pending_id=id_text(stated["pending_id"]) if "pending_id" in stated else b"",
            expires_at=moment(stated["expires_at"]) if "expires_at" in stated else b"",
        )
        check_leg(leg)
        return leg

    def book(self, body: Mapping[str, Any]) -> None:
        """Read and book one journal; they must come in the order of their ``seq``.

        Raises:
            ReplayError: the rules or the balances do not allow it.
        """
        self.apply(self.read(body))

    def apply(self, stated: Stated) -> None:
        """Book one journal; they must come in the order of their ``seq``.

        Raises:
            ReplayError: the rules or the balances do not allow it.
        """
        if stated.seq <= self.last_seq:
            raise ReplayError(f"记账次序 {stated.seq} 重复或倒退")
        self.last_seq = stated.seq
        for leg in stated.legs:
            self._apply(leg, stated.effective_at)
        self.journals += 1

    def _apply(self, leg: Leg, effective_at: bytes) -> None:
        self.ids.add(leg.id)
        debit, credit, amount, flow = leg.debit, leg.credit, leg.amount, leg.flow
        held = None
        if flow.phase == "single":
            debit.out += amount
            credit.into += amount
            flow.moved += amount
        elif flow.phase == "pending":
            debit.held_out += amount
            credit.held_in += amount
            self.pending[leg.id] = leg
        else:
            held = self._resolve(leg, effective_at)
            if flow.phase == "post":
                debit.out += amount
                credit.into += amount
                flow.moved += amount
        if debit.into - debit.out - debit.held_out < 0 and not debit.external:
            name = ":".join(debit.name)[:120]
            raise ReplayError(f"账户 {name} 将透支 {-debit.available}")
        for each in self.listeners:
            each(leg, held, effective_at)
        self.transfers += 1

    def finish(self) -> None:
        """Judge what can be judged only at the end.

        Raises:
            ReplayError: a transfer id came twice.
        """
        if twice := self.ids.twice():
            raise ReplayError(f"分录编号 {twice} 出现两次")

    def _resolve(self, leg: Leg, effective_at: bytes) -> Leg:
        held = self.pending.pop(leg.pending_id, None)
        if held is None:
            raise ReplayError(f"冻结 {leg.pending_id.decode()} 不存在或已了结")
        if held.debit is not leg.debit or held.credit is not leg.credit:
            raise ReplayError("了结冻结的分录动用了别的账户")
        if leg.amount > held.amount or (leg.flow.phase == "void" and leg.amount != held.amount):
            raise ReplayError("了结的金额与冻结的金额不合")
        if leg.flow.code == "330" and not (held.expires_at and held.expires_at <= effective_at):
            raise ReplayError("冻结未到期便作到期处理")
        held.debit.held_out -= held.amount
        held.credit.held_in -= held.amount
        return held


def check_leg(leg: Leg) -> None:
    """Refuse a transfer whose fields do not fit each other.

    Raises:
        ReplayError: accounts equal, or a pending id or expiry where none may be or one must.
    """
    if leg.debit is leg.credit:
        raise ReplayError("分录的两个账户相同")
    if bool(leg.pending_id) != (leg.flow.phase in ("post", "void")):
        raise ReplayError("了结冻结的分录与所指的冻结不相配")
    if leg.expires_at and leg.flow.phase != "pending":
        raise ReplayError("只有冻结才有到期时刻")


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
