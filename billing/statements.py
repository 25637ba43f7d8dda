"""Statements as plain data: for the report, for pages, for download.

Everything a reader needs to follow one fen: the line, the quantity, the rate version, the price,
each step of the public share, and where the log proves it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.models import Statement, StatementLine
from billing.rating import (
    ALL_BP,
    BINDING_TITLES,
    MILLI_SECONDS_PER_HOUR,
    PricingUnit,
    gross_fen,
    percent,
)
from ledger.amounts import yuan_text
from ledger.periods import SHANGHAI

_NOTHING = Decimal(0)
UNIT_TITLES = {PricingUnit.PFLOPS_HOUR: "PFLOPS·h", PricingUnit.CARD_HOUR: "卡时"}
CSV_COLUMNS = (
    "statement_no", "provider", "provider_uscc", "enterprise", "enterprise_uscc", "voucher_no",
    "order_no", "usage_month", "model", "rate", "gflops", "device_milli_seconds", "records",
    "pflops_hours", "unit", "quantity", "list_price_fen", "tier", "price_fen", "discount_bp",
    "list_fen", "discount_fen", "credit_fen", "gross_fen", "public_fen", "self_fen",
)  # fmt: skip
#: The columns of reports made before lines told what was taken off; made again, they stay as is.
FIRST_CSV_COLUMNS = (
    "statement_no", "provider", "provider_uscc", "enterprise", "enterprise_uscc", "voucher_no",
    "order_no", "usage_month", "model", "rate", "gflops", "device_milli_seconds", "records",
    "pflops_hours", "unit", "quantity", "price_fen", "gross_fen", "public_fen", "self_fen",
)  # fmt: skip
#: What the provider takes off: ``list_fen`` less the two others is ``gross_fen``, line by line.
TAKEN_OFF = ("list_fen", "discount_fen", "credit_fen")


def moment_text(moment: datetime | None) -> str:
    """Return a moment as people in Shanghai read it, or nothing."""
    if moment is None:
        return ""
    there = moment.astimezone(SHANGHAI)
    return f"{there.year}年{there.month}月{there.day}日 {there:%H:%M}"


def day_text(moment: datetime | None) -> str:
    """Return the Shanghai day of a moment."""
    if moment is None:
        return ""
    there = timezone.localtime(moment, SHANGHAI)
    return f"{there.year}年{there.month}月{there.day}日"


def full(statements: Any) -> list[Statement]:
    """Return statements with everything that is said about them, in the order of their numbers."""
    return list(
        statements.select_related(
            "close", "enterprise", "provider", "order", "voucher__programme", "voucher__application"
        )
        .prefetch_related("lines__reverses", "confirmations", "objections__line")
        .order_by("provider__uscc", "statement_no")
    )


def quantity_of(line: StatementLine) -> str:
    """Return the quantity in the unit the price is for."""
    priced_by_card = line.pricing_unit == PricingUnit.CARD_HOUR
    return f"{line.card_hours if priced_by_card else line.pflops_hours:f}"


def list_price_fen(line: StatementLine) -> int:
    """Return the price on file for a line's tier, before a contract took its place."""
    filed: int | None = line.filed_price_fen
    return line.price_fen if filed is None else filed


def list_fen(line: StatementLine) -> int:
    """Return what a line comes to at the price on file, in fen, below zero where it takes back.

    Where nothing came off the price this is what was asked, to the fen; else the quantity at the
    list price, rounded once as every line is.
    """
    if not line.discount_bp and line.filed_price_fen is None:
        return line.gross_fen + line.credit_fen
    amount = gross_fen(
        abs(line.device_milli_seconds),
        gflops=line.gflops,
        price_fen=list_price_fen(line),
        unit=PricingUnit(line.pricing_unit),
    )
    return -amount if line.device_milli_seconds < 0 else amount


