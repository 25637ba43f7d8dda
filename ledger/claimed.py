"""What a log says of claims and payments, held against what it books.

Where an enterprise pays first, its share is redeemed, owed and paid only once two persons of the
bureau decided its claim. So a log that decides one amount and books another, decides twice, or
pays what was never recorded shows here, though every journal by itself keeps the rules.

Memory: the statements that were redeemed, settled or paid. Units: fen.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.chart import Code, TransferCode
from ledger.replay import Leg

#: Its number in the list of invariants in docs/ledger.md.
INVARIANT = "36"
DECIDED, LAPSED = "claim.decided", "claim.lapsed"
REDEEMED, CERTIFIED = "voucher.redeem", "certificate.issued"
RECORDED, RETURNED = "payment.recorded", "payment.returned"
KINDS = frozenset({DECIDED, LAPSED, REDEEMED, CERTIFIED, RECORDED, RETURNED})
_SETTLE, _PAY, _BOUNCE, _CORRECT = (
    str(int(each))
    for each in (
        TransferCode.SETTLE, TransferCode.PAY, TransferCode.BOUNCE, TransferCode.CORRECT,
    )
)  # fmt: skip


def _sums() -> dict[str, int]:
    return defaultdict(int)


@dataclass
class Claimed:
    """The two sides of every claim and of all payments: what was said, and what was booked."""

    granted: dict[str, int] = field(default_factory=_sums)
    grants: dict[str, int] = field(default_factory=_sums)
    expected: dict[str, int] = field(default_factory=dict)
    redeemed: dict[str, int] = field(default_factory=_sums)
    certified: dict[str, set[int]] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=_sums)
    paid: dict[str, int] = field(default_factory=_sums)
    said: dict[str, int] = field(default_factory=_sums)
    moved: dict[str, int] = field(default_factory=_sums)

    def take(self, kind: str, body: Mapping[str, Any]) -> None:
        """Take note of one entry; what is not in its form is the schemas' to refuse."""
        statement = body.get("charge" if kind == REDEEMED else "statement")
        name = statement if isinstance(statement, str) else ""
        if kind == DECIDED:
            fen = _fen(body, "granted_fen")
            self.granted[name] += fen
            self.grants[name] += fen > 0
            self.expected[name] = _fen(body, "expected_fen")
        elif kind == LAPSED:
            self.granted[name] += 0
        elif kind == REDEEMED:
            self.redeemed[name] += _fen(body, "amount_fen")
        elif kind == CERTIFIED:
            self.certified.setdefault(name, set()).add(_fen(body, "amount_fen"))
        else:
            self.said[kind] += _fen(body, "amount_fen")

    def booked(self, leg: Leg, _held: Leg | None, _effective_at: bytes) -> None:
        """Take note of one leg; a listener of the books."""
        code = leg.flow.code
        if code == _SETTLE:
            self.owed[leg.credit.name[2]] += leg.amount
        elif code == _CORRECT and leg.debit.name[0] == Code.SETTLEMENT:
            self.owed[leg.debit.name[2]] -= leg.amount
        elif code == _PAY:
            self.paid[leg.debit.name[2]] += leg.amount
            self.moved[RECORDED] += leg.amount
        elif code == _BOUNCE:
            self.paid[leg.credit.name[2]] -= leg.amount
            self.moved[RETURNED] += leg.amount

    def broken(self) -> list[str]:
        """Return a sentence for each claim and for the payments that do not tie; else none."""
        return [*self._claims(), *self._payments()]

    def _claims(self) -> list[str]:
        return [
            f"等式 {INVARIANT}：对账单 {statement[:60]} 的核销申请{fault}。"
            for statement, granted in self.granted.items()
            if (fault := self._fault(statement, granted))
        ]

    def _fault(self, statement: str, granted: int) -> str:
        """Return what is wrong with the claims on one statement, or nothing."""
        if self.grants.get(statement, 0) > 1:
            return "决定核销不止一次"
        if granted > self.expected.get(statement, 0):
            return f"决定核销 {granted} 分，多于可申请的 {self.expected.get(statement, 0)} 分"
        for sums, what in (
            (self.redeemed, "从券核销"), (self.owed, "账上应付"),
        ):  # fmt: skip
            if sums.get(statement, 0) != granted:
                return f"决定核销 {granted} 分，{what} {sums.get(statement, 0)} 分"
        if self.paid.get(statement, 0) > granted:
            return f"决定核销 {granted} 分，已付 {self.paid[statement]} 分"
        if other := self.certified.get(statement, set()) - {granted}:
            return f"决定核销 {granted} 分，凭证写的是 {min(other)} 分"
        return ""

    def _payments(self) -> list[str]:
        """Compare all payments; a log without such records was written by no settlement."""
        if not self.said:
            return []
        return [
            f"等式 {INVARIANT}：登记的{word}合计 {self.said.get(kind, 0)} 分，"
            f"账上合计 {self.moved.get(kind, 0)} 分。"
            for kind, word in ((RECORDED, "付款"), (RETURNED, "退汇"))
            if self.said.get(kind, 0) != self.moved.get(kind, 0)
        ]


def _fen(body: Mapping[str, Any], name: str) -> int:
    """Return an amount as entries write it; 0 where it is not one."""
    text = body.get(name)
    if not isinstance(text, str) or len(text) > len("-9223372036854775808"):
        return 0
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() else 0
