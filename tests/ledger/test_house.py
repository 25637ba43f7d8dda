"""Figures, days and states as every page shows them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from ledger.templatetags import house


@dataclass
class Thing:
    state: str

    def get_state_display(self) -> str:
        return "某状态"


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (123456, "1,234.56"),
        (-123456, "-1,234.56"),
        (50_000_000, "500,000.00"),
        (None, "—"),
        ("", "—"),
    ],
)
def test_fen_are_shown_as_yuan(fen, text) -> None:
    assert house.yuan(fen) == text


def test_nothing_is_not_shown_as_zero() -> None:
    for show in (house.yuan, house.pfh, house.number, house.percent, house.day, house.short_hash):
        assert show(None) == "—"


def test_pflops_hours_have_four_decimals() -> None:
    assert house.pfh(Decimal("0.312")) == "0.3120"
    assert house.pfh("12345.67891") == "12,345.6789"


def test_basis_points_are_shown_as_a_percentage() -> None:
    assert [house.percent(each) for each in (3000, 4050, 1, 0)] == [
        "30 %",
        "40.5 %",
        "0.01 %",
        "0 %",
    ]


def test_days_are_days_in_shanghai() -> None:
    late = datetime(2026, 10, 31, 16, 30, tzinfo=UTC)
    assert house.day(late) == "2026年11月1日"
    assert house.moment_text(late) == "2026年11月1日 00:30"
    assert house.day(date(2026, 10, 3)) == "2026年10月3日"
    assert house.moment_text(date(2026, 10, 3)) == "2026年10月3日"


def test_a_digest_is_cut_to_what_the_eye_compares() -> None:
    assert house.short_hash("9f3a" * 16) == "9f3a9f3a…"
    assert house.short_hash(bytes.fromhex("9f3a" * 16)) == "9f3a9f3a…"
    assert house.short_hash("ab") == "ab"


@pytest.mark.parametrize(
    ("state", "colour"),
    [("frozen", "red"), ("draft", "grey"), ("prepared", "yellow"), ("new", "blue")],
)
def test_a_state_has_the_colour_of_its_meaning(state: str, colour: str) -> None:
    assert house.state_tag(Thing(state)) == {"text": "某状态", "colour": colour}


def test_a_finished_state_is_plain_text() -> None:
    assert "govuk-tag" not in render_to_string(
        "components/tag.html", house.state_tag(Thing("paid"))
    )


def test_the_bar_divides_the_face_value() -> None:
    bar = house.balance_bar(1_000_000, 250_000, 125_000, 625_000)
    assert (bar["spent"], bar["held_from"], bar["held"], bar["free_from"], bar["free"]) == (
        2500,
        2500,
        1250,
        3750,
        6250,
    )


def test_a_bar_of_nothing_does_not_divide_by_nothing() -> None:
    assert house.balance_bar(0, 0, 0, 0)["spent"] == 0
    assert house.thousandths(3, 0) == 0
    assert house.thousandths(1, 3) == 333
