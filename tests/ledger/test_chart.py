from uuid import UUID

import pytest

from ledger import chart
from ledger.chart import POOLS, ROUTES, AccountKey, Code, Kind, TransferCode, Unit
from ledger.periods import Month

VOUCHER = UUID("018f0000-0000-7000-8000-000000000001")


def test_every_code_has_a_pool_and_every_transfer_code_a_route():
    assert set(POOLS) == set(Code)
    assert set(ROUTES) == set(TransferCode)
    assert all(ROUTES.values())


def test_no_route_leads_from_one_unit_to_another():
    for pairs in ROUTES.values():
        for debit, credit in pairs:
            assert POOLS[debit].unit is POOLS[credit].unit
            assert debit is not credit


def test_a_correction_may_reverse_any_route_and_nothing_else():
    forward = {pair for code, pairs in ROUTES.items() if code is not TransferCode.CORRECT
               for pair in pairs}  # fmt: skip
    assert ROUTES[TransferCode.CORRECT] == {(credit, debit) for debit, credit in forward}


def test_only_the_world_outside_may_go_below_zero():
    outside = {code for code, pool in POOLS.items() if pool.kind is Kind.EXTERNAL}
    assert outside == {
        Code.TREASURY,
        Code.CLAWBACK_DUE,
        Code.CLAWBACK_WRITEOFF,
        Code.BANK_IN,
        Code.METERED,
        Code.INVOICE,
    }


@pytest.mark.parametrize(
    ("key", "named", "unit"),
    [
        (chart.treasury("p"), ("1000", "p", ""), Unit.CNY),
        (chart.budget("p"), ("1100", "p", ""), Unit.CNY),
        (chart.voucher("p", VOUCHER), ("2000", "p", str(VOUCHER)), Unit.CNY),
        (chart.redeemed("p", "q"), ("3000", "p", "q"), Unit.CNY),
        (chart.settlement("p", "s"), ("3100", "p", "s"), Unit.CNY),
        (chart.disputed("p", "s"), ("3200", "p", "s"), Unit.CNY),
        (chart.paid("p", "q"), ("3300", "p", "q"), Unit.CNY),
        (chart.expired("p"), ("4000", "p", ""), Unit.CNY),
        (chart.metered("q", Month(2026, 10)), ("C100", "", "q/2026-10"), Unit.COMPUTE),
        (chart.unmatched("q", "2026-10"), ("C200", "", "q/2026-10"), Unit.COMPUTE),
        (chart.used_voucher("p", "v"), ("C300", "p", "v"), Unit.COMPUTE),
        (chart.used_self("e", "2026-10"), ("C400", "", "e/2026-10"), Unit.COMPUTE),
        (chart.rejected("q", "2026-10"), ("C500", "", "q/2026-10"), Unit.COMPUTE),
        (chart.invoice("q", "2026-10"), ("S100", "", "q/2026-10"), Unit.CNY_SELF),
        (chart.self_share("e", "q", "2026-10"), ("S200", "", "e/q/2026-10"), Unit.CNY_SELF),
    ],
)
def test_an_account_is_named_by_code_programme_and_subject(key, named, unit):
    assert (key.code.value, key.programme, key.subject) == named
    assert key.for_log() == list(named)
    assert key.unit is unit


def test_two_subjects_cannot_run_together_into_one():
    with pytest.raises(ValueError, match="slash"):
        chart.self_share("e/q", "x", "2026-10")


def test_account_names_are_values():
    assert chart.voucher("p", "v") == AccountKey(Code.VOUCHER, "p", "v")
    assert len({chart.budget("p"), chart.budget("p"), chart.budget("r")}) == 2
