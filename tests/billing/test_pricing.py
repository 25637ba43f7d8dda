"""Prices of an order: tiers, discounts, free credit, payable use - rules by table, then a month."""

from datetime import date, timedelta
from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.models import Statement
from billing.payable import Outcome, payable_parts
from ledger.periods import Month
from ledger.refusals import Refused
from providers import listing
from providers.discounting import grant_discount
from providers.pricing import (
    PricingUnit,
    Tariff,
    Tier,
    TierRow,
    base_quantity,
    gross_fen,
    read_tiers,
    slices,
    tiered_gross_fen,
)
from providers.quoting import quote
from tests.billing import world as w
from vouchers.granting import held_bonuses
from vouchers.rulebook import USE_BASES, Bonus, PayableUse, Ratio

HOUR = 3_600_000
CARD, WORK = PricingUnit.CARD_HOUR, PricingUnit.PFLOPS_HOUR
LIST = (Tier(0, 600), Tier(1_000, 550), Tier(5_000, 500))

#: hours of one card, GFLOPS, unit, discount, fen by hand.
TIERED = [
    # below the first border: 999 x 6.00
    (999 * HOUR, 1, CARD, 0, 599_400),
    # on the border: 1,000 x 6.00
    (1_000 * HOUR, 1, CARD, 0, 600_000),
    # 1,000 x 6.00 + 1 ms x 5.50 / 3,600,000 = 600,000.00015 -> two lines, the second rounds to 0
    (1_000 * HOUR + 1, 1, CARD, 0, 600_000),
    # 1,000 x 6.00 + 2,000 x 5.50
    (3_000 * HOUR, 1, CARD, 0, 1_700_000),
    # 1,000 x 6.00 + 4,000 x 5.50 + 1,000 x 5.00
    (6_000 * HOUR, 1, CARD, 0, 3_300_000),
    # 7.5 % off each: 555,000 + 2,035,000 + 462,500
    (6_000 * HOUR, 1, CARD, 750, 3_052_500),
    # 1,000 PFLOPS-hours are 1,000 hours of a card of 1,000 TFLOPS: 1,000 x 6.00 + 500 x 5.50
    (1_500 * HOUR, 1_000_000, WORK, 0, 875_000),
    # 313 TFLOPS: the border of 1,000 P.h lies at 3,194 h 53 min 25.239.. s: 1,000 x 6.00 - and
    # the straddling milli-second belongs to the next tier; 4,000 h = 1,252 P.h -> 252 x 5.50
    (4_000 * HOUR, 313_000, WORK, 0, 738_600),
]


@pytest.mark.parametrize(("quantity", "gflops", "unit", "discount", "fen"), TIERED)
def test_each_tier_prices_the_part_within_it(quantity, gflops, unit, discount, fen):
    tariff = Tariff(unit, LIST, discount_bp=discount)
    assert tiered_gross_fen(tariff, quantity, gflops=gflops) == fen


@given(
    st.lists(st.integers(1, 10**10), min_size=1, max_size=6),
    st.sampled_from([(CARD, 1), (WORK, 313_000), (WORK, 989_000)]),
)
def test_a_month_cut_into_statements_fills_the_same_tiers(parts, kind):
    unit, gflops = kind
    tariff = Tariff(unit, LIST)
    whole = slices(tariff, sum(parts), gflops=gflops)
    by_tier: dict[int, int] = {}
    before = 0
    for part in parts:
        pieces = slices(tariff, part, gflops=gflops, before=before)
        assert sum(each.device_milli_seconds for each in pieces) == part
        for each in pieces:
            held = by_tier.get(each.tier, 0)
            by_tier[each.tier] = held + each.device_milli_seconds
        before += base_quantity(part, gflops, unit)
    assert by_tier == {each.tier: each.device_milli_seconds for each in whole}


@given(st.integers(0, 10**13), st.integers(0, 10_000), st.integers(1, 10**6))
def test_a_discounted_price_is_rounded_once(quantity, discount, price):
    exact = Fraction(quantity * price * (10_000 - discount), HOUR * 10_000)
    found = gross_fen(quantity, gflops=1, price_fen=price, unit=CARD, discount_bp=discount)
    assert Fraction(-1, 2) < found - exact <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(0, 1_000, 600), (1_200, None, 550)], "空档"),
        ([(0, 1_000, 600), (900, None, 550)], "重叠"),
        ([(0, 1_000, 600), (0, None, 550)], "重叠"),
        ([(0, 1_000, 600), (1_000, None, 0)], "大于 0 元"),
        ([(0, 1_000, -1), (1_000, None, 5)], "大于 0 元"),
        ([(0, 1_000, 600), (1_000, 2_000, 550)], "不能有终点"),
        ([(0, None, 600), (1_000, None, 550)], "没有终点"),
        ([(0, 0, 600), (0, None, 550)], "终点须大于起点"),
        ([(5, None, 600)], "空档"),
        ([], "1 至 20 档"),
    ],
)
def test_h18_a_price_list_with_a_gap_an_overlap_or_no_price_is_refused(rows, said):
    with pytest.raises(Refused, match=said) as refused:
        read_tiers([TierRow(*each) for each in rows])
    assert refused.value.field == "tiers"


