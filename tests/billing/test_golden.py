"""Golden cases of the public share, computed by hand; every limit binds and every mode is there.

Each line of the table carries its arithmetic as fractions of fen: what the formula comes to before
the last cut. Source: domain.md 8.1, 8.5, 8.6, 8.7 and the unhappy paths U16, U18, U22, U23.
"""

from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.prorating import DayCount, Stretch, prorate
from billing.rating import (
    Bonus,
    Limits,
    SettlementMode,
    Share,
    ShareLine,
    ShareRule,
    Stacking,
    public_share,
)
from ledger.amounts import pflops_hours
from ledger.refusals import Refused
from providers.measures import split_use

HOUR = 3_600_000
F = Fraction
HOME = Bonus(code="DOMESTIC", title="国产算力", bp=1_000)
YOUNG = Bonus(code="STARTUP", title="初创企业", bp=1_000)
GREEN = Bonus(code="GREEN", title="绿色算力", bp=500)
MUCH = 10**12
INSTANT, CLAIM, DIRECT = SettlementMode


def rule(**changes: Any) -> ShareRule:
    """Return 30 %, at most 40 %, at once; what a case changes."""
    base: dict[str, Any] = {
        "mode": INSTANT, "base_bp": 3_000, "max_bp": 4_000, "bonuses": (HOME, YOUNG, GREEN),
    }  # fmt: skip
    return ShareRule(**(base | changes))


def limits(**changes: Any) -> Limits:
    """Return limits that bind nowhere but where told."""
    wide = dict.fromkeys(("held_fen", "cap_left_enterprise_fen", "cap_left_programme_fen"), MUCH)
    return Limits(**(wide | changes))


def used(asked: int, capped: int | None = None, *codes: str) -> ShareLine:
    """Return one line."""
    metered = asked if capped is None else capped
    return ShareLine(list_fen=asked, metered_fen=metered, bonus_codes=frozenset(codes))


def paid(amount: int, **more: int) -> dict[str, int]:
    """Return a claim whose papers all say the same."""
    return {"paid_fen": amount, "invoiced_fen": amount, "bank_paid_fen": amount, **more}


