"""What the pages of the three-way match show: totals, rows by result, how to object."""

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.urls import reverse

from billing.matching import SECONDS, SHARE_BP
from billing.models import MatchRow, Statement
from billing.rating import percent
from billing.scheduler_files import SAMPLE

_HOUR = 3_600_000
PER_PAGE = 50
RESULT_COLOURS = {
    "matched": "grey", "differs": "yellow", "only_provider": "red", "only_scheduler": "orange",
}  # fmt: skip


def match_page(request: HttpRequest, statement: Statement, answer_page: str = "") -> dict[str, Any]:
    """Return what the page of a statement's match shows.

    Args:
        answer_page: name of the page on which the reader may object; nothing for the bureau.
    """
    run = statement.matches.first()
    asked = request.GET.get("result", "")
    rows = run.rows.all() if run else MatchRow.objects.none()
    if asked in MatchRow.Result.values:
        rows = rows.filter(result=asked)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "statement": statement,
        "run": run,
        "earlier": max(statement.matches.count() - 1, 0),
        "page_obj": page,
        "rows": [_row(each, statement, answer_page) for each in page],
        "counts": [
            {
                "code": code,
                "title": label,
                "count": run.counts.get(code, 0) if run else 0,
                "chosen": asked == code,
            }
            for code, label in MatchRow.Result.choices
        ],
        "totals": _totals(run) if run else [],
        "tolerance": f"起止各 {SECONDS} 秒、用量 {percent(SHARE_BP)} 以内视为一致",
        "sample": SAMPLE,
    }


def _totals(run: Any) -> list[dict[str, Any]]:
    mine, theirs = run.provider_milli_seconds, run.scheduler_milli_seconds
    return [
        {"label": "供方计量（卡时）", "value": _hours(mine)},
        {"label": "调度器（卡时）", "value": _hours(theirs)},
        {"label": "相差（卡时）", "value": _hours(mine - theirs)},
        {"label": "企业答复", "value": run.enterprise_said},
    ]


def _hours(milli_seconds: int) -> str:
    """Return device time as card-hours with two decimals, cut; for showing."""
    whole, rest = divmod(abs(milli_seconds) * 100 // _HOUR, 100)
    return f"{'-' if milli_seconds < 0 else ''}{whole:,}.{rest:02d}"


def _row(row: MatchRow, statement: Statement, answer_page: str) -> dict[str, Any]:
    told = {
        "row": row,
        "colour": RESULT_COLOURS[row.result],
        "mine": _hours(row.provider_milli_seconds),
        "theirs": _hours(row.scheduler_milli_seconds),
        "object_url": "",
    }
    disputable = row.result != "matched" and row.line_ordinal is not None
    if answer_page and disputable and statement.state in ("in_review", "disputed"):
        reason = (
            f"三方核对第 {row.ordinal} 行（作业 {row.job_ref}）：{row.get_result_display()}，"
            f"供方 {told['mine']} 卡时，调度器 {told['theirs']} 卡时。{row.why}"
        )
        query = urlencode({"line": row.line_ordinal, "reason": reason[:1000]})
        told["object_url"] = f"{reverse(answer_page, args=[statement.pk])}?{query}#object"
    return told