def payable(**changes):
    """Return a rule that pays for all but what is told."""
    return PayableUse(
        **({"bases": USE_BASES, "failed_most_bp": 10_000, "cancelled_most_bp": 10_000,
            "clause": "第九条"} | changes)
    )  # fmt: skip


MIXED = [
    Outcome("allocated", "completed", 600),
    Outcome("allocated", "failed", 300),
    Outcome("utilised", "cancelled", 100),
]


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        (payable(), [1_000]),
        (payable(failed_most_bp=0), [700, 300]),
        # at most 10 % of 1,000: 100 of the 300 failed are payable
        (payable(failed_most_bp=1_000), [800, 200]),
        (payable(failed_most_bp=3_000), [1_000]),
        (payable(cancelled_most_bp=0), [900, 100]),
        (payable(failed_most_bp=0, cancelled_most_bp=0), [600, 300, 100]),
        # only allocated time: 900 left, of which at most 10 % = 90 of 300 failed
        (payable(bases=("allocated",), failed_most_bp=1_000), [690, 100, 210]),
        (payable(bases=("utilised",)), [100, 900]),
        (payable(bases=("reserved",)), [900, 100]),
    ],
)
def test_what_is_payable_follows_from_the_edition(rule, parts):
    found = payable_parts(1_000, MIXED, rule)
    if rule.bases == ("reserved",):
        assert [each.device_milli_seconds for each in found] == parts
        assert found[0].reason
        return
    assert [each.device_milli_seconds for each in found] == parts
    assert all(each.reason and "第九条" in each.reason for each in found[1:])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(USE_BASES),
            st.sampled_from(["completed", "failed", "cancelled", ""]),
            st.integers(-50, 10**6),
        ),
        max_size=8,
    ),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
)
def test_parts_add_up_whatever_was_corrected(rows, failed, cancelled):
    outcomes = [Outcome(*each) for each in rows]
    total = sum(each.device_milli_seconds for each in outcomes)
    rule = payable(bases=("allocated",), failed_most_bp=failed, cancelled_most_bp=cancelled)
    found = payable_parts(total, outcomes, rule)
    assert sum(each.device_milli_seconds for each in found) == total
    assert total <= 0 or all(each.device_milli_seconds > 0 for each in found)


@pytest.mark.parametrize(
    ("founded", "applied", "holds"),
    [
        (date(2025, 11, 6), date(2026, 11, 5), True),
        (date(2025, 11, 5), date(2026, 11, 5), False),
        (date(2024, 2, 29), date(2025, 2, 27), True),  # a leap day has its year on 28 February
        (date(2024, 2, 29), date(2025, 2, 28), False),
        (None, date(2026, 11, 5), False),
        (date(2026, 1, 1), None, False),
    ],
)
def test_a_young_firm_earns_its_bonus_by_the_day_of_handing_in(founded, applied, holds):
    young = Bonus("STARTUP", "初创企业", 1_000, "YOUNG", 12, "第七条")
    home = Bonus("DOMESTIC", "国产算力", 1_000, "DOMESTIC", 0, "第七条")
    old = Bonus("GREEN", "绿色", 500, "", 0, "第七条")
    ratio = Ratio(3_000, 4_000, "HIGHER_ONLY", (young, home, old), "第六条")
    found = held_bonuses(ratio, domestic=False, founded_on=founded, applied_on=applied)
    assert found == (frozenset({"STARTUP"}) if holds else frozenset())
    both = held_bonuses(ratio, domestic=True, founded_on=founded, applied_on=applied)
    assert both == found | {"DOMESTIC"}


NEXT = Month(2026, 11)


