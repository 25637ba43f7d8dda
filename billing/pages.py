"""What the pages of several doors show: a statement told from every side, a month as tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from billing import lookup, statements
from billing.clawback_letters import letters_owed
from billing.models import Clawback, MonthClose, Report, Statement, StateRow
from billing.redeeming import drawn_on
from billing.reporting import report_path
from billing.settling import last_objection_day
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.check_codes import grouped
from ledger.periods import Month, day_of, month_of
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


def own_statement(party: Any, pk: UUID) -> Statement:
    """Return one of the statements of an enterprise or a provider, or 404."""
    found: Statement | None = lookup.full_statements(party.statements.all()).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


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
        "terms": statements.explained_terms(statement),
        "binding": statements.binding_title(statement),
        "parties": _party_rows(statement),
        "sums": _sum_rows(statement),
        "answers": statements.confirmation_data(statement),
        "objections_until": last_objection_day(statement.close),
        "moves": moves_of(statement),
        "log_url": reverse("log_entry", args=[index]) if index is not None else "",
        "status": why_not_paid(statement),
        "certificate": getattr(statement, "certificate", None),
    }


def _party_rows(statement: Statement) -> list[dict[str, str]]:
    programme = statement.voucher.programme
    return [
        {"key": "结算月份", "value": statement.close.period.title},
        {"key": "企业", "value": f"{statement.enterprise.name}（{statement.enterprise.uscc}）"},
        {"key": "服务商", "value": f"{statement.provider.name}（{statement.provider.uscc}）"},
        {"key": "订单", "value": statement.order.order_no},
        *_voucher_rows(statement),
        {"key": "方案", "value": str(programme)},
        {"key": "版本", "value": f"第 {statement.version} 版，摘要 {statement.digest[:16]}…"},
    ]


def _voucher_rows(statement: Statement) -> list[dict[str, str]]:
    """Return the voucher of a statement; where several were drawn on, what each paid."""
    drawn = drawn_on(statement.pk)
    if len(drawn) < 2:
        number = drawn[0].voucher.voucher_no if drawn else statement.voucher.voucher_no
        return [{"key": "算力券", "value": number}]
    return [
        {
            "key": f"算力券（第 {place} 张）",
            "value": f"{each.voucher.voucher_no}：核销 {yuan(each.amount_fen)} 元",
        }
        for place, each in enumerate(drawn, start=1)
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


def moves_of(subject: Any) -> list[dict[str, Any]]:
    """Return what was done with one thing, oldest first."""
    return [_move(row) for row in StateRow.objects.of(subject)]


def _move(row: StateRow) -> dict[str, Any]:
    return {"title": row.event_label, "by": row.actor_name, "at": row.at, "text": row.reason}


def why_not_paid(statement: Statement) -> str:
    """Say in one sentence where the money of a statement is and what comes next."""
    if statement.by_claim and statement.state == Statement.State.APPROVED:
        return _claim_stands(statement)
    said = {
        "in_review": "等待双方确认。双方都确认后，由数据局复核签发。",
        "disputed": "有异议正在处理。只暂扣有异议的行，其余部分照常结算。",
        "confirmed": "双方已确认，等待财务提请签发。",
        "prepared": "已提请签发，等待另一位负责人核对。",
        "approved": "已签发，等待财政拨付。",
        "paid": "已办结。" if statement.public_fen == 0 else "款项已付给服务商。",
    }
    return said.get(str(statement.state), "正在生成。")


def _claim_stands(statement: Statement) -> str:
    """Say where the money of an approved statement is that the enterprise paid first."""
    if statement.granted_fen is not None:
        return "已核销，等待财政拨付给企业。"
    return "已签发，等待企业凭发票和付款凭据申请核销。"


#: Days from the approval of a month within which its money leaves: a level of service.
#: Source: 保障中小企业款项支付条例, 30 days.
PAY_WITHIN_DAYS = 30


def payment_due(close: MonthClose, at: datetime) -> dict[str, Any] | None:
    """Return until which day a month's money is due and whether that is over while some is owed."""
    if close.approved_at is None:
        return None
    on = day_of(close.approved_at) + timedelta(days=PAY_WITHIN_DAYS)
    owed = sum(each.payable_fen for each in close.statements.filter(state="approved"))
    return {
        "on": on,
        "owed_fen": owed,
        "days_left": (on - day_of(at)).days,
        "days_over": (day_of(at) - on).days,
        "is_over": owed > 0 and day_of(at) > on,
    }


def clawback_page(case: Clawback, at: datetime) -> dict[str, Any]:
    """Return what a party sees of a case against it."""
    runs = case.state in ("decided", "recovering", "enforcement", "transferred")
    return {
        "case": case,
        "letters": letters_owed(case),
        "receipts": lookup.receipts_of(case),
        "may_answer": case.state == "noticed"
        and not case.heard_at
        and case.hear_until is not None
        and at < case.hear_until,
        "is_owed": runs and case.left_fen > 0,
    }


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


def report_rows(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Return reports as rows of a list, with the address of the PDF where there is one."""
    return [
        {
            "report": each,
            "for_whom": each.for_whom,
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
        {"key": "文件", "value": report.get_kind_display()},
        {"key": "文件编号", "value": report.report_no},
        {"key": "结算期间", "value": report.close.period.title},
        {"key": "对象", "value": report.for_whom},
        {"key": _sum_title(report), "value": f"￥{yuan(report.total_fen)}"},
        {"key": "页数", "value": f"{report.pages} 页，{report.size:,} 字节"},
        {"key": "SHA-256", "value": report.sha256},
        {"key": "电子签名证书（SHA-256）", "value": report.signed_with or "未签名"},
        {"key": "核验码", "value": grouped(report.check_code)},
    ]


def _sum_title(report: Report) -> str:
    """Return what the sum of a document is called."""
    titles = {
        "payments": "拨付合计",
        "performance": "下达预算",
        "certificate": "核销金额",
        "note": "券抵扣差额",
        "annual": "退回或结转合计",
    }
    return titles.get(report.kind, "本期应付合计")


def same_person(actor: Actor, person: str) -> bool:
    """Tell whether two names stand for one natural person."""
    return bool(person) and actor.person == person
