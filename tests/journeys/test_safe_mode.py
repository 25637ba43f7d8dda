"""A night that found something, seen in the browser: the warning, and its end by two people."""

import pytest

from ledger import clock, incidents
from ledger.actors import system_actor
from ledger.invariants import Finding
from tests.journeys.conftest import NARROW, WIDE, enter, is_a_good_page
from tests.journeys.firm import press
from tests.journeys.given import given_a_programme_with_money, given_the_bureau

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

LONG = "1100:putuo-demo-2026: stored 0/150000/0/900001 summed 0/150000/0/1000000"
FOUND = [
    Finding("balance_drift", "7", LONG),
    Finding("voucher_value", "PTSLJ-2026-000001", "face 880000 issued 880001"),
]
WARNING = "核销、结算与付款已暂停"


@pytest.fixture
def bureau(transactional_db, held_clock):
    people = given_the_bureau()
    given_a_programme_with_money(people)
    actor = system_actor("check-books")
    incidents.keep_result([], 56, actor=actor, at=clock.now())
    incidents.keep_result(FOUND, 56, actor=actor, at=clock.now())
    return people


@pytest.mark.parametrize("script", [True, False])
def test_two_people_end_safe_mode_in_the_browser(open_window, bureau, tmp_path, script) -> None:
    asker, confirmer = open_window(script=script), open_window(script=script)
    enter(asker, "zhao")
    assert WARNING in asker.locator("body").inner_text()
    asker.get_by_role("link", name="查看并办理解除").click()
    good(asker, tmp_path, "found", script)
    press(asker, "申请解除")
    assert "请写明已查清的原因" in asker.get_by_role("main").inner_text()
    asker.get_by_label("解除理由").fill("余额行由误操作改动，已按分录重放更正并复核。")
    press(asker, "申请解除")
    assert "须由另一自然人确认" in asker.get_by_role("main").inner_text()
    enter(confirmer, "wu")
    confirmer.goto("/office/books/")
    good(confirmer, tmp_path, "asked", script)
    confirmer.get_by_role("button", name="确认解除").click()
    assert "安全模式已解除" in confirmer.get_by_role("main").inner_text()
    good(confirmer, tmp_path, "ended", script)
    asker.goto("/office/")
    assert WARNING not in asker.locator("body").inner_text()
    assert not incidents.safe_mode()


def good(page, folder, name: str, script: bool) -> None:
    """Look at the page as a wide screen and a telephone show it."""
    if not script:
        return  # the accessibility rules run as a script
    is_a_good_page(page)
    for size, mark in ((WIDE, "wide"), (NARROW, "phone")):
        page.set_viewport_size(size)
        page.screenshot(path=folder / f"{name}-{mark}.png", full_page=True)
    page.set_viewport_size(WIDE)
