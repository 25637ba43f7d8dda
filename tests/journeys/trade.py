"""Ordering and reporting use: what the firm and the provider do in their pages."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page

from tests.journeys.firm import answer, follow, press

FIELDS = (
    "record_id", "order_no", "device_model", "device_count", "share_milli",
    "started_at", "ended_at", "basis", "job_state",
)  # fmt: skip
DEVICE = "journey-card"


def orders(page: Page, *, cards: str, first: str, last: str, hours: str) -> str:
    """Choose an offering, look at the quote, place the order; return its number."""
    page.goto("/portal/orders/choose/")
    follow(page, "下单")
    fills_order(page, cards=cards, first=first, last=last, hours=hours)
    press(page, "查看报价")
    page.get_by_text("将占用券额").wait_for()
    press(page, "按此报价提交订单")
    page.get_by_text("等待服务商接单").wait_for()
    found = re.search(r"PTDD-\d{4}-\d{6}", page.get_by_role("main").inner_text())
    assert found, "the order page names no number"
    return found.group()


def fills_order(page: Page, *, cards: str, first: str, last: str, hours: str) -> None:
    """Fill in the order form with the only voucher there is."""
    chosen = page.get_by_role("main").get_by_label("算力券").first.locator("option:checked")
    assert "可用" in (chosen.text_content() or ""), "the voucher is not offered first"
    answer(page, "数量", cards)
    answer(page, "服务开始日", first)
    answer(page, "服务结束日", last)
    answer(page, "每张卡计划使用小时数", hours)


def accepts_order(page: Page, number: str) -> None:
    """Take the order on as the provider."""
    page.goto("/console/orders/")
    follow(page, number)
    page.get_by_role("main").get_by_role("button", name="接单", exact=True).click()
    page.get_by_text("服务中").first.wait_for()


def jobs(order_no: str, begin: datetime, count: int, *, cards: int = 8) -> list[dict[str, str]]:
    """Return one job of ten hours a day."""
    rows = []
    for day in range(count):
        start = begin + timedelta(days=day)
        rows.append(
            {
                "record_id": f"journey-{day:04}",
                "order_no": order_no,
                "device_model": DEVICE,
                "device_count": str(cards),
                "share_milli": "1000",
                "started_at": start.astimezone(UTC).isoformat(),
                "ended_at": (start + timedelta(hours=10)).astimezone(UTC).isoformat(),
                "basis": "allocated",
                "job_state": "completed",
            }
        )
    return rows


def as_csv(rows: list[dict[str, str]]) -> bytes:
    """Write rows as the provider's file."""
    written = io.StringIO()
    writer = csv.DictWriter(written, FIELDS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


def chooses_file(page: Page, content: bytes) -> None:
    """Pick a usage file and have it checked."""
    page.goto("/console/upload/")
    page.locator("input[type=file]").set_input_files(
        {"name": "用量.csv", "mimeType": "text/csv", "buffer": content}
    )
    press(page, "校验文件")
    page.get_by_role("heading", level=1, name="校验预览").wait_for()


def sees_faults(page: Page, count: int) -> str:
    """Read the preview of a file with faults; nothing counts yet."""
    page.get_by_text(f"有问题 {count} 条").wait_for()
    page.get_by_text("现在还没有任何数据入账").wait_for()
    return page.get_by_role("main").inner_text()


def lets_it_count(page: Page) -> None:
    """Take the whole file in."""
    press(page, "全部入账")
    page.get_by_text("签名回执", exact=True).wait_for()
