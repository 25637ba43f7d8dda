"""Files of the log checked on the page: in the browser, and by the server where no script runs.

Both get the same table of files (``tests/front/log_files.py``); code and words must be the same.
"""

import re

import pytest
from playwright.sync_api import Page

from ledger.audit import latest_checkpoint
from ledger.checking import check
from tests.front import log_files as files
from tests.journeys.conftest import fits_a_telephone, is_a_good_page
from tests.ledger.making import a_small_month, seal_all

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/public/log/check/"
ANSWER = "#check-answer [data-code]"


def payload(*contents: bytes) -> list[dict]:
    return [
        {"name": f"file-{place}", "mimeType": "application/octet-stream", "buffer": each}
        for place, each in enumerate(contents)
    ]


def drop(page: Page, *contents: bytes) -> None:
    page.locator("#check-answer").evaluate("place => place.replaceChildren()")
    page.get_by_label("选择或拖入文件").set_input_files(payload(*contents))


def verdict_shown(page: Page) -> tuple[str, str]:
    found = page.locator(ANSWER)
    found.wait_for()
    return found.get_attribute("data-code"), found.inner_text().strip()


def trust(page: Page, vkey: str) -> None:
    page.goto(ADDRESS)
    page.get_by_text("用从别处取得的密钥核验").click()
    page.get_by_label("验证密钥，每行一个").fill(vkey)


def test_the_browser_says_what_the_rules_say_and_sends_nothing(open_window, held_clock):
    page = open_window()
    sent = []
    page.on("request", lambda request: sent.append(request) if request.post_data else None)
    trust(page, files.KEY.text)
    page.get_by_text("核验在您的浏览器里完成").wait_for()
    differing = []
    for case in files.CASES:
        drop(page, *case.files)
        expected = check(case.files, [files.KEY])
        steps = [each.sentence for each in expected.steps]
        told = verdict_shown(page)
        shown = page.locator("#check-answer li").all_inner_texts()
        if told != (expected.code, expected.sentence) or shown != steps:
            differing.append((case.name, expected.sentence, told, steps, shown))
    assert differing == []
    assert sent == []
    is_a_good_page(page)


def test_without_a_script_the_server_says_the_same(open_window, held_clock):
    page = open_window(script=False)
    page.goto(ADDRESS)
    assert "文件将发送到本站核验" in page.locator("#check-how").inner_text()
    differing = []
    page.get_by_text("用从别处取得的密钥核验").click()
    page.get_by_label("验证密钥，每行一个").fill(files.KEY.text)
    for case in files.CASES:
        page.get_by_label("选择或拖入文件").set_input_files(payload(*case.files))
        page.get_by_role("button", name="核验").click()
        expected = check(case.files, [files.KEY])
        if verdict_shown(page) != (expected.code, expected.sentence):
            differing.append((case.name, expected.sentence, verdict_shown(page)))
    assert differing == []


@pytest.fixture
def log():
    a_small_month()
    first = seal_all()
    a_small_month()
    return first, seal_all()


def test_a_reader_takes_a_package_home_and_checks_it_by_keyboard(open_window, held_clock, log):
    page = open_window()
    page.goto("/public/log/entries/5/")
    is_a_good_page(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="下载证据包").click()
    package = download.value.path().read_bytes()
    page.goto(ADDRESS)
    page.get_by_text("核验在您的浏览器里完成").wait_for()
    drop(page, package)
    assert verdict_shown(page)[0] == "proof_holds"
    drop(page, files.flipped(package, len(package) // 3))
    assert verdict_shown(page)[0] == "malformed.package"
    page.locator("#check-answer").evaluate("place => place.replaceChildren()")
    page.get_by_label("选择或拖入文件").set_input_files(payload(package))
    page.locator("#check-answer").evaluate("place => place.replaceChildren()")
    page.get_by_label("选择或拖入文件").focus()
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "核验":
            break
    page.keyboard.press("Enter")
    assert verdict_shown(page)[0] == "proof_holds"
    assert page.evaluate("document.activeElement.id") == "check-answer"


def test_the_browser_asks_the_house_only_for_what_is_not_held(open_window, held_clock, log):
    old, newest = log
    page = open_window()
    page.goto(ADDRESS)
    page.get_by_text("核验在您的浏览器里完成").wait_for()
    proof = page.request.get("/public/log/proofs/5.tlog-proof").body()
    entry = page.request.get("/public/log/entries/5.json").body()
    for given, code in (
        ([proof], "proof_holds"),
        ([entry], "proof_holds"),
        ([old.note.encode()], "checkpoint_consistent"),
        ([newest.note.encode()], "checkpoint_consistent"),
        ([files.NOTE.encode()], "wrong_key"),
    ):
        drop(page, *given)
        assert verdict_shown(page)[0] == code
    assert latest_checkpoint().size == newest.size


def test_a_stranger_looks_through_the_log_on_a_telephone(open_window, held_clock, log):
    page = open_window()
    for address in ("/public/log/", "/public/log/?type=ledger.journal&since=2026-01-01",
                    "/public/log/?q=nothing", "/public/log/entries/0/", "/public/log/checkpoints/",
                    ADDRESS):  # fmt: skip
        page.goto(address)
        is_a_good_page(page)
        fits_a_telephone(page)
    page.goto("/public/log/")
    page.get_by_label("序号、编号或摘要").fill("c-1")
    page.get_by_role("button", name="查找").click()
    page.get_by_text("符合的条目").first.wait_for()
    page.get_by_role("link", name=re.compile(r"^\d+$")).first.click()
    page.get_by_role("heading", name="日志条目").wait_for()


def test_somebody_compares_a_checkpoint_without_a_script(open_window, held_clock, log):
    old, _ = log
    page = open_window(script=False)
    page.goto("/public/log/checkpoints/")
    page.get_by_label("检查点全文").fill(old.note)
    page.get_by_role("button", name="与公开日志比对").click()
    assert page.locator("[data-code=checkpoint_consistent]").count() == 1
    page.get_by_label("检查点全文").fill(old.note.replace("\n1", "\n2", 1))
    page.get_by_role("button", name="与公开日志比对").click()
    assert page.locator("[data-code=bad_signature]").count() == 1
    page.get_by_label("检查点全文").fill("")
    page.get_by_role("button", name="与公开日志比对").click()
    assert page.get_by_text("请粘贴检查点全文").count() == 1
