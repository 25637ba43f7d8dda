"""Monthly PDF: 12 providers and 1,000 lines as content, to the signed file.

Ours is all of it: the tables and data to attach, the page from its template, the layout, the
signature. The floor is WeasyPrint on the finished page alone, PDF/A-3a and tagged as ours is,
without attachments. Both begin with the fonts not yet read. Before it is timed, ours has been made
once in a process of its own: its bytes before the signature must be those of the timed run.
"""

import hashlib
import logging
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from weasyprint import HTML

from billing.pdf import enclosures, render_html, render_report
from ledger.pades import FileSigner
from ledger.printing import PDF_VARIANT, STYLES, PackagedFiles
from tests.billing.report_sample import sample_content

UNIT = "lines"
GOAL = "<= 1.25"
RATIO = "time"
SIZES = (1_000,)
PROVIDERS = 12


def _content(size: int) -> dict[str, Any]:
    """Return a report of as many lines, give or take one per provider."""
    return sample_content(providers=PROVIDERS, lines=-(-size // PROVIDERS))


def _digest_elsewhere(size: int) -> str:
    """Return the digest of the same report, made by another process."""
    program = (
        "import django; django.setup(); from benchmarks.p9_report import _content, render_report;"
        f"print(render_report(_content({size})).sha256)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.split()[-1]


def prepare(size: int) -> dict[str, Any]:
    """Make the content, a key, and the digest that the timed run must give."""
    folder = TemporaryDirectory()
    signer = FileSigner(Path(folder.name) / "keys", makes=True)
    assert signer.certificate_sha256
    return {
        "content": _content(size),
        "signer": signer,
        "folder": folder,
        "wanted": _digest_elsewhere(size),
        "size": size,
    }


def ours(state: dict[str, Any]) -> int:
    """Make the signed report."""
    made = render_report(state["content"])
    signed = state["signer"].sign(made.content)
    assert made.sha256 == state["wanted"], "another process made other bytes"
    assert hashlib.sha256(signed[: len(made.content)]).hexdigest() == made.sha256
    assert len(signed) <= 2_000_000
    return int(state["size"])


def prepare_floor(size: int) -> dict[str, Any]:
    """Make the finished page."""
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    content = _content(size)
    return {"page": render_html(content, enclosures(content)), "size": size}


def floor(state: dict[str, Any]) -> int:
    """Lay out the finished page."""
    written = HTML(string=state["page"], url_fetcher=PackagedFiles(), base_url=STYLES).write_pdf(
        pdf_variant=PDF_VARIANT, pdf_tags=True
    )
    assert written
    return int(state["size"])
