"""Remember who looked: at a case, a file, at personal data; and notes inside the bureau."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.masking import is_masked
from vouchers.models import Application, Attachment, CaseNote, ReadEvent
from vouchers.questions import STEPS, Question

LONGEST_NOTE = 2000
LEAST_REASON = 2


def note_reading(
    application: Application | None, kind: str, *, detail: str = "", actor: Actor, at: datetime
) -> ReadEvent:
    """Write down that somebody looked at a case, or tried to.

    Writes: one row; readings are not part of the signed log, they would drown it.
    """
    return ReadEvent.objects.create(
        kind=kind,
        at=at,
        reader_id=actor.id,
        reader_name=actor.name,
        reader_person=actor.person,
        application=application,
        detail=detail[:100],
    )


def note_file(attachment: Attachment, *, actor: Actor, at: datetime) -> ReadEvent:
    """Write down that somebody opened a file of a case."""
    detail = f"{attachment.slot} {attachment.sha256[:16]}"
    return note_reading(attachment.application, "file", detail=detail, actor=actor, at=at)


@transaction.atomic
def reveal_answer(
    application: Application, name: str, *, reason: str, actor: Actor, at: datetime
) -> tuple[Question, str]:
    """Show a covered answer in full, once, to somebody who says why.

    Writes: a reading with the reason, a log entry that names the field and never its content.

    Raises:
        Refused: no reason, or nothing is covered under this name.
    """
    found = next(
        (
            (step, question)
            for step in STEPS
            for question in step.questions
            if question.name == name and is_masked(question.kind)
        ),
        None,
    )
    if found is None:
        raise Refused("nothing_covered", "这一项没有遮盖的内容。")
    if len(reason.strip()) < LEAST_REASON:
        raise Refused(
            "reason_missing",
            "请写明为什么需要完整信息，例如“电话核实联系人”；理由会留存备查。",
            field="reason",
        )
    step, question = found
    ReadEvent.objects.create(
        kind=ReadEvent.Kind.REVEAL,
        at=at,
        reader_id=actor.id,
        reader_name=actor.name,
        reader_person=actor.person,
        application=application,
        detail=question.label,
        reason=reason.strip()[:300],
    )
    audit.record(
        "application.reveal", {"application": application.pk, "field": name}, actor=actor, at=at
    )
    answers = application.answers.get(step.code) or {}
    return question, str(answers.get(name) or "")


def add_note(application: Application, text: str, *, actor: Actor, at: datetime) -> CaseNote:
    """Keep a note inside the bureau; it cannot be changed, a later one can correct it.

    Raises:
        Refused: nothing written, or too long.
    """
    if not text.strip():
        raise Refused("note_empty", "请写下备注内容。", field="text")
    if len(text) > LONGEST_NOTE:
        raise Refused("note_too_long", f"备注最多 {LONGEST_NOTE} 个字。", field="text")
    return CaseNote.objects.create(
        application=application,
        text=text.strip(),
        at=at,
        author_id=actor.id,
        author_name=actor.name,
    )
