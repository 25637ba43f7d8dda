"""Orders over the same vouchers at one moment, with real threads, connections and commits."""

from datetime import date, timedelta

import pytest

from billing import settling
from billing.models import Statement
from ledger.balances import balance
from ledger.refusals import Refused
from providers import ordering
from providers.models import Order
from tests.billing import world as w
from tests.billing.reported import let_gaps_stand
from tests.billing.test_several_vouchers import FACE, left, place, three_vouchers
from tests.ledger.test_posting_storms import deadlocks
from tests.racing import together
from vouchers.models import Hold, Redemption

pytestmark = pytest.mark.django_db(transaction=True)
HOURS = 100  # eight cards: 400 h x 5.50 + 400 h x 5.00 = 4,200.00, 40 % of it = 1,680.00
SHARE = 168_000
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))


def ordering_of(world, voucher, price, at=w.START, **more):
    """Return a job that orders over several vouchers and says so."""

    def job():
        place(world, voucher, price, HOURS, together=True, at=at, **more)
        return "placed"

    return job


def twins_of(world, price, count):
    """Return as many offerings as ask for the same at the same price, each of its own provider."""
    told = {"unit": price.pricing_unit, "price_fen": 525}
    return [world.make_offering(world.make_provider(), **told) for _ in range(count)]


def held(vouchers):
    """Return by voucher what its open holds still hold."""
    return [
        sum(each.amount_fen for each in Hold.objects.filter(voucher=voucher, state="open"))
        for voucher in vouchers
    ]


@pytest.mark.parametrize("wanted", [2, 4])
def test_orders_at_one_moment_never_hold_more_than_there_is(wanted):
    """800 h x 5.25 x 40 % = 1,680.00 each; 3,000.00 lie on three vouchers: one order fits."""
    world = w.World()
    vouchers, price = three_vouchers(world)
    before = deadlocks()
    for turn in range(3):
        at = w.START + timedelta(minutes=10 * turn)
        jobs = [
            ordering_of(world, vouchers[number % 3], each, at)
            for number, each in enumerate(twins_of(world, price, wanted))
        ]
        assert together(*jobs) == {"placed": 1, "insufficient_funds": wanted - 1}
        order = Order.objects.exclude(state="cancelled").get()
        assert order.held_fen == SHARE == sum(each.amount_fen for each in order.holds())
        assert held(vouchers) == [100_000, 68_000, 0]
        assert left(*vouchers) == [0, 32_000, FACE]
        ordering.cancel_order(order, reason="再来一次", actor=world.clerk, at=at)
        assert left(*vouchers) == [FACE] * 3
    assert deadlocks() == before


def test_orders_that_fit_side_by_side_are_both_placed():
    world = w.World()
    vouchers, price = three_vouchers(world)
    first, second = twins_of(world, price, 2)
    jobs = [
        ordering_of(world, voucher, each, hold_fen=150_000)
        for voucher, each in ((vouchers[0], first), (vouchers[2], second))
    ]
    assert together(*jobs) == {"placed": 2}
    assert left(*vouchers) == [0, 0, 0]
    drawn = sorted(tuple(h.amount_fen for h in order.holds()) for order in Order.objects.all())
    assert drawn == [(50_000, 100_000), (100_000, 50_000)]


def test_g18_the_same_order_again_is_told_whichever_voucher_was_chosen():
    world = w.World()
    vouchers, price = three_vouchers(world)
    jobs = [ordering_of(world, each, price, hold_fen=10_000) for each in vouchers]
    assert together(*jobs) == {"placed": 1, "possible_duplicate": 2}
    with pytest.raises(Refused, match="一分钟内刚下过"):
        jobs[1]()
    assert sum(left(*vouchers)) == 3 * FACE - 10_000


def firm_under_way(world, price):
    """Return three vouchers of a firm and its order that October draws on.

    The last issued lapses first, so orders draw on them against the order of their ids, and two of
    them carry both the order under way and what is left for another.
    """
    firm = world.make_enterprise()
    vouchers = [world.make_voucher(firm, FACE, days) for days in (150, 120, 100)]
    passing = place(world, vouchers[0], price, HOURS, hold_fen=50_000, together=True, days=OCTOBER)
    later = {"at": w.START + timedelta(minutes=5), "days": OCTOBER}
    order = place(world, vouchers[0], price, HOURS, hold_fen=100_000, together=True, **later)
    ordering.cancel_order(passing, reason="不需要", actor=world.clerk, at=w.START)
    ordering.accept_order(order, actor=world.clerk, at=w.START)
    world.use(order, hours=HOURS)
    assert left(*vouchers) == [FACE, 50_000, 50_000]
    return vouchers, order


def test_orders_beside_the_close_of_a_month_take_only_what_the_close_leaves():
    """October draws on two vouchers of each firm while another order reaches for all three."""
    world = w.World()
    _, price = three_vouchers(world)
    firms = [firm_under_way(world, price) for _ in range(4)]
    let_gaps_stand(w.OCTOBER, world.clerk, world.approver, w.CLOSE_AT)
    job = settling.close_month(w.OCTOBER, actor=world.clerk, at=w.CLOSE_AT)

    def closing():
        return settling.run_close_work(job, w.quiet)["state"]

    days = (date(2026, 11, 10), date(2026, 11, 30))
    others = [
        ordering_of(world, vouchers[0], each, w.CLOSE_AT, hold_fen=150_000, days=days)
        for (vouchers, _), each in zip(firms, twins_of(world, price, 4), strict=True)
    ]
    before = deadlocks()
    assert together(closing, *others) == {"review": 1, "placed": 4}
    assert deadlocks() == before
    for vouchers, order in firms:
        # October used 1,680.00 of share; 1,000.00 were held for it and bind.
        assert Statement.objects.get(order=order).public_fen == 100_000
        drawn = Redemption.objects.filter(hold__in=[each.pk for each in order.holds()])
        assert sum(each.amount_fen for each in drawn) == 100_000
        assert left(*vouchers) == [50_000, 0, 0]
        assert [balance(each.account).posted for each in vouchers] == [FACE, 50_000, 50_000]
