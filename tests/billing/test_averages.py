"""What providers filed, weighted by compute: by hand, in the figures, the report, the open data."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.core.cache import cache
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
from providers import filing
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
