"""A provider's engineer at the desk, with and without script: try, upload, look, declare."""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import enter, is_a_good_page
from tests.journeys.given import given_the_bureau
from tests.journeys.given_provider import given_a_provider

pytestmark = pytest.mark.django_db(transaction=True)
BOTH = pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
TABLE = """record_id,order_no,device_model,device_count,started_at,ended_at
j-1,NO-SUCH,journey-card,8,2026-07-05T00:00:00+08:00,2026-07-05T01:00:00+08:00
j-2,NO-SUCH,journey-card,-3,2026-07-05T00:00:00,2026-07-05T01:00:00+08:00
"""


@pytest.fixture
def desk(open_window, held_clock, transactional_db):
    """Return a way to open the console signed in, with script or without."""
    given_a_provider(given_the_bureau())

    def opened(*, script: bool) -> Page:
        page = open_window(script=script)
        enter(page, "cloud")
        return page

    return opened


@BOTH
def test_a_key_is_made_and_the_sample_really_sent(desk, script):
    page = desk(script=script)
    page.goto("/console/guide/")
    page.get_by_role("button", name="一键生成测试密钥").click()
    expect(page.get_by_text("令牌只显示这一次")).to_be_visible()
    page.get_by_role("button", name="真的发送").click()
    answer = page.get_by_role("region", name="收到的应答")
    expect(answer).to_contain_text("HTTP 201")
    expect(answer).to_contain_text('"livemode": false')
    expect(page.get_by_role("region", name="收到的回执")).to_contain_text('"vkey"')
    if script:  # the checks themselves are a script
        is_a_good_page(page)
    page.get_by_label("正文").fill("x")
    page.get_by_role("button", name="真的发送").click()
    expect(page.get_by_role("region", name="收到的应答")).to_contain_text("problem+json")


@BOTH
def test_a_file_is_looked_through_before_anything_counts(desk, script):
    page = desk(script=script)
    page.goto("/console/upload/")
    if script:
        is_a_good_page(page)
        expect(page.get_by_text("或把文件拖到这里")).to_be_visible()
    file = {"name": "usage.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="校验文件").click()
    expect(page.get_by_role("heading", name="校验预览：usage.csv")).to_be_visible()
    expect(page.get_by_role("link", name="time_zone")).to_be_visible()
    if script:
        is_a_good_page(page)
    with page.expect_download() as fetched:
        page.get_by_role("button", name="下载错误行").click()
    assert fetched.value.suggested_filename == "errors.csv"
    assert page.get_by_role("button", name="入账").count() == 0


@BOTH
def test_a_day_is_declared_on_the_calendar(desk, script):
    page = desk(script=script)
    page.goto("/console/calendar/")
    page.get_by_label("日期").fill("2026-07-05")
    page.get_by_role("button", name="作零申报").click()
    expect(page.get_by_text("2026-07-05 已作零申报")).to_be_visible()
    if script:
        is_a_good_page(page)


@pytest.mark.parametrize(
    "address",
    [
        "/public/metering/",
        "/api/v1/problems",
        "/api/v1/problems/record_conflict",
        "/console/records/?state=rejected",
        "/console/batches/?status=partial",
        "/console/keys/",
        "/console/guide/",
    ],
)
def test_a_page_that_links_do_not_reach_is_a_good_page(desk, address):
    page = desk(script=True)
    page.goto(address)
    is_a_good_page(page)
