"""A real browser on a live server with the strict content policy in force; the clock is held."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as house_settings
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ledger import clock

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: The first there is: without windows, tabs and profiles a browser does the same with less work.
NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable",
    "google-chrome",
)  # fmt: skip
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}
PASSWORD = "journey-pass-2026"
STORY_BEGINS = datetime(2026, 7, 6, 2, 0, tzinfo=UTC)
GRAVE = {"serious", "critical"}
PATIENCE_MS = 15_000
#: Widths in pixels with the size of letters: a small telephone, and large print on a usual one.
NARROWEST = ((360, ""), (320, ""), (360, "125%"), (360, "150%"))
TOO_WIDE = """width => [...document.querySelectorAll('main *')]
  .filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest('.scroll, pre'))
  .slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""
CUT_OFF = """() => [...document.querySelectorAll('button, .govuk-button')]
  .filter(e => e.offsetParent && e.scrollHeight > e.clientHeight + 2)
  .slice(0, 3).map(e => e.outerHTML.slice(0, 120))"""
#: What a finger must hit: 24 px (WCAG 2.5.8; links within a text are excepted), 44 px for buttons.
SMALL_TARGETS = """() => [...document.querySelectorAll('a[href], button, select, summary')]
  .filter(e => e.offsetParent && !e.closest('p, li, td, dd, dt, th, label, h2, h3, .skip, dialog'))
  .map(e => [e, e.getBoundingClientRect().height])
  .filter(([e, h]) => h < (e.matches('main .govuk-button') ? 40 : 24))
  .slice(0, 3).map(([e, h]) => `${Math.round(h)} px: ${e.outerHTML.slice(0, 120)}`)"""
#: What a page says beside its examples of code, which may well say None.
WITHOUT_CODE = (
    "main => { const copy = main.cloneNode(true);"
    " copy.querySelectorAll('pre').forEach(each => each.remove()); return copy.innerText; }"
)


def chromium_path() -> str:
    """Return where the browser of this machine lies, or say how to get one."""
    told = os.environ.get("CHROMIUM_PATH")
    found = told or next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        pytest.fail(
            "no browser for the journeys; as root: apt-get install -y chromium fonts-noto-cjk"
            " (or set CHROMIUM_PATH)"
        )
    return found


@pytest.fixture(scope="session")
def assets() -> None:
    """Insist on the compiled style sheet: a page without it is not the page people see."""
    if not (Path(house_settings.BASE_DIR) / "static" / "build" / "house.css").exists():
        pytest.fail("static/build is missing; run deploy/assets.sh")


@pytest.fixture(scope="session")
def browser(assets: None) -> Iterator[Browser]:
    # From here on this thread has an event loop, and Django keeps its connections in another
    # place: one that is open now would stay so, unseen, until the process ends.
    connections.close_all()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def held_clock() -> Iterator[None]:
    """Hold the clock of this process, and with it the live server's, at the story's begin."""
    with clock.set_to(STORY_BEGINS):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember on the test how it went, so that a failure can show its windows."""
    report = yield
    if report.when == "call":
        item.went_wrong = report.failed
    return report


def tell_what_was_shown(pages: list[Page]) -> None:
    """Print where each window stood and what it said."""
    for page in pages:
        said = page.locator("main").inner_text() if page.locator("main").count() else ""
        print(f"--- {page.url}\n{said[:1500]}")  # noqa: T201 - pytest shows it with the failure


@pytest.fixture
def open_window(request, browser: Browser, live_server) -> Iterator[Callable[..., Page]]:
    """Open browser windows, each a person of its own; fail on any word of the content policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(*, script: bool = True, size: dict[str, int] | None = None) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            java_script_enabled=script,
            viewport=size or WIDE,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: complaints.append(told.text))
        page.on("pageerror", lambda error: complaints.append(f"script broke: {error}"))
        return page

    yield open_one
    if getattr(request.node, "went_wrong", False):
        tell_what_was_shown([page for context in contexts for page in context.pages])
    for context in contexts:
        context.close()
    broken = [each for each in complaints if "Content Security" in each or "broke" in each]
    assert not broken, broken


def enter(page: Page, username: str, password: str = PASSWORD) -> None:
    """Sign in as a person would."""
    page.goto("/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(password)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    assert not page.get_by_text("用户名或密码不正确").count(), f"{username} could not sign in"


def is_readable_by_everybody(page: Page) -> None:
    """Check the page against the accessibility rules: nothing serious, one heading, no twins."""
    # What passes is not told: telling it, node by node, takes longer than looking.
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    grave = [
        f"{each['id']} ({each['impact']}): {each['help']}: {each['nodes'][0]['html'][:160]}"
        for each in found
        if each["impact"] in GRAVE
    ]
    assert not grave, f"{page.url}: {grave}"
    assert page.locator("h1").count() == 1, f"{page.url}: not exactly one main heading"
    twins = page.evaluate(
        "() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        " return ids.filter((id, place) => ids.indexOf(id) !== place); }"
    )
    assert not twins, f"{page.url}: ids used twice: {twins}"


def fits_a_telephone(page: Page) -> None:
    """Check that the page never scrolls sideways on a small screen, in large print neither."""
    before = page.viewport_size
    for width, percent in NARROWEST:
        page.set_viewport_size({"width": width, "height": NARROW["height"]})
        page.evaluate("size => { document.documentElement.style.fontSize = size; }", percent)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            too_wide = page.evaluate(TOO_WIDE, width)
            raise AssertionError(f"{page.url}: {wide} px wide on {width} ({percent}): {too_wide}")
        cut_off = page.evaluate(CUT_OFF)
        assert not cut_off, f"{page.url}: cut off at {percent or '100%'}: {cut_off}"
    page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
    page.set_viewport_size(NARROW)
    small = page.evaluate(SMALL_TARGETS)
    page.set_viewport_size(before or WIDE)
    assert not small, f"{page.url}: too small for a finger: {small}"


def is_a_good_page(page: Page) -> None:
    """Check a page that stands still: readable, narrow enough, no jargon of ours."""
    is_readable_by_everybody(page)
    fits_a_telephone(page)
    text = page.locator("main").evaluate(WITHOUT_CODE)
    for jargon in ("None", "Traceback", "undefined", "{{", "{%"):
        assert jargon not in text, f"{page.url}: shows {jargon!r}"
