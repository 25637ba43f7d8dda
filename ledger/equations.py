"""What must be true of the books of a log, judged from the log alone.

Every equation sets two sums beside each other that were added up apart: per account while
booking, and per way that value took. The numbers are those of the list of invariants in
docs/ledger.md.
"""

from collections import defaultdict

from ledger.chart import POOLS, Code, TransferCode
from ledger.replay import Replay, Sums

#: Invariants that the walk itself holds at every step, and those judged here at the end.
AT_EVERY_STEP = ("1", "2", "6", "7", "8", "13", "28", "33")
AT_THE_END = ("3", "5", "9", "11", "22", "23")
_CORRECTION = str(int(TransferCode.CORRECT))


def broken_equations(books: Replay) -> list[str]:
    """Return a sentence for each equation that does not hold; none in honest books."""
    return [
        *_conservation(books),
        *_holds(books),
        *_ways(books),
        *_corrections(books),
        *_claims(books),
    ]


def _conservation(books: Replay) -> list[str]:
    """Invariant 3 and the first half of 11: nothing comes out of nothing."""
    units: dict[str, Sums] = defaultdict(Sums)
    programmes: dict[str, int] = defaultdict(int)
    found = []
    for name, sums in books.accounts.items():
        unit = POOLS[Code(name[0])].unit
        total = units[unit]
        total.out += sums.out
        total.into += sums.into
        total.held_out += sums.held_out
        total.held_in += sums.held_in
        if unit == "CNY":
            programmes[name[1]] += sums.balance
        if name[0] == Code.ROUNDING and (sums.out or sums.into):
            found.append(f"等式 11：方案 {name[1]} 的尾差账户应始终为零。")
    for each, total in units.items():
        if total.out != total.into or total.held_out != total.held_in:
            found.append(f"等式 3：{each} 账簿借贷不平。")
    unbalanced = [each for each, rest in programmes.items() if rest]
    return found + [f"等式 11：方案 {each} 各账户之和不为零。" for each in unbalanced]


def _holds(books: Replay) -> list[str]:
    """Invariant 5: what is held in an account is what its open holds say."""
    held: dict[int, int] = defaultdict(int)
    for leg in books.pending.values():
        held[id(leg.debit)] += leg.amount
    return [
        f"等式 5：账户 {':'.join(sums.name)[:120]} 的冻结额与未了结的冻结不一致。"
        for sums in books.accounts.values()
        if sums.held_out != held.get(id(sums), 0)
    ]


def _ways(books: Replay) -> list[str]:
    """Invariants 9 and 11: each kind of account holds what came in less what went out."""
    balance: dict[tuple[str, str], int] = defaultdict(int)
    for name, sums in books.accounts.items():
        balance[name[0], name[1]] += sums.balance
    for key, flow in books.flows.items():
        debit, credit = key[3:5], key[5:7]
        balance[debit[0], debit[1]] += flow.moved
        balance[credit[0], credit[1]] -= flow.moved
    return [
        f"等式 9/11：方案 {programme} 的 {code} 类账户余额与其流水不一致。"
        for (code, programme), rest in balance.items()
        if rest
    ]


def _corrections(books: Replay) -> list[str]:
    """Invariant 22: no more is taken back than went."""
    went: dict[tuple[str, ...], int] = defaultdict(int)
    back: dict[tuple[str, ...], int] = defaultdict(int)
    for key, flow in books.flows.items():
        if key[0] == _CORRECTION:
            back[key[5], key[6], key[3], key[4]] += flow.moved
        else:
            went[key[3:7]] += flow.moved
    return [
        f"等式 22：{way[0]} 至 {way[2]} 的更正合计超过原发生额。"
        for way, moved in back.items()
        if moved > went.get(way, 0)
    ]


def _claims(books: Replay) -> list[str]:
    """Invariant 23: nobody pays back more than is claimed."""
    return [
        f"等式 23：{':'.join(name)[:120]} 追回的金额超过应追回的金额。"
        for name, sums in books.accounts.items()
        if name[0] == Code.CLAWBACK_DUE and sums.balance > 0
    ]
