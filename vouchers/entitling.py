"""Support without application (免申即享): the bureau brings a list, the firm only confirms."""

import csv
import hashlib
import io
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import parse_yuan, yuan_text
from ledger.periods import SHANGHAI, day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.courier import tell
from vouchers.eligibility import Fact, Finding, Verdict
from vouchers.models import Application, Enterprise, HandedIn, Programme
from vouchers.reserving import join_line
from vouchers.states import move, next_number, write_row

HEAD = ("统一社会信用代码", "企业名称", "金额（元）")
MOST_ROWS = 2000
Origin = Application.Origin


@dataclass(frozen=True)
class Listed:
    """One line of the list."""

    line_no: int
    uscc: str
    name: str
    amount_fen: int


@dataclass(frozen=True)
class Brought:
    """What became of a list: applications that wait for confirmation, and lines left out."""

    applications: tuple[Application, ...]
    left_out: tuple[tuple[Listed, str], ...]


def read_list(text: str) -> tuple[Listed, ...]:
    """Read a list in CSV; one fault refuses the whole list, with every fault by its line.

    Raises:
        Refused: a wrong head, an empty list, a line that cannot be read, a code twice.
    """
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    if not rows or tuple(cell.strip() for cell in rows[0][: len(HEAD)]) != HEAD:
        raise Refused(
            "list_head", f"第一行须为表头：{'，'.join(HEAD)}。请按样表另存为 CSV。", field="file"
        )
    if len(rows) - 1 > MOST_ROWS:
        raise Refused("list_long", f"一次最多导入 {MOST_ROWS} 行，请分批导入。", field="file")
    listed, faults = _lines(rows[1:])
    if faults:
        raise Refused("list_faults", "名单没有导入。" + "；".join(faults[:20]) + "。", field="file")
    if not listed:
        raise Refused("list_empty", "名单是空的，请检查文件。", field="file")
    return tuple(listed)


@transaction.atomic
def import_entitlements(
    programme: Programme, text: str, *, document_no: str, actor: Actor, at: datetime
) -> Brought:
    """Take in a list: one application per enterprise, which only has to confirm it.

    An enterprise that is not enrolled, not in good standing or has applied in this window is left
    out and named with the reason; the list may be brought again later.

    Writes: applications with their origin, state rows, log entry with the digest of the list,
        messages.

    Raises:
        Refused: no window is open, no document number, the list has a fault.
    """
    window = gates.open_window(programme, at)
    if not document_no.strip():
        raise Refused("document_missing", "请填写名单的文号。", field="document_no")
    listed = read_list(text)
    known = {
        each.uscc: each
        for each in Enterprise.objects.select_for_update(of=("self",))
        .filter(uscc__in=[each.uscc for each in listed])
        .order_by("pk")
    }
    made: list[Application] = []
    left_out: list[tuple[Listed, str]] = []
    for line in listed:
        reason = _why_not(programme, window.no, known.get(line.uscc), line)
        if reason:
            left_out.append((line, reason))
        else:
            wanted = (programme, known[line.uscc], window.no)
            made.append(_offered(wanted, line, document_no.strip(), actor, at))
    audit.record(
        "entitlement.import",
        {
            "programme": programme.pk,
            "digest": hashlib.sha256(text.encode()).hexdigest(),
            "document_no": document_no.strip(),
            "applications": [each.pk for each in made],
        },
        actor=actor,
        at=at,
    )
    return Brought(tuple(made), tuple(left_out))


