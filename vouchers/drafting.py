"""Draft an application: begin, save page by page, declare, attach and remove files."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers import gates
from vouchers.enrolling import record_facts
from vouchers.evidence import (
    MOST_BYTES_OF_ENTERPRISE,
    MOST_FILES,
    MOST_UPLOADS,
    Upload,
    keep_upload,
)
from vouchers.facts import STATED
from vouchers.models import Application, Attachment, Enterprise, Programme
from vouchers.models.application import GIVEN_UP
from vouchers.questions import BY_CODE, clean_step
from vouchers.states import write_row


@transaction.atomic
def start_draft(
    enterprise: Enterprise, programme: Programme, *, actor: Actor, at: datetime
) -> Application:
    """Begin an application, or go on with the one that is begun.

    Before a window opens a draft may be prepared for it; it can be submitted once it is open.

    Writes: application, state row, log entry.

    Raises:
        Refused: nothing to apply for, enterprise suspended, or already applied in this window.
    """
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    gates.in_good_standing(enterprise)
    window = gates.window_to_prepare(programme, at)
    known = (
        enterprise.applications.filter(programme=programme, window_no=window.no)
        .exclude(state__in=GIVEN_UP)
        .first()
    )
    if known and known.state == Application.State.DRAFT:
        return known
    if known:
        raise gates.already_applied(known)
    application = Application.objects.create(
        programme=programme,
        enterprise=enterprise,
        window_no=window.no,
        created_at=at,
        saved_at=at,
        saved_by=actor.name,
    )
    write_row(application, "start", "开始填写", ("", "draft"), actor=actor, at=at)
    audit.record(
        "application.start",
        {"application": application.pk, "enterprise": enterprise.pk, "programme": programme.pk},
        actor=actor,
        at=at,
    )
    return application


@transaction.atomic
def save_step(
    application: Application,
    step: str,
    typed: Mapping[str, str],
    *,
    version: int,
    actor: Actor,
    at: datetime,
) -> Application:
    """Save one page of a draft as it was typed.

    Args:
        application: the draft, or one that waits for supplement.
        step: code of the page.
        typed: what stands in the fields; a field the page does not have is refused.
        version: the version the page was opened with.
        actor: who saves.
        at: when.

    Writes: the page's answers, version + 1; facts of the enterprise from its own page; log entry.

    Raises:
        Refused: somebody saved in the meantime (``stale_draft``; details hold what changed), a
            field is unknown or wrong (details hold one sentence per field).
    """
    application = gates.taken(application)
    gates.writable(application)
    if step not in BY_CODE:
        raise Refused("unknown_step", "没有这一步，请从任务清单进入。")
    _no_unknown_field(step, typed)
    edition = application.programme.edition
    answers, faults = clean_step(step, typed, edition)
    if faults:
        first = next(iter(faults))
        raise Refused("answers_invalid", faults[first], field=first, details=faults)
    gates.only_opened(application, step, answers)
    gates.not_stale(application, step, version)
    if step == "enterprise":
        _state_facts(application, answers, actor, at)
    application.answers[step] = answers
    if step == "need":
        application.requested_fen = answers["requested_fen"]
    return _saved(application, step, actor, at)


@transaction.atomic
def accept_declaration(
    application: Application,
    accepted: Sequence[str],
    *,
    digest: str,
    version: int,
    actor: Actor,
    at: datetime,
) -> Application:
    """Keep that the enterprise declared every sentence, in the words it was shown.

    Args:
        application: the draft, or one that waits for supplement.
        accepted: codes of the sentences that were ticked.
        digest: digest of the sentences as they stood on the page.
        version: the version the page was opened with.
        actor: who declares.
        at: when.

    Raises:
        Refused: a sentence is not ticked, or the sentences are others than those of the edition.
    """
    application = gates.taken(application)
    gates.writable(application)
    edition = application.programme.edition
    if digest != gates.declaration_digest(edition):
        raise Refused(
            "declaration_changed", "承诺文本与现行版本不一致，请刷新页面，重新阅读后勾选。"
        )
    missing = [each for each in edition.declarations if each.code not in accepted]
    if missing:
        raise Refused(
            "declaration_missing", f"请逐项勾选承诺：“{missing[0].text}”", field=missing[0].code
        )
    gates.not_stale(application, "declaration", version)
    application.answers["declaration"] = {
        "accepted": [each.code for each in edition.declarations],
        "digest": digest,
        "by": actor.name,
        "at": at.isoformat(),
    }
    return _saved(application, "declaration", actor, at)


@transaction.atomic
def attach_file(
    application: Application,
    slot: str,
    file_name: str,
    content: bytes,
    *,
    declared: str = "",
    actor: Actor,
    at: datetime,
) -> Attachment:
    """Keep a file as evidence; a new file in a slot replaces the one that is there.

    It lies in quarantine until the scanner says clean; without a scanner it says so.

    Writes: the file, an attachment row, log entry with its digest.

    Raises:
        Refused: empty, too large, of a wrong type, locked, active, or too many files.
    """
    application = gates.taken(application)
    gates.writable(application)
    if slot not in {each.code for each in application.programme.edition.evidence}:
        raise Refused("unknown_slot", "没有这一项材料，请从材料清单上传。", field="file")
    gates.slot_opened(application, slot)
    _within_quota(application, slot, len(content))
    kept = keep_upload(Upload(file_name, content, declared), at)
    application.attachments.standing().filter(slot=slot).update(removed_at=at)
    attachment = Attachment.objects.create(
        application=application, slot=slot, attached_at=at, attached_by=actor.name, **kept
    )
    audit.record(
        "application.attach",
        {
            "application": application.pk,
            "attachment": attachment.pk,
            "slot": slot,
            "sha256": attachment.sha256,
        },
        actor=actor,
        at=at,
    )
    return attachment


def _within_quota(application: Application, slot: str, size: int) -> None:
    """Refuse more files or bytes than one application and one enterprise may keep."""
    others = application.attachments.standing().exclude(slot=slot).count()
    if others >= MOST_FILES or application.attachments.count() >= MOST_UPLOADS:
        raise Refused(
            "too_many_files",
            f"一件申请最多 {MOST_FILES} 个文件、上传 {MOST_UPLOADS} 次，请联系受理窗口。",
            field="file",
        )
    files = Attachment.objects.filter(application__enterprise=application.enterprise_id)
    kept = int(files.aggregate(total=Sum("size"))["total"] or 0)
    if kept + size > MOST_BYTES_OF_ENTERPRISE:
        raise Refused(
            "quota",
            f"本企业的材料合计不能超过 {MOST_BYTES_OF_ENTERPRISE // 1024 // 1024} MB，"
            f"已用 {kept // 1024 // 1024} MB，请压缩后再传或联系受理窗口。",
            field="file",
        )


@transaction.atomic
def remove_attachment(attachment: Attachment, *, actor: Actor, at: datetime) -> Attachment:
    """Take a file out of the application; its row stays with the time of removal."""
    application = gates.taken(attachment.application)
    gates.writable(application)
    attachment = application.attachments.select_for_update(of=("self",)).get(pk=attachment.pk)
    gates.slot_opened(application, attachment.slot)
    if attachment.removed_at is None:
        attachment.removed_at = at
        attachment.save()
        audit.record(
            "application.detach",
            {"application": application.pk, "attachment": attachment.pk},
            actor=actor,
            at=at,
        )
    return attachment


def _state_facts(
    application: Application, answers: dict[str, Any], actor: Actor, at: datetime
) -> None:
    """Record the enterprise page as facts the enterprise states of itself."""
    record_facts(
        application.enterprise,
        {name: answers[name] for name in STATED},
        source="self",
        as_of=date.fromisoformat(answers["as_of"]),
        actor=actor,
        at=at,
    )


def _saved(application: Application, step: str, actor: Actor, at: datetime) -> Application:
    """Save with the version counted up, remembering who saved which page."""
    application.version += 1
    application.saved_at, application.saved_by = at, actor.name
    stamps = application.answers.setdefault("_saved", {})
    stamps[step] = {"version": application.version, "by": actor.name, "at": at.isoformat()}
    application.save()
    audit.record(
        "application.save",
        {"application": application.pk, "step": step, "version": application.version},
        actor=actor,
        at=at,
    )
    return application


def _no_unknown_field(step: str, typed: Mapping[str, str]) -> None:
    known = {each.name for each in BY_CODE[step].questions}
    unknown = sorted(set(typed) - known)
    if unknown:
        raise Refused("unknown_field", f"页面没有“{unknown[0]}”这一项，内容没有保存。")
