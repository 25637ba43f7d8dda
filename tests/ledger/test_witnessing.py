"""The house and its witnesses: real ones over real sockets, and ones that are slow, dead, lying."""

import io
import json
import socket
import time
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config import tasks
from ledger import asking, audit, clock, exploring, models
from ledger.policies import judge, parse_policy, satisfied
from ledger.refusals import Broken
from ledger.signing import TreeHead, open_note, split_note
from ledger.witness.memory import Memory
from ledger.witnessing import (
    Outcome,
    bodies,
    policy,
    standings,
    witness_newest,
    witnessed,
    witnessed_checkpoint,
)
from tests.guards import guards_off
from tests.ledger.bodies import answering, honest, listing
from tests.ledger.making import AT, a_small_month, book, grant, seal_all
from tests.ledger.small_log import AUDIT, FINANCE

pytestmark = pytest.mark.django_db(transaction=True)
(A, A_PQ), (F, F_PQ) = AUDIT.keys, FINANCE.keys


def now() -> datetime:
    return datetime.now(UTC)


def grow() -> audit.Checkpoint:
    book(grant(1))
    return seal_all()


def states(outcomes: list[Outcome]) -> list[str]:
    return [each.state for each in outcomes]


@pytest.fixture
def audit_bureau(tmp_path, settings):
    """Give an honest witness that is set up with both of its keys."""
    with honest(AUDIT, tmp_path) as address:
        settings.LOG_WITNESSES = listing((address, A), (address, A_PQ))
        yield address


def test_each_new_checkpoint_is_cosigned_in_both_forms(audit_bureau):
    a_small_month()
    for _ in range(3):
        newest = grow()
        assert states(witness_newest(now())) == ["cosigned"]
        found = witnessed(newest.size)
        assert {each.algorithm for each in found} == {"ED25519", "MLDSA44"}
        assert all(abs((each.at - now()).total_seconds()) < 60 for each in found)
        assert states(witness_newest(now())) == ["current"]
    assert models.Cosignature.objects.count() == 6


def test_a_witnessed_checkpoint_satisfies_the_published_policy(audit_bureau, client):
    plain = grow()
    assert client.get("/public/log/checkpoint?witnessed").status_code == 404
    witness_newest(now())
    published = parse_policy(client.get("/public/log/policy").content)
    note = client.get("/public/log/checkpoint?witnessed").content.decode()
    assert satisfied(note, published)
    assert not satisfied(plain.note, published)
    assert published.logs[0].key == audit.ensure_key(AT)
    assert client.get("/public/log/checkpoint").content.decode() == plain.note
    newer = grow()
    assert client.get("/public/log/checkpoint?witnessed").content.decode() == note
    assert client.get("/public/log/checkpoint").content.decode() == newer.note
    assert TreeHead.parse(open_note(note, audit.ensure_key(AT))).size == plain.size


def test_without_witnesses_the_policy_asks_for_none(client, settings):
    assert witness_newest(now()) == []
    newest = grow()
    assert witness_newest(now()) == []
    published = parse_policy(client.get("/public/log/policy").content)
    assert published.quorum == "none"
    assert client.get("/public/log/checkpoint?witnessed").content.decode() == newest.note
    assert tasks.witness_log() == 0


def test_two_bodies_of_two_make_the_quorum_and_one_does_not(tmp_path, settings):
    with honest(AUDIT, tmp_path) as one:
        settings.LOG_WITNESSES = listing((one, A), ("http://127.0.0.1:9", F))
        newest = grow()
        assert states(witness_newest(now())) == ["cosigned", "silent"]
        assert witnessed_checkpoint(policy(exploring.verification_keys())) is None
        with honest(FINANCE, tmp_path) as other:
            settings.LOG_WITNESSES = listing((one, A), (other, F))
            assert states(witness_newest(now())) == ["current", "cosigned"]
    note = witnessed_checkpoint(policy(exploring.verification_keys()))
    assert set(judge(note, policy([])).witnesses) == {
        f"w1-ed25519-{A.key_id.hex()}", f"w2-ed25519-{F.key_id.hex()}"
    }  # fmt: skip
    assert split_note(note)[0] == split_note(newest.note)[0]


