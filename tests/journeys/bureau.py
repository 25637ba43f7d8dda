"""What the people of the bureau do in the office pages, told in the words on the buttons."""

from playwright.sync_api import Page

from tests.journeys.firm import answer, follow, press


def opens_case(page: Page, number: str) -> None:
    """Find a case in the queue by its number and open it."""
    page.goto("/office/vouchers/?tab=all")
    page.get_by_label("受理编号、企业名称或信用代码").fill(number)
    press(page, "查找办件")
    follow(page, number)
    page.get_by_role("heading", level=1, name=number).wait_for()


def verifies_and_accepts(page: Page, number: str) -> None:
    """Compare the enterprise with its licence, then take the case on."""
    opens_case(page, number)
    if page.get_by_role("button", name="企业核验通过").count():
        page.get_by_role("main").get_by_role("textbox").first.fill("营业执照与登记信息一致")
        press(page, "企业核验通过")
    press(page, "受理申请")
    page.get_by_text("已受理，请进行初审").wait_for()


def reviews_first(page: Page, number: str, decision: str = "建议支持", amount: str = "") -> None:
    """Write the first opinion."""
    opens_case(page, number)
    follow(page, "填写初审意见")
    page.get_by_role("radio", name=decision).first.check()
    if amount:
        answer(page, "核定", amount)
    page.get_by_role("textbox", name="理由").first.fill("材料齐全，金额按公式核算。")
    press(page, "提交初审意见")
    page.get_by_text("初审意见已提交").wait_for()


def reviews_second(page: Page, number: str, decision: str = "同意初审意见") -> None:
    """Write the second opinion as another person."""
    opens_case(page, number)
    follow(page, "填写复审意见")
    page.get_by_role("radio", name=decision).first.check()
    press(page, "提交复审意见")
    page.get_by_text("复审意见已提交").wait_for()


def publishes_notice(page: Page) -> None:
    """Put every supported case on public notice."""
    page.goto("/office/vouchers/notices/")
    press(page, "发布公示")
    page.get_by_text("已发布公示").wait_for()


def closes_notice(page: Page) -> None:
    """End the notice whose last day is over."""
    page.goto("/office/vouchers/notices/")
    press(page, "结束公示")
    page.get_by_text("已结束，名单可以审定").wait_for()


def decides(page: Page, number: str) -> None:
    """Decide for support after the notice."""
    opens_case(page, number)
    press(page, "审定支持")
    page.get_by_text("已审定，可以发券").wait_for()


def issues(page: Page) -> None:
    """Issue the voucher from the budget."""
    page.goto("/office/vouchers/issue/")
    press(page, "发券")
    page.get_by_text("已发券").first.wait_for()
