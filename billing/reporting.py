"""Documents of a month: freeze what one says as content and make the PDF of it.

``make_report`` writes down the content as canonical data once; the PDF is work that only looks at
that content, so it can be made again to the byte whenever somebody doubts it. The signature is
appended to that file and changes nothing before it.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from billing import note_content, paper_content
from billing.certificate_content import certificate_content
from billing.certifying import certificate_data
from billing.models import MonthClose, Report, Statement, move
from billing.models.report import SUBJECTS
from billing.models.state_row import write_row
from billing.pdf import canonical, render_report
from billing.report_content import monthly_content
from ledger import audit, work
from ledger.actors import Actor
from ledger.check_codes import code_of, grouped
from ledger.pades import house_signer
from ledger.printing import Rendered
from ledger.refusals import Refused

KIND = "billing.render_report"
MARKS = {
    **dict.fromkeys(Report.MONTHLY, "BG"),
    "statement": "DZ",
    "certificate": "HX",
    "payments": "BF",
    "performance": "JX",
    "note": "HB",
    "annual": "ND",
}
MOVING_PARTS = ("made_at", "made_on", "issued_on", "log", "proof", "signers", "version",
                "report_no", "check_code", "verify_url", "flows", "balances",
                "file_stem")  # fmt: skip
Builder = Callable[..., dict[str, Any]]


def _certificate(
    close: MonthClose, statement: Statement, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return what the redemption certificate of a statement says, once it has been issued."""
    data = certificate_data(statement)
    if data is None:
        raise Refused(
            "certificate_not_issued",
            "这份对账单还没有核销凭证：结算签发或核销申请核准以后出具，没有券抵扣的不出具。",
        )
    return certificate_content(close, statement, data, actor=actor, at=at)


PAPERS: dict[str, Builder] = {
    "statement": paper_content.statement_content,
    "certificate": _certificate,
    "payments": paper_content.payments_content,
    "performance": paper_content.performance_content,
    "note": note_content.note_content,
    "annual": note_content.annual_content,
}


@transaction.atomic
def make_report(
    close: MonthClose, subject: Any = None, *, kind: str = "", actor: Actor, at: datetime
) -> Report:
    """Freeze a document of a month and ask for its PDF; unchanged substance gives the same one.

    Args:
        subject: a provider or an enterprise for its monthly report, None for the bureau's; a
            statement, a payment list, a programme, a note or an annual closing for the paper on it.
        kind: which paper, where a subject has several (a statement: ``statement`` or
            ``certificate``).

    Writes: the report with its content, one piece of work, state row, log entry.

    Raises:
        Refused: the statements are not out yet, or the paper is not due yet.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state in (MonthClose.State.OPEN, MonthClose.State.CLOSING):
        raise Refused("not_closed", "本月对账单尚未出具，不能生成报告。请先完成结算。")
    kind = kind or kind_of(subject)
    before: Report | None = Report.objects.versions(kind, subject).filter(close=close).last()
    content = build_content(close, kind, subject, actor=actor, at=at)
    if before is not None and _substance(before.content) == _substance(content):
        return before
    version = before.version + 1 if before else 1
    named = {SUBJECTS[kind]: subject} if SUBJECTS[kind] else {}
    report = Report(
        kind=kind,
        close=close,
        month=close.month,
        report_no=_report_no(close, kind, before, version),
        version=version,
        trial=content["trial"],
        total_fen=content["summary"]["payable_fen"],
        asked_at=at,
        asked_name=actor.name,
        **named,
    )
    _seal(report, content)
    report.save(force_insert=True)
    write_row(report, "ask", "生成报告", ("", report.state), actor=actor, at=at)
    body = {
        "report": report.pk,
        "report_no": report.report_no,
        "month": report.month,
        "version": report.version,
        "content_sha256": report.content_sha256,
    }
    audit.record("report.made", body, actor=actor, at=at)
    payload = {"report": str(report.pk)}
    work.request(KIND, key=str(report.pk), payload=payload, actor=actor, at=at)
    return report


def kind_of(subject: Any) -> str:
    """Return the first kind of document there is about a subject."""
    if subject is None:
        return "bureau"
    named = {"paymentbatch": "batch", "settlementnote": "note", "yearend": "year_end"}
    name = named.get(subject._meta.model_name, subject._meta.model_name)
    return next(kind for kind, field in SUBJECTS.items() if field == name)


def build_content(
    close: MonthClose, kind: str, subject: Any, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return everything a document says, as plain values.

    Raises:
        Refused: the paper is not due yet.
    """
    if kind in Report.MONTHLY:
        return monthly_content(close, kind, subject, actor=actor, at=at)
    if kind not in PAPERS:
        raise Refused("paper_not_ready", "这种文件还不能打印，请在页面上查看。")
    return PAPERS[kind](close, subject, actor=actor, at=at)


