"""The chart of accounts: every pool that value may lie in, and every way it may move.

Every account is a pool with ``balance = credits - debits``; one sign rule for all. A transfer
moves a positive whole number from one account (debit) to another (credit) of the same unit
ledger. Pools may not go below zero, except the few *external* ones that stand for the world
outside (the treasury, a bank, a provider's meter).

Units: ``CNY`` and ``CNY_SELF`` in fen, ``COMPUTE`` in GFLOPS-seconds (FP16 dense).
Source: docs/ledger.md, chart and transfer types.
"""

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

if TYPE_CHECKING:  # the stand-alone verifier carries the chart, but no time zones
    from ledger.periods import Month

Ref = UUID | str


class Unit(StrEnum):
    """The three unit ledgers; nothing ever moves from one to another."""

    CNY = "CNY"
    COMPUTE = "COMPUTE"
    CNY_SELF = "CNY_SELF"


class Kind(StrEnum):
    """What a pool may do."""

    LIMITED = "limited"  # never below zero, pending included
    EXTERNAL = "external"  # the outside world; may go below zero
    TERMINAL = "terminal"  # where value ends; never below zero


class Code(StrEnum):
    """Account codes."""

    TREASURY = "1000"
    BUDGET = "1100"
    BUDGET_CLASS = "1150"
    VOUCHER = "2000"
    REDEEMED = "3000"
    SETTLEMENT = "3100"
    DISPUTED = "3200"
    PAID = "3300"
    EXPIRED = "4000"
    CLAWBACK_DUE = "5000"
    CLAWBACK_ASSESSED = "5100"
    CLAWBACK_RECOVERED = "5200"
    CLAWBACK_WRITEOFF = "5300"
    BANK_IN = "6000"
    ROUNDING = "8000"
    METERED = "C100"
    UNMATCHED = "C200"
    USED_VOUCHER = "C300"
    USED_SELF = "C400"
    REJECTED = "C500"
    INVOICE = "S100"
    SELF_SHARE = "S200"


class Pool(NamedTuple):
    """How the accounts of one code behave.

    ``sync`` pools carry a balance row that every posting locks and moves; the others are
    summed from their transfers when somebody asks (or takes from them).
    """

    unit: Unit
    kind: Kind
    sync: bool
    title: str


_CNY, _COMPUTE, _SELF = Unit.CNY, Unit.COMPUTE, Unit.CNY_SELF
POOLS: dict[Code, Pool] = {
    Code.TREASURY: Pool(_CNY, Kind.EXTERNAL, False, "财政拨款"),
    Code.BUDGET: Pool(_CNY, Kind.LIMITED, True, "可用预算"),
    Code.BUDGET_CLASS: Pool(_CNY, Kind.LIMITED, True, "分类预算"),
    Code.VOUCHER: Pool(_CNY, Kind.LIMITED, True, "算力券余额"),
    Code.REDEEMED: Pool(_CNY, Kind.LIMITED, False, "已核销待结算"),
    Code.SETTLEMENT: Pool(_CNY, Kind.LIMITED, True, "结算单待付"),
    Code.DISPUTED: Pool(_CNY, Kind.LIMITED, True, "异议暂扣"),
    Code.PAID: Pool(_CNY, Kind.TERMINAL, False, "已付供方"),
    Code.EXPIRED: Pool(_CNY, Kind.LIMITED, False, "已失效"),
    Code.CLAWBACK_DUE: Pool(_CNY, Kind.EXTERNAL, True, "应追回"),
    Code.CLAWBACK_ASSESSED: Pool(_CNY, Kind.LIMITED, False, "追回认定"),
    Code.CLAWBACK_RECOVERED: Pool(_CNY, Kind.LIMITED, True, "已追回"),
    Code.CLAWBACK_WRITEOFF: Pool(_CNY, Kind.EXTERNAL, False, "追回核销"),
    Code.BANK_IN: Pool(_CNY, Kind.EXTERNAL, False, "银行来款"),
    Code.ROUNDING: Pool(_CNY, Kind.LIMITED, True, "尾差（必须为零）"),
    Code.METERED: Pool(_COMPUTE, Kind.EXTERNAL, False, "供方上报用量"),
    Code.UNMATCHED: Pool(_COMPUTE, Kind.LIMITED, False, "待匹配用量"),
    Code.USED_VOUCHER: Pool(_COMPUTE, Kind.TERMINAL, False, "用券用量"),
    Code.USED_SELF: Pool(_COMPUTE, Kind.TERMINAL, False, "自付用量"),
    Code.REJECTED: Pool(_COMPUTE, Kind.TERMINAL, False, "不予认可用量"),
    Code.INVOICE: Pool(_SELF, Kind.EXTERNAL, False, "供方开票（自付）"),
    Code.SELF_SHARE: Pool(_SELF, Kind.TERMINAL, False, "企业自付"),
}


