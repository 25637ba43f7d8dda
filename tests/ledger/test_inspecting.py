"""Tampering as the owner of the tables, guards switched off: every changed column is named.

Goal: the house finds any changed row of the books and the log. Method: each column of each
table is changed in turn, in two rows, with the triggers disabled; ``inspect_log`` must name the
row. What it cannot find stands in ``ALLOWED`` with the reason; a new column, and a new table,
fails until it is placed.
"""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from ledger import models
from ledger.book import post_set
from ledger.inspecting import inspect_log
from ledger.marks import read_mark, write_mark
from tests.guards import guards_off
from tests.ledger.making import ACTOR, AT, a_small_month, book, grant, issue, seal_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.unbalanced]

TABLES = (
    "ledger_account", "ledger_accountbalance", "ledger_journal", "ledger_transfer",
    "ledger_logentry", "ledger_logleaf", "ledger_logtile", "ledger_checkpoint",
    "ledger_accountrollup", "ledger_periodclose",
)  # fmt: skip
#: Columns whose change nothing else contradicts, and why that is bearable.
ALLOWED = {
    "ledger_account.opened_at": "tells when an account was first used; its journals tell it too",
    "ledger_logentry.xid": "the order it gave is kept by the leaf index once the entry is sealed",
    "ledger_logtile.id": "row number without meaning",
    "ledger_checkpoint.id": "row number without meaning",
    "ledger_checkpoint.sealed_at": "the signed text of C2SP carries no time; TSA tokens will",
}
#: Tables that carry neither books nor log, and what is there instead of this test.
APART = {
    "ledger_work": "what is still to be done; nothing is proved by it",
    "ledger_refusedid": "answers for retries; an id that was booked all the same is a finding",
    "ledger_incident": "told by the entries incident.open and incident.close",
    "ledger_incidentrequest": "told by the entry incident.close",
    "ledger_incidentclosing": "told by the entry incident.close",
    "ledger_entryreference": "an index to find entries by; made of them, proves nothing",
    "ledger_promise": "signed text that lies in the caller's hands as well",
    "ledger_cosignature": "signed by other houses and checked against their keys",
    "ledger_timestamp": "signed by an authority and checked against its certificate",
    "ledger_anchor": "digests stand in the entry anchor.receipt",
}
#: How a value of each type is changed.
BENT = {
    "bigint": "{0} + 1000",
    "smallint": "{0} + 1",
    "integer": "{0} + 1",
    "boolean": "NOT {0}",
    "uuid": "gen_random_uuid()",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 second'",
    "bytea": "set_byte({0}, 0, get_byte({0}, 0) # 1)",
    "jsonb": """'{{"forged": "x"}}'::jsonb""",
    "xid8": "'999999999'::xid8",
    "character varying": "CASE WHEN {0} = 'x' THEN 'y' ELSE 'x' END",
    "text": "{0} || 'x'",
}


def columns() -> list[tuple[str, str, str]]:
    """Return (table, column, type) of the models, without a database at collection time."""
    found = []
    for model in (
        models.Account, models.AccountBalance, models.Journal, models.Transfer,
        models.LogEntry, models.LogLeaf, models.LogTile, models.Checkpoint,
    ):  # fmt: skip
        for each in model._meta.concrete_fields:
            found.append((model._meta.db_table, each.column))
    return found


def as_owner(*statements: str) -> None:
    """Do what only a superuser can: switch the guards off, change, switch on."""
    with guards_off(connection, TABLES) as cursor:
        for each in statements:
            cursor.execute(each)


@pytest.fixture
def house():
    a_small_month()
    post_set([grant(10**6), *(issue(1, str(each)) for each in range(260))], actor=ACTOR, at=AT)
    seal_all()


