"""Security keys in a real browser, whose authenticator is a virtual one.

Goal: whoever must have a second factor gets by with a key alone: takes one into use, signs in,
confirms an act of weight, changes keys; and whatever goes wrong is said in a sentence. Method: the
browser does all of WebAuthn itself (CDP domain ``WebAuthn``); only the finger is played.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import call_command
from playwright.sync_api import Page

from ledger import audit, clock
from tests.config.entry import factor_of
from tests.config.security_key import key_of
from tests.journeys.conftest import PASSWORD, enter, is_a_good_page
from tests.journeys.given import given_a_person
from tests.roles import give_group

pytestmark = pytest.mark.django_db(transaction=True)
USB_KEY = {
    "protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True,
    "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture(autouse=True)
def strict(settings) -> None:
    """Ask for everything that the house asks for outside the demonstration."""
    cache.clear()
    settings.ENTRY = replace(settings.ENTRY, second_factor=True, confirm_again_seconds=300)


class Finger:
    """Somebody's keys at a browser: one is plugged in at a time."""

    def __init__(self, page: Page) -> None:
        self.wire = page.context.new_cdp_session(page)
        self.wire.send("WebAuthn.enable")
        self.key = ""

    def plug_in(self, **more: Any) -> None:
        """Plug another key in, a blank one."""
        if self.key:
            self.tell("removeVirtualAuthenticator")
        answer = self.wire.send("WebAuthn.addVirtualAuthenticator", {"options": USB_KEY | more})
        self.key = answer["authenticatorId"]

    def tell(self, what: str, **more: Any) -> None:
        self.wire.send(f"WebAuthn.{what}", {"authenticatorId": self.key} | more)


def given_an_officer() -> Any:
    call_command("sync_roles", verbosity=0)
    officer = given_a_person("ma", "马平台")
    give_group(officer, Group.objects.get(name="platform"))
    return officer


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=name).click()


def says(page: Page, text: str) -> None:
    page.get_by_role("main").get_by_text(text).first.wait_for()


def add_key(page: Page, name: str) -> None:
    follow(page, "添加安全密钥")
    page.get_by_label("名称").fill(name)
    press(page, "添加这把密钥")


def test_an_officer_gets_by_with_keys_alone(open_window, monkeypatch) -> None:
    audit.ensure_key(clock.now())
    given_an_officer()
    page = open_window()
    finger = Finger(page)
    finger.plug_in()
    when_the_first_key_is_taken_into_use(page)
    when_somebody_signs_in_with_it(page)
    with monkeypatch.context() as later:
        at = clock.now() + timedelta(seconds=301)
        later.setattr(clock, "now", lambda: at)
        when_an_act_of_weight_is_confirmed_with_it(page)
    when_another_takes_its_place(page, finger)


def when_the_first_key_is_taken_into_use(page: Page) -> None:
    enter(page, "ma")
    says(page, "必须先启用双重验证")
    is_a_good_page(page)
    add_key(page, "抽屉里的")
    page.get_by_role("heading", level=1, name="恢复码").wait_for()
    follow(page, "我已保存")
    says(page, "抽屉里的")
    is_a_good_page(page)
    follow(page, "添加安全密钥")
    assert page.get_by_label("名称").input_value() == "备用密钥", "not what was typed before"
    is_a_good_page(page)
    page.get_by_label("名称").press("Enter")
    says(page, "已经登记过")
    is_a_good_page(page)


def when_somebody_signs_in_with_it(page: Page) -> None:
    page.get_by_role("banner").get_by_role("button", name="退出").click()
    enter(page, "ma")
    is_a_good_page(page)
    assert not page.get_by_label("恢复码").is_visible(), "no code is asked for"
    press(page, "使用安全密钥")
    page.wait_for_url("**/office/**")


def when_an_act_of_weight_is_confirmed_with_it(page: Page) -> None:
    page.goto("/office/people/")
    page.get_by_label("姓名").fill("李新")
    page.get_by_label("角色", exact=True).select_option(label="初审")
    press(page, "生成邀请链接")
    page.get_by_role("heading", level=1, name="再确认一次").wait_for()
    follow(page, "改用安全密钥")
    is_a_good_page(page)
    press(page, "使用安全密钥")
    says(page, "请把下面的链接转交 李新")


