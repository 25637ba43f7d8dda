"""Accept, review and approve: two people for every decision."""

from datetime import datetime
from typing import Any

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.lifecycle import step
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates, seeing
from vouchers.courier import tell
from vouchers.joint_checking import open_joint_check
from vouchers.models import Application, StateRow
from vouchers.publishing import close_notice, publish_notice
from vouchers.states import move, write_row
from vouchers.supplementing import ask_supplement

__all__ = [
    "accept_application",
    "approve_application",
    "close_notice",
    "first_review",
    "publish_notice",
    "refuse_acceptance",
    "second_review",
]

DECISIONS = ("pass", "reject", "return")


@transaction.atomic
def accept_application(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Take an application on (受理).

    Writes: state row, log entry.

    Raises:
        Refused: the enterprise is not verified yet, or the application is not waiting for this.
    """
    application = gates.taken(application)
    gates.in_good_standing(application.enterprise, "accept")
    move(application, "accept", actor=actor, at=at)
    application.save()
    audit.record("application.accept", {"application": application.pk}, actor=actor, at=at)
    tell(application, "application_accepted", at, on=day_of(at))
    return application


@transaction.atomic
def refuse_acceptance(
    application: Application, *, reason: str, actor: Actor, at: datetime
) -> Application:
    """Confirm that the machine found a hard condition unmet: not taken on (不予受理).

    The machine and a person; only a hard condition counts, everything else is reviewed by two.

    Writes: clause, state row, log entry.

    Raises:
        Refused: the machine found no hard condition unmet, or no reason is given.
    """
    application = gates.taken(application)
    failed = hard_failures(application)
    if not failed:
        raise Refused(
            "verdict_not_failed",
            "自动核验没有硬性条件不符合，不能不予受理。请受理后由两人审核。",
        )
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由，企业会看到这段文字。", field="reason")
    move(application, "refuse_acceptance", actor=actor, at=at, reason=reason)
    application.clause = "；".join(each["clause"] for each in failed)[:200]
    application.first_reviewer_name = actor.name
    application.first_reviewer_person = actor.person
    application.first_reviewed_at = at
    application.save()
    audit.record(
        "application.refuse_acceptance",
        {"application": application.pk, "criteria": [each["code"] for each in failed]},
        actor=actor,
        at=at,
    )
    tell(application, "application_rejected", at, reason=reason, clause=application.clause)
    return application


@transaction.atomic
def first_review(
    application: Application,
    decision: str,
    *,
    approved_fen: int | None = None,
    reason: str,
    internal: str = "",
    clause: str = "",
    seen: str = "",
    actor: Actor,
    at: datetime,
) -> Application:
    """First review (初审): recommend support or refusal, or ask the enterprise for a supplement.

    Args:
        application: an accepted application.
        decision: ``pass``, ``reject`` or ``return`` (补正).
        approved_fen: amount to support, for ``pass``; at most what was asked for.
        reason: what the enterprise will read.
        internal: what only the bureau reads.
        clause: the rule a refusal rests on.
        seen: the stamp of the page it was decided on; a case that changed since is refused.
        actor: the first reviewer.
        at: when.

    Writes: recommendation, state row, log entry.

    Raises:
        Refused: no reason, no clause for a refusal, an amount out of range, support against a
            hard criterion, or no more rounds of supplement.
    """
    application = gates.taken(application)
    seeing.unchanged(application, seen, actor, at)
    _sane_decision(decision, reason)
    if decision == "return":
        return ask_supplement(application, (), reason=reason, internal=internal, actor=actor, at=at)
    if decision == "pass":
        _supportable(application, approved_fen, reason)
    elif not clause.strip():
        raise Refused("clause_missing", "不予支持须写明依据的条款。", field="clause")
    move(application, "recommend", actor=actor, at=at, reason=reason, internal=internal)
    application.recommendation = decision
    application.proposed_fen = approved_fen if decision == "pass" else None
    application.clause = clause
    application.first_reviewer_name = actor.name
    application.first_reviewer_person = actor.person
    application.first_reviewed_at = at
    application.second_reviewer_name = application.second_reviewer_person = ""
    application.save()
    told = {
        "application": application.pk,
        "recommendation": decision,
        "proposed_fen": application.proposed_fen,
        "clause": clause,
    }
    audit.record("application.first_review", told, actor=actor, at=at)
    return application


@transaction.atomic
def second_review(
    application: Application,
    decision: str,
    *,
    reason: str = "",
    internal: str = "",
    seen: str = "",
    actor: Actor,
    at: datetime,
) -> Application:
    """Second review (复审) by another natural person: agree, or send back with a reason.

    Args:
        application: one with a recommendation.
        decision: ``agree`` or ``return`` (to the first reviewer).
        reason: why; needed to send back.
        internal: what only the bureau reads.
        seen: the stamp of the page it was decided on; a case that changed since is refused.
        actor: the second reviewer.
        at: when.

    Writes: decision, state row, log entry.

    Raises:
        Refused: the same natural person, or no reason to send back.
    """
    application = gates.taken(application)
    seeing.unchanged(application, seen, actor, at)
    if decision not in ("agree", "return"):
        raise Refused("unknown_decision", "请选择：同意、退回初审。")
    _other_person(application, actor)
    if decision == "return" and not (reason + internal).strip():
        raise Refused("reason_missing", "退回须写明理由。", field="reason")
    event = _second_event(application, decision)
    move(application, event, actor=actor, at=at, reason=reason, internal=internal)
    if decision == "agree":
        application.second_reviewer_name = actor.name
        application.second_reviewer_person = actor.person
        application.second_reviewed_at = at
    application.save()
    if event == "agree":
        open_joint_check(application, at=at)
    audit.record(
        "application.second_review",
        {"application": application.pk, "decision": decision, "event": event},
        actor=actor,
        at=at,
    )
    if event == "reject":
        words = reason or reason_of(application)
        tell(application, "application_rejected", at, reason=words, clause=application.clause)
    return application


@transaction.atomic
def approve_application(application: Application, *, actor: Actor, at: datetime) -> Application:
    """Decide for support after the notice (审定); not by the first reviewer.

    The amount is the one that was on public notice. From the amount of the edition on, two
    persons approve: the first leaves the case where it is, the second moves it.

    Writes: approver, and with the last one the approved amount and state row; log entry; message.

    Raises:
        Refused: the first reviewer approves, the same person twice, or the notice is not over.
    """
    application = gates.taken(application)
    _other_person(application, actor)
    if _needs_another_approver(application) and not application.approver_person:
        return _approve_first(application, actor, at)
    if application.approver_person == actor.person:
        raise Refused("same_person", "您已审定过这件申请。金额较大，须由另一人再审定。")
    move(application, "approve", actor=actor, at=at)
    application.approved_fen = application.proposed_fen
    if application.approver_person:
        application.co_approver_name = actor.name
        application.co_approver_person = actor.person
    else:
        application.approver_name, application.approver_person = actor.name, actor.person
    application.approved_at = at
    application.save()
    audit.record(
        "application.approve",
        {"application": application.pk, "approved_fen": application.approved_fen},
        actor=actor,
        at=at,
    )
    tell(application, "application_approved", at, approved_fen=application.approved_fen)
    return application


def _needs_another_approver(application: Application) -> bool:
    tier = application.programme.edition.review.second_approver_from_fen
    return tier is not None and (application.proposed_fen or 0) >= tier


def _approve_first(application: Application, actor: Actor, at: datetime) -> Application:
    """Keep the first of two approvals; the case waits for another person."""
    if application.state != Application.State.NOTICE_DONE:
        step(application, "approve")  # refuses with the words of the life cycle
    states = (application.state, application.state)
    word = "第一审定人同意（须两人审定）"
    write_row(application, "approve_first", word, states, actor=actor, at=at)
    application.approver_name, application.approver_person = actor.name, actor.person
    application.save()
    audit.record(
        "application.approve_first",
        {"application": application.pk, "proposed_fen": application.proposed_fen},
        actor=actor,
        at=at,
    )
    return application


def reason_of(application: Application) -> str:
    """Return the reason the first reviewer gave the enterprise."""
    row = StateRow.objects.of(application).filter(event="recommend").last()
    return row.reason if row else ""


def hard_failures(application: Application) -> list[dict[str, Any]]:
    """Return the hard criteria that the machine's check found unmet."""
    found = (application.verdict or {}).get("criteria", [])
    return [each for each in found if each["hard"] and each["outcome"] == "fail"]


def _sane_decision(decision: str, reason: str) -> None:
    if decision not in DECISIONS:
        raise Refused("unknown_decision", "请选择：建议支持、要求补正、建议不予支持。")
    if not reason.strip() and decision != "pass":
        raise Refused("reason_missing", "请写明理由，企业会看到这段文字。", field="reason")


def _supportable(application: Application, approved_fen: int | None, reason: str) -> None:
    """Refuse support that the verdict or the amount does not carry."""
    gates.findings_settled(application)
    if not approved_fen or not 0 < approved_fen <= application.requested_fen:
        raise Refused(
            "amount_invalid",
            f"核定金额须大于 0 且不超过申请金额 {yuan_text(application.requested_fen)} 元。",
            field="approved",
        )
    if approved_fen != application.requested_fen and not reason.strip():
        raise Refused("reason_missing", "核定金额与申请金额不同，请写明理由。", field="reason")


def _other_person(application: Application, actor: Actor) -> None:
    if not actor.person or actor.person == application.first_reviewer_person:
        raise Refused("same_person", "您是这件申请的初审人，须由他人复核。")


def _second_event(application: Application, decision: str) -> str:
    if decision == "return":
        return "send_back"
    support = application.recommendation == Application.Recommendation.SUPPORT
    return "agree" if support else "reject"
