"""Tell whether a PDF is a document of this house, unchanged and still valid.

By digest and by laying it out again from the stored content; the signature behind it is checked
apart. Where the bytes differ: by the data attached to the file, then page by page.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from typing import Any

import pikepdf

from billing.certifying import VALID, status_of
from billing.models import Report
from billing.pdf import canonical, render_report
from ledger.amounts import yuan_text
from ledger.pades import Signature, find_signature

#: Exit codes of the command, one per answer.
ANSWERS = {"genuine": 0, "altered": 1, "unknown": 2, "superseded": 3, "resaved": 4}
#: What people call the parts of the content.
SECTIONS = {
    "summary": "结算概要", "compared": "环比", "findings": "结论", "signers": "签署",
    "flows": "收支勾稽", "groups": "汇总", "providers": "各服务商明细", "lines": "用量",
    "terms": "券抵扣计算", "objections": "异议", "adjustments": "调整",
    "carried": "转入下期的记录", "odd": "计量疑点", "coverage": "统计范围",
    "checks": "独立核查", "history": "近十二个月走势", "splits": "分布",
    "method": "度量与计价说明", "log": "审计凭证", "proof": "审计凭证", "payees": "拨付明细",
    "statement": "对账单", "answers": "双方确认", "note": "红冲补差", "annual": "年度决算",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of checking a PDF; ``answer`` is one of ``ANSWERS``.

    ``difference`` is the path of the first part of the content that differs.
    """

    answer: str
    sentence: str
    report: Report | None = None
    difference: str = ""
    signature: Signature | None = None


def verify_bytes(content: bytes) -> Verdict:
    """Check a PDF against what the house made: digest, a new layout, signature, content."""
    digest = hashlib.sha256(content).hexdigest()
    known = Report.objects.filter(sha256=digest).first()
    if known is None:
        return _explain_difference(content)
    plain = content[: known.plain_size]
    again = render_report(known.content)
    if not again.sha256 == known.plain_sha256 == hashlib.sha256(plain).hexdigest():
        return Verdict("altered", "存档摘要相符，但重新生成的文件不同，请联系平台。", known)
    signature = find_signature(content) if known.signed_with else None
    if known.signed_with and not _is_ours(signature, known):
        return Verdict(
            "altered", "正文与总账一致，但文件上的电子签名无效。", known, signature=signature
        )
    signed = _signed_text(signature)
    stands = certificate_standing(known)
    if known.state == Report.State.SUPERSEDED:
        return Verdict(
            "superseded", f"文件真实，但{_replaced(known)}{signed}{stands}", known, "", signature
        )
    said = f"文件真实：与总账重新生成的文件逐字节一致。{signed}{stands}"
    return Verdict("genuine", said, known, signature=signature)


def certificate_standing(report: Report) -> str:
    """Return what took money back from a printed certificate by now; empty when nothing did."""
    certificate = getattr(report.statement, "certificate", None) if report.statement else None
    if report.kind != Report.Kind.CERTIFICATE or certificate is None:
        return ""
    now = status_of(certificate)
    if now["code"] == VALID:
        return ""
    back = f"冲正 {now['reversed']} 元" if now["reversed_fen"] else ""
    claimed = f"决定追回 {now['clawed_back']} 元" if now["clawed_back_fen"] else ""
    amount = yuan_text(certificate.amount_fen)
    ways = "，".join(filter(None, (back, claimed)))
    return f"凭证现状为“{now['title']}”：核销 {amount} 元，其中{ways}。"


def _is_ours(signature: Signature | None, report: Report) -> bool:
    return (
        signature is not None
        and signature.holds
        and signature.covers_all
        and signature.certificate_sha256 == report.signed_with
    )


def _signed_text(signature: Signature | None) -> str:
    if signature is None:
        return "此文件没有电子签名。"
    own = "（自签名证书，不证明签名人身份）" if signature.self_signed else ""
    return f"电子签名有效：{signature.subject}{own}。"


def _replaced(report: Report) -> str:
    newer = report.superseded_by
    if newer is None:
        return "已被替代。"
    return f"已被 {newer.report_no} 替代：{newer.content['verify_url']} 。"


