"""Readers with a keyboard only, a magnifier, paper, or colours of their own."""

import pytest

from tests.journeys.conftest import PASSWORD
from tests.journeys.given import given_a_person

pytestmark = pytest.mark.django_db(transaction=True)
SMALLEST_TARGET = 24
THUMB = 44
SIZES = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden])')]
  .filter(e => e.offsetParent && !e.closest('p, li, td') && getComputedStyle(e).opacity !== '0')
  .map(e => [e.textContent.trim() || e.name, Math.round(e.getBoundingClientRect().height)])"""


def test_signing_in_needs_no_mouse(open_window) -> None:
    given_a_person("keys", "钱键盘")
    page = open_window()
    page.goto("/login/")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "id_login":
            break
    page.keyboard.type("keys")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="退出").wait_for()


def test_the_focus_is_always_seen(open_window) -> None:
    page = open_window()
    page.goto("/login/")
    unseen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; }"
        )
        if not seen:
            unseen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    assert not unseen, unseen


@pytest.mark.parametrize("width", [320, 640])
def test_four_times_enlarged_nothing_is_cut_off(open_window, width: int) -> None:
    page = open_window(size={"width": width, "height": 600})
    for address in ("/login/", "/public/privacy/", "/public/accessibility/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_targets_are_big_enough_for_a_thumb(open_window) -> None:
    page = open_window(size={"width": 360, "height": 740})
    page.goto("/login/")
    small = [each for each in page.evaluate(SIZES) if each[1] < SMALLEST_TARGET]
    assert not small, small
    button = page.get_by_role("main").get_by_role("button", name="登录").bounding_box()
    assert button["height"] >= THUMB


def test_paper_shows_the_page_and_not_the_frame(open_window) -> None:
    page = open_window()
    page.goto("/public/privacy/")
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    assert not page.locator(".house-footer").is_visible()
    assert not page.get_by_role("button", name="大字版").is_visible()


def test_forced_colours_keep_every_word(open_window) -> None:
    page = open_window()
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.goto("/login/")
    assert page.get_by_role("main").get_by_role("button", name="登录").is_visible()
