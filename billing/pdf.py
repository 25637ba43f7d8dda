"""A report's content as a PDF, the same bytes every time.

PDF/A-3a with the same data attached as CSV and JSON. Nothing enters the file but the content handed
in and the packaged template, style and fonts: no clock, no random number, no network. The document
identifier comes from the content's digest.

Source: report.md sections 1 and 3.
"""

import hashlib
import io
import logging
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
import segno
from django.conf import settings
from django.template.loader import render_to_string

from billing.sheets import csv_bytes
from billing.statements import CSV_COLUMNS
from ledger.amounts import yuan_text
from ledger.refusals import Broken, Refused

try:
    from weasyprint import HTML, Attachment
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse
except OSError as error:  # pango is not installed: all but the making of PDFs works without it
    NO_PDF = str(error).partition(":")[0]
    URLFetcher = object
else:
    NO_PDF = ""

PDF_VARIANT = "pdf/a-3a"
logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)  # a line per page is noise


@dataclass(frozen=True)
class Enclosed:
    """A file embedded in the PDF."""

    name: str
    title: str
    content: bytes

    @property
    def size(self) -> str:
        """Return the number of bytes, readable."""
        return f"{len(self.content):,}"

    @property
    def sha256(self) -> str:
        """Return the digest in hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Rendered:
    """A finished PDF."""

    content: bytes
    pages: int

    @property
    def sha256(self) -> str:
        """Return the digest in hex."""
        return hashlib.sha256(self.content).hexdigest()


class PackagedFiles(URLFetcher):  # type: ignore[misc]
    """Give the renderer the packaged files and inline data, and nothing else in the world."""

    FILES = {"house:report.css": "statement/report.css"}

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        """Return a packaged file or inline data; anything else stops the rendering."""
        if url in self.FILES:
            path = Path(settings.BASE_DIR) / "templates" / self.FILES[url]
            kind = {"Content-Type": "text/css; charset=utf-8"}
            return URLFetcherResponse(url, path.read_bytes(), kind)
        if url.startswith("data:image/svg+xml;base64,"):
            return super().fetch(url, headers)
        raise FatalURLFetchingError(f"a report may not fetch {url[:80]}")


def canonical(content: dict[str, Any]) -> bytes:
    """Return the one byte form of a report's content (RFC 8785)."""
    return bytes(rfc8785.dumps(content))


def enclosures(content: dict[str, Any]) -> tuple[Enclosed, ...]:
    """Return the files that go into the PDF: lines as CSV, content as JSON, the log's proof."""
    month = content["month"]
    lines = [
        {**line, "provider": provider["name"], "provider_uscc": provider["uscc"]}
        for provider in content["providers"]
        for line in provider["lines"]
    ]
    return (
        Enclosed(f"settlement-{month}.csv", "对账单明细", csv_bytes(CSV_COLUMNS, lines)),
        Enclosed(f"settlement-{month}.json", "报告全部数据（规范 JSON）", canonical(content)),
        Enclosed("audit-proof.json", "日志检查点与条目编号", canonical(content["proof"])),
    )


def svg_address(svg: str) -> str:
    """Return a picture as an inline address."""
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def qr_svg(text: str) -> str:
    """Return a QR code (error level M) as SVG."""
    buffer = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        buffer, kind="svg", border=1, xmldecl=False, svgclass=None, lineclass=None, scale=4
    )
    return buffer.getvalue().decode()


