"""Closing, confirming, approving and paying a month, told in the words on the buttons."""

import hashlib

from playwright.sync_api import Page

from config.tasks import HANDLERS
from ledger import clock, work
from tests.journeys.firm import answer, follow, press


def the_worker_runs() -> None:
    """Do what the worker would do now, in this process."""
    work.run_due(HANDLERS, now=clock.now, worker="journey")


def lets_gaps_stand(asking: Page, agreeing: Page, month: str) -> None:
    """Say why days without a report are no gap, and have another person agree."""
    asking.goto(f"/office/providers/desk/gaps/{month}/")
    asking.get_by_text("缺报").first.wait_for()
    answer(asking, "理由", "演示：该服务商当日停机")
    press(asking, "提出缺口说明")
    asking.get_by_text("须由另一人批准").first.wait_for()
    agreeing.goto("/office/providers/desk/")
    press(agreeing, "批准")
    agreeing.get_by_text("没有待批准的事项").wait_for()


def closes_month(page: Page, month: str) -> None:
    """Cut the month off and put the statements out; watch the progress page."""
    page.goto(f"/office/settlement/{month}/close/")
    press(page, "截止并出具对账单")
    page.get_by_role("heading", level=1, name="结算进度").wait_for()
    the_worker_runs()
    page.goto(f"/office/settlement/{month}/progress/")
    page.get_by_text("对账单已出具").first.wait_for()


def confirms_statement(page: Page, area: str) -> str:
    """Confirm the one open statement as a party of it; return its number."""
    page.goto(f"/{area}/statements/")
    page.get_by_role("main").get_by_role("link", name="PTSL-JS-").first.click()
    number = page.get_by_role("heading", level=1).inner_text().split()[-1]
    press(page, "确认这份对账单")
    page.get_by_role("main").get_by_text("确认").first.wait_for()
    return number


def prepares(page: Page, month: str) -> None:
    """Hand the month to somebody else for approval."""
    page.goto(f"/office/settlement/{month}/approval/")
    press(page, "提请签发")
    page.get_by_text("您是提请人，须由他人签发").wait_for()


def approves(page: Page, month: str) -> None:
    """Approve the month as another person, having looked at the sum."""
    page.goto(f"/office/settlement/{month}/approval/")
    page.get_by_role("checkbox").first.check()
    press(page, "签发")
    page.get_by_text("已签发").first.wait_for()


def pays(page: Page, month: str, signers: list[Page]) -> bytes:
    """Draw the payment list up, have it signed, send it, record the payment; return the list."""
    page.goto(f"/office/settlement/{month}/payments/")
    press(page, "导出付款清单")
    for signer in signers:
        signer.goto(page.url)
        signer.get_by_role("checkbox").first.check()
        signer.get_by_role("button", name="签署：").click()
        signer.get_by_text("您已在这份清单上制表或签署").or_(
            signer.get_by_role("heading", level=2, name="签署")
        ).first.wait_for()
    page.reload()
    press(page, "送国库（生成付款文件）")
    link = page.get_by_role("main").get_by_role("link", name="下载 CSV").first
    content = page.request.get(link.get_attribute("href") or "").body()
    answer(page, "银行流水号", "BANK-2026-0001")
    press(page, "登记已付款")
    page.get_by_text("BANK-2026-0001").first.wait_for()
    page.goto(f"/office/settlement/{month}/payments/")
    press(page, "办结本月")
    return content


def asks_for_report(page: Page, month: str) -> bytes:
    """Have the bureau's report made; return the PDF."""
    page.goto(f"/office/settlement/{month}/")
    press(page, "生成数据局报告")
    the_worker_runs()
    page.goto("/office/reports/")
    link = page.get_by_role("main").get_by_role("link", name="PDF").first
    return page.request.get(link.get_attribute("href") or "").body()


def verifies_in_public(page: Page, code: str, pdf: bytes) -> None:
    """Check a report as a stranger: its code, and the digest of the file in hand."""
    page.goto("/public/verify/")
    answer(page, "核验码", code)
    press(page, "核验")
    page.get_by_text("真实有效").first.wait_for()
    assert hashlib.sha256(pdf).hexdigest() in page.get_by_role("main").inner_text()


def sees_log(page: Page) -> None:
    """Read the public log as a stranger and open an entry of it."""
    page.goto("/public/log/")
    page.get_by_text("核验通过").first.wait_for()
    page.get_by_role("main").locator("table a").first.click()
    page.get_by_text("核验通过").first.wait_for()


def follows_task(page: Page, month: str, title: str) -> None:
    """Open a task of the month from its list."""
    page.goto(f"/office/settlement/{month}/")
    follow(page, title)
