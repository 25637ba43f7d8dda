"""Every figure of the room against a sum made by hand from the same small world."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from billing import figuring
from billing.burning import burn_down, lapse_forecast
from billing.evaluating import indicators
from billing.indicators import months_to, room
from billing.market import model_prices
from billing.models import Statement
from billing.scorecards import scorecards
from billing.splits import split
from ledger import clock
from ledger.periods import Month
from providers.models import UsageRecord
from tests.billing.reported import store_usage
from tests.billing.test_doors import staff, text_of
from tests.billing.world import CLOSE_AT, OCTOBER, START, World
from vouchers.forecasting import will_lapse
from vouchers.lapsing import lapse_due

AT = CLOSE_AT + timedelta(days=1)
SLUG = "putuo-demo-2026"
PFLOPS_HOUR = 1_000_000 * 3_600_000  # device-milli-seconds x GFLOPS


def a_world() -> tuple[World, list[Any]]:
    """Three enterprises at two providers: domestic 910B by the hour, a foreign model dearer."""
    world = World()
    world.make_programme()
    first, second = world.make_provider(), world.make_provider()
    home = world.make_offering(first, gflops=313_000, price_fen=550)
    away = world.make_offering(second, gflops=989_000, price_fen=1_500, domestic=False)
    orders = []
    places = (("真如镇街道", "I6513"), ("真如镇街道", "I6513"), ("长征镇", "C3911"))
    for price, (street, industry) in zip((home, away, away), places, strict=True):
        voucher = world.make_voucher(world.make_enterprise())
        voucher.application.answers = {"enterprise": {"street": street, "industry": industry}}
        voucher.application.save()
        orders.append(world.make_order(voucher, price, held_fen=1_000_000))
    world.make_voucher(world.make_enterprise(), 400_000)  # never used
    world.use(orders[0], hours=100, devices=8)  # 800 card-hours x 5.50 = 4,400.00
    world.use(orders[1], hours=20, devices=10)  # 200 x 15.00 = 3,000.00
    world.use(orders[2], hours=10, devices=4)  # 40 x 15.00 = 600.00
    world.pay(world.approve(world.close()))
    return world, orders


def money(fen: int) -> str:
    """Return fen as yuan, apart from the code under test."""
    return f"{Decimal(fen) / 100:,.2f}"


def listing(found: Any, code: str) -> list[dict[str, str | None]]:
    table = next(each for each in found.listings if each.code == code)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.mark.django_db
def test_every_figure_is_what_a_sum_by_hand_gives() -> None:
    world, orders = a_world()
    found = room(SLUG, AT)
    assert found is not None
    assert found.ties
    figures = {each.code: each.value for each in found.figures}
    by_order = {each.order_id: each for each in Statement.objects.all()}
    public = [by_order[order.pk].public_fen for order in orders]
    gross = [440_000, 300_000, 60_000]
    assert [by_order[order.pk].gross_fen for order in orders] == gross
    issued, spent = 30_400_000, sum(public)
    assert figures | _by_hand(public) == figures
    _divided(found, public, gross)
    _by_month(found, world, orders, spent, issued)
    _judged(found, world, orders)
    _doors(found)
    assert room("nobody", AT) is None
    everything = room("", AT)
    assert everything is not None
    assert {each.code: each.value for each in everything.figures} == figures


def _by_hand(public: list[int]) -> dict[str, str | None]:
    """Return what the figures must be, from hours, prices and the shares of three statements."""
    work = [800 * 313_000, 200 * 989_000, 40 * 989_000]  # GFLOPS-hours
    issued, spent = 30_400_000, sum(public)
    yuan = figuring.decimal_text
    return {
        "granted": "7,000,000.00",
        "reserved": "0.00",
        "issued": "304,000.00",
        "held": money(3_000_000 - spent),
        "spent": money(spent),
        "settled": money(spent),
        "paid": money(spent),
        "lapsed": "0.00",
        "issue_rate": "4.34",
        "use_rate": yuan(Fraction(spent * 10_000 // issued, 100), 2),
        "unused_rate": "0.00",
        "unused_count": "0",
        "firms": "4",
        "firm_rate": "75.00",
        "gross": "8,000.00",
        "leverage": yuan(Fraction(800_000, spent), 2),
        "work": f"{Decimal(sum(work)) / 10**6:.6f}",
        "domestic": yuan(Fraction(work[0] * 10_000 // sum(work), 100), 2),
        "green": None,
        "hhi_provider": f"{(public[0] ** 2 + sum(public[1:]) ** 2) * 10_000 // spent**2:,}",
        "hhi_enterprise": f"{sum(x * x for x in public) * 10_000 // spent**2:,}",
        "top1_enterprise": yuan(Fraction(max(public) * 10_000 // spent, 100), 2),
        "top5_enterprise": "100.00",
    }


def _divided(found: Any, public: list[int], gross: list[int]) -> None:
    towns = {row["项目"]: row for row in listing(found, "by_town")}
    assert set(towns) == {"真如镇街道", "长征镇"}
    assert towns["真如镇街道"]["企业（家）"] == "2"
    assert towns["真如镇街道"]["服务总价（元）"] == "7,400.00"
    assert towns["真如镇街道"]["券抵扣（元）"] == money(public[0] + public[1])
    assert towns["长征镇"]["国产算力（%）"] == "0.00"
    sectors = [row["企业（家）"] for row in listing(found, "by_sector")]
    assert sorted(sectors, key=str) == ["1", "2"]
    assert [row["券抵扣（元）"] for row in listing(found, "by_kind")] == [money(sum(public))]
    months = split("month")
    assert [(each.key, each.gross_fen, each.public_fen) for each in months] == [
        ("2026-10", sum(gross), sum(public))
    ]
    assert split("month", last="2026-09") == []
    assert split("all", slug="other") == []


def _by_month(found: Any, world: World, orders: list[Any], spent: int, issued: int) -> None:
    burn = {each.month: each for each in burn_down(SLUG)}
    assert list(burn) == ["2026-09", "2026-10", "2026-11"]
    assert burn["2026-09"].issued_fen == issued
    assert sum(each.redeemed_fen for each in burn.values()) == spent
    assert burn["2026-11"].left_fen == issued - spent
    assert burn["2026-11"].left_fen == 30_400_000 - spent
    forecast = lapse_forecast(SLUG)
    assert sum(each.left_fen for each in forecast) == issued - spent
    expected = 400_000
    for order in orders:
        used = order.statements.get().public_fen
        days = (order.voucher.last_day - OCTOBER.next().first_day).days + 1
        expected += max(10_000_000 - used - used * days // 31, 0)
    assert sum(each.lapse_fen for each in forecast) == expected
    assert [row["预计失效（元）"] for row in listing(found, "lapse")] == [money(expected)]


def _judged(found: Any, world: World, orders: list[Any]) -> None:
    """Prices, scorecards and the indicators of the city's paper."""
    prices = {each.model: each for each in model_prices(AT)}
    home = prices[orders[0].offering.model.name]
    assert (home.prices, home.caps, home.settled_fen, home.above_fen) == ([550], {}, 440_000, 0)
    assert home.domestic
    cards = {each.provider_id: each for each in scorecards(*months_to(AT))}
    card = cards[world.providers[0].pk]
    assert card.counts["records"] == 1
    assert (card.on_time_bp, card.rate_bp("disputed", "lines")) == (10_000, 0)
    assert card.counts["days_due"] == 31
    # 100 hours from the second day of the month at midnight: five days touched.
    assert card.counts["days_told"] == 5
    told = {each.code: each for each in indicators(OCTOBER, OCTOBER, AT)}
    assert told["power_capacity"].value == f"{Decimal(10_000 * (313_000 + 989_000)) / 10**6:.4f}"
    assert told["pue"].shown == "未采集"
    assert told["latency"].how
    assert (told["energy"].value, told["effect"].value) == (None, None)
    with transaction.atomic():
        measured = UsageRecord.objects.get(order=orders[0])
        measured.pk, measured.record_id = None, "measured"
        measured.energy_kwh, measured.utilisation_pct = Decimal(500), Decimal(40)
        store_usage([measured])
        told = {each.code: each for each in indicators(OCTOBER, OCTOBER, AT)}
        transaction.set_rollback(True)
    compute = Fraction(800 * 313_000, 10**6)
    whole = 2 * compute + Fraction(240 * 989_000, 10**6)
    assert told["energy"].value == figuring.decimal_text(500 / compute, 4)
    assert told["effect"].value == "40.00"
    assert told["energy"].covers_bp == compute * 10_000 // whole