def line_data(statement: Statement, line: StatementLine) -> dict[str, Any]:
    """Return one line as plain values; list less discount less free credit is gross."""
    listed = list_fen(line)
    return {
        "statement_no": statement.statement_no,
        "ordinal": line.ordinal,
        "enterprise": statement.enterprise.name,
        "enterprise_uscc": statement.enterprise.uscc,
        "voucher_no": statement.voucher.voucher_no,
        "order_no": statement.order.order_no,
        "usage_month": line.usage_month,
        "late": line.usage_month != statement.month,
        "model": line.model_name,
        "rate": line.rate_label,
        "gflops": str(line.gflops),
        "device_milli_seconds": str(line.device_milli_seconds),
        "records": line.records,
        "pflops_hours": f"{line.pflops_hours:f}",
        "quantity": quantity_of(line),
        "unit": UNIT_TITLES[PricingUnit(line.pricing_unit)],
        "list_price_fen": list_price_fen(line),
        "tier": line.tier,
        "price_fen": line.price_fen,
        "discount_bp": line.discount_bp,
        "list_fen": listed,
        "discount_fen": listed - line.credit_fen - line.gross_fen,
        "credit_fen": line.credit_fen,
        "gross_fen": line.gross_fen,
        "public_fen": line.public_fen,
        "self_fen": line.self_fen,
    }


def line_formula(line: StatementLine) -> str:
    """Return how the gross amount of a line comes about, with its real numbers."""
    unit = UNIT_TITLES[PricingUnit(line.pricing_unit)]
    said = f"{line.model_name}：{line.device_milli_seconds:,} 设备毫秒"
    if line.pricing_unit == PricingUnit.CARD_HOUR:
        quantity = f" ÷ {MILLI_SECONDS_PER_HOUR:,}"
    else:
        quantity = f" × {line.gflops:,} GFLOPS ÷ 3,600,000,000,000"
    price = f"{yuan_text(line.price_fen)} 元/{unit}"
    if line.filed_price_fen is not None:
        price += f"（合同单价，备案单价 {yuan_text(line.filed_price_fen)} 元）"
    if line.tier:
        price += f"（当月用量第 {line.tier} 档）"
    if line.discount_bp:
        price += f" × {percent(ALL_BP - line.discount_bp)}（减 {percent(line.discount_bp)}）"
    credit = f"，减赠送 {yuan_text(line.credit_fen)} 元" if line.credit_fen else ""
    return (
        f"{said}{quantity} ＝ {quantity_of(line)} {unit}；× {price}"
        f"{credit} ＝ {yuan_text(line.gross_fen)} 元（四舍五入到分）"
    )


#: The step whose amount is the grant when no limit binds.
_BY_RATIO = "raw"


def explained_terms(statement: Statement) -> list[dict[str, Any]]:
    """Return the steps of the public share with the one that decided it marked."""
    deciding = _BY_RATIO if statement.binding == "RATIO" else statement.binding.lower()
    return [{**term, "decides": term["code"] == deciding} for term in statement.terms]


def binding_title(statement: Statement) -> str:
    """Return the Chinese name of the limit that decided the share."""
    return BINDING_TITLES.get(statement.binding, statement.binding)


def confirmation_data(statement: Statement) -> dict[str, str]:
    """Return who confirmed a statement and when."""
    said: dict[str, str] = {"enterprise": "未确认", "provider": "未确认"}
    for objection in statement.objections.all():
        if objection.state == "open":
            said[objection.side] = f"异议（第 {objection.line.ordinal} 行）"
    for each in statement.confirmations.all():
        if each.version == statement.version:
            said[each.side] = f"{each.actor_name} {moment_text(each.confirmed_at)}"
    return {
        "statement_no": statement.statement_no,
        **said,
        "binding": binding_title(statement),
        "state": statement.get_state_display(),
    }


