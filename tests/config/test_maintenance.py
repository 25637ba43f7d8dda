"""The structure of the ledger changes only while the log says that a maintenance is open."""

import json
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from config.management.commands import migrate
from config.models import User
from ledger import clock, maintaining, models
from ledger.actors import system_actor
from ledger.audit import record
from ledger.refusals import Refused
from tests.roles import SUPERUSER, address_of, as_role, name_of

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = system_actor("test")
SWITCH_OFF = "ALTER TABLE ledger_transfer DISABLE TRIGGER append_only"
CHANGES = (
    SWITCH_OFF,
    "ALTER TABLE ledger_transfer RENAME TO elsewhere",
    "ALTER TABLE ledger_transfer DROP CONSTRAINT transfer_amount_positive",
    "ALTER TABLE ledger_transfer ADD COLUMN x int",
    "ALTER TABLE ledger_logentry ALTER COLUMN xid DROP DEFAULT",
    "ALTER TRIGGER append_only ON ledger_transfer RENAME TO x",
    "ALTER SEQUENCE ledger_journal_seq_seq RESTART WITH 1",
    "DROP TRIGGER append_only ON ledger_journal",
    "DROP TABLE ledger_checkpoint",
    "DROP FUNCTION ledger_refuse_change() CASCADE",
    "CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION ledger_refuse_change() RENAME TO x",
    "CREATE RULE r AS ON INSERT TO ledger_transfer DO INSTEAD NOTHING",
    "CREATE TRIGGER t BEFORE INSERT ON ledger_transfer FOR EACH ROW"
    " EXECUTE FUNCTION ledger_refuse_change()",
)


@pytest.fixture
def owner(transactional_db):
    """Give a session of the owner of the tables, as a migration has one."""
    with psycopg.connect(address_of("migrate"), autocommit=True) as session:
        session.execute(f"SET ROLE {name_of('owner')}")
        yield session


def goes_through(session: psycopg.Connection, statement: str) -> bool:
    try:
        with session.transaction(force_rollback=True):
            session.execute(statement)
    except psycopg.errors.InsufficientPrivilege as refusal:
        return "no maintenance is open" not in str(refusal)  # another reason proves nothing
    return True


def begin(at=None) -> None:
    maintaining.begin_maintenance("换一个触发器", actor=ACTOR, at=at or clock.now())


def told(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def bodies(kind: str) -> list[dict]:
    entries = models.LogEntry.objects.filter(type=kind).order_by("seq")
    return [json.loads(bytes(each.body)) for each in entries]


@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_changes_the_ledger_only_in_a_declared_maintenance(owner, change):
    record("test.event", {}, actor=ACTOR, at=clock.now())
    assert not goes_through(owner, change)
    begin()
    assert goes_through(owner, change)
    maintaining.end_maintenance(actor=ACTOR, at=clock.now())
    assert not goes_through(owner, change)


def test_other_rooms_and_an_empty_log_are_not_held_up(owner):
    assert goes_through(owner, SWITCH_OFF)  # nothing is recorded yet
    record("test.event", {}, actor=ACTOR, at=clock.now())
    assert goes_through(owner, "ALTER TABLE vouchers_hold ADD COLUMN x int")
    assert goes_through(owner, "CREATE TABLE another (a int); DROP TABLE another")


def test_the_guard_cannot_be_switched_off_by_the_owner(owner):
    for statement in (
        "DROP EVENT TRIGGER house_guard_change",
        "ALTER EVENT TRIGGER house_guard_drop DISABLE",
        "DROP FUNCTION house_guard.refuse() CASCADE",
        "SET event_triggers = off",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), owner.transaction():
            owner.execute(statement)


def test_a_superuser_is_held_up_too_unless_the_guard_is_switched_off(owner):
    record("test.event", {}, actor=ACTOR, at=clock.now())
    with psycopg.connect(address_of(SUPERUSER), autocommit=True) as session:
        assert not goes_through(session, SWITCH_OFF)
        session.execute("SET session_replication_role = replica")
        assert not goes_through(session, SWITCH_OFF)
        session.execute("SET event_triggers = off")
        assert goes_through(session, SWITCH_OFF)


def test_a_forgotten_maintenance_ends_by_itself(owner):
    begin(clock.now() - maintaining.LONGEST - timedelta(seconds=1))
    assert maintaining.open_maintenance(clock.now()) is None
    assert not goes_through(owner, SWITCH_OFF)
    with pytest.raises(Refused, match="没有进行中的维护"):
        maintaining.end_maintenance(actor=ACTOR, at=clock.now())


def test_the_log_says_who_why_and_until_when():
    User.objects.create(username="ops", person_hash="p", display_name="周运维")
    assert "已记入日志" in told("maintenance", "begin", "--person=ops", "--reason=换索引")
    with pytest.raises(CommandError, match="已有一次维护"):
        told("maintenance", "begin", "--person=ops", "--reason=再来一次")
    assert "已记入日志" in told("maintenance", "end", "--person=ops")
    (begun,), (ended,) = bodies(maintaining.BEGIN), bodies(maintaining.END)
    assert begun["body"]["reason"] == "换索引"
    assert begun["body"]["ends_at"] > begun["at"]
    assert begun["actor"]["id"] == str(User.objects.get().pk)
    assert "周运维" not in str(begun)
    assert ended["links"] == [begun["id"]]


def test_nobody_and_no_reason_are_refused():
    with pytest.raises(CommandError, match="没有账号"):
        told("maintenance", "begin", "--person=nobody", "--reason=x")
    User.objects.create(username="ops", person_hash="p")
    with pytest.raises(CommandError, match="原因"):
        told("maintenance", "begin", "--person=ops")
    assert not models.LogEntry.objects.exists()


def break_off() -> None:
    with migrate.declared("数据表结构更新：ledger.0099_broken"):
        assert maintaining.open_maintenance(clock.now()) is not None
        raise ZeroDivisionError


def test_a_migration_declares_itself_and_ends_whatever_happens():
    record("test.event", {}, actor=ACTOR, at=clock.now())
    with pytest.raises(ZeroDivisionError):
        break_off()
    assert maintaining.open_maintenance(clock.now()) is None
    assert len(bodies(maintaining.BEGIN)) == len(bodies(maintaining.END)) == 1


def test_a_migration_inside_a_maintenance_or_before_the_log_adds_nothing():
    with migrate.declared("首次建表"):
        assert not models.LogEntry.objects.exists()
    begin()
    with migrate.declared("数据表结构更新"):
        pass
    assert len(bodies(maintaining.BEGIN)) == 1
    assert maintaining.open_maintenance(clock.now()) is not None


def test_with_nothing_to_do_migrate_leaves_no_trace():
    record("test.event", {}, actor=ACTOR, at=clock.now())
    call_command("migrate", verbosity=0, interactive=False, plan=True)
    with as_role("owner"):
        call_command("migrate", verbosity=0, interactive=False)
    assert [each.type for each in models.LogEntry.objects.all()] == ["test.event"]


def test_what_waits_is_named_in_the_log():
    with as_role(SUPERUSER), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'ledger' AND name LIKE '%roles'")
        assert any(each.startswith("ledger.") for each in migrate.waiting())
        transaction.set_rollback(True)