def _report_no(close: MonthClose, kind: str, before: Report | None, version: int) -> str:
    """Return the number: the same document keeps its number, a later version adds its own."""
    mark = MARKS[kind]
    if before is not None:
        return f"{before.report_no[: len('PTSL-BG-2026-10-0000')]}-{version}"
    alike = [each for each, its in MARKS.items() if its == mark]
    known = close.reports.filter(kind__in=alike, version=1).count()
    return f"PTSL-{mark}-{close.month}-{known + 1:04d}"


def _substance(content: dict[str, Any]) -> bytes:
    """Return what a report says about the month, without when and by whom it was printed."""
    kept = {name: value for name, value in content.items() if name not in MOVING_PARTS}
    return canonical(kept)


def _seal(report: Report, content: dict[str, Any]) -> None:
    """Number the content, derive its check code from it, and take its digest."""
    content |= {
        "report_no": report.report_no,
        "version": report.version,
        "file_stem": report.report_no.lower(),
    }
    report.check_code = code_of(canonical(content))
    content["check_code"] = grouped(report.check_code)
    content["verify_url"] = f"{settings.PUBLIC_ORIGIN}/public/verify/{report.check_code}"
    report.content = content
    report.content_sha256 = hashlib.sha256(canonical(content)).hexdigest()


def report_path(report: Report) -> Path:
    """Return where a finished report's PDF lies."""
    return Path(settings.VAR_DIR) / "reports" / report.file_name


def run_report_work(job: work.Work, progress: Any) -> dict[str, Any]:
    """Make and sign the PDF of a report; the handler of the work ``billing.render_report``."""
    report = Report.objects.get(pk=job.payload["report"])
    if report.state != Report.State.RENDERING:
        return {"report_no": report.report_no, "sha256": report.sha256, "unchanged": True}
    progress(0, 2, "正在排版")
    made = render_report(report.content)
    progress(1, 2, "正在签名")
    signer = house_signer()
    given_out = signer.sign(made.content) if signer else made.content
    file_name = f"{report.report_no}.pdf"
    folder = Path(settings.VAR_DIR) / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{file_name}.part"
    part.write_bytes(given_out)
    part.replace(folder / file_name)
    report.signed_with = signer.certificate_sha256 if signer else ""
    with transaction.atomic():
        sha256 = _finish(report, made, given_out, job)
        progress(2, 2, f"已生成 {report.report_no}，{made.pages} 页")
    return {"report_no": report.report_no, "sha256": sha256, "unchanged": False}


def _finish(made_of: Report, made: Rendered, given_out: bytes, job: work.Work) -> str:
    """Mark a report as ready and its earlier versions as superseded; return the file's digest."""
    actor, at = work.requester(job), job.requested_at
    report = Report.objects.select_for_update(of=("self",)).get(pk=made_of.pk)
    if report.state != Report.State.RENDERING:
        return report.sha256
    report.plain_sha256, report.plain_size = made.sha256, len(made.content)
    report.sha256, report.size = hashlib.sha256(given_out).hexdigest(), len(given_out)
    report.signed_with, report.pages = made_of.signed_with, made.pages
    report.file_name, report.rendered_at = f"{report.report_no}.pdf", at
    move(report, "become_ready", actor=actor, at=at)
    report.save()
    earlier = Report.objects.versions(report.kind, report.subject).filter(
        close=report.close, state="ready", version__lt=report.version
    )
    for each in earlier.select_for_update(of=("self",)):
        move(each, "supersede", actor=actor, at=at, reason=report.report_no)
        each.superseded_by, each.superseded_at = report, at
        each.save()
    body = {
        "report": report.pk,
        "report_no": report.report_no,
        "content_sha256": report.content_sha256,
        "sha256": report.sha256,
        "plain_sha256": report.plain_sha256,
        "signed_with": report.signed_with,
        "pages": report.pages,
        "size": report.size,
    }
    audit.record("report.pdf", body, actor=actor, at=at)
    return report.sha256
