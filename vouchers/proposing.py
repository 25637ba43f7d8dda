"""Changes of standing that take two persons, as two steps on two screens: prepare, then decide."""

import dataclasses
from datetime import date, datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.lifecycle import can, label
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates
from vouchers.barring import bar_enterprise, deregister_enterprise, end_bar
from vouchers.models import Enterprise, StandingRequest
from vouchers.notices import tell_staff
from vouchers.succeeding import merge_enterprise

Event = StandingRequest.Event


@transaction.atomic
def propose_standing(
    enterprise: Enterprise,
    event: str,
    *,
    reason: str,
    until: date | None = None,
    successor: Enterprise | None = None,
    actor: Actor,
    at: datetime,
) -> StandingRequest:
    """Prepare a change of standing for another person to decide; nothing changes yet.

    Args:
        enterprise: whose standing.
        event: one of ``StandingRequest.Event``.
        reason: why, with the number of the document.
        until: the last day of a bar.
        successor: who takes over, for a merger.
        actor: who prepares.
        at: when.

    Writes: request, log entry.

    Raises:
        Refused: not possible from here, something is missing, or one waits already.
    """
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    _possible(enterprise, event)
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由和文号。", field="reason")
    if event == Event.BAR and (until is None or until < day_of(at)):
        raise Refused("bar_end_invalid", "请填写取消资格的截止日期，不早于今天。", field="until")
    if event == Event.MERGE and successor is None:
        raise Refused("successor_missing", "请填写承继企业的统一社会信用代码。", field="successor")
    if StandingRequest.objects.waiting().filter(enterprise=enterprise).exists():
        raise Refused("request_waits", "这家企业已有一项变更待审批，请先办结。")
    request = StandingRequest.objects.create(
        enterprise=enterprise,
        event=event,
        until=until if event == Event.BAR else None,
        successor=successor if event == Event.MERGE else None,
        reason=reason.strip(),
        prepared_at=at,
        prepared_by=dataclasses.asdict(actor),
        prepared_person=actor.person,
    )
    audit.record(
        "enterprise.propose",
        {"request": request.pk, "enterprise": enterprise.pk, "event": event},
        actor=actor,
        at=at,
    )
    told = {
        "enterprise": enterprise.name,
        "by": actor.name,
        "event": request.get_event_display(),
    }
    right = "vouchers.keep_registers"
    tell_staff(right, "standing_proposed", told, about=enterprise, at=at)
    return request


@transaction.atomic
def decide_standing(
    request: StandingRequest, *, agreed: bool, actor: Actor, at: datetime
) -> StandingRequest:
    """Decide a prepared change as the second person: carry it out, or drop it.

    Writes: the decision, log entry; with consent what the act itself writes.

    Raises:
        Refused: decided already, or the person who prepared it agrees.
    """
    request = (
        StandingRequest.objects.select_for_update(of=("self",))
        .select_related("enterprise", "successor")
        .get(pk=request.pk)
    )
    if request.decided_at:
        raise Refused("request_decided", "这项变更已办结，请刷新页面查看。")
    prepared = Actor(**request.prepared_by)
    if agreed:
        gates.two_persons(prepared, actor)
        _carry_out(request, prepared, actor, at)
    request.decided_at, request.agreed = at, agreed
    request.decided_by, request.decided_person = actor.name, actor.person
    request.save()
    audit.record(
        "enterprise.decide",
        {
            "request": request.pk,
            "enterprise": request.enterprise_id,
            "event": request.event,
            "outcome": "agreed" if agreed else "dropped",
        },
        actor=actor,
        at=at,
    )
    return request


def _possible(enterprise: Enterprise, event: str) -> None:
    if event not in Event.values:
        raise Refused("unknown_event", "没有这种变更，请从列表中选择。", field="event")
    move = "deregister" if event == Event.MERGE else event
    if not can(enterprise, move):
        raise Refused(
            "wrong_state",
            f"企业当前为“{enterprise.get_state_display()}”，不能办理“{label(enterprise, move)}”。",
        )


def _carry_out(request: StandingRequest, prepared: Actor, actor: Actor, at: datetime) -> None:
    """Do what was prepared, with both persons."""
    firm, reason = request.enterprise, request.reason
    if request.event == Event.BAR and request.until:
        bar_enterprise(firm, request.until, reason=reason, approved_by=actor, actor=prepared, at=at)
    elif request.event == Event.END_BAR:
        end_bar(firm, reason=reason, approved_by=actor, actor=prepared, at=at)
    elif request.event == Event.DEREGISTER:
        deregister_enterprise(firm, reason=reason, approved_by=actor, actor=prepared, at=at)
    elif request.successor:
        merge_enterprise(
            firm,
            request.successor,
            document_no=reason,
            effective_on=day_of(at),
            approved_by=actor,
            actor=prepared,
            at=at,
        )
