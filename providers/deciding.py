"""Decide about usage that waits or is missing: one person of the bureau asks, another agrees.

A correction of a month that is shut, a waiting record that shall never count, and gaps that will
never be filled all move value or let it go, so no one decides them alone.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from ledger import audit
from ledger.actors import Actor
from ledger.balances import balance
from ledger.chart import AccountKey, used_self, used_voucher
from ledger.periods import Month
from ledger.refusals import Refused
from providers.calendar import gap_names, waived
from providers.late import clear_suspects, parts_of, refuse_record, stand_in_line, take_back
from providers.metering import Returned, book_returned, release_held
from providers.models import (
    DeskRequest,
    Finding,
    FindingDecision,
    MeteringMonth,
    Order,
    Provider,
    UsageRecord,
)
from providers.models.state_row import move, note_birth
from vouchers.models import Redemption

LONGEST_REASON = 200
_LATE = UsageRecord.HoldReason.LATE_CORRECTION
_WAITING = (UsageRecord.State.HELD, UsageRecord.State.OPEN)


@transaction.atomic
def propose_request(
    provider: Provider, kind: str, subject: str, *, reason: str, actor: Actor, at: datetime
) -> DeskRequest:
    """Ask for a decision about a waiting record, or about the gaps of a month.

    Args:
        subject: the record id, the batch, or the month whose gaps shall be let stand.

    Writes: request, state row, log entry. Asking again for the same gives the same request.

    Raises:
        Refused: nothing there to decide, another request about it is open, or no reason.
    """
    reason = _need_reason(reason)
    if not actor.person:
        raise Refused("no_person", "此事须由实名人员办理。")
    known = DeskRequest.objects.filter(provider=provider, subject=subject, state="proposed").first()
    if known is not None:
        if known.kind == kind:
            return known
        raise Refused("request_open", "这条记录已有另一项事项待批准，请先办结。")
    names = _names_of(provider, kind, subject, at)
    try:
        with transaction.atomic():
            request = DeskRequest.objects.create(
                provider=provider,
                kind=kind,
                subject=subject,
                names=names,
                reason=reason,
                proposed_at=at,
                proposed_by=actor.name,
                proposed_by_person=actor.person,
            )
    except IntegrityError as error:
        raise Refused("request_open", "同一事项刚刚已被提出，请刷新页面。") from error
    note_birth(request, "提出", actor=actor, at=at, reason=reason)
    body = _body(request) | {"reason": reason, "names": names}
    audit.record("metering.ask", body, actor=actor, at=at)
    return request


def _names_of(provider: Provider, kind: str, subject: str, at: datetime) -> list[str]:
    """Return the gaps that a request concerns, after looking whether there is anything to ask."""
    if kind == DeskRequest.Kind.WAIVE:
        try:
            month = Month.parse(subject)
            month.next()  # the last month of the calendar has no end
        except ValueError as error:
            raise Refused("invalid_parameter", "月份应写成 2026-10 这样的形式。") from error
        names = sorted(set(gap_names(provider, month, at=at)) - waived(provider, month))
        if not names:
            raise Refused("no_gap", "该月没有尚未说明的缺口。")
        return names
    if kind == DeskRequest.Kind.RELEASE:
        _need_suspects(provider, subject)
    else:
        _need_waiting(provider, kind, subject)
    return []


def _need_suspects(provider: Provider, batch: str) -> None:
    """Refuse when no suspected repeat of this batch waits."""
    try:
        found = provider.usage.filter(batch_id=UUID(batch), livemode=True)
    except ValueError as error:
        raise Refused("not_waiting", "没有这个批次。") from error
    if not found.filter(state="held", hold_reason="suspect_repeat").exists():
        raise Refused("not_waiting", "这个批次没有等待核实的疑似重复。")


def _need_waiting(provider: Provider, kind: str, record_id: str) -> UsageRecord:
    """Return the first part of a record that waits for this kind of decision, or refuse."""
    parts = parts_of(provider, record_id)
    if not parts or parts[0].state not in _WAITING:
        raise Refused("not_waiting", "这条记录不在等待状态，无需办理。")
    if kind == DeskRequest.Kind.CORRECT and parts[0].hold_reason != _LATE:
        raise Refused("not_waiting", "这条记录不是等待准许的更正。")
    return parts[0]


@transaction.atomic
def decide_request(
    request: DeskRequest, *, agree: bool, reason: str = "", actor: Actor, at: datetime
) -> DeskRequest:
    """Agree to a request, or do not; never by the person who asked.

    Writes: state row, log entry; with a correction its reversal and restatement and their
        journals (900, 700), with a refusal the record's last state.

    Raises:
        Refused: the same person, decided already, or the record has moved on meanwhile.
    """
    request = DeskRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
    if not actor.person or actor.person == request.proposed_by_person:
        raise Refused("same_person", "提出人不能自己批准，请由另一人办理。")
    if request.state != DeskRequest.State.PROPOSED:
        raise Refused("already_decided", "该事项已办结，请刷新页面查看结果。")
    carry_out: dict[str, Callable[..., None]] = {
        DeskRequest.Kind.CORRECT: _correct,
        DeskRequest.Kind.REFUSE: _refuse,
        DeskRequest.Kind.RELEASE: _release,
        DeskRequest.Kind.WAIVE: _waive,
    }
    if agree:
        carry_out[request.kind](request, actor=actor, at=at)
    move(request, "approve" if agree else "decline", actor=actor, at=at, reason=reason)
    request.decided_at, request.decided_by = at, actor.name
    request.decided_by_person = actor.person
    request.save()
    decision = "agreed" if agree else "declined"
    audit.record("metering.decide", _body(request) | {"decision": decision}, actor=actor, at=at)
    return request


def _correct(request: DeskRequest, *, actor: Actor, at: datetime) -> None:
    """Carry out a correction of a shut month: the old use back, the new one into the open month."""
    provider = request.provider
    stand_in_line(provider)
    correction = _need_waiting(provider, request.kind, request.subject)
    if correction.ended_at is None:
        raise Refused("not_ended", "这条更正没有结束时间，不能准许；请不予入账，由供方重新更正。")
    target = parts_of(provider, correction.corrects)
    if not target or not all(each.counted and each.state == "accepted" for each in target):
        raise Refused(
            "already_corrected", "被更正的记录已另行更正。请对本条不予入账，由供方更正最新的记录。"
        )
    gone = take_back(correction, at=at)
    returned = [
        Returned(each.settled_in, each.device_milli_seconds * each.gflops, source)
        for each in gone
        for source in [_where_it_lies(each.order_id, each, each.settled_in)]
    ]
    refs = {"request": str(request.pk), "provider": str(provider.pk)}
    book_returned(provider, returned, refs, actor=actor, at=at)
    release_held(provider, actor=actor, at=at)


def _where_it_lies(order_id: Any, gone: Any, month: str) -> AccountKey | None:
    """Return the account to which a settled month tied this use, None while it is tied to nothing.

    Raises:
        Refused: the month is shut, and its statements are being made at this moment.
    """
    order = Order.objects.select_related("voucher__programme", "hold").get(pk=order_id)
    shut = MeteringMonth.objects.filter(month=month).exists()
    if order.voucher is None or order.hold is None or not shut:
        return None
    amount = gone.device_milli_seconds * gone.gflops // 1000
    slug = order.voucher.programme.slug
    tied = used_voucher(slug, order.voucher.pk)
    for hold in order.holds():
        redeemed = Redemption.objects.filter(hold=hold, month=month)
        if redeemed.filter(compute_gflops_s__gte=amount).exists():
            return used_voucher(slug, hold.voucher_id)
    own = used_self(order.enterprise_id, month)
    for account in (own, tied):
        if balance(account).available >= amount:
            return account
    raise Refused(
        "month_closing", "该月对账单正在出具，或该用量已因异议冲减。请稍后再办，或不予入账。"
    )


def _refuse(request: DeskRequest, *, actor: Actor, at: datetime) -> None:
    """Let a waiting record never count; what it said stays."""
    del actor, at
    stand_in_line(request.provider)
    _need_waiting(request.provider, request.kind, request.subject)
    refuse_record(request.provider, request.subject)


def _release(request: DeskRequest, *, actor: Actor, at: datetime) -> None:
    """Let the suspected repeats of a batch count, each as a record of its own."""
    stand_in_line(request.provider)
    _need_suspects(request.provider, request.subject)
    clear_suspects(request.provider, request.subject)
    release_held(request.provider, actor=actor, at=at)


def _waive(request: DeskRequest, *, actor: Actor, at: datetime) -> None:
    """Let gaps stand: the request's own names say which; nothing else moves."""
    del request, actor, at