def test_a_policy_file_names_witnesses_and_quorum(audit_bureau, tmp_path, settings):
    file = tmp_path / "witnesses.policy"
    file.write_text(f"witness 审计局 {A_PQ.text} {audit_bureau}/\nquorum 审计局\n")
    settings.LOG_WITNESSES = str(file)
    grow()
    assert states(witness_newest(now())) == ["cosigned"]
    assert [each.name for each in policy([]).witnesses] == ["审计局"]
    assert bodies()[0].url == audit_bureau
    assert witnessed_checkpoint(policy(exploring.verification_keys()))


@pytest.mark.parametrize("text", ["/nowhere/file", "http://127.0.0.1:1 rubbish", "a b c", "x y, z"])
def test_a_setting_that_cannot_be_read_is_told(settings, text):
    settings.LOG_WITNESSES = text
    with pytest.raises(Broken, match="LOG_WITNESSES"):
        witness_newest(now())
    with pytest.raises(CommandError, match="LOG_WITNESSES"):
        call_command("witness_log", "--once")
    with pytest.raises(CommandError, match="LOG_WITNESSES"):
        call_command("list_witnesses")


def test_a_witness_that_already_knows_more_is_asked_again_with_its_size(audit_bureau):
    """An answer was lost: the witness stored a size that the house never heard of."""
    grow()
    witness_newest(now())
    grow()
    witness_newest(now())
    newest = grow()
    size = newest.size
    as_owner("DELETE FROM ledger_cosignature")
    assert states(witness_newest(now())) == ["cosigned"]
    assert witnessed(size)


def as_owner(statement: str) -> None:
    with guards_off(connection, ["ledger_cosignature"]) as cursor:
        cursor.execute(statement)


def test_a_witness_restored_from_an_old_copy_is_asked_from_its_size(tmp_path, settings):
    with honest(AUDIT, tmp_path) as address:
        settings.LOG_WITNESSES = listing((address, A))
        grow()
        witness_newest(now())
    (tmp_path / "audit.sqlite").unlink()
    with honest(AUDIT, tmp_path) as address:
        settings.LOG_WITNESSES = listing((address, A))
        grow()
        assert states(witness_newest(now())) == ["cosigned"]


@pytest.mark.unbalanced
def test_a_log_rewritten_under_a_witness_raises_the_alarm(audit_bureau, tmp_path, caplog):
    """Somebody with all keys and the database forks the log: the witness says no, loudly."""
    grow()
    witness_newest(now())
    other = Memory(tmp_path / "audit.sqlite")
    forged = bytes(32)
    with other.deciding():
        other._file.execute("DROP TRIGGER log_grows")
        other._file.execute("UPDATE log SET root = ?", (forged,))
    newest = grow()
    told = []
    assert states(witness_newest(now(), alarm=told.append)) == ["disagrees"]
    assert [each.size for each in told] == [newest.size]
    assert "422" in told[0].detail
    with other.deciding():
        other._file.execute("UPDATE log SET size = ?", (newest.size,))
    assert "另一个树根" in witness_newest(now())[0].detail
    assert "disagrees at size" in caplog.text
    with other.deciding():
        other._file.execute("UPDATE log SET size = ?", (newest.size + 5,))
    assert "本日志只有" in witness_newest(now())[0].detail
    with pytest.raises(CommandError, match="不一致"):
        call_command("witness_log", "--once", stdout=io.StringIO())
    other.close()
    assert witnessed(newest.size) == []


LINES = FINANCE.lines(TreeHead("x", 1, bytes(32)).text, 5).encode()


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, b"", "invalid"),
        (200, b"rubbish\n", "invalid"),
        (200, b"\xff\xfe\n", "invalid"),
        (200, LINES, "invalid"),
        (200, "— audit.test/witness AAAAAAAA\n".encode(), "invalid"),
        (200, b"a" * 100_000, "silent"),
        (404, b"unknown\x1b[31m", "refused"),
        (403, b"", "refused"),
        (500, b"", "refused"),
        (302, b"", "refused"),
        (409, b"", "invalid"),
        (409, b"-1\n", "invalid"),
        (409, b"9" * 400, "invalid"),
        (409, b"7\n", "disagrees"),
        (409, b"1\n", "refused"),
        (422, b"", "disagrees"),
    ],
)
def test_a_lying_witness_leaves_no_cosignature(settings, status, body, state):
    grow()
    with answering(lambda _: (status, {}, body)) as address:
        settings.LOG_WITNESSES = listing((address, A))
        assert states(witness_newest(now())) == [state]
    assert models.Cosignature.objects.count() == 0


