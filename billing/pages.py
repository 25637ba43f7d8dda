"""What the pages of several doors show: a statement told from every side, a month as tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from billing import lookup, statements
from billing.check_codes import grouped
from billing.models import MonthClose, Objection, Report, Statement, StateRow
from billing.reporting import report_path
from billing.settling import last_objection_day
from ledger import work
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import Month, month_of
from ledger.refusals import Refused
from ledger.sealing import entry_index
from providers.models import Order

PER_PAGE = 50


def month_named(text: str) -> Month:
    """Return the month in an address, or 404."""
    try:
        return Month.parse(text)
    except ValueError:
        raise Http404 from None


def close_named(text: str) -> MonthClose:
    """Return the settlement of the month in an address, or 404."""
    close = lookup.month_close(month_named(text))
    if close is None:
        raise Http404
    return close


def told(request: HttpRequest, refused: Refused) -> None:
    """Put a refusal on the next page."""
    messages.error(request, refused.message)


def page_of(request: HttpRequest, items: Sequence[Any] | QuerySet[Any]) -> Page[Any]:
    """Return the page of a list that the address asks for; a wrong number gives a near page."""
    return Paginator(items, PER_PAGE).get_page(request.GET.get("page"))


def statement_page(statement: Statement) -> dict[str, Any]:
    """Return everything a statement's page tells, whoever reads it."""
    lines = list(statement.lines.all())
    index = entry_index(statement.entry_id) if statement.entry_id else None
    return {
        "statement": statement,
        "lines": [(line, statements.line_formula(line)) for line in lines],
        "binding": statements.binding_title(statement),
        "parties": _party_rows(statement),
        "sums": _sum_rows(statement),
        "answers": statements.confirmation_data(statement),
        "objections": list(statement.objections.all()),
        "objections_until": last_objection_day(statement.close),
        "moves": [_move(row) for row in StateRow.objects.of(statement)],
        "log_url": reverse("log_entry", args=[index]) if index is not None else "",
        "status": why_not_paid(statement),
    }


def _party_rows(statement: Statement) -> list[dict[str, str]]:
    programme = statement.voucher.programme
    return [
        {"key": "结算月份", "value": statement.close.period.title},
        {"key": "企业", "value": f"{statement.enterprise.name}（{statement.enterprise.uscc}）"},
        {"key": "服务商", "value": f"{statement.provider.name}（{statement.provider.uscc}）"},
        {"key": "订单", "value": statement.order.order_no},
        {"key": "算力券", "value": statement.voucher.voucher_no},
        {"key": "方案", "value": str(programme)},
        {"key": "版本", "value": f"第 {statement.version} 版，摘要 {statement.digest[:16]}…"},
    ]


def _sum_rows(statement: Statement) -> list[dict[str, Any]]:
    return [
        {"label": "服务总价（元）", "value": yuan(statement.gross_fen)},
        {"label": "券抵扣（元）", "value": yuan(statement.public_fen)},
        {"label": "企业自付（元）", "value": yuan(statement.self_fen)},
        {"label": "算力（PFLOPS·h）", "value": f"{statement.pflops_hours:,.4f}"},
    ]


def yuan(amount_fen: int) -> str:
    """Return fen as yuan, as everywhere on the pages."""
    return yuan_text(amount_fen)


def _move(row: StateRow) -> dict[str, Any]:
    return {"title": row.event_label, "by": row.actor_name, "at": row.at, "text": row.reason}


def why_not_paid(statement: Statement) -> str:
    """Say in one sentence where the money of a statement is and what comes next."""
    said = {
        "in_review": "等待双方确认。双方都确认后，由数据局复核签发。",
        "disputed": "有异议正在处理。只暂扣有异议的行，其余部分照常结算。",
        "confirmed": "双方已确认，等待财务提请签发。",
        "prepared": "已提请签发，等待另一位负责人核对。",
        "approved": "已签发，等待财政拨付给服务商。",
        "paid": "已办结。" if statement.public_fen == 0 else "款项已付给服务商。",
    }
    return said.get(str(statement.state), "正在生成。")


