"""Submit, supplement and withdraw an application; drafting it stands in ``drafting``."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers import gates, searching
from vouchers.courier import tell
from vouchers.drafting import (
    accept_declaration,
    attach_file,
    remove_attachment,
    save_step,
    start_draft,
)
from vouchers.eligibility import Verdict
from vouchers.facts import preview_verdict
from vouchers.gates import declaration_digest, open_steps
from vouchers.models import Application, HandedIn
from vouchers.notices import tell_staff
from vouchers.reserving import join_line
from vouchers.states import move, next_number

__all__ = [
    "accept_declaration",
    "attach_file",
    "declaration_digest",
    "open_steps",
    "preview_verdict",
    "remove_attachment",
    "resubmit_application",
    "save_step",
    "start_draft",
    "submit_application",
    "withdraw_application",
]

#: What submitting changes of an application; everything else stays as it was saved.
_SUBMITTED = (
    "state", "window_no", "submitted_at", "submit_key", "application_no", "due_on",
    "verdict", "verdict_digest", "check_outcome",
)  # fmt: skip


@transaction.atomic
def submit_application(
    application: Application,
    *,
    version: int,
    actor: Actor,
    at: datetime,
    key: UUID | None = None,
) -> Application:
    """Hand an application in: it gets its number and the machine's verdict.

    A verdict that fails does not stop the submission: a person refuses, with the clause.

    Args:
        application: the draft.
        version: the version shown on the page that was checked.
        actor: an administrator of the enterprise.
        at: when; the server's moment decides about the window.
        key: asking again with the same key gives the same receipt.

    Writes: number, verdict with every criterion and fact, state row, log entry with digests.

    Raises:
        Refused: window closed, something missing, draft changed meanwhile, already submitted.
    """
    enterprise = gates.taken_enterprise(application.enterprise_id)
    application = gates.taken(application, "attachments")
    if key and application.submit_key == key:
        return application
    if application.submitted_at:
        raise Refused(
            "already_submitted",
            f"这件申请已经提交，受理编号 {application.application_no}，没有重复提交。",
        )
    gates.in_good_standing(enterprise)
    gates.entitled(application.enterprise, actor)
    window = gates.open_window(application.programme, at)
    gates.once_per_window(application, window)
    gates.complete(application)
    gates.not_stale(application, "submit", version)
    verdict = _judged(application, at)
    move(application, "submit", actor=actor, at=at)
    application.window_no = window.no
    application.submitted_at, application.submit_key = at, key
    _keep_version(application, 1, actor, at)
    # From here on everybody who hands in waits for this one: only what bears the number follows.
    application.application_no = next_number(f"PTSLQ-{at.astimezone(SHANGHAI).year}")
    application.save(update_fields=_SUBMITTED)
    searching.keep(searching.application_entry(application))
    _record_handed_in("application.submit", application, verdict, actor, at)
    tell(application, "application_submitted", at, requested_fen=application.requested_fen)
    join_line(application, actor=actor, at=at)  # last: the place counts from the commit on
    return application


@transaction.atomic
def resubmit_application(
    application: Application, *, version: int, actor: Actor, at: datetime
) -> Application:
    """Answer a request for supplement; the machine check runs again.

    Raises:
        Refused: the answer is late, something is missing, or it changed meanwhile.
    """
    application = gates.taken(application, "attachments")
    gates.entitled(application.enterprise, actor)
    due = application.supplement_due_on
    if due and at.astimezone(SHANGHAI).date() > due:
        raise Refused("supplement_late", f"补正期限为 {due}，已过期。请联系受理窗口说明情况。")
    gates.complete(application)
    gates.not_stale(application, "submit", version)
    verdict = _judged(application, at)
    move(application, "resubmit", actor=actor, at=at)
    application.save()
    _keep_version(application, application.versions.count() + 1, actor, at)
    _record_handed_in("application.resubmit", application, verdict, actor, at)
    tell(application, "application_resubmitted", at)
    _tell_bureau(application, "case_resubmitted", at)
    return application


@transaction.atomic
def withdraw_application(
    application: Application, *, reason: str = "", actor: Actor, at: datetime
) -> Application:
    """Take an application back; possible until its public notice begins.

    Raises:
        Refused: the notice has begun, or it is decided.
    """
    application = gates.taken(application)
    gates.entitled(application.enterprise, actor)
    move(application, "withdraw", actor=actor, at=at, reason=reason)
    application.save()
    audit.record("application.withdraw", {"application": application.pk}, actor=actor, at=at)
    if application.submitted_at:
        tell(application, "application_withdrawn", at)
        _tell_bureau(application, "case_withdrawn", at, reason=reason)
    return application


def _tell_bureau(application: Application, kind: str, at: datetime, **facts: str) -> None:
    context = {
        "application_no": application.application_no or "",
        "enterprise": application.enterprise.name,
        **facts,
    }
    tell_staff("vouchers.review_application", kind, context, about=application, at=at)


def _judged(application: Application, at: datetime) -> Verdict:
    verdict = preview_verdict(application, at)
    application.verdict = verdict.plain()
    application.verdict_digest = verdict.digest
    application.check_outcome = verdict.outcome
    return verdict


def _keep_version(application: Application, round_no: int, actor: Actor, at: datetime) -> None:
    """Keep the version as it was handed in."""
    HandedIn.objects.create(
        application=application,
        round_no=round_no,
        at=at,
        by=actor.name,
        answers=application.answers,
        files=[
            {"slot": each.slot, "name": each.file_name, "sha256": each.sha256}
            for each in application.standing_files
        ],
        requested_fen=application.requested_fen,
        check_outcome=application.check_outcome,
    )


def _record_handed_in(
    kind: str, application: Application, verdict: Verdict, actor: Actor, at: datetime
) -> None:
    """Tell the log the digests of what was handed in."""
    audit.record(
        kind,
        {
            "application": application.pk,
            "application_no": application.application_no,
            "enterprise": application.enterprise_id,
            "edition_digest": application.programme.digest,
            "verdict": verdict.outcome,
            "verdict_digest": verdict.digest,
            "requested_fen": application.requested_fen,
            "attachments": [each.sha256 for each in application.standing_files],
            "declaration": application.answers["declaration"]["digest"],
        },
        actor=actor,
        at=at,
    )