@transaction.atomic
def confirm_entitlement(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Confirm what the list gives: the application is handed in without a form.

    Writes: number, verdict that rests on the list, version, state row, log entry, message.

    Raises:
        Refused: not from a list, suspended, window closed, or not an administrator's seat.
    """
    enterprise = gates.taken_enterprise(application.enterprise_id)
    application = gates.taken(application)
    if application.origin != Origin.NO_APPLICATION:
        raise Refused("not_listed", "这件申请不是免申即享，请按任务清单填写后提交。")
    if application.submitted_at:
        return application
    gates.in_good_standing(enterprise)
    gates.entitled(enterprise, actor)
    window = gates.open_window(application.programme, at)
    verdict = _verdict(application)
    application.verdict, application.verdict_digest = verdict.plain(), verdict.digest
    application.check_outcome = verdict.outcome
    move(application, "submit", actor=actor, at=at, reason="企业确认免申即享。")
    application.window_no = window.no
    application.application_no = next_number(f"PTSLQ-{at.astimezone(SHANGHAI).year}")
    application.submitted_at = at
    application.save()
    HandedIn.objects.create(
        application=application,
        round_no=1,
        at=at,
        by=actor.name,
        answers=application.answers,
        files=[],
        requested_fen=application.requested_fen,
        check_outcome=application.check_outcome,
    )
    audit.record(
        "entitlement.confirm",
        {
            "application": application.pk,
            "application_no": application.application_no,
            "requested_fen": application.requested_fen,
        },
        actor=actor,
        at=at,
    )
    tell(application, "application_submitted", at, requested_fen=application.requested_fen)
    join_line(application, actor=actor, at=at)  # last: the place counts from the commit on
    return application


def _lines(rows: list[list[str]]) -> tuple[list[Listed], list[str]]:
    """Return the lines that can be read, and one sentence for each that cannot."""
    listed: list[Listed] = []
    faults: list[str] = []
    seen: set[str] = set()
    for line_no, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        line, fault = _line(line_no, row)
        if line is None or line.uscc in seen:
            faults.append(f"第 {line_no} 行：{fault or '代码在名单中出现两次'}")
            continue
        seen.add(line.uscc)
        listed.append(line)
    return listed, faults


def _line(line_no: int, row: list[str]) -> tuple[Listed | None, str]:
    cells = [cell.strip() for cell in row] + ["", "", ""]
    uscc = cells[0].upper().replace(" ", "")
    try:
        amount_fen = parse_yuan(cells[2])
    except ValueError as wrong:
        return None, str(wrong)
    if not uscc or not cells[1]:
        return None, "代码和名称都要填写"
    if amount_fen <= 0:
        return None, "金额须大于 0"
    return Listed(line_no, uscc, cells[1], amount_fen), ""


def _why_not(
    programme: Programme, window_no: int, enterprise: Enterprise | None, line: Listed
) -> str:
    """Return why a line cannot be taken in now, or nothing."""
    if enterprise is None:
        return "企业还没有在平台登记"
    if enterprise.state != Enterprise.State.ACTIVE:
        return f"企业当前为“{enterprise.get_state_display()}”"
    if enterprise.name != line.name:
        return f"名称与平台登记的“{enterprise.name}”不一致"
    cap = programme.edition.caps.enterprise_year_fen
    if line.amount_fen > cap:
        return f"金额超过企业年度上限 {yuan_text(cap)} 元"
    others = enterprise.applications.filter(programme=programme, window_no=window_no)
    if others.exclude(state__in=("withdrawn", "lapsed")).exists():
        return "本窗口已有申请"
    return ""


def _offered(
    wanted: tuple[Programme, Enterprise, int],
    line: Listed,
    document_no: str,
    actor: Actor,
    at: datetime,
) -> Application:
    programme, enterprise, window_no = wanted
    application = Application.objects.create(
        programme=programme,
        enterprise=enterprise,
        window_no=window_no,
        origin=Origin.NO_APPLICATION,
        requested_fen=line.amount_fen,
        answers={
            "entitlement": {"document_no": document_no, "line_no": line.line_no, "name": line.name}
        },
        created_at=at,
        saved_at=at,
        saved_by=actor.name,
    )
    write_row(
        application, "offer", "列入免申即享名单", ("", "draft"), actor=actor, at=at,
        reason=f"依据 {document_no}，第 {line.line_no} 行。",
    )  # fmt: skip
    tell(application, "entitlement_offered", at, amount_fen=line.amount_fen, document=document_no)
    return application


def _verdict(application: Application) -> Verdict:
    """Return the verdict that rests on the list alone: the bureau checked before it listed."""
    edition = application.programme.edition
    told = application.answers["entitlement"]
    fact = Fact(
        "entitlement",
        told["document_no"],
        "bureau",
        day_of(application.created_at),
        note=f"{told['document_no']}，第 {told['line_no']} 行",
    )
    finding = Finding(
        code="LIST",
        title="列入免申即享名单",
        clause=edition.review.clause,
        outcome="pass",
        hard=True,
        facts=(fact.plain(),),
        hint="",
    )
    reference = f"{edition.slug}/{edition.edition_no}"
    return Verdict("passed", reference, edition.digest, (finding,))
