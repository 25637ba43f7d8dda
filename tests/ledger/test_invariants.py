"""Each invariant planted with the fault it is there for, guards switched off."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from ledger.chart import TransferCode
from ledger.invariants import INVARIANTS, findings
from ledger.periods import Month
from ledger.rolling import close_period, roll_up
from tests.ledger.making import (
    AT,
    BUDGET,
    LATER,
    TREASURY,
    a_small_month,
    book,
    journal,
    move,
    seal_all,
)
from tests.ledger.test_inspecting import as_owner

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "gen_random_uuid()"
TRANSFER = (
    "INSERT INTO ledger_transfer (id, journal_id, ordinal, debit_id, credit_id, amount, code,"
    f" phase, pending_id, reason) SELECT {NEW}, journal_id, 50, {{}} FROM ledger_transfer t"
)
HELD = "(SELECT id FROM ledger_transfer WHERE code = 300 LIMIT 1)"
PLANTED = {
    "transfer_shape": [
        "ALTER TABLE ledger_transfer DROP CONSTRAINT transfer_amount_positive",
        "UPDATE ledger_transfer SET amount = -amount WHERE code = 500",
    ],
    "transfer_route": ["UPDATE ledger_transfer SET code = 220 WHERE code = 500"],
    "transfer_without_journal": ["UPDATE ledger_transfer SET journal_id = 999 WHERE code = 500"],
    "journal_without_transfer": ["DELETE FROM ledger_transfer WHERE code = 500"],
    "account_of_another_kind": ["UPDATE ledger_account SET limited = false WHERE code = '3000'"],
    "balance_drift": ["UPDATE ledger_accountbalance SET credits_posted = credits_posted + 1"],
    "below_zero": ["UPDATE ledger_transfer SET amount = 1 WHERE code = 100"],
    "pending_resolution": ["UPDATE ledger_transfer SET amount = 99999999 WHERE code = 310"],
    "pending_resolved_twice": [
        "DROP INDEX transfer_resolved_once",
        TRANSFER.format("debit_id, credit_id, amount, 320, 'void', pending_id, ''")
        + " WHERE code = 310",
    ],
    "expired_early": ["UPDATE ledger_transfer SET code = 330 WHERE code = 320"],
    "rounding_not_zero": ["UPDATE ledger_account SET code = '8000' WHERE code = '4000'"],
    "refused_yet_booked": [
        "INSERT INTO ledger_refusedid SELECT id, 'x', 'x', now() FROM ledger_journal LIMIT 1"
    ],
    "journal_without_entry": ["DELETE FROM ledger_logentry WHERE journal_seq IS NOT NULL"],
    "leaf_gap": ["DELETE FROM ledger_logleaf WHERE index = 4"],
    "leaf_without_entry": [
        "DELETE FROM ledger_logentry WHERE seq ="
        " (SELECT entry_id FROM ledger_logleaf WHERE index = 4)"
    ],
    "checkpoint_beyond_leaves": ["DELETE FROM ledger_checkpoint"],
    "unit_out_of_balance": ["UPDATE ledger_accountbalance SET credits_posted = credits_posted + 1"],
    "programme_out_of_balance": ["UPDATE ledger_account SET programme = 'x' WHERE code = '4000'"],
    "promised_beyond_grant": ["UPDATE ledger_transfer SET amount = 1 WHERE code = 100"],
    "correction_beyond_original": [
        TRANSFER.format("credit_id, debit_id, amount + 1, 900, 'single', NULL::uuid, ''")
        + " WHERE code = 500"
    ],
    "claim_overpaid": ["UPDATE ledger_account SET code = '5000' WHERE code = '4000'"],
    "claim_closed_unrecovered": ["UPDATE ledger_transfer SET code = 630 WHERE code = 500"],
    "booked_into_closed_month": ["UPDATE ledger_periodclose SET upto_seq = 1"],
    "trial_balance_changed": ["UPDATE ledger_transfer SET amount = amount + 1 WHERE code = 500"],
    "rollup_drift": ["UPDATE ledger_accountrollup SET credits_posted = credits_posted + 1"],
    "recorded_backwards": [
        "UPDATE ledger_journal SET recorded_at = recorded_at - interval '99 days'"
        " WHERE seq = (SELECT max(seq) FROM ledger_journal)"
    ],
    "checkpoint_backwards": [
        "UPDATE ledger_checkpoint SET sealed_at = sealed_at - interval '11 days'"
        " WHERE size = (SELECT max(size) FROM ledger_checkpoint)"
    ],
    "entry_passed_over": ["DELETE FROM ledger_logleaf WHERE index = 4"],
    "promise_broken": [
        "INSERT INTO ledger_promise SELECT e.id, sha256(l.hash), e.at, e.at, ''"
        " FROM ledger_logentry e JOIN ledger_logleaf l ON l.entry_id = e.seq LIMIT 1"
    ],
}


@contextmanager
def planted(*statements: str):
    with transaction.atomic():
        as_owner(*statements)
        yield findings()
        transaction.set_rollback(True)


def a_closed_month() -> None:
    """Everything that a fault may be planted in: sealed twice, rolled up, the month closed."""
    a_small_month()
    seal_all()
    assert roll_up(AT) > 0
    close_period(Month(2026, 10), AT)
    book(journal(move(TREASURY, BUDGET, 1, TransferCode.GRANT), at=AT + timedelta(days=31)))
    seal_all(LATER)


def test_every_invariant_has_a_fault_that_it_finds():
    assert set(PLANTED) == set(INVARIANTS)
    a_closed_month()
    assert findings() == []
    missed = {}
    for name, statements in PLANTED.items():
        with planted(*statements) as found:
            if name not in {each.name for each in found}:
                missed[name] = found
    assert missed == {}


def test_a_finding_names_its_row_and_what_was_seen():
    a_small_month()
    with planted("UPDATE ledger_accountbalance SET credits_posted = 9 WHERE credits_pending = 0"
                 " AND credits_posted = 3000000") as found:  # fmt: skip
        assert found == []
    with planted("UPDATE ledger_accountbalance SET credits_posted = 900001"
                 " WHERE debits_posted = 150000") as found:  # fmt: skip
        drift = next(each for each in found if each.name == "balance_drift")
    assert drift.as_dict() == {
        "name": "balance_drift",
        "subject": drift.subject,
        "detail": "1100:p-2026: stored 0/150000/0/900001 summed 0/150000/0/1000000",
    }


def test_all_invariants_take_one_round_trip(django_assert_num_queries):
    with connection.execute_wrapper(_count := _Counter()):
        findings()
    assert _count.statements == 0  # asked over the driver itself, in one statement
    assert findings() == []


class _Counter:
    def __init__(self) -> None:
        self.statements = 0

    def __call__(self, execute, sql, params, many, context):
        self.statements += 1
        return execute(sql, params, many, context)


CHANGES = {
    "ledger_accountrollup": {
        "account_id": "account_id + 1000", "upto_seq": "upto_seq + 1000",
        "debits_pending": "debits_pending + 1", "debits_posted": "debits_posted + 1",
        "credits_pending": "credits_pending + 1", "credits_posted": "credits_posted + 1",
    },
    "ledger_periodclose": {
        "programme": "'x'", "month": "'2026-09'", "upto_seq": "upto_seq + 1000",
        "trial_balance_hash": "'x'",
    },
}  # fmt: skip


@pytest.mark.parametrize("table", CHANGES)
def test_a_changed_roll_up_or_trial_balance_is_found(table):
    """What is not tried are numbers of rows and moments of making: nothing rests on them."""
    a_closed_month()
    missed = []
    for column, change in CHANGES[table].items():
        with planted(f"UPDATE {table} SET {column} = {change} WHERE id = 2") as found:
            if not {"rollup_drift", "trial_balance_changed"} & {each.name for each in found}:
                missed.append(column)
    assert missed == []


def test_a_month_that_is_none_is_a_finding_and_no_fault():
    a_closed_month()
    with planted("UPDATE ledger_periodclose SET month = '2026-99'") as found:
        assert {each.name for each in found} == {"trial_balance_changed"}


def test_one_invariant_never_tells_more_than_it_must():
    a_small_month()
    with planted(
        "INSERT INTO ledger_refusedid SELECT id, 'x', 'x', now() FROM ledger_journal",
        "UPDATE ledger_transfer SET journal_id = journal_id + 1000",
    ) as found:
        names = [each.name for each in found]
    assert max(names.count(each) for each in names) <= 20
