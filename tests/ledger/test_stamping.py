"""The house and a time stamp authority: real OpenSSL behind real sockets, dead, slow and wrong."""

import io
import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from config import tasks
from deploy.time_authority import Server, TimeAuthority
from ledger import asking, clock, models
from ledger.refusals import Broken
from ledger.stamping import stamp_newest, stamped, stamps, trusted_roots
from ledger.tokens import digest_of, outside, request_for, verify_token
from tests.ledger.bodies import answering, served
from tests.ledger.making import book, grant, seal_all

pytestmark = pytest.mark.django_db(transaction=True)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = TimeAuthority(tmp_path_factory.mktemp("tsa"))
    made.make()
    return made


@pytest.fixture
def tsa(authority, settings):
    """Give an authority that is set up and trusted."""
    settings.LOG_TSA_ROOTS = str(authority.root)
    with served(Server(("127.0.0.1", 0), authority)) as address:
        settings.LOG_TSA_URL = address
        yield authority


def grow():
    book(grant(1))
    return seal_all()


def test_the_newest_checkpoint_is_stamped_once(tsa):
    assert stamp_newest(now()) is None
    newest = grow()
    made = stamp_newest(now())
    assert (made.size, made.digest) == (newest.size, digest_of(newest.note.encode()))
    assert made.tsa.startswith("CN=测试时间戳机构")
    assert stamp_newest(now()) is None
    told = verify_token(made.token, newest.note.encode(), trusted_roots())
    assert (told.at, told.serial) == (made.at, made.serial)
    assert stamped(newest.size) == [made]
    assert stamped(newest.size + 1) == []


def test_stamps_bracket_the_entries_of_the_log(tsa):
    sizes = []
    for _ in range(2):
        sizes.append(grow().size)
        stamp_newest(now())
    assert [each.size for each in stamps()] == sizes
    backdated = now() - timedelta(days=30)
    entries = [(0, backdated), (sizes[0], now()), (sizes[1], backdated)]
    assert [each[0] for each in outside(entries, stamps())] == [sizes[1]]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b"", "does not hold"),
        (200, b"rubbish", "does not hold"),
        (200, b"x" * 40_000, "more than"),
        (500, b"", "HTTP 500"),
    ],
)
def test_a_wrong_authority_leaves_no_row(tsa, settings, caplog, status, body, told):
    grow()
    with answering(lambda _: (status, {}, body)) as address:
        settings.LOG_TSA_URL = address
        assert stamp_newest(now()) is None
    assert told in caplog.text
    assert models.TimeStamp.objects.count() == 0


def test_an_authority_that_answers_another_request_leaves_no_row(tsa, settings, caplog):
    newest = grow()
    old = tsa.answer(request_for(newest.note.encode()).body)
    with answering(lambda _: (200, {}, old)) as address:
        settings.LOG_TSA_URL = address
        assert stamp_newest(now()) is None
    assert "Nonce mismatch" in caplog.text


def test_a_dead_or_slow_authority_is_asked_again_next_time(tsa, settings, caplog, monkeypatch):
    newest = grow()
    alive = settings.LOG_TSA_URL
    settings.LOG_TSA_URL = "http://127.0.0.1:9"
    assert stamp_newest(now()) is None
    assert "ConnectError" in caplog.text
    settings.LOG_TSA_URL = alive
    assert stamp_newest(now()).size == newest.size


@pytest.mark.parametrize("apart", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_that_is_an_hour_off_is_told_and_nothing_kept(tsa, caplog, apart):
    grow()
    assert stamp_newest(now() + apart) is None
    assert [each.levelno for each in caplog.records][-1] == logging.CRITICAL
    assert models.TimeStamp.objects.count() == 0


def test_an_sm2_token_is_kept_as_an_opaque_file_and_brackets_nothing(tsa, settings):
    newest = grow()
    raw = b"an SM2 token " + bytes.fromhex("06082a811ccf55018375")
    with answering(lambda _: (200, {}, raw)) as address:
        settings.LOG_TSA_URL = address
        made = stamp_newest(now())
    assert (made.national, made.token, made.tsa) == (True, raw, address)
    assert stamped(newest.size) == [made]
    assert stamps() == []


def test_without_an_authority_nothing_is_asked():
    grow()
    assert stamp_newest(now()) is None
    assert tasks.stamp_log() == 0
    assert told() == "没有设置时间戳机构（LOG_TSA_URL），或日志还没有检查点\n"


def test_roots_that_cannot_be_read_are_told(tsa, settings, tmp_path):
    grow()
    for name in ("absent.pem", "rubbish.pem"):
        (tmp_path / "rubbish.pem").write_text("rubbish")
        settings.LOG_TSA_ROOTS = str(tmp_path / name)
        with pytest.raises(Broken, match="LOG_TSA_ROOTS"):
            stamp_newest(now())
        with pytest.raises(CommandError, match="LOG_TSA_ROOTS"):
            told()


def told() -> str:
    out = io.StringIO()
    call_command("stamp_log", stdout=out)
    return out.getvalue()


def test_the_command_and_the_job_stamp_and_tell(tsa, settings):
    newest = grow()
    assert told().startswith(f"{newest.size} ")
    assert "此前已取得" in told()
    newest = grow()
    with clock.set_to(now()):
        assert tasks.stamp_log() == newest.size
    settings.LOG_TSA_URL = "http://127.0.0.1:9"
    grow()
    with pytest.raises(CommandError, match="没有取得"):
        told()


def test_an_answer_after_the_deadline_counts_as_none():
    questions = [asking.Question("http://127.0.0.1:9", b"", "x"), asking.Question("::", b"", "x")]
    assert [each.status for each in asking.ask_all(questions, seconds=1)] == [0, 0]
    assert asking.ask_all([]) == []
