"""Monthly reports: freeze a month as content and make the PDF of it.

``make_report`` writes down the content as canonical data once; the PDF is work that only looks at
that content, so it can be made again to the byte whenever somebody doubts it.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from billing import figures, statements
from billing.capitals import capital_amount
from billing.check_codes import code_of, grouped
from billing.models import MonthClose, Report, Statement, move
from billing.models.state_row import write_row
from billing.pdf import canonical, render_report
from billing.rating import RATING_VERSION
from ledger import audit, work
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.refusals import Refused
from ledger.sealing import entry_index, latest_checkpoint
from ledger.signing import split_note
from providers.models import Provider
from vouchers.models import Programme

KIND = "billing.render_report"
SCHEMA = "monthly-report/1"
BUREAU = "上海市普陀区数据局"
LONGEST_PRINTED = 200  # characters of a line of a checkpoint on paper
KEY_ID_BYTES = 4  # C2SP signed note: a signature begins with the key's number
COPIES_TO = "区财政局，区审计局"
MOVING_PARTS = ("made_at", "made_on", "issued_on", "log", "proof", "signers", "version",
                "report_no", "check_code", "verify_url", "flows")  # fmt: skip


@transaction.atomic
def make_report(
    close: MonthClose, provider: Provider | None = None, *, actor: Actor, at: datetime
) -> Report:
    """Freeze a month's report and ask for its PDF; unchanged substance gives the same report.

    Args:
        provider: the report for one provider; without it, the bureau's.

    Writes: the report with its content, one piece of work, state row, log entry.

    Raises:
        Refused: the statements are not out yet.
    """
    close = MonthClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if close.state in (MonthClose.State.OPEN, MonthClose.State.CLOSING):
        raise Refused("not_closed", "本月对账单尚未出具，不能生成报告。请先完成结算。")
    before: Report | None = _versions(close, provider).last()
    content = build_content(close, provider, actor=actor, at=at)
    if before is not None and _substance(before.content) == _substance(content):
        return before
    version = before.version + 1 if before else 1
    report = Report(
        kind=Report.Kind.BUREAU if provider is None else Report.Kind.PROVIDER,
        close=close,
        month=close.month,
        provider=provider,
        report_no=_report_no(close, before, version),
        version=version,
        trial=content["trial"],
        total_fen=content["summary"]["payable_fen"],
        asked_at=at,
        asked_name=actor.name,
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


def _versions(close: MonthClose, provider: Provider | None) -> Any:
    return close.reports.filter(provider=provider).order_by("version")


def _report_no(close: MonthClose, before: Report | None, version: int) -> str:
    """Return the number: the same document keeps its number, a later version adds its own."""
    if before is not None:
        return f"{before.report_no[: len('PTSL-BG-2026-10-0000')]}-{version}"
    known = close.reports.values("kind", "provider").distinct().count()
    return f"PTSL-BG-{close.month}-{known + 1:04d}"


def _substance(content: dict[str, Any]) -> bytes:
    """Return what a report says about the month, without when and by whom it was printed."""
    kept = {name: value for name, value in content.items() if name not in MOVING_PARTS}
    return canonical(kept)


def _seal(report: Report, content: dict[str, Any]) -> None:
    """Number the content, derive its check code from it, and take its digest."""
    content |= {"report_no": report.report_no, "version": report.version}
    report.check_code = code_of(canonical(content))
    content["check_code"] = grouped(report.check_code)
    content["verify_url"] = f"{settings.PUBLIC_ORIGIN}/public/verify/{report.check_code}"
    report.content = content
    report.content_sha256 = hashlib.sha256(canonical(content)).hexdigest()


def build_content(
    close: MonthClose, provider: Provider | None, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return everything a month's report says, as plain values."""
    chosen = close.statements.all()
    if provider is not None:
        chosen = chosen.filter(provider=provider)
    listed = statements.full(chosen)
    sections = [
        statements.provider_data(list(group))
        for _, group in groupby(listed, key=lambda each: each.provider_id)
    ]
    checks = figures.checks_of(close, listed, provider)
    summary = _summary(close, listed, provider)
    carried = [
        {name: each[name] for name in ("kind", "provider", "count", "text")}
        for each in close.carried
        if provider is None or each["provider_id"] == str(provider.pk)
    ]
    month = close.period
    return {
        "schema": SCHEMA,
        "kind": "bureau" if provider is None else "provider",
        "title": f"普陀区算力券月度结算报告（{month.title}）",
        "short_title": "算力券月度结算报告",
        "audience": "数据局存档" if provider is None else provider.name,
        "bureau": BUREAU,
        "document_no": f"普数算结〔{month.year}〕{month.month}号",
        "trial": close.approved_at is None,
        "month": close.month,
        "month_title": month.title,
        "period": _period_text(close),
        "issued_on": statements.day_text(at),
        "made_at": at.isoformat(),
        "made_on": statements.moment_text(at),
        "verify_host": urlsplit(settings.PUBLIC_ORIGIN).netloc,
        "copies_to": COPIES_TO,
        "summary": summary,
        "findings": _findings(listed, carried, checks),
        "signers": _signers(close, actor, at),
        "flows": _flows(close, provider, at),
        "providers": sections,
        "objections": statements.objection_data(listed),
        "adjustments": statements.adjustment_data(listed),
        "carried": carried,
        "checks": checks,
        "history": figures.history(month, provider),
        "method": {
            "rating_version": RATING_VERSION,
            "editions": _editions(listed),
            "rates": statements.rates_data(listed),
            "example": statements.example_data(listed),
        },
        **_log_parts(listed),
    }