@dataclass(frozen=True)
class MonthLine:
    """One month in the list of months."""

    month: Month
    close: MonthClose | None
    over: bool


def months(at: datetime) -> list[MonthLine]:
    """Return every month since the first order, the latest first."""
    closes = {each.month: each for each in MonthClose.objects.all()}
    first = Order.objects.order_by("starts_at").first()
    here = month_of(at)
    start = min(month_of(first.starts_at) if first else here, here)
    listed = {Month.parse(text) for text in closes}
    while start <= here:
        listed.add(start)
        start = start.next()
    return [
        MonthLine(each, closes.get(str(each)), at >= each.end_at)
        for each in sorted(listed, reverse=True)
    ]


def close_job(month: Month) -> work.Work | None:
    """Return the work that closes a month, if it was asked for."""
    return work.find("billing.close_month", str(month))


def month_tasks(month: Month, close: MonthClose | None, at: datetime) -> list[dict[str, str]]:
    """Return the steps of a month's settlement with where each stands."""
    state = str(close.state) if close else "open"
    job = close_job(month)
    if close is None or state in ("open", "closing"):
        return [_close_task(month, job, at), *_later_tasks()]
    found = _counts(close)
    return [
        _task("1　截止、计价并出具对账单", "已完成", "plain", "office_progress", month),
        _answer_task(month, found),
        _task(
            "3　处理异议",
            f"{found['objections']} 项待处理" if found["objections"] else "没有待处理的异议",
            "yellow" if found["objections"] else "plain",
            "office_statements",
            month,
        ),
        *_approval_tasks(month, close, found),
        *_payment_tasks(month, close, found),
    ]


def _task(title: str, status: str, colour: str, name: str = "", month: Any = "") -> dict[str, str]:
    url = reverse(name, args=[str(month)]) if name else ""
    return {"title": title, "status": status, "colour": colour, "url": url}


def _close_task(month: Month, job: work.Work | None, at: datetime) -> dict[str, str]:
    title = "1　截止、计价并出具对账单"
    if at < month.end_at:
        return _task(title, "本月尚未结束", "grey")
    if job is not None and job.state == work.Work.State.DEAD:
        return _task(title, "未办成，可重新发起", "red", "office_close", month)
    if job is not None and not job.is_over:
        return _task(title, "正在办理", "blue", "office_progress", month)
    return _task(title, "可以开始", "yellow", "office_close", month)


def _later_tasks() -> list[dict[str, str]]:
    titles = (
        "2　双方确认", "3　处理异议", "4　提请签发", "5　核对并签发",
        "6　导出付款清单", "7　登记付款结果", "8　办结本月",
    )  # fmt: skip
    return [_task(title, "尚不能开始", "grey") for title in titles]


def _counts(close: MonthClose) -> dict[str, int]:
    unanswered = set()
    for side in ("enterprise", "provider"):
        waiting = close.statements.all().waiting_for(side)
        unanswered |= set(waiting.values_list("pk", flat=True))
    lines = [line for batch in close.payments.all() for line in batch.lines.all()]
    return {
        "unanswered": len(unanswered),
        "objections": Objection.objects.filter(statement__close=close, state="open").count(),
        "unpaid": close.statements.exclude(state="paid").count(),
        "owed": sum(each.payable_fen for each in close.statements.filter(state="approved")),
        "waiting": sum(1 for line in lines if line.state == "waiting"),
        "lists": close.payments.count(),
    }


def _answer_task(month: Month, found: dict[str, int]) -> dict[str, str]:
    title = "2　双方确认"
    if found["unanswered"]:
        status = f"{found['unanswered']} 份待答复"
        return _task(title, status, "blue", "office_statements", month)
    return _task(title, "全部已答复", "plain", "office_statements", month)


