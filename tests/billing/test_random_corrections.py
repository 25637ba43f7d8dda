"""Goal: corrections, late use, markets and caps leave every sum whole, however records come.

Method: random orders run over two months; in the second some records of the first are taken back
and stated anew. The close itself computes each month twice and refuses a difference of one fen;
here the sums must tie at every level and with the books, what is given back is computed once more
in fractions, and cutting or shuffling the records must give the same digests.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.models import MonthClose, Statement
from ledger.balances import balance
from ledger.chart import redeemed, self_share
from ledger.periods import Month
from providers.models import Order, UsageRecord
from tests.billing.reported import store_usage
from tests.billing.test_random_month import FEW, forgetting
from tests.billing.world import OCTOBER, START, World

pytestmark = pytest.mark.django_db
NOVEMBER = Month(2026, 11)
NOVEMBER_CLOSE = datetime(2026, 12, 3, 2, 0, tzinfo=UTC)
ORDERS = st.lists(
    st.fixed_dictionaries(
        {
            "unit": st.sampled_from(["CARD_HOUR", "PFLOPS_HOUR"]),
            "price_fen": st.integers(1, 2_000),
            "gflops": st.integers(1_000, 1_000_000),
            "domestic": st.booleans(),
            "held_fen": st.integers(20_000, 900_000),
            "devices": st.integers(1, 16),
            "first": st.integers(1, 48),
            "restated": st.none() | st.integers(0, 60),
            "second": st.integers(0, 48),
            "rivals": st.lists(st.integers(1, 2_000), max_size=3),
        }
    ),
    min_size=1,
    max_size=3,
)


def take_back(order: Order) -> None:
    """Reverse the first record of an order in November, as a decided correction does."""
    (one,) = UsageRecord.objects.filter(order=order, settle_month=str(OCTOBER))[:1]
    one.pk, one.segment = None, one.segment + 1000
    one.settle_month, one.state = str(NOVEMBER), UsageRecord.State.REVERSAL
    one.device_milli_seconds = -one.device_milli_seconds
    store_usage([one])


def two_months(orders: list[dict[str, Any]], pieces: int, turned: bool) -> tuple[World, list[Any]]:
    """Settle October and November of these orders; November's records come in ``pieces``."""
    world = World()
    world.make_programme()
    provider, enterprise = world.make_provider(), world.make_enterprise()
    made = []
    for each in orders:
        price = world.make_offering(
            provider, gflops=each["gflops"], unit=each["unit"], price_fen=each["price_fen"],
            domestic=each["domestic"],
        )  # fmt: skip
        for rival in each["rivals"]:
            other = world.make_offering(provider, unit=each["unit"], price_fen=rival)
            other.offering.model = price.offering.model
            other.offering.save()
        voucher = world.make_voucher(enterprise, face_fen=1_000_000)
        made.append((world.make_order(voucher, price, held_fen=each["held_fen"], months=2), each))
    for order, each in made:
        world.use(order, hours=each["first"], devices=each["devices"])
    world.close()
    later = START + timedelta(days=35)
    for order, each in reversed(made) if turned else made:
        use = {"devices": each["devices"], "records": pieces}
        if each["restated"] is not None:
            take_back(order)
            if each["restated"]:
                late = {"at": START + timedelta(days=9), "settle_month": str(NOVEMBER)}
                world.use(order, hours=each["restated"], **late, **use)
        if each["second"]:
            world.use(order, hours=each["second"], at=later, **use)
    world.close(NOVEMBER, at=NOVEMBER_CLOSE)
    return world, [order for order, _ in made]


def lines_of(order: Order, month: Month) -> list[Any]:
    return [line for s in order.statements.filter(month=str(month)) for line in s.lines.all()]


def the_month_ties(close: MonthClose) -> None:
    """Lines make statements, statements make the month."""
    statements = list(close.statements.all())
    assert close.gross_fen == sum(each.gross_fen for each in statements)
    assert close.public_fen == sum(each.public_fen for each in statements)
    assert close.recomputed_difference_fen == 0
    for each in statements:
        lines = list(each.lines.all())
        for name in ("gross_fen", "public_fen", "self_fen", "device_milli_seconds"):
            assert getattr(each, name) == sum(getattr(line, name) for line in lines)
        assert min(each.gross_fen, each.public_fen, each.self_fen) >= 0


@FEW
@given(orders=ORDERS)
def test_sums_tie_and_what_is_given_back_is_what_was_taken(orders: list[dict[str, Any]]) -> None:
    def story() -> None:
        world, made = two_months(orders, 1, turned=False)
        closes = {each.month: each for each in MonthClose.objects.all()}
        for close in closes.values():
            the_month_ties(close)
        provider = str(world.providers[0].pk)
        everything = Statement.objects.all()
        spent = balance(redeemed(world.programme.slug, provider)).posted
        assert spent == sum(each.public_fen for each in everything)
        for month, close in closes.items():
            own = balance(self_share(str(world.enterprises[0].pk), provider, month)).posted
            assert own == sum(each.self_fen for each in close.statements.all())
        for order in made:
            (taken,) = lines_of(order, OCTOBER)
            for line in lines_of(order, NOVEMBER):
                if line.device_milli_seconds < 0:  # in proportion, up for the public purse
                    part = Fraction(-line.device_milli_seconds, taken.device_milli_seconds)
                    assert line.public_fen == (-taken.public_fen * part).__floor__()
                    assert line.ratio_bp == taken.ratio_bp
                    assert line.cap_price_fen == taken.cap_price_fen
        carried = [each for each in closes[str(NOVEMBER)].carried if each["kind"] == "adjustment"]
        stated = closes[str(NOVEMBER)].statements.count()
        active = [e for e in orders if e["second"] or e["restated"] is not None]
        assert stated + len(carried) == len(active)

    forgetting(story)


@FEW
@given(orders=ORDERS, pieces=st.integers(2, 5), turned=st.booleans())
def test_cutting_and_shuffling_corrections_changes_no_fen(
    orders: list[dict[str, Any]], pieces: int, turned: bool
) -> None:
    def story(count: int, other_way: bool) -> list[Any]:
        _, made = two_months(orders, count, other_way)
        names = ("gross_fen", "public_fen", "device_milli_seconds", "metered_fen", "usage_month")
        return [
            (number, [[getattr(line, n) for n in names] for line in lines_of(order, month)])
            for number, order in enumerate(made)
            for month in (OCTOBER, NOVEMBER)
        ]

    whole = forgetting(lambda: story(1, other_way=False))
    assert forgetting(lambda: story(pieces, other_way=turned)) == whole
