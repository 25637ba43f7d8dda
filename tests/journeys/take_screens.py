"""Take the pictures of docs/screens/ from a running demonstration.

    python -m tests.journeys.take_screens http://127.0.0.1:8000 var/demo/summary.json

Each page is taken wide (1280 px) and as on a telephone (360 px); nothing is clicked that changes
anything.
"""

import json
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.journeys.conftest import FLAGS, NARROW, WIDE, chromium_path

OUT = Path(__file__).resolve().parents[2] / "docs" / "screens"
TALLEST = 1600
# (picture, who looks, address, link to follow from there)
SCREENS = [
    ("01-start", "", "/", ""),
    ("02-self-check", "", "/portal/check/", ""),
    ("03-notices", "", "/public/notices/", ""),
    ("04-log", "", "/public/log/", ""),
    ("05-desk", "sme1", "/portal/", ""),
    ("06-task-list", "sme7", "/portal/", "继续填写草稿"),
    ("07-progress", "sme1", "/portal/", "PTSLQ-"),
    ("08-voucher", "sme1", "/portal/vouchers/", "PTSLJ-"),
    ("09-order", "sme1", "/portal/orders/", "PTDD-"),
    ("10-statement", "sme1", "/portal/statements/", "PTSL-JS-"),
    ("11-workbench", "approver", "/office/", ""),
    ("12-queue", "reviewer", "/office/vouchers/", ""),
    ("13-case", "reviewer", "/office/vouchers/", "PTSLQ-"),
    ("14-month", "finance", "/office/settlement/2026-10/", ""),
    ("15-budget", "finance", "/office/figures/", ""),
    ("16-reports", "finance", "/office/reports/", ""),
    ("17-console", "provider1", "/console/", ""),
    ("18-batches", "provider1", "/console/batches/", ""),
    ("19-rates", "approver", "/office/providers/rates/", ""),
    ("20-log-entry", "", "/public/log/entries/100/", ""),
    ("21-checkpoints", "", "/public/log/checkpoints/", ""),
    ("22-log-check", "", "/public/log/check/", ""),
    ("23-log-inspection", "auditor", "/office/log/", ""),
    ("24-books", "auditor", "/office/books/", ""),
    ("25-upload", "provider1", "/console/upload/", ""),
    ("26-records", "provider1", "/console/records/", ""),
    ("27-waiting", "provider1", "/console/waiting/", ""),
    ("28-calendar", "provider1", "/console/calendar/?month=2026-10", ""),
    ("29-guide", "provider1", "/console/guide/", ""),
    ("30-access", "provider1", "/console/access/", ""),
    ("31-problem", "", "/api/v1/problems/time_zone", ""),
    ("32-desk", "approver", "/office/providers/desk/", ""),
    ("33-public-guide", "", "/public/metering/", ""),
]


def sign_in(page: Page, username: str, password: str) -> None:
    """Sign in with one of the demonstration's logins."""
    page.goto("/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(password)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    page.get_by_role("button", name="退出").wait_for()


def take(page: Page, picture: str) -> None:
    """Take one page in both widths, not taller than a reader looks at."""
    for size, mark in ((WIDE, "wide"), (NARROW, "phone")):
        page.set_viewport_size(size)
        height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height}
        path = OUT / f"{picture}-{mark}.png"
        page.screenshot(path=path, full_page=True, clip=clip)
        make_small(path)
    page.set_viewport_size(WIDE)


def make_small(path: Path) -> None:
    """Keep 256 colours: text stays sharp, and the repository takes no large files."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(path, optimize=True)


def main(base: str, summary: str) -> None:
    """Go through the list, one window per person."""
    told = json.loads(Path(summary).read_text(encoding="utf-8"))
    passwords = {each["username"]: each["password"] for each in told["logins"]}
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        windows: dict[str, Page] = {}
        for picture, person, address, link in SCREENS:
            if person not in windows:
                context = browser.new_context(base_url=base, viewport=WIDE, locale="zh-CN")
                windows[person] = context.new_page()
                if person:
                    sign_in(windows[person], person, passwords[person])
            page = windows[person]
            page.goto(address)
            if link:
                page.get_by_role("main").get_by_role("link", name=link).first.click()
            take(page, picture)
            print(f"{picture}: {page.url.removeprefix(base)}")  # noqa: T201 - talks to a person
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
