"""One order over several vouchers; what becomes of a voucher that ends while an order holds it."""

from datetime import date, timedelta

import pytest
from django.test import Client

from billing import settling
from billing.models import Statement
from billing.redeeming import drawn_on
from ledger.balances import balance
from ledger.periods import Month, day_of
from ledger.refusals import Refused
from providers import listing, ordering
from providers.pricing import TierRow
from tests.billing import world as w
from vouchers.eligibility import Fact, judge
from vouchers.models import EnterpriseFact, Redemption, Voucher
from vouchers.spending import expire_voucher, hold_amount

NEXT = Month(2026, 11)
FACE = 100_000


def left(*vouchers):
    """Return what is free on each voucher."""
    return [balance(each.account).available for each in vouchers]


def place(world, voucher, price, hours, *, at=w.START, days=None, **more):
    """Order eight cards, for October and November if nothing else is told."""
    first, last = days or (date(2026, 10, 1), date(2026, 11, 30))
    return ordering.place_order(
        voucher.enterprise, voucher, price.offering, price, device_count=8,
        starts_on=first, ends_on=last, planned_hours=hours,
        actor=world.clerk, at=at, **more,
    )  # fmt: skip


def three_vouchers(world):
    """Return three vouchers of one firm and a price with two tiers."""
    world.make_programme(settlement__price_cap_rule="NONE")
    plain = world.make_offering(world.make_provider())
    price = listing.file_price(
        plain.offering, "CARD_HOUR", [TierRow(0, 400, 550), TierRow(400, None, 500)],
        valid_from=w.START - timedelta(days=60), actor=world.clerk, at=w.START,
    )  # fmt: skip
    firm = world.make_enterprise()
    return [world.make_voucher(firm, FACE) for _ in range(3)], price


def test_one_order_draws_on_several_vouchers_in_one_order(db):
    world = w.World()
    vouchers, price = three_vouchers(world)
    for hours, options in ((125, {}), (500, {"together": True})):
        with pytest.raises(Refused) as refused:
            place(world, vouchers[2], price, hours, **options)
        assert refused.value.code == "insufficient_funds"
    assert left(*vouchers) == [FACE] * 3

    order = place(world, vouchers[2], price, 125, together=True)
    # 800 h x 5.50 + 200 h x 5.00 = 5,400.00, 40 % of it
    assert order.held_fen == 216_000
    assert [each.voucher_id for each in order.holds()] == [each.pk for each in vouchers]
    assert [each.amount_fen for each in order.holds()] == [100_000, 100_000, 16_000]
    assert left(*vouchers) == [0, 0, 84_000]
    ordering.accept_order(order, actor=world.clerk, at=w.START)

    # October: 400 h x 5.50 and 200 h x 5.00, 40 %: 880.00 + 400.00 over two vouchers
    world.use(order, hours=75)
    close = world.close()
    statement = Statement.objects.get(order=order)
    assert paid_by(statement) == [(vouchers[0].pk, 100_000), (vouchers[1].pk, 28_000)]
    object_to_the_second_tier(world, statement, vouchers)
    assert left(*vouchers) == [12_000, 28_000, 84_000]

    # November: 400 h x 5.50, 40 % = 880.00 out of what the holds still hold
    world.use(order, hours=50, at=NEXT.start_at + timedelta(days=3))
    world.approve(w.fresh(close))
    world.pay(w.fresh(close))
    world.close(NEXT, at=NEXT.end_at + timedelta(days=3))
    second = Statement.objects.get(order=order, month=str(NEXT))
    assert (second.public_fen, second.binding) == (88_000, "RATIO")
    assert paid_by(second) == [(vouchers[1].pk, 72_000), (vouchers[2].pk, 16_000)]
    assert {each.state for each in w.fresh(order).holds()} == {"closed"}
    order_again_and_cancel(world, vouchers, price)


def paid_by(statement):
    return [(each.voucher_id, each.amount_fen) for each in drawn_on(statement.pk)]


def object_to_the_second_tier(world, statement, vouchers):
    """See on the pages who pays; take the second line back: the voucher drawn on last gets first.

    280.00 go to the voucher drawn on last, 120.00 to the first.
    """
    user = world.seat("reader", enterprise=statement.enterprise)
    client = Client()
    client.force_login(user)
    page = client.get(f"/portal/orders/{statement.order_id}/").content.decode()
    assert all(each.voucher_no in page for each in vouchers)
    page = client.get(f"/portal/statements/{statement.pk}/").content.decode()
    assert f"{vouchers[1].voucher_no}：核销 280.00 元" in page
    for words in ("这笔钱怎么算的", "决定项", "（当月用量第 2 档）", "由「补贴比例」决定"):
        assert words in page
    told = {"actor": world.seated(user), "at": w.CLOSE_AT}
    settling.object_statement(
        statement, side="enterprise", ordinal=2, reason="第二档没有用到", **told
    )
    settling.resolve_objection(
        statement.objections.get(), uphold=True, resolution="成立", actor=world.approver,
        at=w.CLOSE_AT,
    )  # fmt: skip


def order_again_and_cancel(world, vouchers, price):
    """Cancel another order: every voucher gets its own back.

    The first was used up and stays so, whatever an objection gave back to it.
    """
    later = NEXT.end_at + timedelta(days=4)
    other = place(
        world, vouchers[1], price, 50, together=True, at=later,
        days=(date(2026, 12, 10), date(2026, 12, 31)),
    )  # fmt: skip
    assert [each.amount_fen for each in other.holds()] == [28_000, 60_000]
    assert left(*vouchers) == [12_000, 0, 24_000]
    ordering.cancel_order(other, reason="不需要", actor=world.clerk, at=later)
    assert left(*vouchers) == [12_000, 28_000, 84_000]


def test_u6_u14_a_voucher_lives_on_what_it_holds_and_a_firm_that_grows_keeps_it(db):
    world, order = w.small_world()
    voucher, firm = order.voucher, order.enterprise
    world.use(order, hours=100)
    # U14: by now the firm is large; the voucher stays, only a new application fails
    EnterpriseFact.objects.bulk_create(
        EnterpriseFact(
            enterprise=firm, name=name, value=value, source="self", as_of=date(2026, 9, 30),
            expires_on=date(2027, 9, 30), recorded_at=w.START, recorded_by="甲",
        )
        for name, value in (("industry", "I6513"), ("employees", 5_000))
    )  # fmt: skip
    edition = world.programme.edition
    large = {"sme_class": Fact("sme_class", "large", "derived", day_of(w.START))}
    assert "C04" in {each.code for each in judge(edition, large).failed}
    hold_amount(
        voucher, 1, order_ref="later", provider_ref="x", actor=world.clerk, at=w.CLOSE_AT,
        expires_at=w.START + timedelta(days=180),
    )  # fmt: skip

    # U6: the voucher ends with the hold open; what was used in time is settled from the hold
    over = voucher.valid_until + timedelta(days=1)
    expire_voucher(voucher, actor=world.clerk, at=over)
    assert left(voucher) == [0]
    world.close(at=over + timedelta(days=2))
    # 800 h x 5.50 x 40 % = 1,760.00
    assert Redemption.objects.get(hold=order.hold).amount_fen == 176_000
    ordering.complete_order(w.fresh(order), actor=world.clerk, at=over + timedelta(days=3))
    assert w.fresh(order.hold).state == "closed"
    assert w.fresh(voucher).state == Voucher.State.EXPIRED
    assert left(voucher) == [0]