class TransferCode(IntEnum):
    """Why value moves."""

    GRANT = 100
    RETURN = 109
    ISSUE = 200
    REVOKE = 220
    RESERVE = 300
    POST_RESERVED = 310
    VOID_RESERVED = 320
    EXPIRE_RESERVED = 330
    REDEEM = 340
    SETTLE = 400
    DISPUTE = 410
    UNDISPUTE = 415
    PAY = 420
    BOUNCE = 430
    LAPSE = 500
    REBUDGET_LAPSED = 510
    CLAWBACK_ASSESS = 600
    CLAWBACK_CASH = 610
    CLAWBACK_OFFSET = 620
    CLAWBACK_CLOSE = 630
    CLAWBACK_WRITE_OFF = 640
    CLAWBACK_REBUDGET = 650
    METER = 700
    MATCH_VOUCHER = 710
    MATCH_SELF = 720
    REJECT = 730
    OWN_SHARE = 750
    CORRECT = 900


_C = Code
#: The legal (debit, credit) pairs of each transfer code; a correction may reverse any of them.
ROUTES: dict[TransferCode, frozenset[tuple[Code, Code]]] = {
    code: frozenset(pairs)
    for code, pairs in {
        TransferCode.GRANT: [(_C.TREASURY, _C.BUDGET)],
        TransferCode.RETURN: [(_C.BUDGET, _C.TREASURY)],
        TransferCode.ISSUE: [(_C.BUDGET, _C.VOUCHER), (_C.BUDGET_CLASS, _C.VOUCHER)],
        TransferCode.REVOKE: [(_C.VOUCHER, _C.BUDGET), (_C.VOUCHER, _C.BUDGET_CLASS)],
        TransferCode.RESERVE: [(_C.VOUCHER, _C.REDEEMED)],
        TransferCode.POST_RESERVED: [(_C.VOUCHER, _C.REDEEMED)],
        TransferCode.VOID_RESERVED: [(_C.VOUCHER, _C.REDEEMED)],
        TransferCode.EXPIRE_RESERVED: [(_C.VOUCHER, _C.REDEEMED)],
        TransferCode.REDEEM: [(_C.VOUCHER, _C.REDEEMED)],
        TransferCode.SETTLE: [(_C.REDEEMED, _C.SETTLEMENT)],
        TransferCode.DISPUTE: [(_C.SETTLEMENT, _C.DISPUTED)],
        TransferCode.UNDISPUTE: [(_C.DISPUTED, _C.SETTLEMENT)],
        TransferCode.PAY: [(_C.SETTLEMENT, _C.PAID)],
        TransferCode.BOUNCE: [(_C.PAID, _C.SETTLEMENT)],
        TransferCode.LAPSE: [(_C.VOUCHER, _C.EXPIRED)],
        TransferCode.REBUDGET_LAPSED: [
            (_C.EXPIRED, _C.BUDGET),
            (_C.EXPIRED, _C.TREASURY),
        ],
        TransferCode.CLAWBACK_ASSESS: [(_C.CLAWBACK_DUE, _C.CLAWBACK_ASSESSED)],
        TransferCode.CLAWBACK_CASH: [(_C.BANK_IN, _C.CLAWBACK_DUE)],
        TransferCode.CLAWBACK_OFFSET: [(_C.SETTLEMENT, _C.CLAWBACK_DUE)],
        TransferCode.CLAWBACK_CLOSE: [(_C.CLAWBACK_ASSESSED, _C.CLAWBACK_RECOVERED)],
        TransferCode.CLAWBACK_WRITE_OFF: [
            (_C.CLAWBACK_WRITEOFF, _C.CLAWBACK_DUE),
            (_C.CLAWBACK_ASSESSED, _C.CLAWBACK_WRITEOFF),
        ],
        TransferCode.CLAWBACK_REBUDGET: [
            (_C.CLAWBACK_RECOVERED, _C.BUDGET),
            (_C.CLAWBACK_RECOVERED, _C.TREASURY),
        ],
        TransferCode.METER: [(_C.METERED, _C.UNMATCHED)],
        TransferCode.MATCH_VOUCHER: [(_C.UNMATCHED, _C.USED_VOUCHER)],
        TransferCode.MATCH_SELF: [(_C.UNMATCHED, _C.USED_SELF)],
        TransferCode.REJECT: [(_C.UNMATCHED, _C.REJECTED)],
        TransferCode.OWN_SHARE: [(_C.INVOICE, _C.SELF_SHARE)],
    }.items()
}
ROUTES[TransferCode.CORRECT] = frozenset(
    (credit, debit) for pairs in list(ROUTES.values()) for debit, credit in pairs
)


