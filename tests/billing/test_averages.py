"""What providers filed, weighted by compute: by hand, in the figures, the report, the open data."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse

from billing.averages import averages
from billing.evaluating import indicators
from billing.indicators import room
from billing.open_data import open_data
from billing.report_content import monthly_content
from billing.splits import work_of_providers
from ledger import clock
from ledger.periods import Month
from providers import filing, grid
from providers.models import UsageRecord
from tests.billing.reported import store_usage
from tests.billing.test_doors import text_of
from tests.billing.test_indicators import AT, SLUG, a_world
from tests.billing.test_open_data import NOVEMBER, _six_and_one
from tests.billing.world import CLOSE_AT, OCTOBER, World, person
from tests.vouchers import story
from vouchers.evidence import Upload

ENGINEER, PAPER = person("孙工", "provider_engineer"), Upload("报告.pdf", story.a_pdf(), "")


def confirmed(world: World, place: int, month: Month = OCTOBER, **said: int | None) -> None:
    """File what is said of a provider's site and have it confirmed."""
    at = month.end_at + timedelta(days=1)
    values = dict.fromkeys(("pue_milli", "green_bp", "latency_us")) | said
    sent = filing.file_efficiency(
        world.providers[place], month, values, PAPER, actor=ENGINEER, at=at
    )
    filing.confirm_efficiency(sent, actor=world.approver, at=at)


def rounded(value: Fraction, places: int) -> str:
    """Return a fraction half up with fixed decimals, apart from the code under test."""
    scaled = int(value * 10**places + Fraction(1, 2))
    return f"{scaled // 10**places}.{scaled % 10**places:0{places}d}"


@pytest.mark.django_db
def test_filings_are_weighted_by_compute_and_what_nobody_filed_stays_missing() -> None:
    world, _ = a_world()
    told = {each.code: each for each in indicators(OCTOBER, OCTOBER, AT)}
    assert {told[code].shown for code in ("pue", "green", "latency", "carbon")} == {"未采集"}
    confirmed(world, 0, pue_milli=1_180, green_bp=6_000)
    told = {each.code: each for each in indicators(OCTOBER, OCTOBER, AT)}
    # By hand: 800 card-hours of 313 TFLOPS at the first, 240 of 989 at the second.
    first, second = 800 * 313, 240 * 989
    assert (told["pue"].value, told["green"].value) == ("1.180", "60.00")
    assert told["pue"].covers_bp == first * 10_000 // (first + second)
    assert "2 家有用量的服务商中 1 家已申报并确认" in told["pue"].definition
    assert told["latency"].shown == "未采集"
    confirmed(world, 1, pue_milli=1_431, green_bp=0, latency_us=900)
    confirmed(world, 1, OCTOBER.previous(), pue_milli=2_900)  # a month without compute
    told = {each.code: each for each in indicators(OCTOBER.previous(), OCTOBER, AT)}
    pue = Fraction(first * 1_180 + second * 1_431, (first + second) * 1_000)
    green = Fraction(first * 6_000, (first + second) * 100)
    assert (told["pue"].value, told["pue"].covers_bp) == (rounded(pue, 3), 10_000)
    assert told["green"].value == rounded(green, 2)
    assert told["latency"].value == "0.900"
    found = room(SLUG, AT)
    assert found is not None
    assert next(x.value for x in found.figures if x.code == "green") == rounded(green, 2)
    _reported(world, {"pue": rounded(pue, 3), "green": rounded(green, 2), "latency": "0.900"})


@pytest.mark.django_db
def test_carbon_counts_where_energy_site_and_grid_are_all_known() -> None:
    world, orders = a_world()
    with transaction.atomic():
        _carbon(world, orders)
        transaction.set_rollback(True)  # the copies were never booked


