"""Take a list of cases out of the house: asked for with a reason, large ones agreed to by another.

The file is made by a worker under the rights of the person who asked, carries their name, and is
gone after a day.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from ledger import audit, work
from ledger.actors import Actor
from ledger.periods import SHANGHAI, day_of
from ledger.refusals import Refused
from vouchers import notices
from vouchers.listing_files import as_csv, as_xlsx
from vouchers.models import CaseExport
from vouchers.states import next_number

WORK_KIND = "vouchers.case_export"
RIGHT = "vouchers.export_cases"
FREE_ROWS = 200  # more need a second person
MOST_ROWS = 100_000
LASTS = timedelta(hours=24)
LEAST_REASON = 4

#: Rows of a query as texts, under the rights of a user; handed in by the page that shows them.
Reader = Callable[[str, Any, datetime], tuple[Sequence[str], Iterator[Sequence[str]]]]


@transaction.atomic
def ask_export(
    query: str, form: str, *, rows: int, reason: str, user: Any, actor: Actor, at: datetime
) -> CaseExport:
    """Ask for a list as a file.

    Args:
        query: the filters of the queue, as they stand in its address.
        form: ``csv`` or ``xlsx``.
        rows: how many cases the person was shown.
        reason: what it is needed for.
        user: the account; the file shows what this account may see.
        actor: the same person.
        at: when.

    Writes: one row and a log entry; a piece of work, unless it needs agreement first.

    Raises:
        Refused: no reason, nothing to export, or too many rows.
    """
    if form not in CaseExport.Form.values:
        raise Refused("form_unknown", "请选择导出格式：CSV 或 Excel。", field="form")
    if len(reason.strip()) < LEAST_REASON:
        raise Refused(
            "reason_missing", "请写明用途（至少 4 个字），用途会印在文件首行。", field="reason"
        )
    if not rows:
        raise Refused("nothing_to_export", "当前筛选没有办件，没有生成文件。请调整筛选后再导出。")
    if rows > MOST_ROWS:
        raise Refused(
            "too_many_rows", f"一次最多导出 {MOST_ROWS:,} 行，当前有 {rows:,} 行，请缩小筛选范围。"
        )
    made = CaseExport.objects.create(
        export_no=next_number(f"PTDC-{at.astimezone(SHANGHAI).year}"),
        user=user,
        asked_by=actor.name,
        asked_person=actor.person,
        asked_at=at,
        query=query,
        form=form,
        reason=reason.strip()[:300],
        rows=rows,
        needs_approval=rows > FREE_ROWS,
    )
    audit.record("case.export", _told(made), actor=actor, at=at)
    if made.needs_approval:
        facts = {"export_no": made.export_no, "by": actor.name, "rows": rows, "reason": made.reason}
        notices.tell_staff("vouchers.approve_export", "export_asked", facts, about=made, at=at)
    else:
        _ask(made, actor, at)
    return made


@transaction.atomic
def decide_export(export: CaseExport, agree: bool, *, actor: Actor, at: datetime) -> CaseExport:
    """Agree to a large list, or not; another natural person than the one who asked.

    Raises:
        Refused: the same person, or it was decided before.
    """
    export = CaseExport.objects.select_for_update(of=("self",)).get(pk=export.pk)
    if not export.needs_approval or export.approved_at or export.refused_at:
        raise Refused("already_decided", f"导出 {export.export_no} 不需要审批或已经处理。")
    if not actor.person or actor.person == export.asked_person:
        raise Refused("same_person", "您是这次导出的申请人，须由他人审批。")
    export.approved_by, export.approved_person = actor.name, actor.person
    if agree:
        export.approved_at = at
    else:
        export.refused_at = at
    export.save()
    told = {
        "export_no": export.export_no,
        "outcome": "已同意，文件生成后可下载" if agree else "未获同意",
        "by": actor.name,
    }
    notices.tell_person(export.user, "export_decided", told, about=export, at=at)
    audit.record("case.decide_export", _told(export) | {"agreed": agree}, actor=actor, at=at)
    if agree:
        _ask(export, actor, at)
    return export


def run_export_work(job: work.Work, reader: Reader, now: datetime) -> dict[str, Any]:
    """Make the file (a worker's handler); its day begins when it is ready.

    Raises:
        Refused: the person who asked no longer holds the right.
    """
    export = CaseExport.objects.get(pk=job.payload["export"])
    if export.ready_at:
        return {"rows": export.rows}
    user = get_user_model().objects.filter(pk=export.user_id, is_active=True).first()
    if user is None or not user.has_perm(RIGHT):
        raise Refused("right_lost", "申请人已没有导出权限，没有生成文件。")
    head, lines = reader(export.query, user, export.asked_at)
    rows = list(lines)
    write = as_csv if export.form == CaseExport.Form.CSV else as_xlsx
    content = write(mark_of(export, len(rows)), head, rows)
    name = os.urandom(16).hex()
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    CaseExport.objects.filter(pk=export.pk).update(
        rows=len(rows),
        stored_name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        ready_at=now,
        expires_at=now + LASTS,
    )
    return {"rows": len(rows)}


def remove_exports(now: datetime) -> int:
    """Remove the files whose day is over; return how many."""
    removed = 0
    for export in CaseExport.objects.run_out(now):
        path_of(export.stored_name).unlink(missing_ok=True)
        removed += CaseExport.objects.filter(pk=export.pk).update(removed_at=now)
    return removed


def mark_of(export: CaseExport, rows: int) -> str:
    """Return the line that says whose copy this is."""
    day = day_of(export.asked_at)
    return (
        f"{export.export_no}｜导出人：{export.asked_by}｜{day}｜{rows} 行｜用途：{export.reason}"
        "｜仅限内部使用，不得外传，24 小时内有效"
    )


def path_of(stored_name: str) -> Path:
    """Return where a file lies."""
    return Path(settings.VAR_DIR) / "exports" / stored_name


def _ask(export: CaseExport, actor: Actor, at: datetime) -> None:
    work.request(
        WORK_KIND, key=str(export.pk), payload={"export": str(export.pk)}, actor=actor, at=at
    )


def _told(export: CaseExport) -> dict[str, Any]:
    return {"export": export.pk, "form": export.form, "rows": export.rows}
