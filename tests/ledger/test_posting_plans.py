"""How the database posts: in one statement, by keys alone, with nobody's rights but its owner's."""

import os
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from ledger import models
from ledger.balances import balance
from ledger.book import post, post_set
from ledger.bookkeeping import rows
from ledger.chart import POOLS, ROUTES, Kind, TransferCode
from ledger.refusals import Refused
from ledger.transfers import PHASES, Phase
from tests.ledger.making import (
    ACTOR,
    AT,
    BUDGET,
    book,
    grant,
    hold,
    issue,
    meter,
    post_held,
    redeem,
    settle,
    voucher,
)
from tests.roles import SUPERUSER, as_role

pytestmark = [pytest.mark.django_db, pytest.mark.superuser]  # looks at plans, changes functions
FUNCTIONS = """
SELECT proname, prosecdef, proconfig FROM pg_proc
WHERE proname IN ('ledger_post', 'ledger_keep_refusals', 'ledger_judge', 'ledger_lock_accounts',
    'ledger_open_accounts')
"""
READ = """
SELECT sum(seq_scan), sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))
FROM pg_stat_xact_user_tables WHERE relname LIKE 'ledger_%%'
"""


def test_the_chart_in_the_database_is_the_chart():
    assert set(rows("SELECT code, unit, limited, sync FROM ledger_pools()")) == {
        (code.value, pool.unit.value, pool.kind is not Kind.EXTERNAL, pool.sync)
        for code, pool in POOLS.items()
    }
    assert set(rows("SELECT code, debit, credit FROM ledger_routes()")) == {
        (int(code), debit.value, credit.value)
        for code, pairs in ROUTES.items()
        for debit, credit in pairs
    }
    phases = rows("SELECT c, ledger_phase(c) FROM unnest(%s::smallint[]) c", list(TransferCode))
    assert dict(phases) == {code: PHASES.get(code, Phase.SINGLE) for code in TransferCode}


def sent_by(work, place: Path) -> str:
    """Return what libpq sent and received while ``work`` was done."""
    wire = connection.connection.pgconn
    with place.open("w") as file:
        wire.trace(file.fileno())
        try:
            work()
        finally:
            wire.untrace()
    return place.read_text(errors="replace")


def test_one_posting_is_one_statement_and_so_is_one_refusal(tmp_path):
    book(grant(100), issue(50))
    for made in (redeem(5), redeem(100)):
        sent = sent_by(lambda made=made: outcome(made), tmp_path / "wire")
        assert sent.count("\tParse\t") + sent.count("\tQuery\t") == 1
        assert "FROM ledger_post(" in sent


def outcome(made) -> str:
    try:
        post(made, actor=ACTOR, at=AT)
    except Refused as refused:
        return refused.code
    return "posted"


def read_by(made: list) -> tuple[int, int]:
    """Return whole scans and rows read by one posting."""
    before = rows(READ)[0]
    assert {each.code for each in post_set(made, actor=ACTOR, at=AT)} == {"posted"}
    after = rows(READ)[0]
    return after[0] - before[0], after[1] - before[1]


def sample(name: str) -> list:
    held = hold(2, name)
    return [issue(9, name), redeem(1, name, "q9"), held, post_held(held, 1), settle(1, "s", "q9")]


def test_no_posting_reads_a_table_from_end_to_end():
    """Also not with a plan that was kept from when the tables were empty."""
    book(grant(10**6))
    read_by(sample("first"))
    small = read_by([issue(9, "small"), redeem(1, "small"), hold(1, "small")])
    for _ in range(2):
        post_set([issue(1, f"v{each}") for each in range(2000)], actor=ACTOR, at=AT)
    with as_role(SUPERUSER), connection.cursor() as cursor:  # only an owner may count the rows
        cursor.execute(
            "ANALYZE ledger_transfer, ledger_account, ledger_accountbalance, ledger_journal"
        )
    large = read_by([issue(9, "large"), redeem(1, "large"), hold(1, "large")])
    assert small[0] == large[0] == 0
    assert large[1] <= small[1]
    assert read_by(sample("last"))[0] == 0


def test_only_the_doors_act_with_the_rights_of_the_owner_and_look_nowhere_else():
    found = {name: (definer, settings or []) for name, definer, settings in rows(FUNCTIONS)}
    assert {name for name, (definer, _) in found.items() if definer} == {
        "ledger_post", "ledger_keep_refusals",
    }  # fmt: skip
    for name in ("ledger_post", "ledger_keep_refusals"):
        assert "search_path=pg_catalog, public, pg_temp" in found[name][1]
    assert len(found) == 5


@pytest.fixture
def clerk() -> str:
    """Make a role that may call the posting function and read, and nothing else."""
    name = f"posting_clerk_{os.getpid()}"
    rows(f"CREATE ROLE {name} NOLOGIN")
    rows(f"GRANT USAGE ON SCHEMA public TO {name}")
    rows(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    rows(f"GRANT EXECUTE ON FUNCTION ledger_post TO {name}")
    return name


@transaction.atomic
def refused_by_the_database(sql: str) -> None:
    rows(sql)


def test_a_role_without_insert_can_post_and_cannot_write(clerk):
    book(grant(100))
    rows(f"SET LOCAL ROLE {clerk}")
    book(issue(40))
    assert balance(voucher()).available == 40
    for table in ("account", "journal", "transfer", "accountbalance", "logentry", "refusedid"):
        with pytest.raises(DatabaseError, match="permission denied"):
            refused_by_the_database(f"INSERT INTO ledger_{table} SELECT * FROM ledger_{table}")
    for helper in ("ledger_open_accounts('{2000}', '{p}', '{x}', now())",
                   "ledger_lock_accounts('{1}', '{f}', '{1}')"):  # fmt: skip
        with pytest.raises(DatabaseError, match="permission denied"):
            refused_by_the_database(f"SELECT {helper}")
    rows("RESET ROLE")


def test_tables_of_the_session_do_not_stand_in_for_those_of_the_books():
    book(grant(100))
    for table in ("ledger_account", "ledger_transfer", "ledger_accountbalance", "ledger_journal"):
        rows(f"CREATE TEMPORARY TABLE {table} (LIKE public.{table}) ON COMMIT DROP")
    rows("SET LOCAL search_path = pg_temp, public")
    post_set([issue(40)], actor=ACTOR, at=AT)
    rows("SET LOCAL search_path = public, pg_temp")
    assert (balance(BUDGET).available, balance(voucher()).available) == (60, 40)
    assert models.Transfer.objects.count() == 2


def test_computing_and_money_are_posted_side_by_side():
    outcomes = post_set([grant(5), meter(7)], actor=ACTOR, at=AT)
    assert all(each.ok for each in outcomes)
    assert rows("SELECT DISTINCT unit FROM ledger_account ORDER BY 1") == [("CNY",), ("COMPUTE",)]
