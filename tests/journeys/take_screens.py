"""Take the pictures of docs/screens/ from a running demonstration.

    python -m tests.journeys.take_screens http://127.0.0.1:8000 var/demo/summary.json

Each page is taken wide (1280 px) and as on a telephone (360 px); nothing is clicked that changes
anything. First come the pages that the READMEs tell of, then one page of every kind that the
people of the demonstration reach by links (``docs/screens/pages``, listed in its README).
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.journeys.conftest import FLAGS, NARROW, WIDE, chromium_path
from tests.journeys.walking import DEAD, READERS, links_of, shape_of

OUT = Path(__file__).resolve().parents[2] / "docs" / "screens"
ALBUM = OUT / "pages"
COLOURS, FEW_COLOURS = 256, 48
TALLEST = 1600
ENGLISH = {"name": "language", "value": "en"}
EDITIONS, DRAFT = "/office/vouchers/programmes/", "普陀区算力券演示方案"
# (picture, who looks, address, link to follow from there: several are followed in turn); a picture
# whose name ends in -en is taken by somebody who reads English
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
    ("70-self-check-one-page", "", "/portal/check/all/", ""),
    ("64-enterprises", "reviewer", "/office/vouchers/enterprises/", ""),
    ("65-enterprise", "reviewer", "/office/vouchers/enterprises/", "公司"),
    ("66-registers", "reviewer", "/office/vouchers/registers/", ""),
    ("67-register", "reviewer", "/office/vouchers/registers/", "股权信息"),
    ("68-inquiries", "reviewer", "/office/vouchers/inquiries/", ""),
    ("60-queue-filters", "approver", "/office/vouchers/?tab=all&flags=none&sort=-amount", ""),
    ("61-search", "reviewer", "/office/search/?q=ysdfs&list=1", ""),
    ("62-exports", "auditor", "/office/vouchers/exports/?query=tab%3Dall", ""),
    ("63-readings", "auditor", "/office/vouchers/readings/", ""),
    ("34-sign-in", "", "/login/", ""),
    ("35-enterprise", "sme7", "/portal/", "继续填写草稿 > 企业基本信息"),
    ("36-need", "sme7", "/portal/", "继续填写草稿 > 用算需求与申请金额"),
    ("37-papers", "sme7", "/portal/", "继续填写草稿 > 上传材料"),
    ("38-vouchers", "sme1", "/portal/vouchers/", ""),
    ("39-verify", "", "/public/verify/", ""),
    ("40-supplement", "sme9", "/portal/", "PTSLQ- > 去补正"),
    ("41-start-en", "", "/", ""),
    ("42-progress-en", "sme1", "/portal/", "PTSLQ-"),
    ("71-sign-up", "", "/account/signup/", ""),
    ("72-account", "approver", "/account/", ""),
    ("73-members", "sme1", "/portal/members/", ""),
    ("74-provider-members", "provider1", "/console/members/", ""),
    ("75-people", "platform", "/office/people/", ""),
    ("76-standing-in", "approver", "/office/standing/delegations/", ""),
    ("77-ties", "reviewer", "/office/standing/conflicts/", ""),
    ("78-second-factor", "approver", "/account/factor/activate/", ""),
    ("80-case-decide", "approver", "/office/vouchers/?tab=second", "PTSLQ- > 填写复审意见"),
    ("81-objections", "approver", "/office/vouchers/objections/", ""),
    ("82-objection", "approver", "/office/vouchers/objections/", "PTSLY-"),
    ("83-fast-lane", "reviewer", "/office/vouchers/fast/", ""),
    ("84-entitlements", "reviewer", "/office/vouchers/entitlements/", ""),
    ("85-refusal", "sme8", "/portal/", "PTSLQ-"),
]


def sign_in(page: Page, username: str, password: str) -> None:
    """Sign in with one of the demonstration's logins."""
    page.goto("/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(password)
    page.get_by_role("main").get_by_role("button", name="登录").click()
    page.get_by_role("button", name="退出").wait_for()


def take(page: Page, picture: str, *, folder: Path = OUT, colours: int = COLOURS) -> None:
    """Take one page in both widths, not taller than a reader looks at."""
    page.wait_for_load_state()  # a link that was followed may still be on its way
    for size, mark in ((WIDE, "wide"), (NARROW, "phone")):
        page.set_viewport_size(size)
        height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height}
        path = folder / f"{picture}-{mark}.png"
        page.screenshot(path=path, full_page=True, clip=clip)
        make_small(path, colours)
    page.set_viewport_size(WIDE)


