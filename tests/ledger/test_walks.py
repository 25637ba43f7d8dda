"""Growing trees, windows between checkpoints, the second tree, and the equations at the end."""

import io
import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import chart, replay, walks
from ledger.bundle_checks import Asked, read_heads
from ledger.bundles import BundleReader
from ledger.chart import TransferCode
from ledger.equations import broken_equations
from ledger.merkle import leaf_hash, root_of
from ledger.replay import Ids, Replay
from ledger.schemas import house_schemas
from ledger.suites import SHA256, SM3, SUITES
from ledger.walks import GrowingTree, Heads, NotOk
from tests.ledger.log_making import (
    ORIGIN,
    SIGNER,
    SM3_SIGNER,
    booked,
    bundle,
    checked,
    event,
    introduction,
    judged,
    publications,
    sm3_file,
)
from tests.ledger.making import P, grant, hold, issue, journal, move, redeem, settle


def oracle(leaves: list[bytes], suite) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    cut = 1 << (len(leaves) - 1).bit_length() - 1
    return suite.node(oracle(leaves[:cut], suite), oracle(leaves[cut:], suite))


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 1024, 1300])
def test_a_tree_grown_in_pieces_has_the_root_of_the_standard(suite, size):
    leaves = [suite.leaf(str(each).encode()) for each in range(size)]
    chance, tree, place = random.Random(size), GrowingTree(suite), 0
    while place < size:
        step = chance.choice([1, 2, 7, 256, 600])
        tree.extend(leaves[place : place + step])
        place += step
        assert tree.root() == oracle(leaves[: tree.size], suite)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=300))
def test_a_tree_grown_leaf_by_leaf_is_the_tree_of_the_proofs(entries):
    leaves = [leaf_hash(each) for each in entries]
    tree = GrowingTree()
    for each in leaves:
        tree.append(each)

    def read(level, index):
        return oracle(leaves[index << level : (index + 1) << level], SHA256)

    assert tree.root() == root_of(len(leaves), read)


def test_sm3_is_that_of_the_standard():
    assert SM3.digest(b"abc").hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


ENTRIES = [
    introduction(),
    introduction(SM3_SIGNER, by=SIGNER),
    *publications(),
    *(booked(each, seq) for seq, each in enumerate((grant(100), issue(60), redeem(7)), 1)),
]


def with_sm3(raw: bytes) -> Asked:
    reader = BundleReader(io.BytesIO(raw))
    count, origin = reader.heading()
    heads = read_heads(reader, count, [SM3_SIGNER.verification], Heads(SM3, origin))
    reader.end()
    return Asked(more_heads=[heads])


def test_both_trees_are_compared_at_every_checkpoint_of_theirs():
    raw = bundle(ENTRIES, cuts=(3, 50))
    report = checked(raw, asked=with_sm3(sm3_file(ENTRIES, cuts=(5, 50, 99))))
    assert report.suites == ("sha256", "sm3")
    assert report.unchecked == report.remarks == ()


def test_an_sm3_tree_over_other_entries_is_told():
    other = [*ENTRIES[:-1], event(note="x")]
    told = judged(bundle(ENTRIES), asked=with_sm3(sm3_file(other, cuts=(5,))))
    assert "树根与检查点不一致（sm3）" in told
    assert "第 5 至" in told


def test_an_sm3_tree_beyond_the_log_or_of_another_key_or_log_is_told():
    longer = with_sm3(sm3_file([*ENTRIES, event()]))
    assert "超过日志的条目数" in judged(bundle(ENTRIES), asked=longer)
    unknown = [each for each in ENTRIES if each != ENTRIES[1]]
    assert "没有引入密钥" in judged(bundle(unknown), asked=with_sm3(sm3_file(unknown)))
    with pytest.raises(NotOk, match="另一份日志"):
        Heads(SM3, ORIGIN).add(TreeHeadOf("else/log/sm3"))


def TreeHeadOf(origin):  # noqa: N802 - reads as the thing it makes
    return walks.TreeHead(origin, 1, bytes(32))


def test_schemas_that_the_log_publishes_bind_its_entries():
    bad = event("voucher.expire", voucher="not an id", amount_fen="5")
    assert "不符合其类型的格式：voucher.expire.voucher" in judged(bundle([*ENTRIES, bad]))
    assert judged(bundle([ENTRIES[0], bad])) == "OK"  # nothing published: nothing promised
    told = checked(bundle([ENTRIES[0], bad, event("strange.kind")]))
    assert "取自核验程序" in told.remarks[0]
    assert told.unchecked == ("未检查：1 条类型为 strange.kind 的条目没有可用的格式。",)
    strict = Asked(schemas=house_schemas())
    assert "不符合其类型的格式" in judged(bundle([ENTRIES[0], bad]), asked=strict)
    few = Asked(schemas=house_schemas()[:5])
    assert "日志公布了格式" in judged(bundle(ENTRIES), asked=few)