def chart_svg(history: Sequence[dict[str, Any]]) -> str:
    """Return the months as bars (public share) with the computing as a line, real text inside."""
    width, height, left, bottom, top = 680, 240, 10, 200, 34
    step = (width - 2 * left) / max(len(history), 1)
    most_fen = max([int(m["public_fen"]) for m in history] + [1])
    most_pfh = max([_micro(m["pflops_hours"]) for m in history] + [1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        '<g font-family="Noto Sans CJK SC" font-size="11" fill="#333">'
        '<rect x="10" y="6" width="11" height="11" fill="#2f5d9e"/>'
        '<text x="26" y="16">券抵扣（元）</text>'
        '<circle cx="130" cy="12" r="4" fill="#c46a00"/>'
        '<text x="140" y="16">算力（PFLOPS·h，相对高度）</text>'
        f'<path d="M{left} {bottom}H{width - left}" stroke="#667" stroke-width="1"/>'
    ]
    dots = []
    for place, month in enumerate(history):
        centre = left + step * place + step / 2
        tall = (bottom - top - 16) * int(month["public_fen"]) / most_fen
        high = bottom - (bottom - top - 16) * _micro(month["pflops_hours"]) / most_pfh
        bar = min(step * 0.5, 42)
        parts.append(
            f'<rect x="{centre - bar / 2:.1f}" y="{bottom - tall:.1f}" width="{bar:.1f}" '
            f'height="{tall:.1f}" fill="#2f5d9e"/>'
            f'<text x="{centre:.1f}" y="{bottom - tall - 5:.1f}" text-anchor="middle" '
            f'font-size="9.5">{yuan_text(int(month["public_fen"]))}</text>'
            f'<text x="{centre:.1f}" y="{bottom + 16}" text-anchor="middle">'
            f"{month['month']}</text>"
        )
        dots.append((centre, high))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    parts.append(f'<polyline points="{path}" fill="none" stroke="#c46a00" stroke-width="1.5"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#c46a00"/>' for x, y in dots]
    return "".join([*parts, "</g></svg>"])


def _micro(quantity: str) -> int:
    """Return a six-place decimal text as millionths."""
    whole, _, rest = str(quantity).partition(".")
    return int(whole) * 1_000_000 + int(rest.ljust(6, "0")[:6] or 0)


@contextmanager
def _dated(moment: datetime) -> Iterator[None]:
    """Fix the date that font tools write into subsets while the block runs."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def render_html(content: dict[str, Any]) -> str:
    """Return the report as the page the PDF is made of."""
    files = enclosures(content)
    words = "；".join(
        f"{m['title']} {yuan_text(int(m['public_fen']))} 元" for m in content["history"]
    )
    context = {
        "c": content,
        "qr": svg_address(qr_svg(content["verify_url"])),
        "chart": svg_address(chart_svg(content["history"])),
        "chart_words": f"各月券抵扣：{words}",
        "content_sha256": hashlib.sha256(canonical(content)).hexdigest(),
        "files": files,
        "names": {"json": files[1].name},
    }
    return render_to_string("statement/report.html", context)


def render_report(content: dict[str, Any]) -> Rendered:
    """Return the PDF of a report's content.

    The same content and the same packaged template give the same bytes.

    Raises:
        Broken: the renderer made no page.
        Refused: this machine lacks the system libraries for PDFs.
    """
    if NO_PDF:
        raise Refused(
            "pdf_unavailable",
            "这台机器缺少 PDF 排版组件，暂不能生成报告：请按 make setup 的提示安装后重新发起。",
            details={"cause": NO_PDF},
        )
    made_at = datetime.fromisoformat(content["made_at"])
    digest = hashlib.sha256(canonical(content)).digest()
    with _dated(made_at):
        document = HTML(
            string=render_html(content), url_fetcher=PackagedFiles(), base_url="house:"
        ).render(pdf_variant=PDF_VARIANT, pdf_tags=True)
        attachments = [
            Attachment(
                string=each.content, name=each.name, description=each.title,
                created=made_at, modified=made_at, relationship="Data",
            )
            for each in enclosures(content)
        ]  # fmt: skip
        written = document.write_pdf(
            attachments=attachments,
            pdf_identifier=digest[:16].hex().encode(),
            pdf_variant=PDF_VARIANT,
            pdf_tags=True,
        )
    if not document.pages or written is None:
        raise Broken("the report has no page")
    return Rendered(written, len(document.pages))
