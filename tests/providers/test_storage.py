"""Usage lies by settlement month, counts once whatever its month, and moved there unharmed."""

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from ledger.identifiers import new_id
from ledger.periods import Month
from providers import shutting, tallies
from providers.models import UsageIdentity, UsageRecord
from providers.staging import open_months
from tests.providers.world import CLERK, LATER, World
from tests.roles import plain_address

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


def parts() -> dict[str, int]:
    """Return how many records lie in each part of the table that has some."""
    rows = UsageRecord.objects.raw(
        "SELECT min(id) AS id, tableoid::regclass::text AS part, count(*) AS many"
        " FROM providers_usagerecord GROUP BY tableoid"
    )
    return {row.part: row.many for row in rows}


def november(there: World, record_id: str) -> dict[str, object]:
    start, end = "2026-11-03T00:00:00+08:00", "2026-11-03T01:00:00+08:00"
    return there.record(record_id, started_at=start, ended_at=end)


def answer_to(*statements: str) -> str:
    """Return what the database says to statements that it should refuse."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for each in statements:
                cursor.execute(each)
    except DatabaseError as error:
        return str(error)
    return "done"


@pytest.mark.django_db
def test_each_month_lies_in_a_part_of_its_own_and_test_data_in_another():
    there = World()
    there.send(there.record("r-1"), november(there, "r-2"), november(there, "r-3"))
    there.send(there.record("t-1", order_no="TEST-OK"), livemode=False)
    assert parts() == {
        "providers_usage_2026_10": 1, "providers_usage_2026_11": 2, "providers_usage_test": 1,
    }  # fmt: skip


@pytest.mark.django_db
def test_a_late_record_lies_where_it_settles():
    there = World()
    shutting.shut_month(OCTOBER, actor=CLERK, at=LATER)
    there.send(there.record())
    assert parts() == {"providers_usage_2026_11": 1}


@pytest.mark.django_db
def test_the_close_of_a_month_reads_that_month_alone():
    there = World()
    there.send(there.record("r-1"), november(there, "r-2"))
    with connection.cursor() as cursor:
        facts = {"month": str(OCTOBER), "provider": None, "with_voucher": False, "orders": None}
        cursor.execute("EXPLAIN " + tallies._MONTHLY, facts)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "providers_usage_2026_10" in plan
    assert "providers_usage_2026_11" not in plan
    assert "providers_usage_test" not in plan


@pytest.mark.django_db
def test_an_id_counts_once_whatever_month_it_comes_back_in():
    there = World()
    there.send(there.record("r-1"))
    assert there.send(november(there, "r-1")).counts["conflict"] == 1
    shutting.shut_month(OCTOBER, actor=CLERK, at=LATER)
    assert there.send(there.record("r-1")).counts["duplicate"] == 1
    open_months([NOVEMBER])
    stored = UsageRecord.objects.get()
    stored.pk, stored.settle_month = None, str(NOVEMBER)
    with pytest.raises(DatabaseError, match="usage_record_once"), transaction.atomic():
        stored.save(force_insert=True)
    assert UsageIdentity.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.superuser
@pytest.mark.parametrize("part", ["providers_usage_2026_10", "providers_usage_test"])
def test_a_part_is_guarded_like_the_whole(part):
    there = World()
    there.send(there.record())
    there.send(there.record(order_no="TEST-OK"), livemode=False)
    for change in (f"UPDATE {part} SET reason = 'x'", f"DELETE FROM {part}", f"TRUNCATE {part}"):
        for role in ("origin", "replica"):
            said = answer_to(f"SET LOCAL session_replication_role = {role}", change)
            assert "by hand" in said or "kept as written" in said, change


@pytest.mark.django_db
def test_the_application_reaches_no_part_but_through_the_table():
    there = World()
    there.send(there.record())
    part, whole = "providers_usage_2026_10", "providers_usageidentity"
    assert "permission denied" in answer_to(f"SELECT FROM {part}")
    assert "permission denied" in answer_to(f"DELETE FROM {part}")
    assert "permission denied" in answer_to(
        f"INSERT INTO {part} SELECT * FROM providers_usagerecord"
    )
    assert "must be owner" in answer_to(f"DROP TABLE {part}")
    assert "permission denied" in answer_to(f"INSERT INTO {whole} SELECT * FROM {whole}")


@pytest.mark.django_db
def test_a_month_is_opened_once_and_must_be_one():
    assert open_months([Month(2031, 5), Month(2031, 5)]) == 1
    assert open_months([Month(2031, 5)]) == 0
    for strange in ("2031-13", "1066-10", "2031-1", "x; DROP TABLE y"):
        assert "no month" in answer_to(f"SELECT providers_open_months('{{{strange}}}')")


def migrate(address: str, *words: str) -> None:
    """Migrate another database, as an operator would."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0", *words],
        env=os.environ | {"DATABASE_URL": address, "SECRET_KEY": settings.SECRET_KEY},
        cwd=settings.BASE_DIR, check=True, timeout=300,
    )  # fmt: skip


@pytest.fixture
def another_database(django_db_setup):
    """Give the address of a database of its own, without tables."""
    address = plain_address()
    name = f"moved_{new_id().hex[:8]}"
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
    with psycopg.connect(address, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


OLD_ROW = """
INSERT INTO providers_usagerecord (provider_id, livemode, record_id, segment, batch_id, row_no,
    device_model, device_count, share_milli, started_at, ended_at, basis, job_state, job_ref,
    corrects, reason, content_digest, month, settle_month, device_milli_seconds, state,
    hold_reason, counted, received_at)
SELECT '01a21816-8714-740f-b992-96964691f693', n %% 7 <> 0, 'r-' || n / 2, n %% 2,
    '01a21816-8714-740f-b992-96964691f694', n, 'a', 1, 1000, now(), now(), 'allocated', '', '', '',
    '', sha256(n::text::bytea), '2026-10', '2026-' || 10 + n %% 3, 0, 'zero', '', false, now()
  FROM generate_series(1, 100) AS n"""
ALL = "SELECT md5(string_agg(u::text, ' ' ORDER BY id)), count(*) FROM providers_usagerecord u"


def test_rows_of_an_earlier_version_move_unchanged(another_database):
    migrate(another_database, "providers", "0010")
    with psycopg.connect(another_database) as old:
        old.execute(OLD_ROW.replace("%%", "%"))
        before = old.execute(ALL).fetchone()
    migrate(another_database, "providers", "0011")
    with psycopg.connect(another_database) as new:
        assert new.execute(ALL).fetchone() == before
        where = "FROM providers_usagerecord GROUP BY 1 ORDER BY 1"
        assert new.execute(f"SELECT tableoid::regclass::text {where}").fetchall() == [
            ("providers_usage_2026_10",), ("providers_usage_2026_11",),
            ("providers_usage_2026_12",), ("providers_usage_test",),
        ]  # fmt: skip
        keys = "provider_id, livemode, record_id, segment, content_digest"
        assert new.execute(
            f"SELECT count(*) FROM (SELECT {keys} FROM providers_usagerecord"
            f" INTERSECT SELECT {keys} FROM providers_usageidentity) x"
        ).fetchone() == (100,)
        assert new.execute("SELECT nextval('providers_usagerecord_id_seq')").fetchone() == (101,)
