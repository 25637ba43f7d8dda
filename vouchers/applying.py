"""Submit, supplement and withdraw an application; drafting it stands in ``drafting``."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import SHANGHAI
from ledger.refusals import Refused
from vouchers import gates
from vouchers.drafting import (
    accept_declaration,
    attach_file,
    remove_attachment,
    save_step,
    start_draft,
)
from vouchers.eligibility import Verdict, judge
from vouchers.facts import applicant_facts
from vouchers.gates import declaration_digest, open_steps
from vouchers.models import Application, Enterprise
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
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(
        pk=application.enterprise_id
    )
    application = gates.taken(application)
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
    application.application_no = next_number(f"PTSLQ-{at.astimezone(SHANGHAI).year}")
    application.submitted_at, application.submit_key = at, key
    application.save()
    _record_handed_in("application.submit", application, verdict, actor, at)
    return application


@transaction.atomic
def resubmit_application(
    application: Application, *, version: int, actor: Actor, at: datetime
) -> Application:
    """Answer a request for supplement; the machine check runs again.

    Raises:
        Refused: the answer is late, something is missing, or it changed meanwhile.
    """
    application = gates.taken(application)
    gates.entitled(application.enterprise, actor)
    due = application.supplement_due_on
    if due and at.astimezone(SHANGHAI).date() > due:
        raise Refused("supplement_late", f"补正期限为 {due}，已过期。请联系受理窗口说明情况。")
    gates.complete(application)
    gates.not_stale(application, "submit", version)
    verdict = _judged(application, at)
    move(application, "resubmit", actor=actor, at=at)
    application.save()
    _record_handed_in("application.resubmit", application, verdict, actor, at)
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
    return application


def preview_verdict(application: Application, at: datetime) -> Verdict:
    """Return what the rules would say if it were submitted now; writes nothing."""
    return judge(application.programme.edition, applicant_facts(application, at))


def _judged(application: Application, at: datetime) -> Verdict:
    verdict = preview_verdict(application, at)
    application.verdict = verdict.plain()
    application.verdict_digest = verdict.digest
    return verdict


def _record_handed_in(
    kind: str, application: Application, verdict: Verdict, actor: Actor, at: datetime
) -> None:
    files = application.attachments.standing().values_list("sha256", flat=True)
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
            "attachments": list(files),
            "declaration": application.answers["declaration"]["digest"],
        },
        actor=actor,
        at=at,
    )
