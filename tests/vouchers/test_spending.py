"""Hold, redeem, release, expire: rows, postings and log; refusals change nothing."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import chart
from ledger.balances import balance
from ledger.book import Journal, Transfer, post
from ledger.chart import TransferCode
from ledger.identifiers import new_id
from ledger.periods import Month
from tests.vouchers.story import (
    CHIEF,
    CLERK,
    a_voucher,
    entries,
    journals,
    refused,
)
from vouchers import barring, freezing, issuing, spending
from vouchers.models import Hold, Redemption, StateRow
from vouchers.positions import Position, voucher_position

pytestmark = pytest.mark.django_db
OCTOBER = Month(2026, 10)


def hold(voucher, amount_fen=500_000, **changes):
    told = {
        "order_ref": "order-1",
        "provider_ref": "provider-1",
        "expires_at": voucher.valid_until,
        "actor": CLERK,
        "at": voucher.issued_at,
    } | changes
    return spending.hold_amount(voucher, amount_fen, **told)


def redeem(held, amount_fen=200_000, **changes):
    told = {
        "month": OCTOBER,
        "charge_ref": "charge-1",
        "terms": {"binding": "RATIO"},
        "compute": 0,
        "provider_ref": "provider-1",
        "keep_open": True,
        "actor": CLERK,
        "at": held.held_at,
    } | changes
    return spending.redeem(held, amount_fen, **told)


def metered(gflops_s):
    transfer = Transfer(
        new_id(),
        chart.metered("provider-1", OCTOBER),
        chart.unmatched("provider-1", OCTOBER),
        gflops_s,
        TransferCode.METER,
    )
    at = OCTOBER.end_at
    post(Journal(new_id(), "metering.accept", at, (transfer,)), actor=CLERK, at=at)


def test_a_hold_binds_value_and_spends_nothing():
    voucher = a_voucher()
    held = hold(voucher)
    assert voucher_position(voucher) == Position(880_000, 380_000, 500_000, 0, 0, 0)
    assert (held.state, held.left_fen) == ("open", 500_000)
    assert len(journals("voucher.hold")) == entries("voucher.hold") == 1


def test_the_same_key_holds_once():
    voucher, key = a_voucher(), new_id()
    assert hold(voucher, key=key) == hold(voucher, key=key)
    assert voucher_position(voucher).held == 500_000
    with refused("key_reused"):
        hold(voucher, 1, key=key)


def test_an_order_holds_once_whatever_the_key():
    voucher = a_voucher()
    hold(voucher, key=new_id())
    with refused("order_held"):
        hold(voucher, 1, key=new_id())


@pytest.mark.parametrize("amount", [0, -1, 10**18])
def test_an_amount_must_make_sense(amount):
    with refused("amount_invalid"):
        hold(a_voucher(), amount)


def test_nothing_is_held_beyond_what_is_left():
    voucher = a_voucher()
    with refused("insufficient_funds", "可用余额 8,800.00 元"):
        hold(voucher, 880_001)
    hold(voucher, 880_000)
    with refused("insufficient_funds", "可用余额 0.00 元"):
        hold(voucher, 1, order_ref="order-2")


def test_a_frozen_voucher_holds_nothing():
    voucher = a_voucher()
    freezing.freeze_voucher(voucher, reason="核查", actor=CLERK, at=voucher.issued_at)
    with refused("voucher_frozen", "冻结"):
        hold(voucher)


def test_a_suspended_enterprise_holds_nothing():
    voucher = a_voucher()
    barring.suspend_enterprise(voucher.enterprise, reason="核查", actor=CLERK, at=voucher.issued_at)
    with refused("enterprise_suspended"):
        hold(voucher)


def test_validity_is_judged_to_the_moment():
    voucher = a_voucher()
    tick = timedelta(milliseconds=1)
    with refused("voucher_not_started"):
        hold(voucher, at=voucher.valid_from - tick)
    with refused("voucher_not_active"):
        hold(voucher, at=voucher.valid_until)
    assert hold(voucher, at=voucher.valid_until - tick)


def test_a_redemption_moves_value_to_the_provider_and_keeps_the_rest_held():
    voucher = a_voucher()
    held = hold(voucher)
    made = redeem(held)
    held.refresh_from_db()
    assert voucher_position(voucher) == Position(880_000, 380_000, 300_000, 200_000, 0, 0)
    assert (held.state, held.left_fen, held.amount_fen) == ("open", 300_000, 500_000)
    assert balance(chart.redeemed(voucher.programme.slug, "provider-1")).posted == 200_000
    assert made.terms == {"binding": "RATIO"}
    assert made.month == "2026-10"
    assert len(journals("voucher.redeem")) == entries("voucher.redeem") == 1


def test_a_redemption_may_let_the_rest_go():
    voucher = a_voucher()
    held = hold(voucher)
    redeem(held, keep_open=False)
    held.refresh_from_db()
    assert voucher_position(voucher) == Position(880_000, 680_000, 0, 200_000, 0, 0)
    assert (held.state, held.left_fen, held.released_fen) == ("closed", 0, 300_000)


def test_a_redemption_ties_the_computing_in_the_same_journal():
    voucher = a_voucher()
    metered(3_600_000_000)
    redeem(hold(voucher), compute=3_600_000_000)
    slug = voucher.programme.slug
    assert balance(chart.used_voucher(slug, voucher.pk)).posted == 3_600_000_000
    assert balance(chart.unmatched("provider-1", OCTOBER)).posted == 0
    assert len(journals("voucher.redeem")) == 1


def test_computing_that_was_not_metered_cannot_be_tied():
    voucher = a_voucher()
    held = hold(voucher)
    with refused("insufficient_funds"):
        redeem(held, compute=1)


def test_months_follow_each_other_on_one_hold():
    voucher = a_voucher()
    held = hold(voucher)
    redeem(held, 200_000)
    redeem(held, 100_000, month=Month(2026, 11), charge_ref="charge-2")
    redeem(held, 200_000, month=Month(2026, 12), charge_ref="charge-3")
    held.refresh_from_db()
    assert held.state == "closed"
    assert voucher_position(voucher) == Position(880_000, 380_000, 0, 500_000, 0, 0)
    assert [row.event for row in StateRow.objects.of(held)] == ["hold", "redeem", "redeem", "close"]


def test_the_same_key_or_charge_redeems_once():
    voucher, key = a_voucher(), new_id()
    held = hold(voucher)
    first = redeem(held, key=key)
    assert redeem(held, key=key) == first
    assert redeem(held, key=new_id()) == first
    assert Redemption.objects.count() == 1
    with refused("charge_redeemed", "不能重复核销"):
        redeem(held, 1)


REDEEM_REFUSALS = [
    ({"amount_fen": 0}, "hold_too_small", "大于 0"),
    ({"amount_fen": -1}, "hold_too_small", "大于 0"),
    ({"amount_fen": 500_001}, "hold_too_small", "不超过占用余额 5,000.00 元"),
    ({"provider_ref": "provider-2"}, "other_provider", "服务商"),
    ({"compute": -1}, "hold_too_small", ""),
]


@pytest.mark.parametrize(("changes", "code", "words"), REDEEM_REFUSALS)
def test_a_redemption_is_refused_with_its_reason(changes, code, words):
    held = hold(a_voucher())
    with refused(code, words):
        redeem(held, **changes)


def test_a_closed_hold_is_not_redeemed():
    held = hold(a_voucher())
    spending.release(held, actor=CLERK, at=held.held_at)
    with refused("hold_closed"):
        redeem(held)


def test_a_release_gives_the_value_back_exactly_once():
    voucher = a_voucher()
    held = hold(voucher)
    first = spending.release(held, actor=CLERK, at=held.held_at, reason="订单取消")
    again = spending.release(held, actor=CLERK, at=held.held_at)
    assert first == again
    assert voucher_position(voucher) == Position(880_000, 880_000, 0, 0, 0, 0)
    assert len(journals("voucher.release")) == 1
    assert StateRow.objects.of(held).last().reason == "订单取消"


def test_a_voucher_that_is_all_spent_is_used_up():
    voucher = a_voucher()
    redeem(hold(voucher, 880_000), 880_000)
    voucher.refresh_from_db()
    assert voucher.state == "used_up"


def test_a_voucher_lapses_when_its_last_day_is_over_and_not_before():
    voucher = a_voucher()
    with refused("still_valid"):
        spending.expire_voucher(voucher, actor=CLERK, at=voucher.valid_until - timedelta(seconds=1))
    lapsed = spending.expire_voucher(voucher, actor=CLERK, at=voucher.valid_until)
    assert lapsed.state == "expired"
    assert voucher_position(lapsed) == Position(880_000, 0, 0, 0, 880_000, 0)
    assert balance(chart.expired(voucher.programme.slug)).posted == 880_000
    assert spending.expire_voucher(voucher, actor=CLERK, at=voucher.valid_until) == lapsed
    assert len(journals("voucher.expire")) == 1


def test_what_is_held_outlives_the_voucher_until_it_is_settled():
    voucher = a_voucher()
    held = hold(voucher)
    spending.expire_voucher(voucher, actor=CLERK, at=voucher.valid_until)
    assert voucher_position(voucher) == Position(880_000, 0, 500_000, 0, 380_000, 0)
    redeem(held, 200_000, at=voucher.valid_until)
    assert voucher_position(voucher) == Position(880_000, 0, 300_000, 200_000, 380_000, 0)
    spending.release(held, actor=CLERK, at=voucher.valid_until)
    assert voucher_position(voucher) == Position(880_000, 0, 0, 200_000, 680_000, 0)


def test_what_returns_to_a_revoked_voucher_goes_to_the_budget():
    voucher = a_voucher()
    held = hold(voucher)
    issuing.revoke_voucher(
        voucher, reason="虚假材料", approved_by=CHIEF, actor=CLERK, at=voucher.issued_at
    )
    voucher.refresh_from_db()
    assert voucher_position(voucher) == Position(880_000, 0, 500_000, 0, 0, 380_000)
    spending.release(held, actor=CLERK, at=voucher.issued_at)
    voucher.refresh_from_db()
    assert voucher_position(voucher) == Position(880_000, 0, 0, 0, 0, 880_000)
    assert balance(voucher.programme.account).available == 100_000_000


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "redeem", "redeem_all", "release"]), st.integers(1, 500_000)
    ),
    max_size=8,
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTS)
def test_the_parts_always_add_up_to_the_face(acts):
    """Goal: face = available + held + redeemed + expired + revoked, whatever happens.

    Method: random acts with random amounts on one voucher, refusals included.
    """
    voucher = the_voucher()
    for no, (act, amount) in enumerate(acts):
        open_holds = list(Hold.objects.filter(voucher=voucher, state="open"))
        try:
            if act == "hold":
                hold(voucher, amount, order_ref=f"o-{no}-{new_id()}")
            elif open_holds and act == "release":
                spending.release(open_holds[0], actor=CLERK, at=voucher.issued_at)
            elif open_holds:
                redeem(open_holds[0], amount, charge_ref=str(new_id()), keep_open=act == "redeem")
        except spending.Refused:
            pass
        p = voucher_position(voucher)
        assert p.face == p.available + p.held + p.redeemed + p.expired + p.revoked == 880_000
        assert min(p.available, p.held, p.redeemed) >= 0


def the_voucher():
    return Hold.voucher.field.related_model.objects.first() or a_voucher()