def provider_data(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the section of one provider; all statements are that provider's."""
    provider = statements[0].provider
    last4 = provider.bank_account_last4
    lines = [line_data(each, line) for each in statements for line in each.lines.all()]
    return {
        "name": provider.name,
        "uscc": provider.uscc,
        "account": f"尾号 {last4}" if last4 else "未登记",
        **sums_of(statements),
        **{name: sum(each[name] for each in lines) for name in TAKEN_OFF},
        "lines": lines,
        "confirmations": [confirmation_data(each) for each in statements],
    }


def sums_of(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return the sums of statements; a sum of what is there, never recomputed."""
    listed = list(statements)
    return {
        "statements": len(listed),
        "records": sum(each.records for each in listed),
        "pflops_hours": f"{sum((each.pflops_hours for each in listed), start=_NOTHING):.6f}",
        "gross_fen": sum(each.gross_fen for each in listed),
        "public_fen": sum(each.public_fen for each in listed),
        "self_fen": sum(each.self_fen for each in listed),
        "held_back_fen": sum(each.held_back_fen for each in listed),
        "payable_fen": sum(each.owed_fen for each in listed),
        "back_fen": -sum(
            line.public_fen
            for each in listed
            for line in each.lines.all()
            if line.reverses_id is not None or line.device_milli_seconds < 0
        ),
    }


def objection_data(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Return every objection with what became of it."""
    sides = {"enterprise": "企业", "provider": "服务商"}
    return [
        {
            "statement_no": each.statement_no,
            "line": objection.line.ordinal,
            "side": sides[objection.side],
            "reason": objection.reason,
            "amount_fen": objection.amount_fen,
            "raised": f"{objection.raised_name} {moment_text(objection.raised_at)}",
            "open": objection.state == "open",
            "state": objection.get_state_display(),
            "resolution": objection.resolution,
            "resolved": f"{objection.resolved_name} {moment_text(objection.resolved_at)}".strip(),
        }
        for each in statements
        for objection in each.objections.all()
    ]


def adjustment_data(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Return every line that takes something back, with what it takes back, why and by whom."""
    return [
        {"statement_no": each.statement_no, **_taken_back(each, line)}
        for each in statements
        for line in each.lines.all()
        if line.reverses is not None or line.device_milli_seconds < 0
    ]


def _taken_back(statement: Statement, line: StatementLine) -> dict[str, Any]:
    if line.reverses is None:
        earlier = Statement.objects.filter(order_id=statement.order_id, month=line.usage_month)
        numbers = earlier.values_list("statement_no", flat=True)
        return {
            "line": line.ordinal,
            "original": "、".join(numbers) or f"{line.usage_month} 的用量",
            "reason": f"第 {line.ordinal} 行更正 {line.usage_month} 的用量，按原单价冲减",
            "by": "服务商更正，规则自动冲减",
            "gross_fen": -line.gross_fen,
            "public_fen": -line.public_fen,
        }
    decided = [
        each
        for each in statement.objections.all()
        if each.line_id == line.reverses_id and each.state == "upheld"
    ]
    why = f"：{decided[-1].resolution}" if decided else ""
    return {
        "line": line.reverses.ordinal,
        "original": f"{statement.statement_no} 第 {line.reverses.ordinal} 行",
        "reason": f"第 {line.ordinal} 行冲减第 {line.reverses.ordinal} 行{why}",
        "by": decided[-1].resolved_name if decided else "—",
        "gross_fen": -line.gross_fen,
        "public_fen": -line.public_fen,
    }


def rates_data(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Return the rates and prices that were applied, each once."""
    found = {
        (
            line.model_name,
            line.rate_label,
            f"{line.gflops:,}",
            UNIT_TITLES[PricingUnit(line.pricing_unit)],
            line.price_fen,
        )
        for each in statements
        for line in each.lines.all()
    }
    names = ("model", "rate", "gflops", "unit", "price_fen")
    return [dict(zip(names, each, strict=True)) for each in sorted(found)]


def example_data(statements: Sequence[Statement]) -> dict[str, Any] | None:
    """Return the worked example: the statement with the largest share."""
    if not statements:
        return None
    chosen = max(statements, key=lambda each: (each.public_fen, each.statement_no))
    return {
        "statement_no": chosen.statement_no,
        "enterprise": chosen.enterprise.name,
        "lines": [line_formula(line) for line in chosen.lines.all() if line.reverses_id is None],
        "terms": [
            {name: term[name] for name in ("title", "amount", "how", "clause")}
            for term in chosen.terms
        ],
    }