def _carbon(world: World, orders: list[Any]) -> None:
    copies = list(UsageRecord.objects.filter(order__in=orders))
    for each in copies:  # the same use again, with what it took
        each.pk, each.record_id = None, f"measured-{each.order_id}"
        each.energy_kwh = Decimal(400 if each.order_id == orders[0].pk else 90)
    store_usage(copies)
    confirmed(world, 0, pue_milli=1_250, green_bp=2_000)
    confirmed(world, 1, pue_milli=1_500)  # says nothing of green power
    assert told_carbon().value is None, "no factor of the grid"
    factor = grid.propose_grid_factor(2026, 536_600, "公告", actor=ENGINEER, at=AT)
    assert told_carbon().value is None, "not approved"
    grid.approve_grid_factor(factor, actor=world.approver, at=AT)
    # By hand: 800 card-hours x 0.313 PFLOPS over 400 kWh x 1.25 x 0.5366 x 0.8 kg.
    first = Fraction(800 * 313, 1_000) / (400 * Fraction("1.25") * Fraction("0.5366") * 4 / 5)
    assert told_carbon().value == rounded(first, 4) == "1.1666"
    both = 800 * 313 + 240 * 989
    assert told_carbon().covers_bp == 800 * 313 * 10_000 // (2 * both)
    confirmed(world, 1, pue_milli=1_500, green_bp=0)
    whole = 200 * Fraction("0.5366") * 2 + 180 * Fraction("1.5") * Fraction("0.5366")
    assert told_carbon().value == rounded(Fraction(both, 1_000) / whole, 4)
    assert told_carbon().covers_bp == 5_000, "half of the use bears no energy"


def told_carbon() -> Any:
    return next(each for each in indicators(OCTOBER, OCTOBER, AT) if each.code == "carbon")


def _reported(world: World, wanted: dict[str, str]) -> None:
    """The bureau's monthly report says the same; a provider's own does not."""
    close = world.providers[0].statements.first().close
    content = monthly_content(close, "bureau", None, actor=world.finance, at=AT)
    assert {each["code"]: each["shown"] for each in content["evaluation"]} == wanted
    assert [each["providers_filed"] for each in content["evaluation"]] == [2, 2, 1]
    mine = monthly_content(close, "provider", world.providers[0], actor=world.finance, at=AT)
    assert mine["evaluation"] == []


@pytest.mark.django_db
def test_months_that_give_compute_back_weigh_nothing() -> None:
    world = World()
    provider = world.make_provider()
    confirmed(world, 0, pue_milli=1_500)
    assert averages({})["pue"].value is None
    assert averages({(provider.pk, "2026-10"): -5})["pue"].providers == 0
    both = {(provider.pk, "2026-10"): 3, (provider.pk, "2026-09"): 1}
    found = averages(both)["pue"]
    assert (found.value, found.filed, found.covers_bp) == ("1.500", 1, 7_500)


@pytest.mark.django_db
@pytest.mark.parametrize("hidden", [True, False])
def test_open_data_hides_an_average_while_the_compute_of_a_provider_is_hidden(hidden: bool) -> None:
    world = _six_and_one()[0] if hidden else _six_firms()
    confirmed(world, 0, pue_milli=1_234)
    at = CLOSE_AT
    for month in (NOVEMBER, NOVEMBER.next()):
        at = month.end_at + timedelta(days=3)
        world.approve(world.close(month, at=at), at=at)
    data = open_data(at)
    pue, green, _ = data["evaluation"]
    assert (pue["value"], pue["hidden"]) == ((None, 1) if hidden else ("1.234", 0))
    assert (green["value"], green["hidden"]) == (None, 0)
    assert (pue["providers_filed"], pue["providers"]) == (1, len(work_of_providers()))
    cache.clear()
    with clock.set_to(at):
        page = text_of(Client().get(reverse("open_data")))
    cache.clear()
    assert ("1.234" in page) != hidden
    assert "未采集" in page


def _six_firms() -> Any:
    """Six enterprises at one provider, which hides nobody."""
    world = World()
    world.make_programme()
    price = world.make_offering(world.make_provider())
    for _ in range(6):
        world.use(world.make_order(world.make_voucher(world.make_enterprise()), price), hours=10)
    world.approve(world.close())
    return world
