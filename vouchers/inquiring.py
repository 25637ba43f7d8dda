"""Open inquiries about enterprises and decide them: what waits for a person, what came of it."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.refusals import Refused
from vouchers import standing
from vouchers.models import Enterprise, Inquiry
from vouchers.notices import tell_staff
from vouchers.states import move, write_row


@transaction.atomic
def open_inquiry(
    enterprise: Enterprise, kind: str, ref: str, title: str, *, actor: Actor, at: datetime
) -> Inquiry:
    """Open an inquiry, or return the one there is about the same thing.

    Args:
        enterprise: whom it concerns.
        kind: one of ``Inquiry.Kind``.
        ref: what it is about; asking again with the same ref changes nothing.
        title: what a person has to look into, in one sentence.
        actor: who noticed.
        at: when.

    Writes: inquiry, state row, log entry.
    """
    Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    known = Inquiry.objects.filter(ref=ref).first()
    if known:
        return known
    inquiry = Inquiry.objects.create(
        enterprise=enterprise,
        kind=kind,
        ref=ref,
        title=title,
        opened_at=at,
        opened_by=actor.name,
    )
    write_row(inquiry, "open", "立案", ("", inquiry.state), actor=actor, at=at, internal=title)
    audit.record(
        "inquiry.open",
        {"inquiry": inquiry.pk, "enterprise": enterprise.pk, "kind": kind, "ref": ref},
        actor=actor,
        at=at,
    )
    told = {"enterprise": enterprise.name, "title": title}
    tell_staff("vouchers.keep_registers", "inquiry_opened", told, about=inquiry, at=at)
    return inquiry


@transaction.atomic
def payment_waits(
    enterprise: Enterprise, ref: str, what: str, *, actor: Actor, at: datetime
) -> bool:
    """Tell whether a payment for an enterprise waits for a person, and open the inquiry about it.

    An inquiry that was dismissed lets the payment go; one that was upheld keeps it back.

    Args:
        enterprise: whose use is paid for.
        ref: the payment, named so that asking again finds the same inquiry.
        what: the payment in words.
        actor: who pays.
        at: when.

    Writes: an inquiry, where the standing forbids paying and there is none yet.
    """
    answer = standing.may(enterprise.state, "pay", until=enterprise.barred_until)
    if answer.allowed:
        return False
    title = f"{what}：{answer.message}"
    inquiry = open_inquiry(enterprise, Inquiry.Kind.PAYMENT, ref, title, actor=actor, at=at)
    return bool(inquiry.state != Inquiry.State.DISMISSED)


@transaction.atomic
def decide_inquiry(
    inquiry: Inquiry, *, upheld: bool, reason: str, actor: Actor, at: datetime
) -> Inquiry:
    """Decide an inquiry: it is as it looked, or there is nothing in it.

    Writes: the decision, state row, log entry.

    Raises:
        Refused: no reason, or decided already.
    """
    inquiry = Inquiry.objects.select_for_update(of=("self",)).get(pk=inquiry.pk)
    if not reason.strip():
        raise Refused("reason_missing", "请写明核查结论的理由和依据。", field="reason")
    event = "uphold" if upheld else "dismiss"
    move(inquiry, event, actor=actor, at=at, internal=reason)
    inquiry.decided_at, inquiry.decided_by, inquiry.reason = at, actor.name, reason.strip()
    inquiry.save()
    audit.record(
        "inquiry.decide",
        {"inquiry": inquiry.pk, "enterprise": inquiry.enterprise_id, "outcome": inquiry.state},
        actor=actor,
        at=at,
    )
    return inquiry
