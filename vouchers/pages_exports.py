"""What the page of exports shows, and the lines of an exported list; plain values."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import QueryDict

from ledger.amounts import yuan_text
from ledger.periods import SHANGHAI
from vouchers import pages_queue
from vouchers.assigning import reviewers
from vouchers.exporting import FREE_ROWS
from vouchers.forms_queue import asked_of
from vouchers.models import CaseExport

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
HEAD = (
    "受理编号", "企业名称", "统一社会信用代码", "申请金额（元）", "拟支持金额（元）", "状态",
    "经办人", "街镇", "提交时间", "剩余工作日", "须留意项数",
)  # fmt: skip
RECENT = 30


def page(user: Any, now: datetime) -> dict[str, Any]:
    """Return what a person asked for and what waits for their agreement."""
    mine = CaseExport.objects.of_user(user)[:RECENT]
    may_approve = user.has_perm("vouchers.approve_export")
    waiting = CaseExport.objects.to_approve(user.person_hash) if may_approve else []
    return {
        "mine": [_line(each, now) for each in mine],
        "waiting": waiting,
        "may_export": user.has_perm("vouchers.export_cases"),
        "free_rows": FREE_ROWS,
        "forms": CaseExport.Form.choices,
    }


def asked_words(export: CaseExport) -> str:
    """Return what happens next with a list that was asked for."""
    if export.needs_approval:
        return f"{export.export_no}：超过 {FREE_ROWS} 行，须由他人同意后生成。"
    return f"{export.export_no}：正在生成，完成后可在本页下载，24 小时内有效。"


def export_named(pk: str) -> CaseExport | None:
    """Return an export by its id."""
    return CaseExport.objects.filter(pk=pk).first()


def export_of(user: Any, pk: str) -> CaseExport | None:
    """Return an export of this person; nobody downloads another's."""
    return CaseExport.objects.of_user(user).filter(pk=pk).first()


def need(user: Any, right: str) -> None:
    """Refuse somebody without a right.

    Raises:
        PermissionDenied: the right is missing.
    """
    if not user.has_perm(right):
        raise PermissionDenied


def rows_of(query: str, user: Any, at: datetime) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    """Return head and lines of the list behind a query, under the rights of a user."""
    _, asked = asked_of(QueryDict(query), reviewers())
    found = pages_queue.select(asked, user, at)
    return HEAD, map(_texts, pages_queue.lines(found.defer(None).defer("verdict"), at))


def _texts(line: dict[str, Any]) -> list[str]:
    case = line["case"]
    street = (case.answers.get("enterprise") or {}).get("street") or ""
    left = line["left"]
    return [
        case.application_no,
        case.enterprise.name,
        case.enterprise.uscc,
        yuan_text(case.requested_fen),
        "" if case.proposed_fen is None else yuan_text(case.proposed_fen),
        case.get_state_display(),
        line["handler"],
        street,
        f"{case.submitted_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
        "" if left is None else ("超期" if left < 0 else str(left)),
        str(line["flags"]),
    ]


def _line(export: CaseExport, now: datetime) -> dict[str, Any]:
    word, colour = export.standing(now)
    return {"export": export, "word": word, "colour": colour, "may_load": colour == "green"}