def _period_text(close: MonthClose) -> str:
    start, end = close.period.start_at, close.period.end_at
    return f"{statements.moment_text(start)} 至 {statements.moment_text(end)}（上海时间，左闭右开）"


def _summary(
    close: MonthClose, listed: Sequence[Statement], provider: Provider | None
) -> dict[str, Any]:
    """Return the key table of the cover."""
    sums = statements.sums_of(listed)
    earlier = figures.history(close.period.previous(), provider)
    last = int(earlier[-1]["public_fen"]) if earlier else 0
    change = sums["public_fen"] - last
    word = "增加" if change >= 0 else "减少"
    return {
        **sums,
        "providers": len({each.provider_id for each in listed}),
        "enterprises": len({each.enterprise_id for each in listed}),
        "vouchers": len({each.voucher_id for each in listed}),
        "capital": capital_amount(sums["payable_fen"]),
        "compared": f"上期券抵扣 {yuan_text(last)} 元，本期{word} {yuan_text(abs(change))} 元",
    }


def _findings(
    listed: Sequence[Statement], carried: list[dict[str, Any]], checks: list[dict[str, Any]]
) -> list[str]:
    """Return the three sentences that a head of department reads."""
    objections = [one for each in listed for one in each.objections.all()]
    still_open = sum(1 for one in objections if one.state == "open")
    answered = sum(
        1 for each in listed if each.state in ("confirmed", "prepared", "approved", "paid")
    )
    worst = max((abs(each["difference_fen"]) for each in checks), default=0)
    return [
        f"本期对账单 {len(listed)} 份，已答复 {answered} 份；异议 {len(objections)} 项，"
        f"已处理 {len(objections) - still_open} 项。",
        f"转入下期 {sum(each['count'] for each in carried)} 条记录，均已列明，未计入本期金额。",
        f"独立重算与总账核对共 {len(checks)} 项，最大差异 {yuan_text(worst)} 元。",
    ]


def _signers(close: MonthClose, actor: Actor, at: datetime) -> list[dict[str, str]]:
    return [
        {
            "role": "编制（提请）",
            "name": close.prepared_name or "—",
            "at": statements.moment_text(close.prepared_at),
        },
        {
            "role": "复核（签发）",
            "name": close.approved_name or "—",
            "at": statements.moment_text(close.approved_at),
        },
        {"role": "报告生成", "name": actor.name, "at": statements.moment_text(at)},
    ]


def _flows(close: MonthClose, provider: Provider | None, at: datetime) -> list[dict[str, Any]]:
    """Return the roll-forward since the last month's report, per programme."""
    last = (
        Report.objects.filter(month__lt=close.month, provider=provider)
        .exclude(trial=True)
        .order_by("month", "version")
        .last()
    )
    opened_at = last.asked_at if last else None
    newest: dict[str, Programme] = {
        each.slug: each for each in Programme.objects.order_by("slug", "edition_no")
    }
    flows = []
    for programme in newest.values():
        flow = figures.roll_forward(programme, opened_at=opened_at, closed_at=at, provider=provider)
        flow["since"] = statements.moment_text(opened_at) or "方案开始"
        flows.append(flow)
    return flows


