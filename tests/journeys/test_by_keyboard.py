"""From the start page to the receipt without a mouse.

Goal: whoever has only a keyboard applies as everybody does: the first stop leads past the frame,
every control is reached by Tab, the focus is always seen, nothing holds it. Method: a real browser
in which nothing is ever clicked.
"""

import re

import pytest
from playwright.sync_api import Page

from ledger import audit, clock
from tests.journeys import firm, keyboard
from tests.journeys.conftest import PASSWORD
from tests.journeys.given import given_a_person, given_a_programme_with_money, given_the_bureau

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_application_is_handed_in_by_keyboard_alone(open_window, held_clock) -> None:
    audit.ensure_key(clock.now())
    given_a_programme_with_money(given_the_bureau())
    given_a_person("wang", "王敏")
    page = open_window()
    when_somebody_checks_themselves(page)
    when_they_sign_in_and_enrol(page)
    when_they_fill_in_everything(page)
    when_they_upload_their_papers(page)
    then_the_application_is_handed_in(page)


def when_somebody_checks_themselves(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    keyboard.reach(page, page.get_by_role("link", name="先测一测资格"))
    keyboard.enter(page)
    for _ in range(12):
        if page.get_by_role("heading", name="自测结果").count():
            return
        keyboard.past_the_frame(page)
        first = page.get_by_role("main").locator("input:not([type=hidden]), select").first
        keyboard.reach(page, first)
        if first.get_attribute("type") == "radio":
            page.keyboard.press("Space")
        keyboard.press(page, "继续")
    assert page.get_by_role("heading", name="自测结果").count()


def when_they_sign_in_and_enrol(page: Page) -> None:
    page.goto("/login/?next=/portal/")
    keyboard.past_the_frame(page)
    keyboard.answer(page, "用户名", "wang")
    keyboard.answer(page, "密码", PASSWORD)
    keyboard.enter(page)
    page.get_by_label("企业名称").wait_for()
    keyboard.meets_its_errors(page, "登记企业")
    keyboard.past_the_frame(page)
    keyboard.answer(page, "企业名称", firm.NAME)
    keyboard.answer(page, "统一社会信用代码", firm.USCC)
    keyboard.enter(page)
    page.get_by_role("heading", level=1, name=firm.NAME).wait_for()


def when_they_fill_in_everything(page: Page) -> None:
    page.goto("/portal/")
    keyboard.use(page, "button", "开始申请")
    page.get_by_role("heading", level=1, name="申请算力券").wait_for()
    keyboard.use(page, "link", "企业基本信息")
    for title, answers in firm.ANSWERS.items():
        page.get_by_role("heading", level=1, name=title).wait_for()
        keyboard.meets_its_errors(page, "保存并继续")
        keyboard.past_the_frame(page)
        for label, value in answers.items():
            keyboard.answer(page, label, value)
        keyboard.press(page, "保存并继续")
    page.get_by_role("heading", level=1, name="申请算力券").wait_for()


def when_they_upload_their_papers(page: Page) -> None:
    keyboard.use(page, "link", "上传材料")
    page.get_by_role("heading", level=1, name="上传材料").wait_for()
    headings = [each.inner_text() for each in page.locator("section.card h2").all()]
    for name in (each.strip() for each in headings if "选交" not in each):
        place = page.locator("section.card", has=page.get_by_role("heading", name=name))
        keyboard.uploads(page, place, firm.paper())
        page.get_by_text("文件已上传").wait_for()
    keyboard.use(page, "link", "完成上传")


def then_the_application_is_handed_in(page: Page) -> None:
    page.get_by_role("heading", level=1, name="申请算力券").wait_for()
    keyboard.use(page, "link", "承诺与授权")
    page.get_by_role("checkbox").first.wait_for()
    keyboard.past_the_frame(page)
    for box in page.get_by_role("checkbox").all():
        keyboard.reach(page, box)
        page.keyboard.press("Space")
    keyboard.press(page, "作出承诺")
    page.get_by_role("heading", level=1, name="核对并提交").wait_for()
    keyboard.use(page, "button", "提交申请")
    page.get_by_role("heading", level=1, name="申请已提交").wait_for()
    told = page.get_by_role("main").inner_text()
    assert re.search(r"PTSLQ-[A-Z]*-?\d{4}-\d{6}", told), told[:300]
