"""Rating: golden examples by hand, and properties that hold for any usage."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating import (
    Bonus,
    Limits,
    PricingUnit,
    SettlementMode,
    Share,
    ShareLine,
    ShareRule,
    Stacking,
    exact_yuan,
    gross_fen,
    percent,
    public_share,
)
from ledger.refusals import Refused

HOUR = 3_600_000
DOMESTIC = Bonus(code="DOMESTIC", title="国产算力", bp=1_000, clause="第七条")
INSTANT = ShareRule(
    mode=SettlementMode.INSTANT,
    base_bp=3_000,
    max_bp=4_000,
    bonuses=(DOMESTIC,),
    cumulative_cap_bp=5_000,
)
WIDE = Limits(held_fen=10**12, cap_left_enterprise_fen=10**12, cap_left_programme_fen=10**12)


def line(list_fen: int, metered_fen: int | None = None, *, domestic: bool = False) -> ShareLine:
    """Return a line as short as the tests need it."""
    codes = frozenset({"DOMESTIC"}) if domestic else frozenset[str]()
    metered = list_fen if metered_fen is None else metered_fen
    return ShareLine(list_fen=list_fen, metered_fen=metered, bonus_codes=codes)


def limits(**changes: int) -> Limits:
    """Return limits that bind nowhere but where told."""
    return Limits(**{**vars(WIDE), **changes})


def terms_of(share: Share) -> dict[str, str]:
    """Return the printed amounts by code."""
    return {term.code: term.amount for term in share.terms}


@pytest.mark.parametrize(
    ("milli_seconds", "gflops", "price_fen", "unit", "expected"),
    [
        (4_000 * HOUR, 313_000, 550, PricingUnit.CARD_HOUR, 2_200_000),
        (192 * HOUR, 989_000, 650, PricingUnit.PFLOPS_HOUR, 123_427),  # 189.888 x 6.50 = 1234.272
        (HOUR, 1_000_000, 1, PricingUnit.PFLOPS_HOUR, 1),
        (HOUR // 2, 1_000_000, 1, PricingUnit.PFLOPS_HOUR, 1),  # half a fen goes up
        (HOUR // 2 - 1, 1_000_000, 1, PricingUnit.PFLOPS_HOUR, 0),
        (1, 1, 1, PricingUnit.CARD_HOUR, 0),
        (0, 989_000, 650, PricingUnit.PFLOPS_HOUR, 0),
    ],
)
def test_gross_is_rounded_half_up_once(
    milli_seconds: int, gflops: int, price_fen: int, unit: PricingUnit, expected: int
) -> None:
    assert gross_fen(milli_seconds, gflops=gflops, price_fen=price_fen, unit=unit) == expected


@given(st.integers(0, 10**15), st.integers(1, 10**7), st.integers(0, 10**6))
def test_gross_is_within_half_a_fen_of_the_exact_product(
    milli_seconds: int, gflops: int, price: int
) -> None:
    rounded = gross_fen(milli_seconds, gflops=gflops, price_fen=price, unit=PricingUnit.PFLOPS_HOUR)
    exact = Fraction(milli_seconds * gflops * price, 1_000 * 3_600 * 1_000_000)
    assert Fraction(-1, 2) < rounded - exact <= Fraction(1, 2)


def test_negative_quantities_are_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="negative"):
        gross_fen(-1, gflops=1, price_fen=1, unit=PricingUnit.CARD_HOUR)


def test_the_redemption_example_is_bound_by_stacking() -> None:
    rule = ShareRule(
        mode=SettlementMode.CLAIM_AFTER,
        base_bp=3_000,
        max_bp=4_000,
        bonuses=(DOMESTIC,),
        cumulative_cap_bp=5_000,
    )
    share = public_share(
        rule,
        [line(2_400_000, 2_200_000, domestic=True)],
        Limits(
            held_fen=1_000_000,
            cap_left_enterprise_fen=900_000,
            cap_left_programme_fen=10**10,
            other_funding_fen=400_000,
            paid_fen=2_400_000,
            invoiced_fen=2_400_000,
            bank_paid_fen=2_400_000,
        ),
    )
    assert (share.grant_fen, share.binding) == (700_000, "STACKING")
    shown = terms_of(share)
    assert shown["metered"] == shown["eligible"] == "22,000.00"
    assert (shown["raw"], shown["stacking"], shown["ratio"]) == ("8,800.00", "7,000.00", "40%")
    assert (shown["held"], shown["enterprise_year"]) == ("10,000.00", "9,000.00")


@pytest.mark.parametrize(("days", "service", "yuan"), [(305, 729, 25_102), (306, 730, 25_150)])
def test_the_day_count_decides_the_proration(days: int, service: int, yuan: int) -> None:
    rule = ShareRule(mode=SettlementMode.CLAIM_AFTER, base_bp=3_000, max_bp=3_000, truncate_fen=100)
    enough = 20_000_000
    share = public_share(
        rule,
        [line(enough)],
        limits(
            paid_fen=enough,
            invoiced_fen=enough,
            bank_paid_fen=enough,
            days_in_period=days,
            days_of_service=service,
        ),
    )
    assert share.grant_fen == yuan * 100
    assert terms_of(share)["paid_in"].endswith("…")


def test_no_stacking_means_other_money_is_refused() -> None:
    rule = ShareRule(
        mode=SettlementMode.INSTANT,
        base_bp=3_000,
        max_bp=3_000,
        stacking=Stacking.NONE,
        clauses={"stacking": "第九条"},
    )
    with pytest.raises(Refused) as refused:
        public_share(rule, [line(100)], limits(other_funding_fen=1))
    assert (refused.value.code, refused.value.clause) == ("stacking_forbidden", "第九条")
    assert public_share(rule, [line(100)], WIDE).grant_fen == 30


def test_only_the_higher_support_is_paid() -> None:
    rule = ShareRule(
        mode=SettlementMode.INSTANT, base_bp=5_000, max_bp=5_000, stacking=Stacking.HIGHER_ONLY
    )
    city = limits(held_fen=2_000_000, other_funding_fen=3_000_000)
    lower = public_share(rule, [line(4_000_000)], city)
    assert (lower.grant_fen, lower.binding) == (0, "STACKING")
    higher = public_share(rule, [line(10_000_000)], limits(other_funding_fen=3_000_000))
    assert (higher.grant_fen, higher.binding) == (5_000_000, "RATIO")


@pytest.mark.parametrize(
    ("changes", "grant", "binding"),
    [
        ({}, 30_000, "RATIO"),
        ({"held_fen": 29_999}, 29_999, "HELD"),
        ({"held_fen": 30_000}, 30_000, "RATIO"),
        ({"cap_left_enterprise_fen": 7}, 7, "ENTERPRISE_YEAR"),
        ({"cap_left_programme_fen": 0}, 0, "PROGRAMME"),
        ({"other_funding_fen": 49_000}, 1_000, "STACKING"),
        ({"other_funding_fen": 60_000}, 0, "STACKING"),
        ({"granted_before_fen": 40_000}, 10_000, "STACKING"),
        ({"granted_before_fen": 40_000, "eligible_before_fen": 100_000}, 30_000, "RATIO"),
        ({"other_funding_fen": 60_000, "contract_fen": 200_000}, 30_000, "RATIO"),
    ],
)
def test_the_smallest_limit_binds(changes: dict[str, int], grant: int, binding: str) -> None:
    share = public_share(INSTANT, [line(100_000)], limits(**changes))
    assert (share.grant_fen, share.binding) == (grant, binding)


def test_only_the_highest_bonus_counts_where_the_edition_says_so() -> None:
    green = Bonus(code="GREEN", title="绿色算力", bp=500)
    codes = frozenset({"DOMESTIC", "GREEN"})
    for highest_only, expected in ((True, 4_000), (False, 4_500)):
        rule = ShareRule(
            mode=SettlementMode.INSTANT,
            base_bp=3_000,
            max_bp=6_000,
            bonuses=(green, DOMESTIC),
            highest_bonus_only=highest_only,
        )
        assert rule.ratio_bp(codes) == expected


def test_the_maximum_caps_the_bonuses_and_is_said() -> None:
    rule = ShareRule(mode=SettlementMode.INSTANT, base_bp=3_500, max_bp=4_000, bonuses=(DOMESTIC,))
    share = public_share(rule, [line(1_000, domestic=True)], WIDE)
    ratio = next(term for term in share.terms if term.code == "ratio")
    assert (share.grant_fen, ratio.amount) == (400, "40%")
    assert ratio.how == "基础 35%，国产算力 +10%，最高 40%"


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans()), max_size=12),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_shares_of_the_lines_add_up_and_stay_within_every_limit(
    rows: list[tuple[int, int, bool]], held: int, cap: int
) -> None:
    lines = [line(a + b, b, domestic=c) for a, b, c in rows]
    share = public_share(INSTANT, lines, limits(held_fen=held, cap_left_enterprise_fen=cap))
    assert sum(share.line_grants_fen) == share.grant_fen
    assert 0 <= share.grant_fen <= min(held, cap)
    assert all(
        0 <= part <= each.list_fen for part, each in zip(share.line_grants_fen, lines, strict=True)
    )


@given(st.data())
def test_the_order_of_lines_changes_no_grant(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), max_size=8))
    lines = [line(a, domestic=b) for a, b in rows]
    other = data.draw(st.permutations(lines))
    assert public_share(INSTANT, lines, WIDE).grant_fen == (
        public_share(INSTANT, other, WIDE).grant_fen
    )


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=20), st.integers(1, 10**4))
def test_splitting_usage_into_records_changes_no_fen(parts: list[int], price: int) -> None:
    whole = gross_fen(sum(parts), gflops=313_000, price_fen=price, unit=PricingUnit.PFLOPS_HOUR)
    exact = sum(Fraction(part, 1_000) * 313_000 * price / 3_600_000_000 for part in parts)
    assert whole == (exact + Fraction(1, 2)).__floor__()


def test_a_rest_below_a_yuan_is_cut_where_the_edition_says_so() -> None:
    rule = ShareRule(mode=SettlementMode.INSTANT, base_bp=3_000, max_bp=3_000, truncate_fen=100)
    assert public_share(rule, [line(9_999)], WIDE).grant_fen == 2_900


def test_exact_amounts_are_shown_without_rounding() -> None:
    assert exact_yuan(Fraction(880_000)) == "8,800.00"
    assert exact_yuan(Fraction(1, 4)) == "0.0025"
    assert exact_yuan(Fraction(1, 3)) == "0.003333…"
    assert exact_yuan(Fraction(123_456_789, 2)) == "617,283.945"
    assert (percent(3_000), percent(3_050), percent(1)) == ("30%", "30.5%", "0.01%")


def test_nothing_used_grants_nothing() -> None:
    share = public_share(INSTANT, [], WIDE)
    assert (share.grant_fen, share.line_grants_fen) == (0, ())
