"""What takes two people with a voucher: one asks to unfreeze or revoke it, another decides."""

import dataclasses
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers.freezing import unfreeze_voucher
from vouchers.issuing import revoke_voucher
from vouchers.models import Voucher, VoucherRequest


@transaction.atomic
def request_change(
    voucher: Voucher, kind: str, *, reason: str, actor: Actor, at: datetime
) -> VoucherRequest:
    """Ask another person to unfreeze or to revoke a voucher; nothing changes yet.

    Writes: a request, a log entry. The same request again gives the one that waits.

    Raises:
        Refused: no reason, not frozen, or the voucher is over.
    """
    voucher = Voucher.objects.select_for_update(of=("self",)).get(pk=voucher.pk)
    if not reason.strip():
        raise Refused("reason_missing", "请写明理由和依据。", field="reason")
    if kind == VoucherRequest.Kind.UNFREEZE and not voucher.frozen:
        raise Refused("not_frozen", "这张算力券没有冻结，不需要解冻。")
    if kind == VoucherRequest.Kind.REVOKE and voucher.state != Voucher.State.ACTIVE:
        raise Refused("wrong_state", f"这张算力券当前为“{voucher.get_state_display()}”，不能撤销。")
    if known := voucher.requests.waiting().filter(kind=kind).first():
        return known
    request = VoucherRequest.objects.create(
        voucher=voucher,
        kind=VoucherRequest.Kind(kind),
        reason=reason.strip()[:500],
        prepared_at=at,
        prepared_by=dataclasses.asdict(actor),
        prepared_person=actor.person,
    )
    audit.record(
        "voucher.request",
        {"request": request.pk, "voucher": voucher.pk, "change": request.kind},
        actor=actor,
        at=at,
    )
    return request


@transaction.atomic
def decide_request(
    request: VoucherRequest, *, agree: bool, actor: Actor, at: datetime
) -> VoucherRequest:
    """Decide as the second person; agreeing carries the change out, asking again is harmless.

    Writes: what the change writes; the decision; a log entry.

    Raises:
        Refused: the one who asked agrees, or the change is no longer possible.
    """
    request = (
        VoucherRequest.objects.select_for_update(of=("self",))
        .select_related("voucher")
        .get(pk=request.pk)
    )
    if request.decided_at:
        return request
    prepared = Actor(**request.prepared_by)
    if agree and (not actor.person or actor.person == prepared.person):
        raise Refused("same_person", "您是经办人，须由他人审批。")
    if agree:
        change = (
            unfreeze_voucher if request.kind == VoucherRequest.Kind.UNFREEZE else revoke_voucher
        )
        change(request.voucher, reason=request.reason, approved_by=actor, actor=prepared, at=at)
    request.decided_at, request.agreed = at, agree
    request.decided_by, request.decided_person = actor.name, actor.person
    request.save()
    audit.record(
        "voucher.request_decided",
        {"request": request.pk, "voucher": request.voucher_id, "agreed": agree},
        actor=actor,
        at=at,
    )
    return request
