"""The open data of the programmes (公开数据): totals, spans of months, and what they divide into.

Only approved months are published. No enterprise is named, small cells stay hidden
(``suppressing``), amounts are rounded to whole yuan and compute to whole PFLOPS-hours.

Units: yuan, half up; PFLOPS-hours (FP16 dense), half up.
Source: product.md P 132; 政府信息公开条例 (国令711号).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from django.db import connection

from billing.averages import averages
from billing.models import MonthClose
from billing.sheets import csv_bytes
from billing.splits import UNKNOWN, sector_key, work_of_providers
from billing.suppressing import K, Small, merged_months, publish
from ledger.amounts import divide_half_up
from vouchers.parameters import KINDS

SCHEMA = "putuo-compute-voucher-open-data/1"
LICENCE = "可自由使用、复制和再分发，请注明来源“普陀区数据局”和数据截至月份；不得用于识别单个企业。"
WORK_PER_PFLOPS_HOUR = 3_600_000_000_000
WAYS = {"sector": "按行业", "town": "按街镇", "provider": "按服务商", "kind": "按券种"}
COLUMNS = {
    "table": "表：total 合计，months 时段，sector 行业，town 街镇，provider 服务商，kind 券种",
    "item": "项目名称；时段写作 起月/止月",
    "enterprises": "企业数（家），隐去时为空",
    "gross_yuan": "服务总价（元，四舍五入到元），隐去时为空",
    "public_yuan": "券抵扣（元，四舍五入到元），隐去时为空",
    "pflops_hours": "算力（PFLOPS·h，FP16 稠密，四舍五入到整数），隐去时为空",
    "hidden": "1 表示因企业数少而隐去",
}
_QUARTER_ENDS = ("03", "06", "09", "12")
#: One row for each month, enterprise and way of dividing; amounts of approved months alone.
_ROWS = """
SELECT s.month, s.enterprise_id::text, p.kind, pr.name,
       coalesce(a.answers #>> '{enterprise,street}', ''),
       coalesce(a.answers #>> '{enterprise,industry}', ''),
       sum(s.gross_fen)::bigint, sum(s.public_fen)::bigint, coalesce(sum(l.work), 0)
  FROM billing_statement s
  JOIN billing_monthclose c ON c.id = s.close_id AND c.state IN ('closed', 'paid')
  JOIN vouchers_voucher v ON v.id = s.voucher_id
  JOIN vouchers_programme p ON p.id = v.programme_id
  JOIN vouchers_application a ON a.id = v.application_id
  JOIN providers_provider pr ON pr.id = s.provider_id
  CROSS JOIN LATERAL (
       SELECT sum(x.device_milli_seconds::numeric * x.gflops) AS work
         FROM billing_statementline x WHERE x.statement_id = s.id) l
 WHERE s.state IN ('approved', 'paid') AND s.month <= %(last)s
 GROUP BY 1, 2, 3, 4, 5, 6
"""


@dataclass(frozen=True)
class Fact:
    """What one enterprise had settled in one month in one of each way of dividing."""

    month: str
    firm: str
    keys: Mapping[str, str]
    gross_fen: int
    public_fen: int
    work: int


def _approved_through() -> str:
    """Return the last month up to which every month begun is approved; empty when none is."""
    last = ""
    for month, state in MonthClose.objects.order_by("month").values_list("month", "state"):
        if state not in ("closed", "paid"):
            break
        last = month
    return last


def _facts(last: str) -> list[Fact]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, {"last": last})
        rows = cursor.fetchall()
    kinds = dict(KINDS)
    return [
        Fact(
            month,
            firm,
            {
                "kind": kinds.get(kind, kind),
                "provider": provider,
                "town": town or UNKNOWN,
                "sector": sector_key(industry)[1],
            },
            gross,
            public,
            int(work),
        )
        for month, firm, kind, provider, town, industry, gross, public, work in rows
    ]


def open_data(at: datetime) -> dict[str, Any]:
    """Return the whole data set as plain data, with its schema, its moment and its digest.

    Args:
        at: when it is looked at; not part of the digest, so the same data has the same digest.
    """
    approved = _approved_through()
    facts = _facts(approved)
    months = sorted({each.month for each in facts})
    spans = merged_months(
        [(month, frozenset(x.firm for x in facts if x.month == month)) for month in months]
    )
    through = spans[-1][1] if spans else ""
    listed = [each for each in facts if each.month <= through]
    rows = [_row("total", "合计", listed)] if spans else []
    rows += [
        _row("months", f"{first}/{last}", [x for x in listed if first <= x.month <= last])
        for first, last in spans
    ]
    divided, before = _issue(spans, approved)
    for way in WAYS:
        rows += _divided(way, [x for x in listed if x.month <= divided], before)
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "licence": LICENCE,
        "columns": COLUMNS,
        "threshold": K,
        "through": through,
        "divided_through": divided,
        "rows": rows,
        "evaluation": _evaluation(divided, rows),
    }
    return {
        **body,
        "sha256": hashlib.sha256(rfc8785.dumps(body)).hexdigest(),
        "as_of": at.isoformat(timespec="seconds"),
    }


def _evaluation(divided: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what providers filed about their sites, weighted by compute.

    An average of values that somebody knows tells how the compute divides; it stays hidden while
    the compute of a provider does.
    """
    if not divided:
        return []
    hidden = any(row["hidden"] for row in rows if row["table"] == "provider")
    return [
        {
            "item": each.item.title,
            "unit": each.item.unit,
            "value": None if hidden else each.value,
            "providers_filed": each.filed,
            "providers": each.providers,
            "hidden": int(hidden and each.value is not None),
        }
        for each in averages(work_of_providers(last=divided)).values()
    ]


def _issue(spans: list[tuple[str, str]], approved: str) -> tuple[str, str]:
    """Return through which month tables are divided, and through which they were before.

    Divided tables come out once a quarter, when all of it is approved: the last span that ends by
    the end of the quarter, also where its last months were without use.
    """
    ends = [last for _, last in spans]
    if not ends:
        return "", ""
    quarters = [
        f"{year}-{month}"
        for year in range(int(ends[0][:4]), int(approved[:4]) + 1)
        for month in _QUARTER_ENDS
        if f"{year}-{month}" <= approved
    ]
    issues: list[str] = []
    for quarter in quarters:
        within = [each for each in ends if each <= quarter]
        if within and within[-1] not in issues:
            issues.append(within[-1])
    return (issues[-1] if issues else "", issues[-2] if len(issues) > 1 else "")


def _divided(way: str, facts: list[Fact], before: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Fact]] = {}
    for each in facts:
        groups.setdefault(each.keys[way], []).append(each)
    cells = [
        Small(
            key,
            key,
            frozenset(x.firm for x in found),
            frozenset(x.firm for x in found if x.month > before),
            _amounts(found),
        )
        for key, found in sorted(groups.items())
    ]
    told = publish(cells)
    return [
        _row(way, each.title, groups[each.key])
        if each in told.shown
        else _hidden(way, each.title)
        for each in cells
    ]  # fmt: skip


def _amounts(facts: Iterable[Fact]) -> tuple[int, int, int]:
    found = list(facts)
    return (
        _rounded(sum(x.gross_fen for x in found), 100),
        _rounded(sum(x.public_fen for x in found), 100),
        _rounded(sum(x.work for x in found), WORK_PER_PFLOPS_HOUR),
    )


def _rounded(numerator: int, denominator: int) -> int:
    """Return a whole quotient, half away from nought, of a sum that may be below nought."""
    if numerator < 0:
        return -divide_half_up(-numerator, denominator)
    return divide_half_up(numerator, denominator)


def _row(table: str, item: str, facts: list[Fact]) -> dict[str, Any]:
    gross, public, work = _amounts(facts)
    return {
        "table": table,
        "item": item,
        "enterprises": len({x.firm for x in facts}),
        "gross_yuan": gross,
        "public_yuan": public,
        "pflops_hours": work,
        "hidden": 0,
    }


def _hidden(table: str, item: str) -> dict[str, Any]:
    names = ("enterprises", "gross_yuan", "public_yuan", "pflops_hours")
    return {"table": table, "item": item, **dict.fromkeys(names), "hidden": 1}


def as_json(data: Mapping[str, Any]) -> bytes:
    """Return the data set as JSON."""
    return json.dumps(data, ensure_ascii=False, indent=1).encode()


def as_csv(data: Mapping[str, Any]) -> bytes:
    """Return the rows as CSV; a hidden amount is an empty cell."""
    names = tuple(COLUMNS)
    rows = [
        {name: "" if row[name] is None else row[name] for name in names} for row in data["rows"]
    ]
    return csv_bytes(names, rows)