@pytest.fixture
def there(db):
    """Return a programme that pays for at most 10 % failed work, and three orders under it."""
    world = w.World()
    world.make_programme(
        settlement__failed_most_bp=1_000,
        settlement__payable_clause="演示方案第九条第二款",
        settlement__price_cap_rule="NONE",
        caps__contract="50000.00",
    )
    provider = world.make_provider()
    price = world.make_offering(provider, price_fen=600)
    tiered = listing.file_price(
        price.offering, "CARD_HOUR",
        [TierRow(0, 1_000, 600), TierRow(1_000, 5_000, 550), TierRow(5_000, None, 500)],
        valid_from=w.START - timedelta(days=60), actor=world.clerk, at=w.START,
    )  # fmt: skip
    orders = [
        world.make_order(world.make_voucher(world.make_enterprise()), each, months=2)
        for each in (tiered, price, price)
    ]
    return SimpleNamespace(world=world, orders=orders, tiered=tiered)


def lines_of(order, month="2026-10"):
    """Return what the lines of an order's statement say, in short."""
    statement = Statement.objects.get(order=order, month=month)
    return [
        (line.tier, line.price_fen, line.gross_fen, line.credit_fen, line.public_fen)
        for line in statement.lines.order_by("ordinal")
    ]


def refuses_odd_discounts(order, told):
    for kind, value in (("PERCENT", 10_001), ("CONTRACT_PRICE", 600), ("CREDIT", 0), ("FREE", 1)):
        refuses(order, kind, value, told, "out_of_range")


def refuses(order, kind, value, told, code):
    with pytest.raises(Refused) as refused:
        grant_discount(order, kind, value, **told)
    assert refused.value.code == code


def quotes_by_tiers(there):
    told_of = quote(
        there.tiered.offering, None, device_count=8, planned_hours=744,
        starts_at=w.START, ends_at=w.START + timedelta(days=31), at=w.START,
    )  # fmt: skip
    # 5,952 h: 1,000 x 6.00 + 4,000 x 5.50 + 952 x 5.00, and 5,952 x 6.00 flat
    assert (told_of.gross_fen, told_of.flat_fen) == (3_276_000, 3_571_200)


def test_u9_u16_a_month_with_tiers_discounts_credit_failed_work_and_late_use(there):
    world, (tiered, cut, gift) = there.world, there.orders
    told = {"from_month": w.OCTOBER, "reason": "合同第三条", "actor": world.clerk, "at": w.START}
    grant_discount(cut, "PERCENT", 750, **told)
    grant_discount(gift, "CONTRACT_PRICE", 500, **told)
    grant_discount(gift, "CREDIT", 300_000, **told)
    refuses_odd_discounts(cut, told)
    quotes_by_tiers(there)

    world.use(tiered, hours=250)  # 2,000 card-hours
    world.use(cut, hours=100)  # 800 card-hours that worked
    world.use(cut, hours=50, at=w.START + timedelta(days=9), job_state="failed")  # 400 failed
    world.use(gift, hours=125)  # 1,000 card-hours
    close = world.close()
    # 1,000 x 6.00 and 1,000 x 5.50, 40 % each
    assert lines_of(tiered) == [(1, 600, 600_000, 0, 240_000), (2, 550, 550_000, 0, 220_000)]
    # 1,200 used, at most 10 % = 120 failed are payable: 920 x 5.55 paid for, 280 x 5.55 not
    assert lines_of(cut) == [(0, 600, 510_600, 0, 204_240), (0, 600, 155_400, 0, 0)]
    unpaid = Statement.objects.get(order=cut).lines.get(ordinal=2)
    assert unpaid.unpaid_reason == ("失败作业超过用量 10% 的部分不予支持（演示方案第九条第二款）")
    assert unpaid.self_fen == 155_400
    # U16: 1,000 x 5.00 less 3,000.00 of credit: 2,000.00 really paid, 40 % of that
    assert lines_of(gift) == [(0, 500, 200_000, 300_000, 80_000)]
    assert Statement.objects.get(order=gift).lines.get().filed_price_fen == 600
    assert close.public_fen == 240_000 + 220_000 + 204_240 + 80_000

    refuses(cut, "CREDIT", 1, told, "month_settled")

    # U9: late use of October goes on in its second tier; the contract cap does not bind
    world.use(
        tiered, hours=400, at=w.START + timedelta(days=12), settle_month="2026-11",
        received_at=NEXT.start_at + timedelta(days=5),
    )  # fmt: skip
    world.approve(close)
    world.pay(w.fresh(close))
    world.close(NEXT, at=NEXT.end_at + timedelta(days=3))
    # 3,000 h fill the tier to 5,000: 3,000 x 5.50, then 200 x 5.00
    assert lines_of(tiered, "2026-11") == [
        (2, 550, 1_650_000, 0, 660_000), (3, 500, 100_000, 0, 40_000),
    ]  # fmt: skip