def make_small(path: Path, colours: int) -> None:
    """Keep few colours: text stays sharp, and the repository takes no large files."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(colours).save(path, optimize=True)


def name_of(shape: str) -> str:
    """Return the name of the pictures of a kind of page, e.g. ``office-vouchers-id``."""
    return re.sub(r"[^a-z0-9]+", "-", shape.lower()).strip("-") or "start"


def take_all(windows: dict[str, Page]) -> list[tuple[str, str, str]]:
    """Take one page of every kind; return (picture, address without its ids, who looks)."""
    taken: dict[str, tuple[str, str, str]] = {}
    for person, start, _ in READERS:
        page, waiting, known = windows[person], [start], {start}
        while waiting:
            address = waiting.pop(0)
            shape = shape_of(address)
            if shape in taken or "?" in shape:
                continue
            try:
                answer = page.goto(address)
            except Error as error:  # a link to a file
                if "Download is starting" in str(error):
                    continue
                raise
            told = answer.headers.get("content-type", "") if answer else ""
            if answer is None or answer.status >= DEAD or "text/html" not in told:
                continue
            if urlsplit(page.url).path != urlsplit(address).path:  # led elsewhere, e.g. to sign in
                continue
            taken[shape] = (name_of(shape), shape, person)
            take(page, name_of(shape), folder=ALBUM, colours=FEW_COLOURS)
            fresh = [one for one in links_of(page.content(), address) if one not in known]
            known |= set(fresh)
            waiting += fresh
    return sorted(taken.values())


def list_album(taken: list[tuple[str, str, str]]) -> None:
    """Write the table of all pictures."""
    lines = ["# Every kind of page, wide and on a telephone", ""]
    lines += ["| address | seen by | wide | telephone |", "|---|---|---|---|"]
    lines += [
        f"| `{shape}` | {person or 'anybody'} | [{name}]({name}-wide.png) |"
        f" [{name}]({name}-phone.png) |"
        for name, shape, person in taken
    ]
    (ALBUM / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def windows_of(browser: Browser, base: str, passwords: dict[str, str]) -> dict[str, Page]:
    """Return a window for everybody, signed in."""
    windows: dict[str, Page] = {}
    for person in ["", *passwords]:
        context = browser.new_context(base_url=base, viewport=WIDE, locale="zh-CN")
        windows[person] = context.new_page()
        if person:
            sign_in(windows[person], person, passwords[person])
    return windows


def main(base: str, summary: str) -> None:
    """Go through the list, then through everything, one window per person."""
    told = json.loads(Path(summary).read_text(encoding="utf-8"))
    passwords = {each["username"]: each["password"] for each in told["logins"]}
    ALBUM.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        windows = windows_of(browser, base, passwords)
        for picture, person, address, links in SCREENS:
            page = windows[person]
            english = [ENGLISH | {"url": base}] if picture.endswith("-en") else []
            page.context.clear_cookies(name="language")
            page.context.add_cookies(english)
            page.goto(address)
            for link in links.split(" > ") if links else []:
                page.get_by_role("main").get_by_role("link", name=link).first.click()
            take(page, picture)
            print(f"{picture}: {page.url.removeprefix(base)}")  # noqa: T201 - talks to a person
        for page in windows.values():
            page.context.clear_cookies(name="language")
        list_album(take_all(windows))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
