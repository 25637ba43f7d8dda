"""What a witness answers, remembers and keeps: the standard's statuses, forks, races."""

import sqlite3
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.cosigning import signature_of
from ledger.signing import TreeHead, split_note
from ledger.witness import judging
from ledger.witness.judging import SIZE, Witness
from ledger.witness.memory import Memory, Seen, Unusable
from ledger.witness.submissions import MAX_BODY_BYTES, Malformed, read_submission
from tests.ledger.small_log import AUDIT, FINANCE, SECONDS, SmallLog

LOG = SmallLog()
FORK = SmallLog(fork_at=3)
STRANGER = SmallLog("stranger.test/log")
UNSIGNED = LOG.head(6).text + "\n" + AUDIT.lines(LOG.head(6).text, 1)


@pytest.fixture
def witness(tmp_path):
    memory = Memory(tmp_path / "witness.sqlite")
    yield Witness(AUDIT, [LOG.key], memory)
    memory.close()


def holds(log: SmallLog, size: int, lines: str) -> bool:
    text, signed = split_note(log.note(size) + lines)
    for key in AUDIT.keys:
        key.check(text, signature_of(signed, key))
    return True


def test_a_log_that_grows_is_cosigned_in_both_forms(witness):
    before = 0
    for size in (0, 1, 2, 5, 8, 8, 63):
        answer = witness.add_checkpoint(LOG.body(before, size), SECONDS)
        assert answer.status == 200
        assert holds(LOG, size, answer.body)
        assert answer.body.count("\n") == 2
        before = size
    assert [each.size for each in witness.memory.logs()] == [63]
    assert [each.size for each in witness.memory.history(LOG.key.name)] == [0, 1, 2, 5, 8, 63]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, None),
        (b"old 3\n" + LOG.note(5).encode(), 400, None),
        (LOG.body(6, 5), 400, None),
        (STRANGER.body(5, 6), 404, None),
        (SmallLog(seed=8).body(5, 6), 403, None),
        (LOG.body(5, 6, note=UNSIGNED), 403, None),
        (LOG.body(0, 6), 409, "5\n"),
        (LOG.body(4, 6), 409, "5\n"),
        (LOG.body(6, 8), 409, "5\n"),
        (LOG.body(4, 4), 409, "5\n"),
        (FORK.body(5, 5), 409, "5\n"),
        (FORK.body(5, 6), 422, None),
        (LOG.body(5, 6, proof=[]), 422, None),
        (LOG.body(5, 6, proof=LOG.proof(4, 6)), 422, None),
        (LOG.body(5, 5, proof=LOG.proof(4, 5)), 422, None),
        (LOG.body(5, 6), 200, None),
    ],
)  # fmt: skip
def test_each_request_gets_the_status_of_the_standard(witness, body, status, told):
    assert witness.add_checkpoint(LOG.body(0, 5), SECONDS).status == 200
    answer = witness.add_checkpoint(body, SECONDS)
    assert answer.status == status
    if told is not None:
        assert (answer.body, answer.kind) == (told, SIZE)
    assert [each.size for each in witness.memory.logs()] == [6 if status == 200 else 5]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (LOG.body(0, 5), 200),
        (LOG.body(0, 5, proof=LOG.proof(4, 5)), 422),
        (LOG.body(3, 5), 409),
        (LOG.body(0, 0), 200),
        (LOG.body(0, 0, note=LOG.signer.sign(TreeHead(LOG.key.name, 0, bytes(32)).text)), 409),
    ],
)
def test_a_log_seen_for_the_first_time_begins_at_nothing(witness, body, status):
    assert witness.add_checkpoint(body, SECONDS).status == status


def test_unknown_lines_are_passed_over_and_a_spoilt_known_one_is_not(witness):
    note = LOG.note(5)
    more = note + FINANCE.lines(LOG.head(5).text, SECONDS)
    assert witness.add_checkpoint(LOG.body(0, 5, note=more), SECONDS).status == 200
    spoilt = note.replace("=\n", "=\n", 1)[:-3] + ("A=\n" if note[-3] != "A" else "B=\n")
    assert witness.add_checkpoint(LOG.body(5, 5, note=spoilt), SECONDS).status in {400, 403}