def _explain_difference(content: bytes) -> Verdict:
    """Say in which part a PDF with another digest differs from what the house knows."""
    attached = attached_content(content)
    number = str(attached.get("report_no", "")) if attached else ""
    report = Report.objects.finished().filter(report_no=number).first() if number else None
    if report is None or attached is None:
        return Verdict("unknown", "不是本系统出具的文件，或文件内没有可核对的数据。")
    if canonical(attached) != canonical(report.content):
        path = first_difference(report.content, attached)
        part = SECTIONS.get(path.partition(".")[0].partition("[")[0], "")
        named = f"{part}（{path}）" if part else path
        said = f"文件内容与存档不一致，最先不同的部分：{named}。"
        return Verdict("altered", said, report, path)
    plain = content[: report.plain_size]
    if hashlib.sha256(plain).hexdigest() == report.plain_sha256:
        return Verdict(
            "resaved", "正文与出具时逐字节一致，但其后的电子签名被去掉、替换或追加过内容。", report
        )
    page = _differing_page(content, report)
    if page is None:
        return Verdict(
            "resaved", "数据与各页内容和存档一致，但文件字节不同：可能被阅读器另存过。", report
        )
    said = f"所附数据与存档一致，但第 {page} 页的版面被改动。" if page else "页数与存档不同。"
    return Verdict("altered", said, report, f"page {page}")


def first_difference(ours: Any, theirs: Any, path: str = "") -> str:
    """Return the path of the first place where two plain values differ, empty when they do not.

    Names are followed in our order, so the first part of the document comes first.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(each for each in theirs if each not in ours)]:
            inside = f"{path}.{name}" if path else name
            if name not in ours or name not in theirs:
                return inside
            if found := first_difference(ours[name], theirs[name], inside):
                return found
        return ""
    if isinstance(ours, list) and isinstance(theirs, list):
        for place, (left, right) in enumerate(zip(ours, theirs, strict=False)):
            if found := first_difference(left, right, f"{path}[{place}]"):
                return found
        return "" if len(ours) == len(theirs) else f"{path}[{min(len(ours), len(theirs))}]"
    same = type(ours) is type(theirs) and ours == theirs
    return "" if same else path


def _differing_page(content: bytes, report: Report) -> int | None:
    """Return the first page drawn otherwise than the house draws it, 0 for another number of pages.

    What a page draws are its instructions; how a file packs them is of no interest.
    """
    ours = _drawn(render_report(report.content).content)
    theirs = _drawn(content)
    if len(ours) != len(theirs):
        return 0
    return next(
        (
            number
            for number, pair in enumerate(zip(ours, theirs, strict=True), start=1)
            if pair[0] != pair[1]
        ),
        None,
    )


def _drawn(content: bytes) -> list[bytes]:
    """Return what each page draws: its instructions, and digests of its fonts and pictures."""
    with pikepdf.open(io.BytesIO(content)) as document:
        pages = []
        for page in document.pages:
            steps = pikepdf.unparse_content_stream(pikepdf.parse_content_stream(page))
            used = sorted(_streams(page.obj.get("/Resources"), set()))
            pages.append(steps + "".join(used).encode())
        return pages


def _streams(found: Any, seen: set[tuple[int, int]]) -> list[str]:
    """Return the digests of all streams that hang on an object, unpacked."""
    if isinstance(found, pikepdf.Object):
        if found.is_indirect:
            if found.objgen in seen:
                return []
            seen.add(found.objgen)
        if isinstance(found, pikepdf.Stream):
            own = [hashlib.sha256(found.read_bytes()).hexdigest()]
            return own + _streams(dict(found.stream_dict.items()), seen)
        if isinstance(found, pikepdf.Array):
            return [each for part in list(found) for each in _streams(part, seen)]
        if isinstance(found, pikepdf.Dictionary):
            found = dict(found.items())
    if isinstance(found, dict):
        skipped = ("/Parent", "/P", "/Length", "/Filter")
        parts = (part for name, part in found.items() if name not in skipped)
        return [each for part in parts for each in _streams(part, seen)]
    return []


def _decode(raw: bytes) -> dict[str, Any] | None:
    """Read attached data; anything but an object is nothing."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def attached_content(content: bytes) -> dict[str, Any] | None:
    """Return the data attached to a document's PDF, or None when there is none."""
    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            for name, spec in document.attachments.items():
                if name.endswith(".json") and name != "audit-proof.json":
                    found = _decode(spec.get_file().read_bytes())
                    if found is not None and "report_no" in found:
                        return found
    except pikepdf.PdfError:
        return None
    return None
