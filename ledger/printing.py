"""Print a page as a PDF, the same bytes every time.

PDF/A-3a, tagged, with embedded fonts. Nothing enters the file but the page handed in and the
packaged styles and fonts: no clock, no random number, no network.

Source: report.md section 1.
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

import segno
from django.conf import settings

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
STYLES = "house:"
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
    """Give the renderer the packaged styles and inline data, and nothing else in the world."""

    FILES = {
        "house:report.css": "documents/report.css",
        "house:letter.css": "letters/letter.css",
        "house:paper.css": "paper/paper.css",
    }

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        """Return a packaged file or inline data; anything else stops the rendering."""
        if url in self.FILES:
            path = Path(settings.BASE_DIR) / "templates" / self.FILES[url]
            kind = {"Content-Type": "text/css; charset=utf-8"}
            return URLFetcherResponse(url, path.read_bytes(), kind)
        if url.startswith("data:image/svg+xml;base64,"):
            return super().fetch(url, headers)
        raise FatalURLFetchingError(f"a paper may not fetch {url[:80]}")


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


def print_page(
    page: str, *, made_at: datetime, digest: bytes, enclosed: Sequence[Enclosed] = ()
) -> Rendered:
    """Return a page as a PDF; the same page, moment and digest give the same bytes.

    Args:
        page: a whole HTML page that names its style as ``house:...css``.
        made_at: the date written into the file.
        digest: of the content; becomes the document's identifier.

    Raises:
        Broken: the renderer made no page.
        Refused: this machine lacks the system libraries for PDFs.
    """
    if NO_PDF:
        raise Refused(
            "pdf_unavailable",
            "这台机器缺少 PDF 排版组件，暂不能生成文件：请按 make setup 的提示安装后重新发起。",
            details={"cause": NO_PDF},
        )
    with _dated(made_at):
        document = HTML(string=page, url_fetcher=PackagedFiles(), base_url=STYLES).render(
            pdf_variant=PDF_VARIANT, pdf_tags=True
        )
        attachments = [
            Attachment(
                string=each.content, name=each.name, description=each.title,
                created=made_at, modified=made_at, relationship="Data",
            )
            for each in enclosed
        ]  # fmt: skip
        written = document.write_pdf(
            attachments=attachments,
            pdf_identifier=digest[:16].hex().encode(),
            pdf_variant=PDF_VARIANT,
            pdf_tags=True,
        )
    if not document.pages or written is None:
        raise Broken("the paper has no page")
    return Rendered(written, len(document.pages))


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