def test_a_log_with_two_keys_is_known_by_either(tmp_path):
    newer = SmallLog(seed=10)
    witness = Witness(AUDIT, [LOG.key, newer.key], Memory(tmp_path / "w"))
    assert witness.add_checkpoint(LOG.body(0, 3), SECONDS).status == 200
    assert witness.add_checkpoint(newer.body(3, 5), SECONDS).status == 200


def test_a_witness_whose_clock_runs_behind_signs_nothing_until_it_is_right(witness):
    witness.add_checkpoint(LOG.body(0, 5), SECONDS)
    assert witness.add_checkpoint(LOG.body(5, 6), SECONDS - 1).status == 503
    assert witness.add_checkpoint(LOG.body(5, 6), SECONDS).status == 200


def test_extension_lines_are_cosigned_with_the_rest(witness):
    note = LOG.signer.sign(LOG.head(5).text + "extension\n")
    answer = witness.add_checkpoint(LOG.body(0, 5, note=note), SECONDS)
    text, signed = split_note(note + answer.body)
    assert text.endswith("extension\n")
    AUDIT.keys[0].check(text, signature_of(signed, AUDIT.keys[0]))


def test_a_fork_of_one_size_is_kept_with_both_notes(witness):
    for old, size in ((0, 5), (5, 8)):
        witness.add_checkpoint(LOG.body(old, size), SECONDS)
    for old in (8, 5, 0, 2):  # whatever old size the forker claims, and however often
        assert witness.add_checkpoint(FORK.body(old, 8), SECONDS + 9).status == 409
    assert witness.add_checkpoint(FORK.body(3, 5), SECONDS + 9).status == 409
    found = witness.memory.evidence()
    assert [each.kind for each in found] == ["fork", "fork"]
    assert (found[0].held, found[0].offered) == (LOG.note(8), FORK.note(8))
    assert (found[1].held, found[1].offered) == (LOG.note(5), FORK.note(5))
    assert found[0].at == SECONDS + 9