def _doors(found: Any) -> None:
    """The page and its files say the same, for whoever may see settlements, within bounds."""
    with clock.set_to(AT):
        browser = staff("指标", "view_settlement")
        with CaptureQueriesContext(connection) as seen:
            page = text_of(browser.get(reverse("office_indicators"), {"programme": SLUG}))
        assert len(seen) < 90, len(seen)
        assert "未采集" in page
        assert reverse("office_figures_items", args=[SLUG, "paid"]) in page
        data = browser.get(reverse("office_indicators_json"), {"programme": SLUG}).json()
        assert data["as_of"].startswith("2026-11-05")
        assert data["ties_to_ledger"]
        said = {each["code"]: each["value"] for each in data["figures"]}
        mine = json.loads(json.dumps(found.as_plain()))["figures"]
        assert said == {each["code"]: each["value"] for each in mine}
        table = browser.get(reverse("office_indicators_csv"), {"programme": SLUG})
        assert "资金杠杆" in table.content.decode("utf-8-sig")
        sheet = browser.get(reverse("office_indicators_xlsx"), {"programme": SLUG})
        assert sheet.content[:2] == b"PK"
        assert browser.get(reverse("office_indicators"), {"programme": "x"}).status_code == 404
        assert staff("别人").get(reverse("office_indicators")).status_code == 403


