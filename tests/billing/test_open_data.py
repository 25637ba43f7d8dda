"""Open data tells nobody what one enterprise received: by brute force, and on real statements."""

import csv
import io
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from billing import public_data
from billing.open_data import open_data
from billing.suppressing import K, Small, merged_months, publish
from ledger import clock
from tests.billing.test_doors import text_of
from tests.billing.world import CLOSE_AT, OCTOBER, World

NOVEMBER = OCTOBER.next()
FIRMS = st.frozensets(st.sampled_from("abcdefghij"), min_size=1, max_size=8)


@st.composite
def tables(draw: Any) -> list[Small]:
    cells = []
    for key in "ABCDE"[: draw(st.integers(1, 5))]:
        firms = draw(FIRMS)
        fresh = draw(st.frozensets(st.sampled_from(sorted(firms))))
        amounts = (draw(st.integers(0, 4)), draw(st.integers(0, 4)))
        cells.append(Small(key, key, firms, fresh, amounts))
    return cells


@given(tables())
def test_a_hidden_cell_cannot_be_worked_out(cells: list[Small]) -> None:
    """Every way to fill the hidden cells that fits the total is tried: none is the only one."""
    told = publish(cells)
    assert {each.key for each in (*told.shown, *told.hidden)} == {each.key for each in cells}
    for each in told.shown:
        assert len(each.firms) >= K
        assert not each.fresh or len(each.fresh) >= K
    if not told.shown or not told.hidden:
        return  # without a cell beside it the total says nothing of its parts
    hidden = frozenset[str]().union(*(each.firms for each in told.hidden))
    assert len(hidden) >= K
    for place in range(2):
        rest = sum(each.amounts[place] for each in cells) - sum(
            each.amounts[place] for each in told.shown
        )
        fits = [
            values
            for values in product(range(rest + 1), repeat=len(told.hidden))
            if sum(values) == rest
        ]
        for cell in range(len(told.hidden)):
            assert len({values[cell] for values in fits}) > 1


@given(st.lists(FIRMS, max_size=12))
def test_two_totals_differ_by_enough_enterprises(months: list[frozenset[str]]) -> None:
    named = [(f"2026-{place:02d}", firms) for place, firms in enumerate(months, 1)]
    spans = merged_months(named)
    for first, last in spans:
        assert len(frozenset().union(*(x for name, x in named if first <= name <= last))) >= K
    assert [first for first, _ in spans] == sorted(first for first, _ in spans)
    covered = [name for name, _ in named if any(a <= name <= b for a, b in spans)]
    assert covered == [name for name, _ in named][: len(covered)]


def _six_and_one() -> tuple[World, list[Any]]:
    """October of six enterprises in one town at one provider, and of one elsewhere."""
    world = World()
    world.make_programme()
    price = world.make_offering(world.make_provider())
    other = world.make_offering(world.make_provider())
    orders = []
    for place in range(7):
        voucher = world.make_voucher(world.make_enterprise())
        town = "真如镇街道" if place < 6 else "长征镇"
        voucher.application.answers = {"enterprise": {"street": town, "industry": "I6513"}}
        voucher.application.save()
        orders.append(world.make_order(voucher, price if place < 6 else other))
    for place, order in enumerate(orders):
        world.use(order, hours=10 + place)
    world.approve(world.close())
    return world, orders


@pytest.mark.django_db
def test_what_is_published_adds_up_and_names_nobody() -> None:
    assert open_data(CLOSE_AT)["rows"] == []
    world, orders = _six_and_one()
    data = open_data(CLOSE_AT)
    # October alone ends no quarter, so nothing is divided yet.
    assert (data["through"], data["divided_through"]) == ("2026-10", "")
    gross = sum((10 + place) * 8 * 550 for place in range(7))
    total, month = data["rows"]
    assert (total["table"], total["gross_yuan"], total["enterprises"]) == (
        "total", (gross + 50) // 100, 7,
    )  # fmt: skip
    public = sum(order.statements.get().public_fen for order in orders)
    assert month["public_yuan"] == (public + 50) // 100
    hours = sum((10 + place) * 8 for place in range(7))
    assert total["pflops_hours"] == (hours * 313_000 * 2 + 10**6) // (2 * 10**6)
    assert data["sha256"] == open_data(CLOSE_AT)["sha256"]

    # Nothing is used in the two months that end the quarter.
    for month in (NOVEMBER, NOVEMBER.next()):
        at = month.end_at + timedelta(days=3)
        world.approve(world.close(month, at=at), at=at)
    data = open_data(at)
    assert data["divided_through"] == "2026-10"
    towns = [row for row in data["rows"] if row["table"] == "town"]
    # One town has one enterprise; hiding it alone would tell it, so both are hidden.
    assert [row["hidden"] for row in towns] == [1, 1]
    assert all(row["public_yuan"] is None for row in towns)
    (sector,) = [row for row in data["rows"] if row["table"] == "sector"]
    assert (sector["hidden"], sector["public_yuan"]) == (0, total["public_yuan"])
    _doors(orders)


def _doors(orders: list[Any]) -> None:
    cache.clear()
    browser = Client()
    with clock.set_to(CLOSE_AT):
        page = text_of(browser.get(reverse("open_data")))
        assert "企业数少，隐去" in page
        answer = browser.get(reverse("open_data_json"))
        data = answer.json()
        assert data["schema"].endswith("/1")
        text = answer.content.decode()
        for order in orders:
            assert order.enterprise.name not in text + page
            assert order.enterprise.uscc not in text + page
        again = browser.get(reverse("open_data_json"), headers={"if-none-match": answer["ETag"]})
        assert again.status_code == 304
        assert "max-age" in again["Cache-Control"]
        table = browser.get(reverse("open_data_csv"))
        rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
        assert len(rows) == len(data["rows"])
        assert {row["public_yuan"] for row in rows if row["hidden"] == "1"} == {""}
        for _ in range(public_data.MOST_A_MINUTE):
            last = browser.get(reverse("open_data"))
        assert (last.status_code, last["Retry-After"]) == (429, "60")
    cache.clear()
