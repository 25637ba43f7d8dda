"""The pages around the service, in a real browser."""

import pytest

from tests.journeys.conftest import enter, fits_a_telephone, is_a_good_page
from tests.journeys.given import given_a_person

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ["/login/", "/public/accessibility/", "/public/privacy/", "/no-such-page/"]
ENGLISH_PAGES = [*PAGES, "/", "/portal/check/", "/public/notices/", "/public/verify/"]


def test_a_page_of_the_frame_is_a_good_page_in_both_languages(open_window) -> None:
    page = open_window()
    for address in PAGES:
        page.goto(address)
        is_a_good_page(page)
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="简体中文").wait_for()
    for address in ENGLISH_PAGES:
        page.goto(address)
        is_a_good_page(page)
        assert page.get_attribute("html", "lang") == "en"


def test_a_page_left_alone_warns_and_keeps_what_was_typed(open_window) -> None:
    given_a_person("slow", "钱慢")
    page = open_window()
    enter(page, "slow")
    page.clock.install()
    page.goto("/portal/enroll/")
    page.get_by_label("企业名称").fill("上海慢慢来有限公司")
    nearly = (int(page.get_attribute("#sitting", "data-seconds")) - 60) * 1000
    page.clock.fast_forward(nearly)
    page.get_by_role("dialog", name="即将自动退出").wait_for()
    page.get_by_role("button", name="继续填写").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    page.clock.fast_forward(nearly)
    page.get_by_role("button", name="保存并退出").click()
    enter(page, "slow")
    page.goto("/portal/enroll/")
    page.get_by_text("已放回您离开前填写的内容").wait_for()
    assert page.get_by_label("企业名称").input_value() == "上海慢慢来有限公司"
    assert page.evaluate("document.activeElement.name") == "name"


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