# name: rule, lines, limits, the exact amount by hand (fen), grant, what binds
CASES: dict[str, tuple[dict[str, Any], list[ShareLine], dict[str, Any], F, int, str]] = {
    # 8.1 Nanning: 20 W x 305/729 x 30 %, cut to whole yuan
    "nanning": (
        {"mode": CLAIM, "truncate_fen": 100}, [used(20_000_000)],
        paid(20_000_000, days_in_period=305, days_of_service=729),
        F(20_000_000) * F(305, 729) * F(3, 10), 2_510_200, "RATIO",
    ),
    # the same, both ends counted: 306/730
    "nanning inclusive": (
        {"mode": CLAIM, "truncate_fen": 100}, [used(20_000_000)],
        paid(20_000_000, days_in_period=306, days_of_service=730),
        F(20_000_000) * F(306, 730) * F(3, 10), 2_515_000, "RATIO",
    ),
    # each step to whole yuan: 10.99 x 1/1 -> 10 yuan x 30 % = 3 yuan; exact would be 3.297
    "each step to yuan": (
        {"mode": CLAIM, "truncate_fen": 100, "truncate_steps": True}, [used(2_000)],
        paid(1_099), F(1_000) * F(3, 10), 300, "RATIO",
    ),
    # 13.40 -> 13 yuan x 30 % = 3.90 -> 3; cut once it would be 4.02 -> 4
    "each step to yuan loses one": (
        {"mode": CLAIM, "truncate_fen": 100, "truncate_steps": True}, [used(2_000)],
        paid(1_340), F(1_300) * F(3, 10), 300, "RATIO",
    ),
    "cut once to yuan": (
        {"mode": CLAIM, "truncate_fen": 100}, [used(2_000)],
        paid(1_340), F(1_340) * F(3, 10), 400, "RATIO",
    ),
    # 8.6: min(24,000, 22,000) x 40 % = 8,800; room 50 % x 22,000 - 4,000 = 7,000
    "redemption example": (
        {"mode": CLAIM, "cumulative_cap_bp": 5_000}, [used(2_400_000, 2_200_000, "DOMESTIC")],
        paid(2_400_000, held_fen=1_000_000, cap_left_enterprise_fen=900_000,
             other_funding_fen=400_000),
        F(2_200_000) / 2 - 400_000, 700_000, "STACKING",
    ),
    # INSTANT: net price 1,234.56, cap leaves 1,200.01 -> x 30 % = 360.003
    "instant at the price cap": (
        {}, [used(123_456, 120_001)], {}, F(120_001) * F(3, 10), 36_000, "RATIO",
    ),
    # a third of a fen is cut: 0.01 x 30 %
    "one fen": ({}, [used(1)], {}, F(3, 10), 0, "RATIO"),
    # two lines of two ratios: 100.00 x 40 % + 50.01 x 30 % = 55.003
    "two ratios": (
        {}, [used(10_000, None, "DOMESTIC"), used(5_001)], {},
        F(10_000) * F(4, 10) + F(5_001) * F(3, 10), 5_500, "RATIO",
    ),
    # domestic and young, added up: 30 + 10 + 10 = 50 %, at most 45 %
    "bonuses added up to the most": (
        {"max_bp": 4_500}, [used(10_001, None, "DOMESTIC", "STARTUP")], {},
        F(10_001) * F(45, 100), 4_500, "RATIO",
    ),
    # the higher of 10 and 5 points only: 40 % of 100.03
    "the highest bonus only": (
        {"max_bp": 5_000, "highest_bonus_only": True}, [used(10_003, None, "GREEN", "STARTUP")],
        {}, F(10_003) * F(4, 10), 4_001, "RATIO",
    ),
    # both added: 45 % of 100.03
    "bonuses added up": (
        {"max_bp": 5_000}, [used(10_003, None, "GREEN", "STARTUP")], {},
        F(10_003) * F(45, 100), 4_501, "RATIO",
    ),
    # CLAIM_AFTER, each of the four amounts the least, 40 %
    "paid in the period binds": (
        {"mode": CLAIM}, [used(100_000, None, "DOMESTIC")],
        paid(100_000, days_in_period=31, days_of_service=92),
        F(100_000) * F(31, 92) * F(4, 10), 13_478, "RATIO",
    ),
    "metered binds": (
        {"mode": CLAIM}, [used(90_000, 80_000, "DOMESTIC")], paid(100_000),
        F(80_000) * F(4, 10), 32_000, "RATIO",
    ),
    "invoiced binds": (
        {"mode": CLAIM}, [used(100_000, None, "DOMESTIC")],
        {"paid_fen": 100_000, "invoiced_fen": 70_007, "bank_paid_fen": 100_000},
        F(70_007) * F(4, 10), 28_002, "RATIO",
    ),
    "bank receipt binds": (
        {"mode": CLAIM}, [used(100_000, None, "DOMESTIC")],
        {"paid_fen": 100_000, "invoiced_fen": 100_000, "bank_paid_fen": 60_001},
        F(60_001) * F(4, 10), 24_000, "RATIO",
    ),
    # DIRECT_AFTER_USE: no bank receipt is asked for; the invoice limits
    "direct after use": (
        {"mode": DIRECT}, [used(100_000, 95_000)], {"invoiced_fen": 90_001},
        F(90_001) * F(3, 10), 27_000, "RATIO",
    ),
    "direct after use, metered": (
        {"mode": DIRECT}, [used(100_000, 95_000)], {"invoiced_fen": 99_000},
        F(95_000) * F(3, 10), 28_500, "RATIO",
    ),
    # 300.00 by ratio; every limit a fen below it binds by its own word
    "hold": ({}, [used(100_000)], {"held_fen": 29_999}, F(29_999), 29_999, "HELD"),
    "enterprise year": (
        {}, [used(100_000)], {"cap_left_enterprise_fen": 29_999}, F(29_999), 29_999,
        "ENTERPRISE_YEAR",
    ),
    "group year": (
        {}, [used(100_000)], {"cap_left_group_fen": 29_999}, F(29_999), 29_999, "GROUP_YEAR",
    ),
    "programme": (
        {}, [used(100_000)], {"cap_left_programme_fen": 29_999}, F(29_999), 29_999, "PROGRAMME",
    ),
    "contract": (
        {}, [used(100_000)], {"cap_left_contract_fen": 29_999}, F(29_999), 29_999, "CONTRACT",
    ),
    "contract used up": ({}, [used(100_000)], {"cap_left_contract_fen": 0}, F(0), 0, "CONTRACT"),
    "below the least contract": (
        {"min_contract_fen": 1_000_000}, [used(100_000)], {"contract_fen": 999_999}, F(0), 0,
        "MIN_CONTRACT",
    ),
    "at the least contract": (
        {"min_contract_fen": 1_000_000}, [used(100_000)], {"contract_fen": 1_000_000},
        F(30_000), 30_000, "RATIO",
    ),
    # a first month of a contract of 1,000,000.00: the room is 50 % of the whole less 400,000.00
    "stacking over the whole contract": (
        {"cumulative_cap_bp": 5_000}, [used(100_000)],
        {"contract_fen": 100_000_000, "other_funding_fen": 40_000_000},
        F(30_000), 30_000, "RATIO",
    ),
    # the last month: 50 % x 3,000.00 - 400.00 - 1,000.00 already = 100.00
    "stacking with what was granted before": (
        {"cumulative_cap_bp": 5_000}, [used(100_000)],
        {"eligible_before_fen": 200_000, "other_funding_fen": 40_000,
         "granted_before_fen": 100_000},
        F(300_000) / 2 - 140_000, 10_000, "STACKING",
    ),
    # 8.7 HIGHER_ONLY: city 30 % of 100,000 = 30,000; district 50 % = 50,000 capped 20,000 -> 0
    "the city pays more": (
        {"stacking": Stacking.HIGHER_ONLY, "base_bp": 5_000, "max_bp": 5_000},
        [used(10_000_000)], {"held_fen": 2_000_000, "other_funding_fen": 3_000_000},
        F(0), 0, "STACKING",
    ),
    "the district pays more": (
        {"stacking": Stacking.HIGHER_ONLY, "base_bp": 5_000, "max_bp": 5_000},
        [used(10_000_000)], {"other_funding_fen": 3_000_000}, F(5_000_000), 5_000_000, "RATIO",
    ),
    # one month of ten: the whole contract would get 50,000 > 30,000, so the month is paid
    "a month is not held against a whole contract": (
        {"stacking": Stacking.HIGHER_ONLY, "base_bp": 5_000, "max_bp": 5_000},
        [used(1_000_000)], {"contract_fen": 10_000_000, "other_funding_fen": 3_000_000},
        F(500_000), 500_000, "RATIO",
    ),
    # ratio and hold are equal: the ratio is named
    "a tie names the first": (
        {}, [used(100_000)], {"held_fen": 30_000}, F(30_000), 30_000, "RATIO",
    ),
    "nothing used": ({}, [], {}, F(0), 0, "RATIO"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_golden_cases(name: str) -> None:
    changes, lines, bounds, by_hand, grant, binding = CASES[name]
    share = public_share(rule(**changes), lines, limits(**bounds))
    unit = changes.get("truncate_fen", 1)
    assert by_hand // unit * unit == grant
    assert (share.grant_fen, share.binding) == (grant, binding)
    assert sum(share.line_grants_fen) == grant
    assert [each.code for each in share.terms][-1] == "grant"


@pytest.mark.parametrize(
    ("cards", "gflops", "hours", "expected"),
    [
        (8, 989_000, 24, "189.888"), (8, 312_000, 24, "59.904"), (8, 313_000, 24, "60.096"),
        (8, 320_000, 24, "61.44"), (8, 148_000, 24, "28.416"), (1, 165_200, 24, "3.9648"),
        (16, 752_000, 24, "288.768"), (8, 362_000, 24, "69.504"),
    ],
)  # fmt: skip
def test_metering_vectors(cards: int, gflops: int, hours: int, expected: str) -> None:
    assert pflops_hours(cards * hours * HOUR * gflops).normalize() == F(expected)


def test_which_amount_decided_is_kept() -> None:
    claim = rule(mode=CLAIM)
    for field, code in (
        ("paid_fen", "paid_in"), ("invoiced_fen", "invoiced"), ("bank_paid_fen", "bank_paid"),
    ):  # fmt: skip
        share = public_share(claim, [used(500)], limits(**(paid(400) | {field: 300})))
        assert share.eligible_by == code
        assert share.eligible_fen == F(300)
        eligible = next(each for each in share.terms if each.code == "eligible")
        assert eligible.how.startswith("以上 4 项中最小的一项（")
    assert public_share(claim, [used(100)], limits(**paid(400))).eligible_by == "metered"


def test_no_stacking_refuses_other_money_under_every_mode() -> None:
    for mode in SettlementMode:
        alone = rule(mode=mode, stacking=Stacking.NONE)
        with pytest.raises(Refused, match="不与其他财政资金叠加"):
            public_share(alone, [used(100)], limits(**paid(100), other_funding_fen=1))
        assert public_share(alone, [used(100)], limits(**paid(100))).grant_fen == 30


def test_u16_a_discount_and_free_credit_come_off_before_the_share() -> None:
    # filed 1,000.00; the provider took 100.00 off and gave 200.00: 700.00 is really paid
    share = public_share(rule(), [used(70_000, 70_000)], limits())
    assert share.grant_fen == 21_000
    assert share.eligible_fen == F(70_000)


def test_u18_a_contract_over_two_years_is_two_redemptions_without_overlap() -> None:
    service = Stretch(date(2026, 11, 1), date(2027, 10, 31))
    years = [Stretch(date(y, 1, 1), date(y, 12, 31)) for y in (2026, 2027)]
    voucher = Stretch(date(2026, 7, 1), date(2027, 11, 30))
    both = [prorate(service, [year, voucher], DayCount.INCLUSIVE) for year in years]
    assert [(each.days_in_period, each.days_of_service) for each in both] == [(61, 365), (304, 365)]
    grants = [
        public_share(
            rule(mode=CLAIM), [used(36_500_000)],
            limits(**paid(36_500_000, **vars(each))),
        ).grant_fen
        for each in both
    ]  # fmt: skip
    # 365,000.00 x 61/365 x 30 % = 18,300.00 and 365,000.00 x 304/365 x 30 % = 91,200.00
    assert grants == [1_830_000, 9_120_000]
    less = [prorate(service, [year, voucher], DayCount.END_MINUS_START) for year in years]
    assert [(each.days_in_period, each.days_of_service) for each in less] == [(60, 364), (303, 364)]
    assert (
        prorate(service, [Stretch(date(2028, 1, 1), date(2028, 2, 1))], DayCount.INCLUSIVE).part
        == 0
    )


def test_u22_an_invoice_for_nothing_metered_is_refused() -> None:
    for mode in (CLAIM, DIRECT):
        with pytest.raises(Refused, match="计量用量为零") as refused:
            public_share(rule(mode=mode), [used(0)], limits(**paid(100)))
        assert refused.value.code == "nothing_metered"
    assert public_share(rule(), [used(0)], limits()).grant_fen == 0


def test_u23_leap_day_and_month_end_are_cut_exactly() -> None:
    # 2028-02-28 12:00 to 2028-03-01 12:00 in Shanghai: 36 hours of February, 12 of March
    parts = split_use(
        datetime(2028, 2, 28, 4, tzinfo=UTC), datetime(2028, 3, 1, 4, tzinfo=UTC),
        device_count=1, share_milli=1000,
    )  # fmt: skip
    assert [(str(each.month), each.device_milli_seconds // HOUR) for each in parts] == [
        ("2028-02", 36), ("2028-03", 12),
    ]  # fmt: skip
    year = Stretch(date(2028, 1, 1), date(2028, 12, 31))
    february = Stretch(date(2028, 2, 1), date(2028, 2, 29))
    assert prorate(year, [february], DayCount.INCLUSIVE).part == F(29, 366)
    assert prorate(year, [february], DayCount.END_MINUS_START).part == F(28, 365)
    one = Stretch(date(2028, 2, 29), date(2028, 2, 29))
    assert prorate(one, [february], DayCount.END_MINUS_START).part == 1
    with pytest.raises(ValueError, match="before it begins"):
        Stretch(date(2028, 3, 1), date(2028, 2, 29))


DAYS = st.integers(0, 800).map(lambda n: date.fromordinal(date(2026, 1, 1).toordinal() + n))


@given(DAYS, DAYS, DAYS, st.sampled_from(DayCount))
def test_parts_of_a_service_never_count_more_than_the_whole(a, b, cut, count) -> None:
    service = Stretch(min(a, b), max(a, b))
    before = Stretch(date(2020, 1, 1), cut)
    after = Stretch(date.fromordinal(cut.toordinal() + 1), date(2040, 1, 1))
    parts = [prorate(service, [each], count).part for each in (before, after)]
    assert 0 <= sum(parts) <= 1
    if count is DayCount.INCLUSIVE:
        assert sum(parts) == 1


AMOUNT = st.integers(0, 10**9)
BOUNDS = (
    "held_fen", "cap_left_enterprise_fen", "cap_left_group_fen", "cap_left_programme_fen",
    "cap_left_contract_fen",
)  # fmt: skip


@st.composite
def drawn(draw: st.DrawFn) -> tuple[ShareRule, list[ShareLine], dict[str, int]]:
    """Return a rule of any mode, lines and limits."""
    rows = draw(st.lists(st.tuples(AMOUNT, AMOUNT, st.booleans()), min_size=1, max_size=6))
    lines = [used(a + b + 1, b, *(["DOMESTIC"] if c else [])) for a, b, c in rows]
    bounds = {name: draw(AMOUNT) for name in BOUNDS}
    papers = {name: draw(AMOUNT) for name in ("paid_fen", "invoiced_fen", "bank_paid_fen")}
    mode, unit = draw(st.sampled_from(SettlementMode)), draw(st.sampled_from((1, 100)))
    steps = draw(st.booleans())
    return rule(mode=mode, truncate_fen=unit, truncate_steps=steps), lines, bounds | papers


@given(drawn(), st.sampled_from((*BOUNDS, "paid_fen", "invoiced_fen", "bank_paid_fen")), AMOUNT)
def test_a_grant_keeps_every_limit_and_grows_with_each(case, name, more) -> None:
    asked, lines, bounds = case
    share = public_share(asked, lines, limits(**bounds))
    assert 0 <= share.grant_fen <= min(bounds[each] for each in BOUNDS)
    assert share.grant_fen * 10_000 <= share.eligible_fen * 4_000
    assert share.grant_fen % asked.truncate_fen == 0
    assert sum(share.line_grants_fen) == share.grant_fen
    wider = public_share(asked, lines, limits(**(bounds | {name: bounds[name] + more})))
    assert wider.grant_fen >= share.grant_fen
    assert isinstance(share, Share)
