"""The high-water mark: what it refuses, what it survives, and that it moves for one alone."""

import json
import os
import resource
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from ledger import audit, marks, models
from ledger.marks import Mark, Peak, held_mark, mark_path, read_mark, swap_mark, write_mark
from ledger.refusals import Broken
from ledger.sealing import adopt_mark, seal
from ledger.suites import SHA256, SM3
from tests.ledger.making import AT, KEYS, LATER, seal_all
from tests.ledger.sealers import one_history, raw_connection, record, sealer, wait_until

pytestmark = pytest.mark.superuser  # it seals, and copies databases as a restored backup would
database = pytest.mark.django_db(transaction=True)


def known() -> Mark:
    found = read_mark()
    assert found is not None
    return found


def mark(size: int, at=None) -> Mark:
    root = size.to_bytes(32, "big")
    others = {"sm3": Peak(size, root[::-1])}
    return Mark("shuanli.putuo.example/ledger", size, root, others, at, "7")


def test_a_mark_is_read_as_it_was_written():
    assert read_mark() is None
    write_mark(mark(5, AT))
    assert read_mark() == mark(5, AT)
    assert read_mark().peak(SM3) == Peak(5, mark(5).root[::-1])
    assert read_mark().peak(SHA256) == Peak(5, mark(5).root)
    assert mark_path().stat().st_mode & 0o077 == 0o044


def test_a_mark_from_before_the_second_tree_still_reads():
    mark_path().parent.mkdir(parents=True)
    old = {"origin": "shuanli.putuo.example/ledger", "size": 9, "root": "ab" * 32}
    mark_path().write_text(json.dumps(old) + "\n")
    assert read_mark() == Mark(old["origin"], 9, bytes.fromhex(old["root"]))
    assert read_mark().peak(SM3) == Peak(0, b"")


def test_a_mark_moves_only_from_where_the_seal_began():
    swap_mark(None, mark(1))
    with pytest.raises(Broken, match="somebody else"):
        swap_mark(None, mark(2))
    swap_mark(mark(1), mark(2))
    with pytest.raises(Broken, match="somebody else"):
        swap_mark(mark(1), mark(3))
    with pytest.raises(Broken, match="does not go back"):
        swap_mark(mark(2), mark(1))
    assert read_mark() == mark(2)


def test_one_alone_holds_the_mark_and_it_is_free_again_after():
    with held_mark() as first, held_mark() as second:
        assert (first, second) == (True, False)
    with held_mark(wait=True) as third:
        assert third


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "x", "null", "é", '{"origin": "x", "size": "y", "root": "z"}',
     '{"origin": "x", "size": 1, "root": "aa", "others": []}',
     '{"origin": "x", "size": 1, "root": "aa", "others": {"sm3": 1}}',
     '{"origin": "x", "size": 1, "root": "aa", "at": "yesterday"}'],
)  # fmt: skip
def test_a_damaged_mark_is_no_mark(text):
    mark_path().parent.mkdir(parents=True)
    mark_path().write_text(text, encoding="utf-8")
    with pytest.raises(Broken, match="damaged"):
        read_mark()


