"""The pages of the settlement: rights, scope, language, and that refusals change nothing."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing import reporting, settling
from billing.models import Confirmation, MonthClose, Objection, Report, Statement
from ledger import clock, work
from ledger.check_codes import grouped
from tests.billing.reported import let_gaps_stand
from tests.billing.world import CLOSE_AT, OCTOBER, World, fresh, quiet, small_world
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db
FINANCE = (
    "view_settlement", "close_month", "prepare_settlement", "release_payment", "view_reports",
)  # fmt: skip
APPROVER = ("view_settlement", "approve_settlement", "view_reports")


@pytest.fixture(autouse=True)
def _story_time() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


def staff(name: str, *codenames: str) -> Client:
    """Return a browser in which somebody of the bureau is signed in."""
    user = get_user_model().objects.create_user(
        username=name, password="x", display_name=name, person_hash=f"person-{name}"
    )
    with as_role(SUPERUSER):  # the application itself gives nobody a new right
        user.user_permissions.set(
            Permission.objects.filter(codename__in=codenames, content_type__app_label="billing")
        )
    return signed_in(user)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def closed_month() -> tuple[World, MonthClose, Statement]:
    world, order = small_world()
    world.use(order, hours=500)
    close = world.close()
    return world, close, close.statements.get()


def rendered(close: MonthClose, world: World, provider: Any = None) -> Report:
    report = reporting.make_report(close, provider, actor=world.cashier, at=CLOSE_AT)
    job = work.find("billing.render_report", str(report.pk))
    assert job is not None
    reporting.run_report_work(job, quiet)
    return fresh(report)


def test_the_desk_counts_what_waits_and_links_to_it() -> None:
    closed_month()
    text = text_of(staff("周会计", *FINANCE).get(reverse("office")))
    assert "对账单待答复" in text
    assert reverse("office_settlement") in text
    assert "与总账一致" in text


def test_the_desk_shows_nobody_what_is_not_theirs() -> None:
    text = text_of(staff("审计", "view_reports").get(reverse("office")))
    assert "待登记付款" not in text
    assert Client().get(reverse("office")).status_code == 302
    assert staff("无权").get(reverse("office")).status_code == 403


def test_finance_closes_a_month_through_the_pages() -> None:
    world, order = small_world()
    world.use(order, hours=500)
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    browser = staff("周会计", *FINANCE)
    assert "可以结算" in text_of(browser.get(reverse("office_settlement")))
    assert "可以开始" in text_of(browser.get(reverse("office_month", args=["2026-10"])))
    page = reverse("office_close", args=["2026-10"])
    assert "没有未了结的事项" in text_of(browser.get(page))
    response = browser.post(page, {})
    assert response.url == reverse("office_progress", args=["2026-10"])
    waiting = text_of(browser.get(response.url))
    assert 'http-equiv="refresh"' in waiting
    assert "every 2s" in waiting
    job = work.find("billing.close_month", "2026-10")
    work.run_due({"billing.close_month": settling.run_close_work}, now=clock.now, worker="t")
    assert work.find("billing.close_month", "2026-10") == job
    done = text_of(browser.get(response.url))
    assert "对账单已出具" in done
    assert 'http-equiv="refresh"' not in done
    assert "PTSL-JS-2026-10-000001" in text_of(
        browser.get(reverse("office_statements", args=["2026-10"]))
    )


def test_a_blocked_month_says_why_and_keeps_everything() -> None:
    world, order = small_world()
    world.use(order, hours=5, state="held")
    browser = staff("周会计", *FINANCE)
    page = reverse("office_close", args=["2026-10"])
    text = text_of(browser.post(page, {}), 409)
    assert "型号未登记" in text
    assert "这里有问题" in text
    assert "上报缺口" in text
    assert not Statement.objects.exists()
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    assert browser.post(page, {"carry_held": "on"}).status_code == 302


def test_a_statement_page_tells_how_the_money_was_computed() -> None:
    _, _, statement = closed_month()
    text = text_of(staff("周会计", *FINANCE).get(reverse("office_statement", args=[statement.pk])))
    for words in ("这笔钱怎么算的", "22,000.00", "8,800.00", "补贴比例", "演示方案第四条"):
        assert words in text
    assert "14,400,000,000 设备毫秒" in text


def test_two_people_approve_and_one_does_not() -> None:
    world, close, _ = closed_month()
    world.confirm_all(close)
    finance = staff("周会计", *FINANCE, "approve_settlement")
    approver = staff("陈科长", *APPROVER)
    page = reverse("office_approve", args=["2026-10"])
    assert "提请签发" in text_of(finance.get(page))
    assert finance.post(reverse("office_prepare", args=["2026-10"])).status_code == 302
    text = text_of(finance.get(page))
    assert "您是提请人，须由他人签发" in text
    now = reverse("office_approve_now", args=["2026-10"])
    digest = fresh(close).digest
    seen = {"digest": digest, "seen": "on"}
    assert "您是提请人" in text_of(finance.post(now, seen), 409)
    assert "先核对清单" in text_of(approver.post(now, {"digest": digest}), 409)
    assert "内容有变化" in text_of(approver.post(now, {**seen, "digest": "0" * 64}), 409)
    assert fresh(close).state == "review"
    assert approver.post(now, seen).status_code == 302
    assert fresh(close).state == "closed"


def test_an_approver_sends_back_with_a_reason() -> None:
    world, close, _ = closed_month()
    world.confirm_all(close)
    settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    approver = staff("陈科长", *APPROVER)
    page = reverse("office_send_back", args=["2026-10"])
    text = text_of(approver.post(page, {"reason": ""}, follow=True))
    assert "请写明退回理由" in text
    approver.post(page, {"reason": "请补附件"})
    assert fresh(close).prepared_person == ""


def test_a_month_is_finished_from_the_page() -> None:
    world, close, _ = closed_month()
    close = world.approve(close)
    cashier = staff("吴出纳", *FINANCE)
    finish = reverse("office_finish", args=["2026-10"])
    assert "全部付款后才能办结" in text_of(cashier.post(finish, follow=True))
    world.pay(close)
    cashier.post(finish)
    assert fresh(close).state == "paid"
    assert "已办结" in text_of(cashier.get(reverse("office_month", args=["2026-10"])))


@pytest.mark.parametrize(
    "name",
    [
        "office_prepare", "office_approve_now", "office_send_back", "office_export",
        "office_finish", "office_ask_report",
    ],
)  # fmt: skip
def test_a_change_is_never_a_get(name: str) -> None:
    closed_month()
    browser = staff("全权", *FINANCE, *APPROVER)
    url = reverse(name, args=["2026-10"])
    assert browser.get(url).status_code == browser.head(url).status_code == 405


@pytest.mark.parametrize(
    ("name", "codenames"),
    [
        ("office_close", APPROVER),
        ("office_prepare", APPROVER),
        ("office_approve_now", FINANCE),
        ("office_export", APPROVER),
        ("office_month", ("view_reports",)),
        ("office_reports", ("view_settlement",)),
    ],
)
def test_a_right_is_needed_for_each_step(name: str, codenames: tuple[str, ...]) -> None:
    closed_month()
    args = [] if name == "office_reports" else ["2026-10"]
    method = "get" if name in ("office_month", "office_reports") else "post"
    response = getattr(staff("某人", *codenames), method)(reverse(name, args=args))
    assert response.status_code == 403


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "x", "2026-09"])
def test_a_month_that_is_none_is_not_found(month: str) -> None:
    closed_month()
    browser = staff("周会计", *FINANCE)
    assert browser.get(reverse("office_payments", args=[month])).status_code == 404


def test_the_enterprise_confirms_its_own_statement() -> None:
    world, _, statement = closed_month()
    browser = signed_in(world.seat("王敏", enterprise=statement.enterprise))
    assert "待贵单位确认" in text_of(browser.get(reverse("portal_statements")))
    page = reverse("portal_statement", args=[statement.pk])
    assert statement.digest in text_of(browser.get(page))
    confirm = reverse("portal_statement_confirm", args=[statement.pk])
    assert "请重新核对" in text_of(browser.post(confirm, {"digest": "x"}, follow=True))
    browser.post(confirm, {"digest": statement.digest})
    browser.post(confirm, {"digest": statement.digest})  # a double click
    assert Confirmation.objects.count() == 1
    assert "我有异议" not in text_of(browser.get(page))


def test_the_provider_objects_to_a_line_and_the_bureau_decides() -> None:
    world, _, statement = closed_month()
    browser = signed_in(world.seat("李强", provider=statement.provider))
    page = reverse("console_statement_object", args=[statement.pk])
    assert "请选择有异议的一行" in text_of(browser.post(page, {"reason": "不对"}), 409)
    assert "不对" in text_of(browser.post(page, {"reason": "不对"}), 409)  # input is kept
    browser.post(page, {"ordinal": "1", "reason": "少计了 2 小时"})
    objection = Objection.objects.get()
    assert "少计了 2 小时" in text_of(
        browser.get(reverse("console_statement", args=[statement.pk]))
    )
    approver = staff("陈科长", *APPROVER)
    resolve = reverse("office_resolve", args=[objection.pk])
    assert "请选择处理结果" in text_of(approver.post(resolve, {}), 409)
    approver.post(resolve, {"decision": "dismissed", "resolution": "记录完整"})
    assert fresh(objection).state == "dismissed"
    assert "记录完整" in text_of(browser.get(reverse("console_statement", args=[statement.pk])))


@pytest.mark.parametrize("door", ["portal", "console"])
def test_statements_of_others_do_not_exist(door: str) -> None:
    world, _, statement = closed_month()
    seat = (
        {"enterprise": world.make_enterprise("别家")}
        if door == "portal"
        else {"provider": world.make_provider("别家")}
    )
    browser = signed_in(world.seat("旁人", **seat))
    assert browser.get(reverse(f"{door}_statement", args=[statement.pk])).status_code == 404
    for act in ("confirm", "object"):
        url = reverse(f"{door}_statement_{act}", args=[statement.pk])
        assert browser.post(url, {"digest": statement.digest}).status_code == 404
    assert statement.statement_no not in text_of(browser.get(reverse(f"{door}_statements")))
    assert not Confirmation.objects.exists()


def test_a_draft_is_nobodys_business() -> None:
    world, order = small_world()
    world.use(order, hours=10)

    def stop(done: int, total: int, message: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.close(progress=stop)
    statement = Statement.objects.get()
    assert statement.state == "draft"
    browser = signed_in(world.seat("王敏", enterprise=statement.enterprise))
    assert browser.get(reverse("portal_statement", args=[statement.pk])).status_code == 404


def test_reports_are_asked_for_listed_and_given() -> None:
    world, close, statement = closed_month()
    world.approve(close)
    cashier = staff("吴出纳", *FINANCE)
    cashier.post(reverse("office_ask_report", args=["2026-10"]))
    assert "正在生成" in text_of(cashier.get(reverse("office_reports")))
    report = rendered(close, world)
    assert Report.objects.count() == 1
    assert report.report_no in text_of(cashier.get(reverse("office_reports")))
    given = cashier.get(reverse("office_report_file", args=[report.pk]))
    assert given.content.startswith(b"%PDF")
    mine = rendered(close, world, statement.provider)
    engineer = signed_in(world.seat("李强", provider=statement.provider))
    assert mine.report_no in text_of(engineer.get(reverse("console_statements")))
    assert engineer.get(reverse("console_report_file", args=[mine.pk])).status_code == 200
    assert engineer.get(reverse("console_report_file", args=[report.pk])).status_code == 404


def test_anybody_verifies_a_report() -> None:
    world, close, _ = closed_month()
    world.approve(close)
    report = rendered(close, world)
    anybody = Client()
    typed = f" {grouped(report.check_code).lower().replace('1', 'l')} "
    response = anybody.get(reverse("verify"), {"code": typed})
    assert response.url == reverse("verify_code", args=[report.check_code])
    text = text_of(anybody.get(response.url))
    for words in ("真实有效", report.sha256, "8,800.00", "2026年10月", "不会上传"):
        assert words in text
    assert "周会计" not in text  # no personal data


def test_a_replaced_report_says_so() -> None:
    world, close, _ = closed_month()
    trial = rendered(close, world)
    assert "试算稿" in text_of(Client().get(reverse("verify_code", args=[trial.check_code])))
    final = rendered(world.approve(close), world)
    text = text_of(Client().get(reverse("verify_code", args=[trial.check_code])))
    assert "已被替代" in text
    assert final.report_no in text


@pytest.mark.parametrize("code", ["0" * 16, "7ZQK3F2M9HXW4T6B", "x", "长" * 100, "%00", "a" * 3000])
def test_a_code_nobody_gave_out_is_not_found(code: str) -> None:
    response = Client().get(f"/public/verify/{code}")
    assert "未找到" in text_of(response, 404)


@pytest.mark.parametrize("code", ["", "123", "O" * 17, "<script>", "7ZQK-3F2M-9HXW-4T6C"])
def test_a_slip_of_the_hand_is_told_on_the_form(code: str) -> None:
    text = text_of(Client().get(reverse("verify"), {"code": code}))
    assert "这里有问题" in text
    assert "<script>" not in text.replace("<script type", "")


def test_guessing_codes_comes_to_an_end() -> None:
    told = [Client().get("/public/verify/x").status_code for _ in range(62)]
    assert told == [404] * 60 + [429] * 2
    other = Client(REMOTE_ADDR="192.0.2.7").get("/public/verify/x")
    assert other.status_code == 404
    text = text_of(Client().get("/public/verify/?code=1&code=2"))
    assert "一次只能核验一个" in text


def test_every_figure_of_the_funnel_opens_its_list() -> None:
    world, close, _ = closed_month()
    world.approve(close)
    browser = staff("审计", "view_settlement")
    text = text_of(browser.get(reverse("office_figures")))
    assert "与总账一致" in text
    for detail, amount in (
        ("budget", "6,900,000.00"), ("vouchers", "50,000.00"), ("holds", "41,200.00"),
        ("settlement", "8,800.00"),
    ):  # fmt: skip
        url = reverse("office_figures_items", args=[world.programme.slug, detail])
        assert url in text
        assert amount in text_of(browser.get(url))
    wrong = reverse("office_figures_items", args=[world.programme.slug, "nonsense"])
    assert browser.get(wrong).status_code == 404
