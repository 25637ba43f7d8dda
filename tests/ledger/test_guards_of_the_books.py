"""Try to break every guard of migration 0002, as a superuser: behind all rights."""

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.identifiers import new_id
from tests.ledger.making import BUDGET, a_small_month, book, grant, hold, issue, post_held, seal_all

pytestmark = pytest.mark.superuser
APPEND_ONLY = {
    "ledger_account": "subject",
    "ledger_journal": "kind",
    "ledger_transfer": "amount",
    "ledger_refusedid": "code",
    "ledger_logentry": "type",
    "ledger_logleaf": "hash",
    "ledger_logtile": "root",
    "ledger_checkpoint": "note",
    "ledger_cosignature": "line",
    "ledger_timestamp": "token",
    "ledger_anchor": "receipt",
    "ledger_promise": "note",
    "ledger_entryreference": "reference",
}


def run(sql: str, *parameters) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.fixture
def full(transactional_db):
    a_small_month()
    seal_all()
    run(
        "INSERT INTO ledger_promise SELECT e.id, l.hash, e.at, e.at, 'x'"
        " FROM ledger_logentry e JOIN ledger_logleaf l ON l.entry_id = e.seq LIMIT 1"
    )
    run("INSERT INTO ledger_entryreference (reference, index) VALUES ('ref:x', 0)")
    run("INSERT INTO ledger_refusedid VALUES (%s, 'x', 'x', now())", new_id())
    run("INSERT INTO ledger_cosignature (size, witness, key_id, algorithm, line, at)"
        " VALUES (1, 'x', 'x', 'x', 'x', now())")  # fmt: skip
    run("INSERT INTO ledger_timestamp (size, digest, token, tsa, serial, national, at)"
        " VALUES (1, 'x', 'x', 'x', 'x', false, now())")  # fmt: skip
    run("INSERT INTO ledger_anchor (size, root, sha256, sm3, receipt, receipt_sha256, source,"
        " entry_id, at) VALUES (1, 'x', 'x', 'x', 'x', 'x', 'x', %s, now())", new_id())  # fmt: skip
    run("INSERT INTO ledger_logtile (level, number, hashes, root) VALUES (0, 9, 'x', 'x')")


@pytest.mark.parametrize(("table", "column"), APPEND_ONLY.items())
@pytest.mark.unbalanced
def test_no_row_of_the_books_or_the_log_can_be_changed(full, table, column):
    for sql in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
        f"SET LOCAL session_replication_role = replica; DELETE FROM {table}",
    ):
        with pytest.raises(DatabaseError, match="append-only"):
            run(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_accountbalance SET credits_posted = credits_posted + 1",
        "DELETE FROM ledger_accountbalance",
        "INSERT INTO ledger_accountbalance (account_id, limited) VALUES (999, false)",
        "SET LOCAL session_replication_role = replica;"
        "UPDATE ledger_accountbalance SET credits_posted = 0",
    ],
)
def test_a_balance_moves_only_by_posting(full, sql):
    with pytest.raises(DatabaseError, match="moves only by posting"):
        run(sql)


def test_balances_are_not_truncated(full):
    with pytest.raises(DatabaseError, match="append-only"):
        run("TRUNCATE ledger_accountbalance")


def account_id(code: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM ledger_account WHERE code = %s", [code])
        return cursor.fetchone()[0]


def insert(**change) -> None:
    row = {
        "id": new_id(),
        "journal_id": 1,
        "ordinal": 99,
        "debit_id": account_id("1000"),
        "credit_id": account_id("1100"),
        "amount": 1,
        "code": 100,
        "phase": "single",
        "pending_id": None,
        "reason": "",
        **change,
    }
    run(
        f"INSERT INTO ledger_transfer ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
        *row.values(),
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"amount": 0}, "transfer_amount_positive"),
        ({"amount": -5}, "transfer_amount_positive"),
        ({"phase": "maybe"}, "transfer_phase_known"),
        ({"phase": "post"}, "transfer_phase_known"),
        ({"pending_id": "00000000-0000-7000-8000-000000000000"}, "transfer_phase_known"),
        ({"credit_id": 10**9}, "no two accounts"),
        ({"debit_id": 10**9}, "no two accounts"),
        ({"phase": "void", "pending_id": "00000000-0000-7000-8000-000000000000"},
         "does not fit the pending"),
    ],
)  # fmt: skip
def test_a_misshapen_transfer_is_refused_by_the_database(change, told):
    book(grant(100), issue(50))
    with pytest.raises(DatabaseError, match=told):
        insert(**change)


@pytest.mark.django_db
def test_a_transfer_past_the_judge_is_stopped_by_the_limit_of_the_row():
    book(grant(100))
    with pytest.raises(DatabaseError, match="balance_within_limit"):
        insert(debit_id=account_id("1100"), credit_id=account_id("1000"), amount=101, code=109)


@pytest.mark.django_db
def test_a_transfer_of_one_account_to_itself_is_refused():
    book(grant(100))
    with pytest.raises(DatabaseError, match="transfer_two_accounts"):
        insert(debit_id=account_id("1100"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "transfer_resolved_once"),
        ({"phase": "void", "code": 320}, "transfer_resolved_once"),
    ],
)
def test_a_second_resolution_is_refused_by_the_database(change, told):
    held = hold(30)
    book(grant(100), issue(50), held, post_held(held, 10))
    row = {
        "debit_id": account_id("2000"),
        "credit_id": account_id("3000"),
        "pending_id": held.transfers[0].id,
        "phase": "post",
        "code": 310,
        **change,
    }
    with pytest.raises(DatabaseError, match=told):
        insert(**row)


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"amount": 31}, {"credit_id": "1100"}])
def test_a_resolution_that_does_not_fit_is_refused_by_the_database(change):
    held = hold(30)
    book(grant(100), issue(50), held)
    row = {
        "debit_id": account_id("2000"),
        "credit_id": account_id("3000"),
        "pending_id": held.transfers[0].id,
        "phase": "post",
        "code": 310,
        **change,
    }
    if row["credit_id"] == "1100":
        row["credit_id"] = account_id("1100")
    with pytest.raises(DatabaseError, match="does not fit the pending"):
        insert(**row)


#: Tried by test_rolling.py and test_incidents.py.
ROLLED_UP = {"ledger_accountrollup", "ledger_periodclose"}
INCIDENTS = {"ledger_incident", "ledger_incidentrequest", "ledger_incidentclosing"}


@pytest.mark.django_db
def test_every_guard_is_always_on():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'ledger_%%'"
            " AND tgfoid::regproc::text LIKE 'ledger_%%'"
        )
        found = cursor.fetchall()
    assert {each[2] for each in found} == {"A"}
    guarded = {each[0] for each in found if each[1] == "append_only"}
    assert guarded == {*APPEND_ONLY, *ROLLED_UP, *INCIDENTS}
    assert BUDGET.code == "1100"