@pytest.mark.parametrize(("ahead", "kept"), [(0, 1), (60, 1), (3_600, 0), (2**62, 0)])
def test_a_cosignature_from_the_future_is_not_kept(settings, ahead, kept):
    newest = grow()
    text, _ = split_note(newest.note)
    made = AUDIT.lines(text, int(time.time()) + ahead).encode()
    with answering(lambda _: (200, {}, made)) as address:
        settings.LOG_WITNESSES = listing((address, A))
        witness_newest(now())
    assert models.Cosignature.objects.count() == kept


def test_a_good_line_beside_a_bad_one_is_kept_and_the_bad_one_told(settings, caplog):
    newest = grow()
    text, _ = split_note(newest.note)
    ed25519, mldsa44 = AUDIT.lines(text, int(time.time())).splitlines(keepends=True)
    bent = ed25519[:-10] + ("A" if ed25519[-10] != "A" else "B") + ed25519[-9:]
    with answering(lambda _: (200, {}, (bent + mldsa44).encode())) as address:
        settings.LOG_WITNESSES = listing((address, A), (address, A_PQ))
        assert states(witness_newest(now())) == ["invalid"]
    assert [each.algorithm for each in witnessed(newest.size)] == ["MLDSA44"]
    assert "does not hold" in caplog.text


def test_a_dead_and_a_trickling_witness_cost_bounded_time(tmp_path, settings, monkeypatch):
    """All are asked at once: who trickles bytes for ever is left after the common deadline."""
    monkeypatch.setattr(asking.ask_all, "__kwdefaults__", {"seconds": 1, "most": 65_536})
    grow()
    hole = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing

    def trickle(_: bytes) -> tuple[int, dict[str, str], bytes]:
        time.sleep(3)
        return 200, {}, b""

    places = [f"http://127.0.0.1:{hole.getsockname()[1]}", "http://127.0.0.1:9", "nonsense:/x"]
    with honest(AUDIT, tmp_path) as good, answering(trickle) as slow:
        keys = [F, F_PQ, *SPARE]
        pairs = zip([slow, *places], keys, strict=True)
        settings.LOG_WITNESSES = listing(*pairs, (good, A))
        started = time.monotonic()
        assert states(witness_newest(now())) == ["silent"] * 4 + ["cosigned"]
        assert time.monotonic() - started < 2.5
    hole.close()


SPARE = [type(F)("spare.test/w", bytes([each]) * 32, F.algorithm) for each in (1, 2)]


def test_sealing_goes_on_whatever_ails_the_witnesses(settings):
    settings.LOG_WITNESSES = listing(("http://127.0.0.1:9", A))
    sizes = [grow().size for _ in range(3)]
    assert sizes == sorted(set(sizes))
    assert states(witness_newest(now())) == ["silent"]


def told(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_the_commands_tell_how_far_each_witness_is(audit_bureau):
    assert "没有设置见证方，或日志还没有检查点" in told("witness_log", "--once")
    assert "从未" in told("list_witnesses")
    newest = grow()
    assert f"audit.test/witness {newest.size} 已见证" in told("witness_log", "--once")
    assert f"最新检查点：{newest.size}" in told("list_witnesses")
    grow()
    found = json.loads(told("list_witnesses", "--json"))
    assert found["quorum_size"] == newest.size
    assert found["witnesses"][0]["behind"] == 1
    assert [each.behind for each in standings()] == [1]


def test_the_job_of_each_minute_asks_the_witnesses(audit_bureau):
    grow()
    with clock.set_to(now()):
        assert tasks.witness_log() == 1
        assert tasks.witness_log() == 1