@pytest.mark.django_db
def test_a_voucher_approved_and_never_ordered_with_counts_as_unused() -> None:
    """U24: it lapses at its end by itself and stands in the unused rate."""
    world = World()
    world.make_programme()
    world.make_voucher(world.make_enterprise(), 300_000)
    used = world.make_voucher(world.make_enterprise(), 900_000)
    order = world.make_order(used, world.make_offering(world.make_provider()), held_fen=900_000)
    world.use(order, hours=100)
    world.close()
    late = datetime(2027, 5, 1, tzinfo=UTC)
    lapse_due(actor=world.clerk, at=late)
    found = room(SLUG, late)
    assert found is not None
    figures = {each.code: each.value for each in found.figures}
    assert (figures["unused_rate"], figures["unused_count"]) == ("25.00", "1")
    lapsed = 1_200_000 - 176_000  # 800 card-hours x 5.50 x 40 % were used
    assert figures["lapsed"] == money(lapsed)
    assert figures["lapse_forecast"] == "0.00"
    assert {each.month: each.lapsed_fen for each in burn_down(SLUG)}["2027-05"] == lapsed


@given(st.lists(st.integers(0, 10**15), max_size=30))
def test_shares_and_concentration_are_exact(parts: list[int]) -> None:
    whole = sum(parts)
    if not whole:
        assert figuring.hhi(parts) is None
        return
    exact = sum(Fraction(each, whole) ** 2 for each in parts) * 10_000
    assert figuring.hhi(parts) == exact.numerator // exact.denominator
    assert figuring.top_share_bp(parts, len(parts)) == 10_000
    held = [each for each in parts if each]
    twice = figuring.twice_median(held)
    assert sum(2 * each < twice for each in held) <= len(held) / 2
    assert sum(2 * each > twice for each in held) <= len(held) / 2


def test_what_will_lapse_is_what_the_pace_does_not_reach() -> None:
    used = [(Month(2026, 10), 3_100)]  # 100 a day
    ends = {"valid_from": START.date(), "last_day": Month(2026, 11).first_day}
    assert will_lapse(used, 1_000, **ends) == 900
    assert will_lapse(used, 100, **ends) == 0
    assert will_lapse([], 1_000, **ends) == 1_000
    assert will_lapse(used, 0, **ends) == 0
