"""Issue in batches: one person puts approved applications together, another one issues them.

Units: fen.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.issuing import issue_voucher
from vouchers.models import Application, Enterprise, IssueBatch, IssueItem
from vouchers.states import next_number
from vouchers.waitlisting import waitlist_application

MOST = 500
#: Refusals that mean nothing but that there is no money now.
_NO_MONEY = {"insufficient_funds", "not_first_in_line"}


@transaction.atomic
def prepare_batch(
    applications: Sequence[Application], *, actor: Actor, at: datetime, key: UUID | None = None
) -> IssueBatch:
    """Put approved applications together for another person to issue; nothing is issued yet.

    Args:
        applications: approved, in the order they are to be issued.
        key: asking again with the same key gives the same batch.

    Writes: a batch with its items, a log entry.

    Raises:
        Refused: nothing chosen, too many, one is not approved or waits in another batch.
    """
    if key and (known := IssueBatch.objects.filter(pk=key).first()):
        return known
    if not 0 < len(applications) <= MOST:
        raise Refused("nothing_chosen", f"请选择 1 至 {MOST} 件待发券的申请。")
    for each in applications:
        if each.state != Application.State.APPROVED:
            raise Refused(
                "wrong_state",
                f"{each.application_no} 当前为“{each.get_state_display()}”，不能列入发券批次。",
            )
    waiting = IssueItem.objects.filter(
        application__in=applications, batch__issued_at__isnull=True, batch__dropped_at__isnull=True
    ).select_related("application", "batch")
    if twice := waiting.first():
        raise Refused(
            "in_another_batch",
            f"{twice.application.application_no} 已列入批次 {twice.batch.batch_no}，"
            "请先发放或作废那个批次。",
        )
    lines = "\n".join(f"{each.application_no} {each.approved_fen}" for each in applications)
    batch = IssueBatch.objects.create(
        pk=key or new_id(),
        batch_no=next_number(f"PTFQ-{day_of(at).year}"),
        total_fen=sum(each.approved_fen or 0 for each in applications),
        digest=hashlib.sha256(lines.encode()).hexdigest(),
        prepared_at=at,
        prepared_by=actor.name,
        prepared_person=actor.person,
    )
    IssueItem.objects.bulk_create(
        IssueItem(batch=batch, application=each, line_no=no, amount_fen=each.approved_fen or 0)
        for no, each in enumerate(applications, start=1)
    )
    _log("voucher.batch_prepare", batch, len(applications), actor, at)
    return batch


@transaction.atomic
def issue_batch(batch: IssueBatch, *, actor: Actor, at: datetime) -> IssueBatch:
    """Issue a batch as the second person; what is refused stands in the result, the rest is issued.

    An application without money goes on the waiting list where the edition has one. Asking again
    changes nothing.

    Writes: what each issue writes; the outcome of every item; a log entry.

    Raises:
        Refused: one person twice, or the batch was dropped.
    """
    batch = IssueBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if batch.issued_at:
        return batch
    if batch.dropped_at:
        raise Refused("batch_dropped", "这个批次已作废，请重新编制。")
    if not actor.person or actor.person == batch.prepared_person:
        raise Refused("same_person", "您是编制人，须由他人发券。")
    items = list(batch.items.select_related("application"))
    _lock_all(items)
    for item in items:
        item.outcome, item.message = _issue_one(item.application, actor, at)
        item.save()
    batch.issued_at, batch.issued_by, batch.issued_person = at, actor.name, actor.person
    batch.save()
    issued = sum(item.outcome == IssueItem.Outcome.ISSUED for item in items)
    _log("voucher.batch_issue", batch, issued, actor, at)
    return batch


@transaction.atomic
def drop_batch(batch: IssueBatch, *, actor: Actor, at: datetime) -> IssueBatch:
    """Drop a batch that nobody issued; its applications can be put together anew.

    Raises:
        Refused: it was issued.
    """
    batch = IssueBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if batch.issued_at:
        raise Refused("batch_issued", "这个批次已经发券，不能作废。")
    if not batch.dropped_at:
        batch.dropped_at = at
        batch.save()
        _log("voucher.batch_drop", batch, 0, actor, at)
    return batch


def _lock_all(items: Sequence[IssueItem]) -> None:
    """Lock everybody first, sorted: the pool that comes after is shared with single issues."""
    firms = sorted({item.application.enterprise_id for item in items})
    list(Enterprise.objects.select_for_update(of=("self",)).filter(pk__in=firms).order_by("pk"))
    cases = [item.application_id for item in items]
    list(Application.objects.select_for_update(of=("self",)).filter(pk__in=cases).order_by("pk"))


def _issue_one(application: Application, actor: Actor, at: datetime) -> tuple[str, str]:
    """Issue one of a batch, or say why not; a refusal undoes that one alone."""
    try:
        with transaction.atomic():
            made = issue_voucher(application, actor=actor, at=at)
    except Refused as refused:
        if refused.code not in _NO_MONEY:
            return IssueItem.Outcome.REFUSED, refused.message
        problem = refused.message
    else:
        count = made.application.vouchers.count()
        numbers = list(
            made.application.vouchers.order_by("set_no").values_list("voucher_no", flat=True)
        )
        told = numbers[0] if count == 1 else f"{numbers[0]} 至 {numbers[-1]}（{count} 张）"
        return IssueItem.Outcome.ISSUED, told
    try:
        with transaction.atomic():
            waitlist_application(application, actor=actor, at=at)
    except Refused:
        return IssueItem.Outcome.REFUSED, problem
    return IssueItem.Outcome.WAITLISTED, problem


def _log(kind: str, batch: IssueBatch, count: int, actor: Actor, at: datetime) -> None:
    audit.record(
        kind,
        {
            "batch": batch.pk,
            "batch_no": batch.batch_no,
            "count": str(count),
            "total_fen": batch.total_fen,
            "digest": batch.digest,
        },
        actor=actor,
        at=at,
    )
