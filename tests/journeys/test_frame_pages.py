"""The pages around the service, in a real browser."""

import pytest

from tests.journeys.conftest import fits_a_telephone, is_a_good_page

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ["/login/", "/public/accessibility/", "/public/privacy/", "/no-such-page/"]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_of_the_frame_is_a_good_page(open_window, address: str) -> None:
    page = open_window()
    page.goto(address)
    is_a_good_page(page)


def test_the_first_tab_stop_leads_past_the_frame(open_window) -> None:
    page = open_window()
    page.goto("/public/privacy/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "跳到主要内容"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("script", [True, False])
def test_large_text_enlarges_every_word_and_still_fits(open_window, script: bool) -> None:
    page = open_window(script=script)
    page.goto("/public/privacy/")
    small = page.locator("h1").bounding_box()["height"]
    page.get_by_role("button", name="大字版").click()
    assert page.url.endswith("/public/privacy/")
    assert page.locator("h1").bounding_box()["height"] > small
    page.get_by_role("button", name="标准字号").wait_for()
    if script:
        fits_a_telephone(page)


def test_a_wrong_password_puts_the_reader_at_the_summary(open_window) -> None:
    page = open_window()
    page.goto("/login/")
    page.get_by_label("用户名").fill("nobody")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("main").get_by_role("button", name="登录").click()
    assert page.title().startswith("错误：")
    focused = page.evaluate("document.activeElement.className")
    assert "govuk-error-summary" in focused
    is_a_good_page(page)


def test_every_page_comes_with_the_strict_policy(open_window) -> None:
    page = open_window()
    policy = page.goto("/login/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
