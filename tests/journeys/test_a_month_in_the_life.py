"""A month in the life of a voucher, walked through the pages, with script and without.

Goal: the people of the story reach the end of the month by pages alone, and separation of duties,
working days and the books hold on the way. Method: a real browser, the clock held and moved on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page

from billing.models import Report
from ledger import audit, clock, sealing
from ledger.invariants import findings
from ledger.periods import SHANGHAI
from tests.journeys import bureau as office
from tests.journeys import firm, money, trade
from tests.journeys.conftest import enter
from tests.journeys.given import given_a_person, given_a_programme_with_money, given_the_bureau
from tests.journeys.given_provider import Seller, given_a_provider
from tests.roles import as_role

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = "2026-07"
FIRST_JOB = datetime(2026, 7, 16, 9, 0, tzinfo=SHANGHAI)
PEOPLE = ("wang", "li", "zhao", "sun", "zhou", "qian", "zheng", "cloud")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_month_in_the_life(open_window, held_clock, live_server, script: bool) -> None:
    seller = given_the_stage()
    windows = {name: given_a_window(open_window, name, script=script) for name in PEOPLE}
    case = when_a_firm_applies_and_is_reviewed(windows)
    then_the_case_ended_in_a_voucher(windows, case)
    order = when_the_firm_orders(windows)
    days_later(windows, 15, "cloud")
    when_the_provider_reports(windows["cloud"], seller, order, live_server.url)
    when_the_month_is_closed_and_paid(windows)
    then_a_stranger_can_verify(open_window(script=script), windows["zhou"])
    assert not findings()


def given_the_stage() -> Seller:
    audit.ensure_key(clock.now())
    staff = given_the_bureau()
    given_a_programme_with_money(staff)
    seller = given_a_provider(staff)
    given_a_person("wang", "王敏")
    return seller


def given_a_window(open_window: Callable[..., Page], name: str, *, script: bool) -> Page:
    page = open_window(script=script)
    enter(page, name)
    return page


def days_later(windows: dict[str, Page], days: int, *names: str) -> None:
    """Move the clock on; who was away that long has been signed out and signs in again."""
    clock.advance(timedelta(days=days))
    for name in names:
        enter(windows[name], name)


def when_a_firm_applies_and_is_reviewed(windows: dict[str, Page]) -> str:
    firm.enrols(windows["wang"])
    number = firm.applies(windows["wang"])
    office.verifies_and_accepts(windows["li"], number)
    office.reviews_first(windows["li"], number)
    office.reviews_second(windows["zhao"], number)
    office.publishes_notice(windows["li"])
    days_later(windows, 9, "li", "zhao", "wang", "cloud")
    office.closes_notice(windows["li"])
    office.decides(windows["zhao"], number)
    office.issues(windows["zhao"])
    return number


def then_the_case_ended_in_a_voucher(windows: dict[str, Page], number: str) -> None:
    windows["wang"].goto("/portal/")
    windows["wang"].get_by_role("link", name=number).wait_for()
    assert "48,000.00" in windows["wang"].locator(".voucher").inner_text()


def when_the_firm_orders(windows: dict[str, Page]) -> str:
    number = trade.orders(
        windows["wang"], cards="8", first="2026-07-16", last="2026-08-15", hours="240"
    )
    trade.accepts_order(windows["cloud"], number)
    return number


def when_the_provider_reports(page: Page, seller: Seller, order: str, address: str) -> None:
    rows = trade.jobs(order, FIRST_JOB, 8)
    broken = [*rows[:3], rows[3] | {"device_count": "八"}]
    trade.chooses_file(page, trade.as_csv(broken))
    told = trade.sees_faults(page, 1)
    assert "device_count" in told
    trade.chooses_file(page, trade.as_csv(rows[:4]))
    trade.lets_it_count(page)
    with seller.client(address) as client:
        sent = client.upload(trade.as_csv(rows[4:]), "text/csv")
        again = client.upload(trade.as_csv(rows[4:]), "text/csv")
    assert (sent.status, again.replayed) == (201, True), sent.body


def when_the_month_is_closed_and_paid(windows: dict[str, Page]) -> None:
    days_later(windows, 5, *PEOPLE)
    money.lets_gaps_stand(windows["li"], windows["zhao"], MONTH)
    money.closes_month(windows["zhou"], MONTH)
    assert money.confirms_statement(windows["wang"], "portal") == (
        money.confirms_statement(windows["cloud"], "console")
    )
    money.prepares(windows["zhou"], MONTH)
    money.approves(windows["zhao"], MONTH)
    signers = [windows[name] for name in ("zhao", "sun", "zhou", "zheng")]
    paid = money.pays(windows["qian"], MONTH, signers).decode("utf-8-sig")
    assert "上海旅程算力服务有限公司" in paid


def then_a_stranger_can_verify(stranger: Page, finance: Page) -> None:
    with as_role("seal"):
        sealing.seal(clock.now())
    pdf = money.asks_for_report(finance, MONTH)
    assert pdf.startswith(b"%PDF-")
    code = Report.objects.get(month=MONTH).check_code
    money.verifies_in_public(stranger, code, pdf)
    money.sees_log(stranger)
