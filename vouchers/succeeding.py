"""Note that an enterprise has a new name, or was taken over by another, with the proof (承继)."""

from datetime import date, datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers import gates, searching
from vouchers.barring import deregister_enterprise
from vouchers.enrolling import add_seat
from vouchers.inquiring import open_inquiry
from vouchers.models import Enterprise, EnterpriseSeat, Inquiry, Succession
from vouchers.states import write_row
from vouchers.wording import clean_name


@transaction.atomic
def rename_enterprise(
    enterprise: Enterprise,
    name: str,
    *,
    document_no: str,
    effective_on: date,
    actor: Actor,
    at: datetime,
) -> Succession:
    """Give an enterprise its new name; the credit code, cases and vouchers stay as they are.

    Writes: the succession with the old name, the name, state row, log entry.

    Raises:
        Refused: a faulty or the same name, no document, or a day in the future.
    """
    enterprise = Enterprise.objects.select_for_update(of=("self",)).get(pk=enterprise.pk)
    try:
        title = clean_name(name)
    except ValueError as error:
        raise Refused("name_invalid", f"企业名称：{error}。", field="name") from error
    if title == enterprise.name:
        raise Refused("name_same", "新名称与现名称相同，没有更改。", field="name")
    _proof(document_no, effective_on, at)
    old, enterprise.name = enterprise.name, title
    enterprise.save()
    searching.keep_renamed(enterprise)
    made = Succession.objects.create(
        kind=Succession.Kind.RENAME,
        enterprise=enterprise,
        old_name=old,
        new_name=title,
        document_no=document_no.strip(),
        effective_on=effective_on,
        recorded_at=at,
        recorded_by=actor.name,
    )
    write_row(
        enterprise, "rename", "更名", (enterprise.state,) * 2,
        actor=actor, at=at, internal=f"{old} → {title}（{document_no}）",
    )  # fmt: skip
    audit.record(
        "enterprise.rename",
        {
            "enterprise": enterprise.pk,
            "succession": made.pk,
            "document_no": document_no.strip(),
            "effective_on": effective_on.isoformat(),
        },
        actor=actor,
        at=at,
    )
    return made


@transaction.atomic
def merge_enterprise(
    enterprise: Enterprise,
    successor: Enterprise,
    *,
    document_no: str,
    effective_on: date,
    approved_by: Actor,
    actor: Actor,
    at: datetime,
) -> Succession:
    """Note that an enterprise was merged into another; two people.

    The old body is deregistered and its vouchers are frozen, for a voucher cannot be handed on.
    What it held counts for the new one; the new one's administrators get seats in the old one, so
    that its statements can still be confirmed. A person decides about what is left (核查事项).

    Writes: succession, what deregistering writes, seats, an inquiry, log entry.

    Raises:
        Refused: one person twice, no document, itself, or an unverified successor.
    """
    gates.two_persons(actor, approved_by)
    if enterprise.pk == successor.pk:
        raise Refused("same_enterprise", "承继企业不能是企业自己，请核对代码。", field="successor")
    _proof(document_no, effective_on, at)
    both = Enterprise.objects.filter(pk__in=[enterprise.pk, successor.pk]).order_by("pk")
    rows = {each.pk: each for each in both.select_for_update(of=("self",))}
    heir = rows[successor.pk]
    gates.in_good_standing(heir, "accept")
    reason = f"并入{heir.name}（{document_no}）"
    over = deregister_enterprise(
        rows[enterprise.pk], reason=reason, approved_by=approved_by, actor=actor, at=at
    )
    made = Succession.objects.create(
        kind=Succession.Kind.MERGER,
        enterprise=over,
        successor=heir,
        old_name=over.name,
        new_name=heir.name,
        document_no=document_no.strip(),
        effective_on=effective_on,
        recorded_at=at,
        recorded_by=actor.name,
    )
    _hand_on(over, heir, f"succession:{made.pk}", actor, at)
    audit.record(
        "enterprise.merge",
        {
            "enterprise": over.pk,
            "successor": heir.pk,
            "succession": made.pk,
            "document_no": document_no.strip(),
            "approved_by": approved_by.for_log(),
        },
        actor=actor,
        at=at,
    )
    return made


def _hand_on(over: Enterprise, heir: Enterprise, ref: str, actor: Actor, at: datetime) -> None:
    """Seat the heir's administrators in the old body, and ask a person about what is left."""
    for seat in heir.seats.filter(active=True, role=EnterpriseSeat.Role.ADMIN):
        add_seat(over, seat.user, EnterpriseSeat.Role.ADMIN, actor=actor, at=at)
    title = f"{over.name}并入{heir.name}，请核查未用券额、未结对账单的处理。"
    open_inquiry(over, Inquiry.Kind.SUCCESSION, ref, title, actor=actor, at=at)


def _proof(document_no: str, effective_on: date, at: datetime) -> None:
    if not document_no.strip():
        raise Refused("document_missing", "请填写变更证明的文号。", field="document_no")
    if effective_on > day_of(at):
        raise Refused("effective_in_future", "生效日期不能晚于今天。", field="effective_on")