def column_type(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
        return cursor.fetchone()[0]


def one_row(table: str, order: str = "ASC") -> str:
    """Return a condition that picks one row near the begin (or the end) of a table."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ctid::text FROM {table} ORDER BY ctid {order} OFFSET 3 LIMIT 1")
        found = cursor.fetchone()
        if found is None:
            cursor.execute(f"SELECT ctid::text FROM {table} LIMIT 1")
            found = cursor.fetchone()
    return f"ctid = '{found[0]}'"


def test_an_honest_house_shows_nothing(house):
    assert inspect_log() == []
    assert models.LogTile.objects.count() == 2


@contextmanager
def tampered(*statements: str):
    """Change rows as the owner could, look, and take it all back."""
    with transaction.atomic():
        as_owner(*statements)
        yield [f"{each.name}: {each.subject}: {each.detail}" for each in inspect_log()]
        transaction.set_rollback(True)


def found_after(sql: str) -> list[str]:
    """Return what is found after a change; a CHECK that even the owner meets counts as well."""
    try:
        with tampered(sql) as told:
            return told
    except IntegrityError as refused:
        return [str(refused)]


def bending(table: str, column: str, order: str) -> str:
    """Return the statement that changes one column of one row."""
    if column == "phase":
        return "UPDATE ledger_transfer SET phase = 'pending' WHERE code = 400"
    if column == "pending_id":
        return "UPDATE ledger_transfer SET pending_id = gen_random_uuid() WHERE phase = 'post'"
    change = BENT[column_type(table, column)].format(column)
    return f"UPDATE {table} SET {column} = {change} WHERE {one_row(table, order)}"


def test_every_table_of_this_room_is_placed():
    known = {each._meta.db_table for each in apps.get_app_config("ledger").get_models()}
    assert known - set(TABLES) - set(APART) == set(), "tamper with it, or say why not"
    assert not set(TABLES) & set(APART)


def test_every_changed_column_is_found(house):
    missed = []
    for order in ("ASC", "DESC"):
        for table, column in columns():
            told = found_after(bending(table, column, order))
            if bool(told) == (f"{table}.{column}" in ALLOWED):
                missed.append((table, column, order, told))
    assert missed == []


PHASE = "UPDATE ledger_transfer SET {} WHERE code = 300 AND expires_at IS NOT NULL"


ENTRY = "seq = (SELECT entry_id FROM ledger_logleaf WHERE index = {})"
NAMED = (
        ("UPDATE ledger_transfer SET amount = amount + 1 WHERE code = 500", "ledger_transfer"),
        ("UPDATE ledger_transfer SET reason = '' WHERE code = 500", ".reason"),
        (PHASE.format("expires_at = NULL"), ".expires_at"),
        ("UPDATE ledger_transfer SET ordinal = 7 WHERE ordinal = 2", ".ordinal"),
        ("UPDATE ledger_account SET subject = 'v9' WHERE code = '2000' AND subject = 'v2'",
         ".debit"),
        ("UPDATE ledger_journal SET refs = '{}' WHERE kind = 'voucher.redeem'", ".refs"),
        ("UPDATE ledger_journal SET approvals = '[]' WHERE kind = 'voucher.redeem'", ".approvals"),
        ("UPDATE ledger_journal SET actor = '{}'", "recorded_at/actor"),
        (f"UPDATE ledger_logentry SET body = body || ' ' WHERE {ENTRY.format(1)}", "规范"),
        (f"UPDATE ledger_logentry SET body = 'x' WHERE {ENTRY.format(1)}", "ledger_logleaf 1"),
        ("UPDATE ledger_logleaf SET hash = 'x' WHERE index = 5", "ledger_logleaf 5"),
        ("DELETE FROM ledger_logleaf WHERE index = 5", "ledger_logleaf 6"),
        ("DELETE FROM ledger_logleaf WHERE index = (SELECT max(index) FROM ledger_logleaf)",
         "checkpoint"),
        (f"DELETE FROM ledger_logentry WHERE {ENTRY.format(2)}", "leaf 2"),
        ("DELETE FROM ledger_journal WHERE kind = 'voucher.release'", "journal - entry"),
        ("DELETE FROM ledger_transfer WHERE code = 500", "有 0 笔分录"),
        ("DELETE FROM ledger_logtile", "瓦片缺失"),
        ("UPDATE ledger_logtile SET hashes = substring(hashes FROM 1 FOR 8160)", "瓦片缺失"),
        ("UPDATE ledger_logtile SET hashes = hashes || '\\x00'::bytea", "瓦片缺失"),
        ("UPDATE ledger_logleaf SET index = CASE index WHEN 4 THEN -4 ELSE 1000 END"
         " WHERE index IN (4, 5)", "ledger_logleaf"),
        ("UPDATE ledger_logleaf a SET hash = b.hash FROM ledger_logleaf b"
         " WHERE a.index + b.index = 15 AND a.index IN (7, 8)", "ledger_logleaf 7"),
        ("UPDATE ledger_checkpoint SET size = size + 1000000", "超过现存条目"),
        ("DELETE FROM ledger_checkpoint", "checkpoint"),
        ("DELETE FROM ledger_checkpoint WHERE suite = 'sm3'", "sm3 的最新检查点缺失"),
        ("UPDATE ledger_checkpoint SET suite = 'md5' WHERE suite = 'sm3'", "没有这一棵树"),
        ("UPDATE ledger_logtile SET suite = 'md5' WHERE suite = 'sm3'", "没有这一棵树"),
        ("UPDATE ledger_logleaf SET sm3 = sha256(sm3) WHERE index = 5", "ledger_logleaf 5"),
        ("UPDATE ledger_logtile SET root = sha256(root) WHERE suite = 'sm3'",
         "ledger_logtile sm3 0/0"),
        ("UPDATE ledger_checkpoint SET root = '\\x00'", "树根与重算不一致"),
        ("UPDATE ledger_checkpoint SET note = replace(note, 'a', 'b')", "签名"),
        ("UPDATE ledger_checkpoint SET key_id = '00000000'", ".key_id"),
        ("INSERT INTO ledger_logtile (level, number, hashes, root) VALUES (0, 9, 'x', 'x')",
         "ledger_logtile sha256 0/9"),
        ("UPDATE ledger_accountbalance SET credits_posted = credits_posted + 1", "balance_drift"),
)  # fmt: skip


def test_the_changed_row_is_named(house):
    missed = []
    for sql, named in NAMED:
        with tampered(sql) as told:
            if not any(named in each for each in told):
                missed.append((sql, named, told))
    assert missed == []


def test_a_change_in_row_and_entry_alike_is_found_by_the_leaf(house):
    """Whoever edits the row, the balance and the entry still cannot edit the signed root."""
    as_owner(
        "UPDATE ledger_transfer SET amount = 60000 WHERE code = 500",
        "UPDATE ledger_accountbalance b SET debits_posted = 60000, credits_posted = 60000"
        " FROM ledger_account a WHERE a.id = b.account_id AND a.subject = 'v2'",
        "UPDATE ledger_logentry SET body = convert_to(replace(convert_from(body, 'UTF8'),"
        " '\"50000\"', '\"60000\"'), 'UTF8') WHERE convert_from(body, 'UTF8') LIKE '%\"500\"%'",
    )
    assert "leaf" in {each.name for each in inspect_log()}


def test_a_change_in_row_entry_and_leaf_alike_is_found_by_the_checkpoint(house):
    as_owner(
        "UPDATE ledger_logentry SET body = convert_to(replace(convert_from(body, 'UTF8'),"
        " '过期失效', '到期失效'), 'UTF8')",
        "UPDATE ledger_transfer SET reason = '到期失效' WHERE reason <> ''",
        "UPDATE ledger_logleaf l SET hash = sha256('\\x00'::bytea || e.body)"
        " FROM ledger_logentry e WHERE e.seq = l.entry_id",
    )
    found = inspect_log()
    assert {each.name for each in found} >= {"checkpoint", "tile", "mark"}


def test_an_unsealed_journal_is_compared_as_well():
    book(grant(5))
    as_owner("UPDATE ledger_transfer SET amount = 6")
    assert any(".amount" in each.subject for each in inspect_log())


def test_a_mark_that_knows_another_root_is_told(house):
    write_mark(replace(read_mark(), root=bytes(32)))
    assert [each.name for each in inspect_log()] == ["mark"]


def test_a_key_the_log_never_introduced_signs_nothing(house):
    with tampered("UPDATE ledger_logentry SET type = 'x' WHERE type = 'key.introduce'") as told:
        assert any("不是当时生效的密钥" in each for each in told)


def test_progress_is_told_while_it_runs(house):
    seen = []
    inspect_log(lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 545)
