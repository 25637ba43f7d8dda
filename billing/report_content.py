"""What a monthly report says, as plain values: for the bureau, a provider or an enterprise.

Source: report.md section 3; product J.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from django.conf import settings

from billing import figures, statements
from billing.averages import averages
from billing.inspecting import inspection_data
from billing.models import MonthClose, Statement
from billing.pdf import MOST_LINES
from billing.rating import RATING_VERSION
from billing.report_parts import (
    Party,
    compared,
    coverage,
    filters_of,
    flows,
    frame,
    log_parts,
    oddities,
    sector_name,
    split,
    town_of,
)
from billing.splits import work_of_providers
from billing.statements import moment_text
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.capitals import capital_amount
from providers.models import Provider

#: How a report is laid out for whom: the column that groups its summary.
GROUPED = {"bureau": "服务商", "provider": "企业", "enterprise": "服务商"}


def monthly_content(
    close: MonthClose, kind: str, party: Party, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Return everything a month's report says, as plain values.

    Args:
        kind: ``bureau``, ``provider`` or ``enterprise``.
        party: whom it is for; None for the bureau.
    """
    mine = filters_of(party)
    listed = statements.full(close.statements.filter(**mine))
    sections = [
        statements.provider_data(list(group))
        for _, group in groupby(listed, key=lambda each: each.provider_id)
    ]
    checks = figures.checks_of(close, listed, **mine)
    carried = _carried(close, party)
    odd = oddities(close, party)
    month = close.period
    papers = settings.PAPERS
    return {
        **frame(kind, close, at),
        "title": f"{papers.district}算力券月度结算报告（{month.title}）",
        "short_title": "算力券月度结算报告",
        "audience": party.name if party else "数据局存档",
        "document_no": f"{papers.mark}结〔{month.year}〕{month.month}号",
        "period": _period_text(close),
        "summary": _summary(listed),
        "compared": compared(close, listed, party),
        "findings": _findings(listed, carried, checks, odd, close),
        "signers": _signers(close, actor, at),
        "flows": flows(close, party, kind, at),
        "grouped_by": GROUPED[kind],
        "groups": _groups(listed, sections, kind),
        "providers": sections,
        "lines_in_body": MOST_LINES,
        "line_columns": list(statements.CSV_COLUMNS),
        "objections": statements.objection_data(listed),
        "adjustments": statements.adjustment_data(listed),
        "carried": carried,
        "odd": odd,
        "inspection": None if party else _inspection(close),
        "coverage": coverage(close, listed, party),
        "checks": checks,
        "history": figures.history(month, **mine),
        "splits": [] if party else _splits(listed),
        "evaluation": [] if party else _evaluation(str(month)),
        "method": {
            "rating_version": RATING_VERSION,
            "editions": _editions(listed),
            "rates": statements.rates_data(listed),
            "example": statements.example_data(listed),
        },
        **log_parts(listed),
    }


def _inspection(close: MonthClose) -> dict[str, Any] | None:
    """Return the month's random inspection in numbers, with the seed that chose."""
    data = inspection_data(close)
    if data is None:
        return None
    kept = ("seed_digest", "seed", "statements", "chosen", "found", "problems")
    return {name: data[name] for name in kept} | {"drawn_at": moment_text(data["drawn_at"])}


def _period_text(close: MonthClose) -> str:
    start, end = close.period.start_at, close.period.end_at
    return f"{moment_text(start)} 至 {moment_text(end)}（上海时间，左闭右开）"


def _summary(listed: Sequence[Statement]) -> dict[str, Any]:
    """Return the key table of the cover."""
    sums = statements.sums_of(listed)
    return {
        **sums,
        "providers": len({each.provider_id for each in listed}),
        "enterprises": len({each.enterprise_id for each in listed}),
        "vouchers": len({each.voucher_id for each in listed}),
        "capital": capital_amount(sums["payable_fen"]),
    }