def test_a_larger_tree_that_is_not_proven_is_kept_too_but_only_so_often(witness, monkeypatch):
    monkeypatch.setattr(judging, "MOST_UNPROVEN", 3)
    witness.add_checkpoint(LOG.body(0, 5), SECONDS)
    for size in range(6, 14):
        assert witness.add_checkpoint(FORK.body(5, size), SECONDS).status == 422
    assert [each.kind for each in witness.memory.evidence()] == ["unproven"] * 3
    assert witness.add_checkpoint(FORK.body(5, 5), SECONDS).status == 409
    assert [each.kind for each in witness.memory.evidence()][:1] == ["fork"]
    assert witness.add_checkpoint(LOG.body(5, 9), SECONDS).status == 200


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM evidence",
        "UPDATE evidence SET offered = ''",
        "DELETE FROM signed",
        "UPDATE signed SET root = x'00'",
        "DELETE FROM log",
        "UPDATE log SET size = size - 1",
        "UPDATE log SET root = x'00'",
        "UPDATE owner SET vkey = 'x'",
    ],
)
def test_nothing_a_witness_remembers_goes_backwards(witness, tmp_path, sql):
    witness.add_checkpoint(LOG.body(0, 5), SECONDS)
    witness.add_checkpoint(FORK.body(5, 5), SECONDS)
    other = sqlite3.connect(tmp_path / "witness.sqlite", isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|only grows"):
        other.execute(sql)
    other.close()


def test_a_memory_belongs_to_one_witness(tmp_path):
    Witness(AUDIT, [LOG.key], Memory(tmp_path / "w"))
    Witness(AUDIT, [STRANGER.key], Memory(tmp_path / "w"))
    with pytest.raises(Unusable, match="another witness"):
        Witness(FINANCE, [LOG.key], Memory(tmp_path / "w"))


def race(witnesses: list[Witness], bodies: list[bytes]) -> list[int]:
    """Send every body from a thread of its own, all at one moment."""
    gate = threading.Barrier(len(bodies))
    statuses: list[int] = [0] * len(bodies)

    def send(place: int) -> None:
        gate.wait(30)
        asked = witnesses[place % len(witnesses)]
        statuses[place] = asked.add_checkpoint(bodies[place], SECONDS).status

    threads = [threading.Thread(target=send, args=(each,)) for each in range(len(bodies))]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return statuses


@pytest.mark.parametrize("doors", [1, 2])
def test_sixteen_that_race_for_one_size_leave_one_history(tmp_path, doors):
    """Honest and forked trees of one size at once: all that is cosigned is one tree."""
    witnesses = [Witness(AUDIT, [LOG.key], Memory(tmp_path / "w")) for _ in range(doors)]
    statuses = race(witnesses, [(LOG if each % 2 else FORK).body(0, 9) for each in range(16)])
    assert statuses.count(200) == 1
    assert statuses.count(409) == 15
    (seen,) = witnesses[0].memory.logs()
    found = witnesses[0].memory.evidence()
    assert seen.root in {LOG.head(9).root, FORK.head(9).root}
    assert [each.kind for each in found] == ["fork"]
    assert {found[0].held, found[0].offered} == {LOG.note(9), FORK.note(9)}


def test_sixteen_that_race_for_growing_sizes_never_roll_back(witness):
    witness.add_checkpoint(LOG.body(0, 4), SECONDS)
    statuses = race([witness], [LOG.body(4, 5 + each) for each in range(16)])
    assert statuses.count(200) == 1
    assert set(statuses) == {200, 409}
    history = [each.size for each in witness.memory.history(LOG.key.name)]
    assert history == [4, 5 + statuses.index(200)]


def test_a_fault_while_deciding_leaves_no_trace(witness):
    def broken() -> None:
        with witness.memory.deciding():
            witness.memory.remember(Seen("x", 1, bytes(32), "", 1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert witness.memory.logs() == []


@given(st.binary(max_size=400))
def test_random_bytes_are_malformed_and_never_a_fault(body):
    with pytest.raises(Malformed):
        read_submission(body)


@given(st.integers(0, 600), st.binary(max_size=6), st.integers(0, 12))
def test_a_bent_submission_is_read_or_malformed(place, fresh, cut):
    body = LOG.body(5, 13)
    bent = body[:place] + fresh + body[place + cut :]
    try:
        asked = read_submission(bent)
    except Malformed:
        return
    assert asked.head.size >= 0
    assert len(asked.proof) <= 63


@pytest.mark.parametrize(
    "first",
    ["old", "old ", "old -1", "old 05", "old 5 ", "old  5", "OLD 5", "old ٥", f"old {2**63}", "old "
     + "9" * 5000],
)  # fmt: skip
def test_the_old_size_has_one_spelling(first):
    with pytest.raises(Malformed, match="old size"):
        read_submission(f"{first}\n\n{LOG.note(5)}".encode())


def test_bounds_of_a_submission_are_kept():
    with pytest.raises(Malformed, match="63"):
        read_submission(LOG.body(0, 5, proof=[bytes(32)] * 64))
    assert len(read_submission(LOG.body(0, 5, proof=[bytes(32)] * 63)).proof) == 63
    with pytest.raises(Malformed, match="hash"):
        read_submission(LOG.body(0, 5, proof=[bytes(31)]))
    with pytest.raises(Malformed, match="too large"):
        read_submission(bytes(MAX_BODY_BYTES + 1))
    sixteen = LOG.note(5) + "".join(AUDIT.lines(LOG.head(5).text, each) for each in range(16))
    assert len(read_submission(LOG.body(0, 5, note=sixteen)).lines) == 33
