"""What people do by accident or on purpose: each time a clear page, and nothing changed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command

from billing.management.demonstration import support
from billing.management.demonstration.cast import DELTA, Cast, when
from ledger import clock
from providers.models import Order
from tests.journeys import trade
from tests.journeys.conftest import enter, is_a_good_page
from tests.journeys.firm import answer, follow, press
from tests.journeys.given_provider import given_a_provider
from tests.roles import SUPERUSER, as_role, give_group
from vouchers.models import Application, Programme, Voucher
from vouchers.spending import voucher_position

pytestmark = pytest.mark.django_db(transaction=True)
MONDAY = when("2026-08-24 09:30")
BETWEEN_WINDOWS = when("2027-01-02 10:00")


@pytest.fixture
def told_time() -> Iterator[None]:
    with clock.set_to(MONDAY):
        yield


@pytest.fixture
def cast(transactional_db, told_time) -> Cast:
    """Seat the people of the demonstration."""
    call_command("sync_roles", verbosity=0)
    cast = Cast()
    cast.staff()
    return cast


@pytest.fixture
def programme(cast: Cast) -> Programme:
    return support.open_programme(cast)


def test_two_tabs_on_one_draft_lose_nothing(open_window, cast, programme) -> None:
    draft = support.draft(cast, DELTA, programme, MONDAY)
    page = open_window()
    enter(page, DELTA.username, cast.password)
    other = page.context.new_page()
    address = f"/portal/apply/{draft.pk}/project/"
    page.goto(address)
    other.goto(address)
    answer(page, "项目名称", "第一个页签里的名称")
    press(page, "保存并继续")
    answer(other, "项目名称", "第二个页签里的名称")
    press(other, "保存并继续")
    told = other.get_by_role("main").inner_text()
    assert "第一个页签里的名称" in told
    assert "第二个页签里的名称" in told or other.get_by_label("项目名称").input_value() == (
        "第二个页签里的名称"
    )
    is_a_good_page(other)
    draft.refresh_from_db()
    assert draft.answers["project"]["project_name"] == "第一个页签里的名称"


def test_a_closed_window_takes_no_application(open_window, cast, programme) -> None:
    ready = support.draft(cast, DELTA, programme, MONDAY)
    page = open_window()
    clock.advance(BETWEEN_WINDOWS - MONDAY)
    enter(page, DELTA.username, cast.password)
    page.goto("/")
    page.get_by_text("本窗口已截止").first.wait_for()
    is_a_good_page(page)
    page.goto(f"/portal/apply/{ready.pk}/check/")
    if page.get_by_role("button", name="提交申请").count():
        press(page, "提交申请")
        page.get_by_text("没有提交").first.wait_for()
    is_a_good_page(page)
    ready.refresh_from_db()
    assert ready.state == Application.State.DRAFT


def test_nobody_reviews_their_own_review(open_window, cast, programme) -> None:
    case = support.recommend(cast, support.submit(cast, DELTA, programme, MONDAY), MONDAY)
    reviewer = cast.users["reviewer"]
    give_group(reviewer, Group.objects.get(name="approver"))
    page = open_window()
    enter(page, "reviewer", cast.password)
    page.goto(f"/office/vouchers/cases/{case.pk}/decide/")
    page.get_by_text("您是经办人，须由他人复核").wait_for()
    assert not page.get_by_role("button", name="提交复审意见").count()
    is_a_good_page(page)


def test_two_accounts_of_one_person_are_one_person(open_window, cast, programme) -> None:
    case = support.recommend(cast, support.submit(cast, DELTA, programme, MONDAY), MONDAY)
    first = cast.users["reviewer"]
    second = get_user_model().objects.create(
        username="second", password=first.password, person_hash=first.person_hash
    )
    give_group(second, Group.objects.get(name="approver"))
    page = open_window()
    enter(page, "second", cast.password)
    page.goto(f"/office/vouchers/cases/{case.pk}/decide/")
    page.get_by_text("您是经办人，须由他人复核").wait_for()
    case.refresh_from_db()
    assert case.state == Application.State.IN_SECOND_REVIEW


def test_a_double_click_hands_in_once(open_window, cast, programme) -> None:
    support.submit(cast, DELTA, programme, MONDAY)
    page = open_window()
    enter(page, DELTA.username, cast.password)
    clock.advance(timedelta(hours=2))
    page.goto("/portal/")
    assert page.get_by_role("button", name="开始申请").count() == 0
    assert Application.objects.count() == 1


def test_a_wrong_credit_code_is_explained_at_the_field(open_window, cast, programme) -> None:
    user = cast.users["platform"]
    with as_role(SUPERUSER):
        user.groups.clear()
    page = open_window()
    enter(page, "platform", cast.password)
    page.goto("/portal/enroll/")
    answer(page, "企业名称", "上海旅程智能科技有限公司")
    answer(page, "统一社会信用代码", "91310107MA1FYP3K96")
    press(page, "登记企业")
    assert page.title().startswith("错误：")
    assert "校验" in page.get_by_role("main").inner_text()
    assert page.get_by_label("统一社会信用代码").first.input_value() == "91310107MA1FYP3K96"
    is_a_good_page(page)


def test_a_broken_file_is_refused_and_the_rest_stays(open_window, cast, programme) -> None:
    draft = support.draft(cast, DELTA, programme, MONDAY)
    page = open_window()
    enter(page, DELTA.username, cast.password)
    page.goto(f"/portal/apply/{draft.pk}/files/")
    for name, content, words in (
        ("空.pdf", b"", "空"),
        ("病毒.pdf", b"MZ\x90\x00 not a pdf", "PDF"),
    ):
        page.locator("section.card").first.locator("input[type=file]").set_input_files(
            {"name": name, "mimeType": "application/pdf", "buffer": content}
        )
        page.locator("section.card").first.get_by_role("button").last.click()
        assert words in page.locator(".govuk-error-summary").inner_text()
        is_a_good_page(page)
    assert draft.attachments.count() == 0


def test_two_tabs_cannot_spend_one_voucher_twice(open_window, cast, programme) -> None:
    number = given_a_voucher(cast, programme)
    page = open_window()
    enter(page, DELTA.username, cast.password)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/portal/orders/choose/")
        follow(tab, "下单")
        trade.fills_order(tab, cards="64", first="2026-09-10", last="2026-10-31", hours="400")
        press(tab, "查看报价")
        tab.get_by_text("将占用券额").wait_for()
    press(page, "按此报价提交订单")
    page.get_by_text("等待服务商接单").wait_for()
    press(other, "按此报价提交订单")
    other.get_by_text("一分钟内刚下过同一项目的订单").first.wait_for()
    clock.advance(timedelta(minutes=5))
    press(other, "查看报价")
    press(other, "按此报价提交订单")
    told = other.get_by_role("main").inner_text()
    assert "余额" in told or "不足" in told, told[:600]
    is_a_good_page(other)
    assert Order.objects.count() == 1
    voucher = Voucher.objects.get(voucher_no=number)
    assert voucher_position(voucher).held == Order.objects.get().held_fen


def given_a_voucher(cast: Cast, programme: Programme) -> str:
    """Bring a firm to its voucher, and a provider into the register."""
    case = support.recommend(cast, support.submit(cast, DELTA, programme, MONDAY), MONDAY)
    notice = support.notice(cast, [case], when("2026-08-25 10:00"))
    given_a_provider({"li": cast.users["reviewer"], "zhao": cast.users["approver"]})
    clock.advance(when("2026-09-09 11:00") - MONDAY)
    return support.issue(cast, notice, when("2026-09-09 09:00"))[0].voucher_no
