"""What the page of a case shows beside its actions: answers with covers, files, notes, people."""

from typing import Any

from ledger.refusals import Refused
from vouchers import pages_queue
from vouchers.assigning import OVER, reviewers
from vouchers.masking import is_masked, masked
from vouchers.models import Application, Attachment, CaseAssignment, CaseNote, ReadEvent
from vouchers.questions import STEPS, Question, Step, show
from vouchers.rulebook import Edition

INLINE = ("application/pdf", "image/jpeg", "image/png")
MOST_ANCHORS = 12
RECENT = 5


def beside(found: Application, user: Any, chosen: str = "") -> dict[str, Any]:
    """Return everything of a case that is not an action: cards, files, notes, who works on it.

    Args:
        found: the case.
        user: who looks.
        chosen: the id of the file to show beside the answers, if any.
    """
    files = [_file(found, each, chosen) for each in found.attachments.standing()]
    held = CaseAssignment.objects.filter(application=found).first()
    open_ = found.state not in OVER
    return {
        "cards": cards(found),
        "evidence": files,
        "shown": next((each for each in files if each["chosen"]), None),
        "notes": list(CaseNote.objects.of_case(found)),
        "held": held,
        "people": reviewers() if open_ and user.has_perm("vouchers.assign_case") else [],
        "may_take": open_ and held is None and user.has_perm("vouchers.review_application"),
        "may_note": user.has_perm("vouchers.review_application")
        or user.has_perm("vouchers.decide_application"),
        "readings": list(ReadEvent.objects.of_case(found)[:RECENT])
        if user.has_perm("vouchers.view_readings")
        else None,
    }


def cards(found: Application, revealed: tuple[str, str] = ("", "")) -> list[dict[str, Any]]:
    """Return the answers as cards; personal ones are covered, but for the one just revealed."""
    edition = found.programme.edition
    return [
        {
            "step": each,
            "rows": [_row(found, each, question, edition, revealed) for question in each.questions],
        }
        for each in STEPS
        if each.code != "enterprise"
    ]


def readings(asked: str) -> Any:
    """Return who looked at what, the newest first; of one case or one person when asked."""
    rows = ReadEvent.objects.newest_first()
    if asked:
        of_person = rows.filter(reader_name=asked)
        return rows.filter(application__application_no=asked) if "-" in asked else of_person
    return rows


def case_or_refusal(user: Any, pk: str) -> tuple[Application | None, Application | None]:
    """Return (the case, None), or (None, the case this person is kept out of)."""
    found = pages_queue.visible_cases(user).filter(pk=pk).first()
    if found is not None:
        return found, None
    return None, Application.objects.handed_in().filter(pk=pk).first()


def inline_file(found: Application, pk: str) -> Attachment:
    """Return a file that may be shown within the page.

    Raises:
        Refused: a kind of file that is only ever downloaded.
    """
    attachment = found.attachments.get(pk=pk)
    if attachment.content_type not in INLINE:
        raise Refused("not_inline", "这种文件不能在页面内查看，请下载后打开。")
    return attachment


def _file(found: Application, attachment: Attachment, chosen: str) -> dict[str, Any]:
    slots = {each.code: each.title for each in found.programme.edition.evidence}
    return {
        "file": attachment,
        "slot": slots.get(attachment.slot, attachment.slot),
        "chosen": str(attachment.pk) == chosen and attachment.scan == Attachment.Scan.CLEAN,
        "is_picture": attachment.content_type != "application/pdf",
        "may_show": attachment.content_type in INLINE and attachment.scan == Attachment.Scan.CLEAN,
        "anchors": range(1, min(attachment.pages, MOST_ANCHORS) + 1)
        if attachment.pages > 1
        else (),
    }


def _row(
    found: Application, step: Step, question: Question, edition: Edition, revealed: tuple[str, str]
) -> dict[str, Any]:
    value = (found.answers.get(step.code) or {}).get(question.name)
    shown, covered = show(question, value, edition), False
    if is_masked(question.kind) and value:
        name, full = revealed
        covered = question.name != name
        shown = masked(question.kind, str(value)) if covered else full
    return {"key": question.label, "value": shown, "name": question.name, "covered": covered}