def _groups(
    listed: Sequence[Statement], sections: Sequence[dict[str, Any]], kind: str
) -> list[dict[str, Any]]:
    """Return the rows of the summary: per provider, or per enterprise for a provider.

    ``anchor`` is the number of the section a row leads to, 0 when there is none of its own.
    """
    if kind != "provider":
        names = ("name", "uscc", "account", "pflops_hours", "statements", "gross_fen",
                 "public_fen", "back_fen", "held_back_fen", "payable_fen")  # fmt: skip
        return [
            {"anchor": number, **{name: section[name] for name in names}}
            for number, section in enumerate(sections, start=1)
        ]
    ordered = sorted(listed, key=lambda each: (each.enterprise.uscc, each.statement_no))
    rows = []
    for _, group in groupby(ordered, key=lambda each: each.enterprise_id):
        mine = list(group)
        party = mine[0].enterprise
        rows.append(
            {
                "anchor": 0,
                "name": party.name,
                "uscc": party.uscc,
                "account": "",
                **statements.sums_of(mine),
            }
        )
    return rows


def _splits(listed: Sequence[Statement]) -> list[dict[str, Any]]:
    """Return the month by sector and by town, as the enterprises named them."""
    return [
        {"title": "按行业", "rows": split(listed, sector_name)},
        {"title": "按街镇", "rows": split(listed, town_of)},
    ]


def _evaluation(month: str) -> list[dict[str, Any]]:
    """Return PUE, green share and latency as filed and confirmed, weighted by the month's use."""
    found = averages(work_of_providers(first=month, last=month))
    return [each.as_plain() for each in found.values()]


def _carried(close: MonthClose, party: Party) -> list[dict[str, Any]]:
    """Return what went over to a later month; per provider it is known, per enterprise not."""
    if party is not None and not isinstance(party, Provider):
        return []
    return [
        {name: each[name] for name in ("kind", "provider", "count", "text")}
        for each in close.carried
        if party is None or each["provider_id"] == str(party.pk)
    ]


def _findings(
    listed: Sequence[Statement],
    carried: Sequence[dict[str, Any]],
    checks: Sequence[dict[str, Any]],
    odd: Sequence[dict[str, Any]],
    close: MonthClose,
) -> list[str]:
    """Return the three sentences that a head of department reads."""
    lines, difference = close.recomputed_lines or 0, close.recomputed_difference_fen or 0
    objections = [one for each in listed for one in each.objections.all()]
    still_open = sum(1 for one in objections if one.state == "open")
    answered = sum(
        1 for each in listed if each.state in ("confirmed", "prepared", "approved", "paid")
    )
    worst = max((abs(each["difference_fen"]) for each in checks), default=0)
    found, done = sum(each["count"] for each in odd), sum(each["decided"] for each in odd)
    return [
        f"本期对账单 {len(listed)} 份，已答复 {answered} 份；异议 {len(objections)} 项，"
        f"已处理 {len(objections) - still_open} 项；计量疑点 {found} 项，已处理 {done} 项。",
        f"转入下期 {sum(each['count'] for each in carried)} 条记录，均已列明，未计入本期金额。",
        f"独立重算与总账核对共 {len(checks)} 项，最大差异 {yuan_text(worst)} 元；"
        f"截止时全月逐单独立重算差异 {difference} 分，{lines} 行。",
    ]


def _signers(close: MonthClose, actor: Actor, at: datetime) -> list[dict[str, str]]:
    return [
        {
            "role": "编制（提请）",
            "name": close.prepared_name or "—",
            "at": moment_text(close.prepared_at),
        },
        {
            "role": "复核（签发）",
            "name": close.approved_name or "—",
            "at": moment_text(close.approved_at),
        },
        {"role": "报告生成", "name": actor.name, "at": moment_text(at)},
    ]


def _editions(listed: Sequence[Statement]) -> list[dict[str, str]]:
    found = {each.voucher.programme for each in listed}
    return sorted(
        ({"title": str(each), "digest": each.digest} for each in found),
        key=lambda each: each["digest"],
    )