@transaction.atomic
def decide_finding(
    finding: Finding, choice: str, *, reason: str, actor: Actor, at: datetime
) -> FindingDecision:
    """Say of something odd that it is genuine, ask the provider, or let what it sends wait.

    Called genuine after a hold, what waited for that alone counts by itself.

    Writes: one decision, a log entry; nothing that counted changes.

    Raises:
        Refused: no such choice, or no reason.
    """
    reason = _need_reason(reason)
    if choice not in FindingDecision.Choice.values:
        raise Refused("invalid_parameter", "请选择处理方式。", field="choice")
    decision = FindingDecision.objects.create(
        finding=finding,
        choice=choice,
        reason=reason,
        decided_at=at,
        decided_by=actor.name,
        decided_by_person=actor.person,
    )
    body = {
        "provider": str(finding.provider_id),
        "finding": str(finding.pk),
        "kind": finding.kind,
        "subject": finding.subject,
        "choice": choice,
        "reason": reason,
    }
    audit.record("metering.finding", body, actor=actor, at=at)
    if finding.provider.usage.filter(state="held", hold_reason="under_review").exists():
        release_held(finding.provider, actor=actor, at=at)
    return decision


def _body(request: DeskRequest) -> dict[str, Any]:
    return {
        "request": str(request.pk),
        "provider": str(request.provider_id),
        "kind": str(request.kind),
        "subject": request.subject,
    }


def _need_reason(reason: str) -> str:
    """Return a reason without spaces around it, or refuse."""
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise Refused("reason_missing", "请填写理由（1 至 200 字）。", field="reason")
    return reason
