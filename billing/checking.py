"""Tell whether a PDF is a report of this house, unchanged and still valid.

By digest, by rendering it again from the stored content and comparing every byte, and, where the
bytes differ, by the data attached to the file.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any

import pikepdf

from billing.models import Report
from billing.pdf import canonical, render_report


@dataclass(frozen=True)
class Verdict:
    """What became of checking a PDF: ``genuine``, ``superseded``, ``altered`` or ``unknown``."""

    answer: str
    sentence: str
    report: Report | None = None
    difference: str = ""


def verify_bytes(content: bytes) -> Verdict:
    """Check a PDF against what the house rendered, by digest, by rendering it again, by content."""
    digest = hashlib.sha256(content).hexdigest()
    known = Report.objects.filter(sha256=digest).first()
    if known is not None:
        again = render_report(known.content)
        if again.sha256 != digest:
            return Verdict("altered", "存档摘要相符，但重新生成的文件不同，请联系平台。", known)
        if known.state == Report.State.SUPERSEDED:
            newer = known.superseded_by.report_no if known.superseded_by else ""
            return Verdict("superseded", f"文件真实，但已被 {newer} 替代。", known)
        return Verdict("genuine", "文件真实：与总账重新生成的文件逐字节一致。", known)
    return _explain_difference(content)


def _explain_difference(content: bytes) -> Verdict:
    """Say in which section a PDF with another digest differs from what the house knows."""
    attached = attached_content(content)
    number = str(attached.get("report_no", "")) if attached else ""
    report = Report.objects.filter(report_no=number).first() if number else None
    if report is None or attached is None:
        return Verdict("unknown", "不是本系统出具的报告，或文件内没有可核对的数据。")
    if canonical(attached) == canonical(report.content):
        return Verdict(
            "altered", "数据与存档一致，但文件字节不同：可能被阅读器另存，或版面被改动。", report
        )
    first = next(
        (name for name in report.content if attached.get(name) != report.content[name]),
        "其他",
    )
    return Verdict("altered", f"文件内容与存档不一致，最先不同的部分：{first}。", report, first)


def _decode(raw: bytes) -> dict[str, Any] | None:
    """Read attached data; anything but an object is nothing."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def attached_content(content: bytes) -> dict[str, Any] | None:
    """Return the data attached to a report's PDF, or None when there is none."""
    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            for name, spec in document.attachments.items():
                if name.startswith("settlement-") and name.endswith(".json"):
                    return _decode(spec.get_file().read_bytes())
    except pikepdf.PdfError:
        return None
    return None
