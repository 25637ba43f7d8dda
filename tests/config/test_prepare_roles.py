"""Rights brought in line by the owner, and what the doctor says about roles."""

from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from config.management.commands import doctor, prepare_roles
from deploy import roles
from ledger import clock, maintaining
from ledger.actors import system_actor
from tests.roles import PREFIX, SUPERUSER, as_role, name_of

pytestmark = [pytest.mark.django_db, pytest.mark.unbalanced]


def told(*words: str) -> str:
    out = StringIO()
    call_command("prepare_roles", *words, stdout=out)
    return out.getvalue()


@contextmanager
def bent(*statements: str):
    """Do something as a superuser that is taken back at the end of the block."""
    with transaction.atomic():
        with as_role(SUPERUSER), connection.cursor() as cursor:
            for each in statements:
                cursor.execute(each)
        yield
        transaction.set_rollback(True)


GIVEN = f"GRANT UPDATE, DELETE ON ledger_transfer TO {name_of('app')}"
TAKEN = f"REVOKE INSERT ON ledger_work FROM {name_of('app')}"
COLUMN = f"GRANT SELECT (password) ON config_user TO {name_of('read')}"
CALLED = "CREATE FUNCTION ledger_new() RETURNS int LANGUAGE sql AS 'SELECT 1'"


def test_with_all_in_line_nothing_is_moved():
    assert "本次调整 0 项" in told()


@pytest.mark.parametrize(
    ("statements", "moved"),
    [((GIVEN,), 2), ((TAKEN,), 1), ((COLUMN,), 1), ((GIVEN, TAKEN, COLUMN), 4), ((CALLED,), 1)],
)
def test_the_owner_brings_every_right_back_in_line(statements, moved):
    handed = f"ALTER FUNCTION ledger_new() OWNER TO {name_of('owner')}"
    more = (handed,) if CALLED in statements else ()
    with bent(*statements, *more):
        found = roles.differences(prepare_roles.ask, PREFIX)
        assert len(found.missing) + len(found.excess) == moved
        with as_role("owner"):
            assert f"本次调整 {moved} 项" in told()
        assert not roles.differences(prepare_roles.ask, PREFIX)


def test_a_right_on_a_whole_table_goes_and_those_on_its_columns_stay():
    with bent(f"GRANT INSERT ON ledger_logentry TO {name_of('app')}"), as_role("owner"):
        told()
        assert not roles.differences(prepare_roles.ask, PREFIX)


def test_the_application_cannot_give_itself_a_right():
    with bent(TAKEN), pytest.raises(CommandError, match="DATABASE_URL_MIGRATE"):
        told()


def test_a_house_of_one_role_is_left_as_it_is(settings):
    settings.DATABASE_ROLE_PREFIX = "nobody"
    assert "单一账号" in told()


def test_an_administrator_gets_all_of_it_as_text():
    text = told("--sql")
    for role in roles.LOGINS:
        assert f"CREATE ROLE {name_of(role)} LOGIN" in text
        assert f"\\password {name_of(role)}" in text
    assert f"CREATE ROLE {name_of('owner')} NOLOGIN" in text
    assert "CREATE EVENT TRIGGER" in text
    assert "CREATE EVENT TRIGGER" not in told("--sql", "--no-guard")


def test_the_doctor_names_the_role_in_force():
    level, detail = doctor.database_roles()
    assert level == doctor.OK
    assert name_of("app") in detail


def test_the_doctor_warns_of_a_house_that_runs_as_one(settings):
    settings.DATABASE_ROLE_PREFIX = "nobody"
    level, detail = doctor.database_roles()
    assert level == doctor.WARN
    assert "prepare_roles --sql" in detail


def test_the_doctor_warns_of_a_program_that_comes_as_somebody_greater():
    with as_role(SUPERUSER):
        level, detail = doctor.database_roles()
    assert level == doctor.WARN
    assert "DATABASE_URL" in detail


@pytest.mark.parametrize("statement", [GIVEN, TAKEN, "CREATE TABLE ledger_other (a int)"])
def test_the_doctor_counts_what_differs(statement):
    with bent(statement):
        level, detail = doctor.database_roles()
    assert level == doctor.WARN
    assert "处不同" in detail


def test_the_doctor_sees_a_missing_guard_and_an_open_maintenance():
    assert doctor.structure()[0] == doctor.OK
    for change in ("DROP EVENT TRIGGER house_guard_drop",
                   "ALTER EVENT TRIGGER house_guard_change DISABLE"):  # fmt: skip
        with bent(change):
            assert doctor.structure()[0] == doctor.WARN
    maintaining.begin_maintenance("换索引", actor=system_actor("test"), at=clock.now())
    level, detail = doctor.structure()
    assert level == doctor.WARN
    assert "维护进行中" in detail
