from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import chart
from ledger.book import Phase
from ledger.chart import TransferCode
from ledger.identifiers import new_id
from ledger.transfers import MAX_AMOUNT, PHASES, Journal, shape_fault
from tests.ledger.making import (
    AT,
    BUDGET,
    CLERK,
    LATER,
    TREASURY,
    grant,
    hold,
    issue,
    journal,
    move,
    post_held,
    redeemed,
    void_held,
    voucher,
)

GOOD = [grant(1), issue(MAX_AMOUNT), hold(5, expires_at=LATER), post_held(hold(5), 3)]


def bent(made: Journal, **change) -> Journal:
    return replace(made, transfers=(replace(made.transfers[0], **change),))


@pytest.mark.parametrize("made", [*GOOD, void_held(hold(5))])
def test_a_well_shaped_journal_has_no_fault(made):
    assert shape_fault(made) is None


FAULTS = [
    ("empty_journal", journal()),
    ("too_many_transfers", journal(*(grant(1).transfers * 201))),
    ("text_not_storable", replace(grant(1), kind="x" * 201)),
    ("text_not_storable", replace(grant(1), refs={"charge": "a\x00b"})),
    ("text_not_storable", replace(grant(1), refs={"charge": "\ud800"})),
    ("text_not_storable", bent(grant(1), reason="x" * 201)),
    ("text_not_storable", bent(grant(1), credit=chart.budget("x" * 101))),
    ("text_not_storable", bent(issue(1), credit=voucher("x" * 201))),
    ("text_not_storable", bent(issue(1), credit=voucher("\ud800"))),
    ("text_not_storable", replace(grant(1), refs={"键": "v"})),
    ("duplicate_transfer_id", journal(*(grant(1).transfers * 2))),
    ("amount_not_positive", bent(grant(1), amount=0)),
    ("amount_not_positive", bent(grant(1), amount=-1)),
    ("amount_not_positive", bent(grant(1), amount=True)),
    ("amount_not_positive", bent(grant(1), amount=1.0)),
    ("amount_too_large", bent(grant(1), amount=MAX_AMOUNT + 1)),
    ("accounts_equal", bent(grant(1), credit=TREASURY)),
    ("units_differ", bent(grant(1), credit=chart.unmatched("q", "2026-10"))),
    ("programmes_differ", bent(grant(1), credit=chart.budget("p-2027"))),
    ("route_not_allowed", bent(grant(1), credit=voucher())),
    ("route_not_allowed", bent(issue(1), debit=voucher(), credit=BUDGET)),
    ("phase_not_allowed", bent(grant(1), phase=Phase.PENDING)),
    ("phase_not_allowed", bent(hold(1), phase=Phase.SINGLE)),
    ("phase_not_allowed", bent(void_held(hold(1)), phase=Phase.POST)),
    ("pending_id_needed", bent(post_held(hold(1), 1), pending_id=None)),
    ("pending_id_forbidden", bent(grant(1), pending_id=new_id())),
    ("pending_id_forbidden", bent(hold(1), pending_id=new_id())),
    ("expires_at_forbidden", bent(grant(1), expires_at=LATER)),
    ("expires_at_forbidden", bent(post_held(hold(1), 1), expires_at=LATER)),
]


@pytest.mark.parametrize(("code", "made"), FAULTS, ids=lambda each: each if each is str else None)
def test_every_fault_of_shape_has_its_name(code, made):
    fault = shape_fault(made)
    assert fault is not None
    assert fault.code == code
    assert fault.message.endswith("。")


def test_of_several_faults_the_first_in_order_is_told():
    both = replace(
        grant(1).transfers[0], amount=0, credit=TREASURY, phase=Phase.POST, reason="\x00"
    )
    order = ["text_not_storable", "amount_not_positive", "accounts_equal", "phase_not_allowed"]
    repairs = [{"reason": ""}, {"amount": 1}, {"credit": BUDGET}, {"phase": Phase.SINGLE}]
    for code, repair in zip(order, repairs, strict=True):
        assert shape_fault(journal(both)).code == code
        both = replace(both, **repair)
    assert shape_fault(journal(both)) is None


def test_the_fault_names_the_transfer_it_lies_in():
    fault = shape_fault(journal(*grant(1).transfers, *bent(grant(1), amount=0).transfers))
    assert (fault.code, fault.ordinal) == ("amount_not_positive", 1)


def test_every_two_phase_code_says_its_phase():
    assert set(PHASES) == {
        TransferCode.RESERVE,
        TransferCode.POST_RESERVED,
        TransferCode.VOID_RESERVED,
        TransferCode.EXPIRE_RESERVED,
    }


def test_a_journal_enters_the_log_with_opaque_ids_only():
    held = hold(5, expires_at=AT + timedelta(days=1))
    part = replace(post_held(held, 3), refs={"charge": "c-1"}, approvals=(CLERK,))
    logged = part.for_log()
    assert logged["approvals"] == [{"kind": "user", "id": "u-1", "role": "finance"}]
    assert "张三" not in str(logged)
    assert "person-1" not in str(logged)
    assert logged["transfers"] == [
        {
            "id": str(part.transfers[0].id),
            "code": "310",
            "phase": "post",
            "unit": "CNY",
            "debit": ["2000", "p-2026", "v1"],
            "credit": ["3000", "p-2026", "q1"],
            "amount": "3",
            "pending_id": str(held.transfers[0].id),
        }
    ]
    assert held.for_log()["transfers"][0]["expires_at"] == "2026-10-02T01:02:03.456789Z"


def test_a_move_to_the_same_pool_of_another_provider_is_no_route():
    assert (
        shape_fault(journal(move(redeemed("a"), redeemed("b"), 1, TransferCode.SETTLE))).code
        == "route_not_allowed"
    )