def _editions(listed: Sequence[Statement]) -> list[dict[str, str]]:
    found = {each.voucher.programme for each in listed}
    return sorted(
        ({"title": str(each), "digest": each.digest} for each in found),
        key=lambda each: each["digest"],
    )


def _log_parts(listed: Sequence[Statement]) -> dict[str, Any]:
    """Return where the log stands, and the place of each statement in it."""
    checkpoint = latest_checkpoint()
    entries = [
        {
            "statement_no": each.statement_no,
            "digest": each.digest,
            "entry": str(each.entry_id or ""),
            "index": _index_text(each),
        }
        for each in listed
    ]
    if checkpoint is None:
        said = dict.fromkeys(("root", "key", "sealed_at", "note"), "")
        said |= {"origin": settings.LOG_ORIGIN, "size": "0"}
    else:
        said = {
            "origin": settings.LOG_ORIGIN,
            "size": str(checkpoint.size),
            "root": checkpoint.root_hex,
            "key": _key_text(checkpoint.note),
            "sealed_at": statements.moment_text(checkpoint.sealed_at),
            "note": checkpoint.note,
        }
    printed = said | {"note": _printed(said["note"])}
    return {"log": printed, "proof": {"checkpoint": said, "entries": entries}}


def _printed(note: str) -> str:
    """Return a checkpoint without the signature lines that are too long for paper.

    What is left is a checkpoint still; the attachment holds all of it.
    """
    lines = note.splitlines(keepends=True)
    return "".join(each for each in lines if len(each) <= LONGEST_PRINTED)


def _key_text(note: str) -> str:
    """Return the name and number of the key that signed a checkpoint."""
    _, signatures = split_note(note)
    return "；".join(f"{name} {signature[:KEY_ID_BYTES].hex()}" for name, signature in signatures)


def _index_text(statement: Statement) -> str:
    """Return the entry's place in the log, empty until it is sealed."""
    index = entry_index(statement.entry_id) if statement.entry_id else None
    return "" if index is None else str(index)


def report_path(report: Report) -> Path:
    """Return where a finished report's PDF lies."""
    return Path(settings.VAR_DIR) / "reports" / report.file_name


def run_report_work(job: work.Work, progress: Any) -> dict[str, Any]:
    """Make the PDF of a report; the handler of the work ``billing.render_report``."""
    report = Report.objects.get(pk=job.payload["report"])
    if report.state != Report.State.RENDERING:
        return {"report_no": report.report_no, "sha256": report.sha256, "unchanged": True}
    progress(0, 1, "正在排版")
    made = render_report(report.content)
    file_name = f"{report.report_no}.pdf"
    folder = Path(settings.VAR_DIR) / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{file_name}.part"
    part.write_bytes(made.content)
    part.replace(folder / file_name)
    with transaction.atomic():
        _finish(report, made.sha256, made.pages, len(made.content), file_name, job)
        progress(1, 1, f"已生成 {report.report_no}，{made.pages} 页")
    return {"report_no": report.report_no, "sha256": made.sha256, "unchanged": False}


def _finish(
    report: Report, sha256: str, pages: int, size: int, file_name: str, job: work.Work
) -> None:
    """Mark a report as ready and its earlier versions as superseded."""
    actor, at = work.requester(job), job.requested_at
    report = Report.objects.select_for_update(of=("self",)).get(pk=report.pk)
    if report.state != Report.State.RENDERING:
        return
    report.sha256, report.pages, report.size = sha256, pages, size
    report.file_name, report.rendered_at = file_name, at
    move(report, "become_ready", actor=actor, at=at)
    report.save()
    earlier = _versions(report.close, report.provider).filter(
        state="ready", version__lt=report.version
    )
    for each in earlier.select_for_update(of=("self",)):
        move(each, "supersede", actor=actor, at=at, reason=report.report_no)
        each.superseded_by, each.superseded_at = report, at
        each.save()
    body = {
        "report": report.pk,
        "report_no": report.report_no,
        "content_sha256": report.content_sha256,
        "sha256": sha256,
        "pages": pages,
        "size": size,
    }
    audit.record("report.pdf", body, actor=actor, at=at)