@contextmanager
def no_file_longer_than(count: int):
    """Let the system refuse to write any file beyond some bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@database
@pytest.mark.parametrize("room", [0, 40])
def test_a_full_disk_leaves_the_old_mark_whole_and_signs_nothing(room):
    record()
    before = seal_all()
    stored = mark_path().read_bytes()
    record()
    passed: list[str] = []
    with no_file_longer_than(room), pytest.raises(OSError, match="File too large"):
        wait_until(lambda: seal(AT, passed.append), "an entry to seal")
    assert passed[-1] == "signed"
    assert mark_path().read_bytes() == stored
    assert audit.latest_checkpoint() == before
    assert models.LogLeaf.objects.count() == before.size
    assert seal_all().size == before.size + 1
    one_history()


@database
def test_the_command_tells_of_a_full_disk_and_comes_back(tmp_path):
    audit.ensure_key(AT)
    wait_until(lambda: seal(AT), "the key's entry")
    record()
    told = StringIO()
    mark_path().with_suffix(".new").mkdir()  # nothing can be written there, whoever asks
    for _ in range(200):
        call_command("seal_log", "--once", stdout=StringIO(), stderr=told)
        if told.getvalue():
            break
    assert "封存标记未能写入" in told.getvalue()
    mark_path().with_suffix(".new").rmdir()
    assert seal_all().size == KEYS + 1


@database
def test_a_mark_moved_while_a_seal_runs_stops_that_seal():
    """Somebody writes past the lock: another host, whose folder does not know locks."""
    seal_all()
    record()

    def meddle(place: str) -> None:
        if place == "signed":
            write_mark(replace(known(), size=7))

    with pytest.raises(Broken, match="two sealers"):
        wait_until(lambda: seal(AT, meddle), "the seal")
    assert audit.latest_checkpoint().size == KEYS


@database
def test_while_another_process_holds_the_mark_nothing_is_sealed():
    record()
    audit.ensure_key(AT)
    with held_mark():
        assert seal(AT) is None
        with sealer("manage.py", "seal_log", "--once") as other:
            assert other.wait(60) == 0
        assert models.Checkpoint.objects.count() == 0
    assert seal_all().size == KEYS + 1


@database
def test_a_sealer_on_another_host_with_a_mark_of_its_own_signs_nothing(settings, tmp_path):
    """Two hosts, one database, two folders: the one that lags behind stops."""
    seal_all()
    here = settings.VAR_DIR
    there = tmp_path / "other host"
    there.mkdir()
    (there / "keys").symlink_to(here / "keys")
    record()
    settings.VAR_DIR = there
    with pytest.raises(Broken, match="mark is gone"):
        seal(AT)
    write_mark(read_in(here))
    wait_until(lambda: seal(AT), "one seal over there")
    settings.VAR_DIR = here
    record()
    with pytest.raises(Broken, match="another sealer keeps another mark"):
        seal(AT)
    assert audit.latest_checkpoint().size == KEYS + 1
    settings.VAR_DIR = there
    assert seal_all().size == KEYS + 2


def read_in(folder) -> Mark:
    """Return the mark kept in another folder."""
    stored = json.loads((folder / "log" / "seal.mark").read_text())
    return marks._parsed(stored)


def copy_of_the_database(name: str) -> None:
    source = connection.settings_dict["NAME"]
    connection.close()
    with raw_connection("postgres") as other:
        other.autocommit = True
        other.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        other.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')


@pytest.fixture
def old_state():
    """Yield a way to copy the database as it stands; drop the copy at the end."""
    name = f"restored_{os.getpid()}"
    yield lambda: copy_of_the_database(name) or name
    with raw_connection("postgres") as other:
        other.autocommit = True
        other.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def sealing_in(name: str) -> str:
    """Run the sealer on another database with this test's folder; return what it says."""
    url = raw_connection(name).info
    address = f"postgres://{url.user}:{url.password}@{url.host}:{url.port}/{name}"
    with sealer("manage.py", "seal_log", "--once", DATABASE_URL=address) as process:
        told, _ = process.communicate(timeout=90)
        assert process.returncode == 1
    return told


@database
def test_a_restored_old_state_is_not_signed_however_much_is_written_into_it(old_state):
    record("first")
    seal_all()
    name = old_state()
    for _ in range(3):
        record("lost in the restore")
    newest = seal_all()
    assert "was an old backup restored?" in sealing_in(name)
    with raw_connection(name) as other:
        for number in range(9):
            other.execute(
                "INSERT INTO ledger_logentry (id, type, at, body)"
                " VALUES (gen_random_uuid(), 'test.raw', now(), %s)", [b"another past %d" % number],
            )  # fmt: skip
    assert f"contradicts the root signed at size {newest.size}" in sealing_in(name)
    assert read_mark().size == newest.size
    with raw_connection(name) as other:
        kept = other.execute("SELECT max(size) FROM ledger_checkpoint").fetchone()
    assert kept == (newest.size - 3,)


@database
def test_a_database_moved_to_another_cluster_is_not_sealed_until_somebody_says_so():
    """Transaction ids may begin anew there, and entries would be passed over unseen."""
    seal_all()
    write_mark(replace(known(), cluster="1"))
    record()
    with pytest.raises(Broken, match="another cluster"):
        seal(AT)
    assert adopt_mark().size == KEYS
    assert read_mark().cluster not in {"", "1"}
    assert seal_all().size == KEYS + 1


@database
@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_never_takes_a_stated_time_back(jump):
    """Back by an hour: the latest moment ever stated is stated again until the clock is there."""
    record()
    seal_all(LATER)
    times = []
    for minute in range(3):
        record()
        times.append(seal_all(LATER + jump + timedelta(minutes=minute)).sealed_at)
    record()
    times.append(seal_all(LATER + timedelta(hours=3)).sealed_at)
    assert times == sorted(times)
    assert times[0] == max(LATER, LATER + jump)
    assert times[-1] == LATER + timedelta(hours=3)
    assert read_mark().at == times[-1]
    one_history()


@database
def test_a_time_stated_before_a_crash_is_not_taken_back_either():
    seal_all()
    record()

    def crash(place: str) -> None:
        if place == "marked":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_until(lambda: seal(LATER, crash), "the crash")
    assert seal_all(AT).sealed_at == LATER