def _approval_tasks(month: Month, close: MonthClose, found: dict[str, int]) -> list[dict[str, str]]:
    prepare, approve = "4　提请签发", "5　核对并签发"
    if close.approved_person:
        return [
            _task(prepare, f"已由{close.prepared_name}提请", "plain", "office_approve", month),
            _task(approve, f"已由{close.approved_name}签发", "plain", "office_approve", month),
        ]
    if close.prepared_person:
        return [
            _task(prepare, f"已由{close.prepared_name}提请", "plain", "office_approve", month),
            _task(approve, "待签发", "yellow", "office_approve", month),
        ]
    if found["unanswered"]:
        return [_task(prepare, "尚不能开始", "grey"), _task(approve, "尚不能开始", "grey")]
    return [
        _task(prepare, "可以提请", "yellow", "office_approve", month),
        _task(approve, "尚不能开始", "grey"),
    ]


def _payment_tasks(month: Month, close: MonthClose, found: dict[str, int]) -> list[dict[str, str]]:
    listing, paying, finish = "6　导出付款清单", "7　登记付款结果", "8　办结本月"
    if close.state == MonthClose.State.PAID:
        return [
            _task(
                listing, "已导出" if found["lists"] else "无应付", "plain", "office_payments", month
            ),
            _task(paying, "已完成", "plain", "office_payments", month),
            _task(finish, "已办结", "plain"),
        ]
    if close.state != MonthClose.State.CLOSED:
        return [_task(title, "尚不能开始", "grey") for title in (listing, paying, finish)]
    to_list = bool(found["owed"]) and not found["waiting"]
    return [
        _task(
            listing,
            "可以导出" if to_list else "已导出" if found["lists"] else "无应付",
            "yellow" if to_list else "plain",
            "office_payments",
            month,
        ),
        _task(
            paying,
            f"{found['waiting']} 笔待登记" if found["waiting"] else "没有待登记",
            "yellow" if found["waiting"] else "plain",
            "office_payments",
            month,
        ),
        _task(
            finish,
            "尚有未办结的对账单" if found["unpaid"] else "可以办结",
            "grey" if found["unpaid"] else "yellow",
            "office_payments",
            month,
        ),
    ]


def report_rows(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Return reports as rows of a list, with the address of the PDF where there is one."""
    return [
        {
            "report": each,
            "for_whom": each.provider.name if each.provider else "数据局",
            "url": reverse("office_report_file", args=[each.pk]) if each.file_name else "",
        }
        for each in reports
    ]


def may_answer(statement: Statement, side: str) -> bool:
    """Tell whether a side has still to answer a statement, or may object to one more line."""
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        return False
    said_yes = (
        each.side == side and each.version == statement.version
        for each in statement.confirmations.all()
    )
    return not any(said_yes)


def pdf_response(report: Report) -> HttpResponse:
    """Return a finished report's PDF, or 404 when the file is not there."""
    path = report_path(report)
    if not path.exists():
        raise Http404
    response = HttpResponse(path.read_bytes(), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{report.file_name}"'
    return response


def verify_rows(report: Report) -> list[dict[str, str]]:
    """Return what anybody may know about a report: number, period, sum, pages, digest."""
    return [
        {"key": "报告编号", "value": report.report_no},
        {"key": "结算期间", "value": report.close.period.title},
        {"key": "对象", "value": "数据局" if report.provider is None else report.provider.name},
        {"key": "本期应付合计", "value": f"￥{yuan(report.total_fen)}"},
        {"key": "页数", "value": f"{report.pages} 页，{report.size:,} 字节"},
        {"key": "SHA-256", "value": report.sha256},
        {"key": "核验码", "value": grouped(report.check_code)},
    ]


def same_person(actor: Actor, person: str) -> bool:
    """Tell whether two names stand for one natural person."""
    return bool(person) and actor.person == person