class AccountKey(NamedTuple):
    """The name of one account: its code, the programme year it belongs to, and its subject."""

    code: Code
    programme: str = ""
    subject: str = ""

    @property
    def pool(self) -> Pool:
        """Return how this account behaves."""
        return POOLS[self.code]

    @property
    def unit(self) -> Unit:
        """Return the unit ledger the account belongs to."""
        return POOLS[self.code].unit

    def for_log(self) -> list[str]:
        """Return the three texts that name the account in a log entry."""
        return [self.code.value, self.programme, self.subject]


def _key(code: Code, programme: Ref = "", *subject: object) -> AccountKey:
    parts = [str(each) for each in subject]
    if any("/" in part for part in parts):
        raise ValueError("a part of an account subject may not contain a slash")
    return AccountKey(code, str(programme), "/".join(parts))


def treasury(p: Ref) -> AccountKey:
    """Return the account of the money granted to a programme by finance."""
    return _key(Code.TREASURY, p)


def budget(p: Ref) -> AccountKey:
    """Return the account of money granted and not yet promised."""
    return _key(Code.BUDGET, p)


def voucher(p: Ref, voucher_id: Ref) -> AccountKey:
    """Return the account of what an enterprise may still spend from one voucher."""
    return _key(Code.VOUCHER, p, voucher_id)


def redeemed(p: Ref, provider_id: Ref) -> AccountKey:
    """Return the account of value used at a provider and not yet on a statement.

    It carries no month: a pending hold is resolved on the accounts it was made on, and a hold
    outlives the month it was made in (decision 0010).
    """
    return _key(Code.REDEEMED, p, provider_id)


def settlement(p: Ref, statement_id: Ref) -> AccountKey:
    """Return the account of value on one approved, unpaid statement."""
    return _key(Code.SETTLEMENT, p, statement_id)


def disputed(p: Ref, statement_id: Ref) -> AccountKey:
    """Return the account of value held back on one statement."""
    return _key(Code.DISPUTED, p, statement_id)


def paid(p: Ref, provider_id: Ref) -> AccountKey:
    """Return the account of value paid out to a provider."""
    return _key(Code.PAID, p, provider_id)


def expired(p: Ref) -> AccountKey:
    """Return the account of voucher value that lapsed."""
    return _key(Code.EXPIRED, p)


def clawback_due(p: Ref, party_id: Ref) -> AccountKey:
    """Return the account of what a party owes back; a balance below zero is owed."""
    return _key(Code.CLAWBACK_DUE, p, party_id)


def clawback_assessed(p: Ref) -> AccountKey:
    """Return the account of claims raised and not yet recovered."""
    return _key(Code.CLAWBACK_ASSESSED, p)


def clawback_recovered(p: Ref) -> AccountKey:
    """Return the account of what came back, until it is re-budgeted or returned."""
    return _key(Code.CLAWBACK_RECOVERED, p)


def clawback_writeoff(p: Ref) -> AccountKey:
    """Return the outside account of claims that were given up."""
    return _key(Code.CLAWBACK_WRITEOFF, p)


def bank_in(p: Ref) -> AccountKey:
    """Return the outside account of cash that comes back from parties."""
    return _key(Code.BANK_IN, p)


def metered(provider_id: Ref, month: "Month | str") -> AccountKey:
    """Return the outside account of what a provider reported for a month."""
    return _key(Code.METERED, "", provider_id, month)


def unmatched(provider_id: Ref, month: "Month | str") -> AccountKey:
    """Return the account of computing reported and not yet tied to a voucher."""
    return _key(Code.UNMATCHED, "", provider_id, month)


def used_voucher(p: Ref, voucher_id: Ref) -> AccountKey:
    """Return the account of computing paid (partly) by a voucher."""
    return _key(Code.USED_VOUCHER, p, voucher_id)


def used_self(enterprise_id: Ref, month: "Month | str") -> AccountKey:
    """Return the account of an enterprise's computing with no voucher share."""
    return _key(Code.USED_SELF, "", enterprise_id, month)


def rejected(provider_id: Ref, month: "Month | str") -> AccountKey:
    """Return the account of computing that was reported and refused."""
    return _key(Code.REJECTED, "", provider_id, month)


def invoice(provider_id: Ref, month: "Month | str") -> AccountKey:
    """Return the memo account of a provider's invoices for own shares."""
    return _key(Code.INVOICE, "", provider_id, month)


def self_share(enterprise_id: Ref, provider_id: Ref, month: "Month | str") -> AccountKey:
    """Return the memo account of an enterprise's own share at a provider."""
    return _key(Code.SELF_SHARE, "", enterprise_id, provider_id, month)