def test_journals_are_booked_between_checkpoints_in_the_order_of_their_place():
    made = [introduction(), booked(issue(5), 2), booked(grant(5), 1), booked(redeem(2), 3)]
    assert judged(bundle(made)) == "OK"
    assert judged(bundle(made, cuts=(3,))) == "OK"
    assert "透支" in judged(bundle(made, cuts=(2,)))  # cut where the books were open


def test_more_journals_between_two_checkpoints_than_memory_may_hold_are_told(monkeypatch):
    made = [introduction(), *(booked(grant(1), seq) for seq in range(1, 40))]
    monkeypatch.setattr(walks, "WINDOW_BYTES", 5_000)
    assert "凭证过多" in judged(bundle(made))
    assert judged(bundle(made, cuts=tuple(range(1, 41, 3)))) == "OK"


def test_a_clock_that_ran_backwards_is_remarked_and_no_fault():
    late = booked(grant(1), 2).replace(b'"at":"2026-10-01T', b'"at":"2026-09-30T')
    report = checked(bundle([introduction(), booked(grant(1), 1), late]))
    assert "1 张凭证的记录时间早于" in report.remarks[-1]


@given(st.lists(st.uuids() | st.integers(0, 20).map(lambda each: UUID(int=each)), max_size=60))
def test_an_id_that_came_twice_is_found(known):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "IDS_AT_ONCE", 3)
        for in_a_round in (2, 100):
            patch.setattr(replay, "IDS_IN_A_ROUND", in_a_round)
            ids = Ids()
            for each in known:
                ids.add(str(each).encode())
            assert (ids.twice() is None) == (len(set(known)) == len(known))


def books(*made) -> Replay:
    replay = Replay()
    for seq, each in enumerate(made, start=1):
        replay.book({**each.for_log(), "seq": str(seq)})
    return replay


def test_honest_books_break_no_equation():
    made = [grant(100), issue(60), hold(20), redeem(7), settle(7)]
    made.append(journal(move(chart.settlement(P, "s1"), chart.redeemed(P, "q1"), 7,
                             TransferCode.CORRECT)))  # fmt: skip
    assert broken_equations(books(*made)) == []


def test_each_equation_finds_its_fault():
    owed, assessed = (
        chart.AccountKey(chart.Code.CLAWBACK_DUE, P, "q1"),
        chart.AccountKey(chart.Code.CLAWBACK_ASSESSED, P),
    )
    cash = chart.AccountKey(chart.Code.BANK_IN, P)
    made = [grant(100), issue(60), hold(20)]
    claim = journal(move(owed, assessed, 5, TransferCode.CLAWBACK_ASSESS))
    back = journal(move(cash, owed, 6, TransferCode.CLAWBACK_CASH))
    assert "等式 23" in broken_equations(books(*made, claim, back))[0]
    forward = journal(move(chart.redeemed(P, "q9"), chart.voucher(P, "v1"), 0 + 1,
                           TransferCode.CORRECT))  # fmt: skip
    fat = [*made, journal(*redeem(5, provider="q9").transfers), forward, forward_again(2)]
    assert broken_equations(books(*fat)) == []
    for change, said in (
        (lambda one: _bend(one, "1100", into=1), "等式 3"),
        (lambda one: _bend(one, "2000", held_out=1), "等式 5"),
        (lambda one: _bend(one, "1100", out=1), "等式 11"),
        (lambda one: setattr(next(iter(one.flows.values())), "moved", 1), "等式 9/11"),
        (lambda one: one.account(("8000", P, "")).__setattr__("into", 1), "等式 11"),
    ):
        bent = books(*made)
        change(bent)
        assert any(said in each for each in broken_equations(bent)), said


def forward_again(amount: int):
    return journal(move(chart.redeemed(P, "q9"), chart.voucher(P, "v1"), amount,
                        TransferCode.CORRECT))  # fmt: skip


def _bend(replay: Replay, code: str, **change: int) -> None:
    sums = next(each for name, each in replay.accounts.items() if name[0] == code)
    for name, more in change.items():
        setattr(sums, name, getattr(sums, name) + more)


def test_more_corrected_than_went_breaks_equation_22():
    replay = books(grant(100), issue(60), redeem(7), forward_back(7))
    assert broken_equations(replay) == []
    key = next(each for each in replay.flows if each[0] == "900")
    replay.flows[key].moved += 1
    assert any("等式 22" in each for each in broken_equations(replay))


def forward_back(amount: int):
    return journal(move(chart.redeemed(P, "q1"), chart.voucher(P, "v1"), amount,
                        TransferCode.CORRECT))  # fmt: skip


def test_a_signer_of_another_line_is_refused():
    raw = bundle(ENTRIES)
    note = raw.split(b"\n")[2]
    twice = note[:-3] + note[note.index(b"\\n\\n") + 4 : -3] + b'\\n"'
    assert "签名无效" in judged(raw.replace(note, twice))
    assert SIGNER.verification.text in checked(raw).manifest.keys