def when_another_takes_its_place(page: Page, finger: Finger) -> None:
    page.goto("/account/")
    follow(page, "移除")
    says(page, "必须使用双重验证")
    is_a_good_page(page)
    follow(page, "添加另一种")
    finger.plug_in()
    add_key(page, "新的")
    says(page, "新的")
    beside(page, "新的", "改名")
    page.get_by_label("名称").fill("钥匙串上的")
    press(page, "保存")
    beside(page, "抽屉里的", "移除")
    is_a_good_page(page)
    press(page, "移除")
    says(page, "钥匙串上的")
    assert not page.get_by_text("抽屉里的").count()


def beside(page: Page, key: str, name: str) -> None:
    row = page.locator(".govuk-summary-list__row", has_text=key)
    row.get_by_role("link", name=name).click()


def test_what_goes_wrong_at_the_key_is_said_and_may_be_tried_again(open_window) -> None:
    officer = given_an_officer()
    key_of(officer)
    factor_of(officer)
    page = open_window()
    finger = Finger(page)
    finger.plug_in()
    enter(page, "ma")
    assert page.get_by_label("六位验证码").is_visible(), "the code stands beside the key"
    press(page, "使用安全密钥")
    says(page, "没有登记在您的账号下")
    is_a_good_page(page)
    given_a_person("qin", "秦企业")
    enter(page, "qin")
    page.goto("/account/")
    finger.tell("setUserVerified", isUserVerified=False)
    add_key(page, "第一把")
    says(page, "您取消了操作")
    finger.tell("setUserVerified", isUserVerified=True)
    press(page, "添加这把密钥")
    page.get_by_role("heading", level=1, name="恢复码").wait_for()


def test_a_browser_without_keys_says_so_instead_of_a_button(open_window) -> None:
    given_a_person("qin", "秦企业")
    page = open_window()
    page.add_init_script("delete window.PublicKeyCredential")
    enter(page, "qin")
    page.goto("/account/factor/keys/add/")
    says(page, "不支持安全密钥")
    assert not page.get_by_role("button", name="添加这把密钥").is_visible()
    is_a_good_page(page)


def test_an_address_without_a_name_of_its_own_is_told_apart(open_window, live_server) -> None:
    given_a_person("qin", "秦企业")
    page = open_window()
    Finger(page).plug_in()
    number = live_server.url.replace("localhost", "127.0.0.1")
    page.goto(f"{number}/login/?next=/account/factor/keys/add/")
    page.get_by_label("用户名").fill("qin")
    page.get_by_label("密码").fill(PASSWORD)
    press(page, "登录")
    press(page, "添加这把密钥")
    says(page, "这个网址不能使用安全密钥")


def test_without_script_a_recovery_code_leads_in(open_window) -> None:
    officer = given_an_officer()
    key_of(officer)
    codes = RecoveryCodes.activate(officer).get_unused_codes()
    page = open_window(script=False)
    enter(page, "ma")
    assert "需要 JavaScript" in page.get_by_role("main").inner_text()
    assert not page.get_by_role("button", name="使用安全密钥").count()
    page.locator("summary").click()
    page.get_by_label("恢复码").fill(codes[0])
    press(page, "登录")
    page.wait_for_url("**/office/**")


def test_the_pages_of_keys_speak_english(open_window) -> None:
    given_an_officer()
    page = open_window()
    Finger(page).plug_in()
    enter(page, "ma")
    page.get_by_role("button", name="English").click()
    page.get_by_role("link", name="Add a security key").click()
    assert page.get_by_label("Name").input_value() == "Main key"
    is_a_good_page(page)
    page.get_by_role("button", name="Add this key").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    page.goto("/account/factor/keys/add/")
    page.get_by_role("button", name="Add this key").click()
    says(page, "registered already")
    page.goto("/account/")
    is_a_good_page(page)
