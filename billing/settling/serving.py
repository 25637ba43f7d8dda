"""Whether a statement reached a side, until when it may object, and what follows from silence.

A side that says nothing is deemed to agree (视为确认), but only when a delivery is proved: a
message that was opened, a mail that the other side's server took, a webhook answered with 2xx, or
what a person of the bureau recorded. The days to object run from then, never from before the
statement went out. Without proof nothing runs out and nobody is deemed to agree.

Source: domain.md 2.9; decision 0190.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing.models import Confirmation, MonthClose, ServiceProof, Side, Statement, StatementVersion
from billing.settling.confirming import confirm_when_both, taken
from billing.settling.outcomes import tell_deemed
from billing.statement_files import Kind, keep_files
from ledger import audit
from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.periods import day_of
from ledger.refusals import Refused
from providers.models import WebhookAttempt
from vouchers.calendars import work_calendar
from vouchers.evidence import Upload
from vouchers.models import NoticeAttempt, NoticeRead
from vouchers.workdays import WorkCalendar, end_of

logger = logging.getLogger(__name__)
SIDES = ("enterprise", "provider")
#: The messages that serve a statement, by side: that it is out, or that there is a new version.
KINDS = {
    "enterprise": ("statements_to_confirm", "objection_on_statement_decided"),
    "provider": ("provider_statements_to_confirm", "provider_objection_decided"),
}
EVENTS = ("statement.ready", "statement.decided")
LONGEST_NOTE = 500
_DONE = 300  # answers below are 2xx
_OK = 200


@dataclass(frozen=True)
class Served:
    """The first proved delivery of one version of a statement to one side."""

    at: datetime
    how: str


Proofs = dict[tuple[UUID, str], Served]


def services(statements: Sequence[Statement]) -> Proofs:
    """Return the first proved delivery by statement and side; what is missing was not proved.

    A fixed number of questions however many statements there are.
    """
    starts = _starts(statements)
    found: Proofs = {}
    for pk, side, at, how in (
        *_by_message(statements),
        *_by_webhook(statements),
        *_by_person(statements),
    ):
        known = found.get((pk, side))
        if at >= starts[pk] and (known is None or at < known.at):
            found[pk, side] = Served(at, how)
    return found


Found = Iterable[tuple[UUID, str, datetime, str]]


def _starts(statements: Sequence[Statement]) -> dict[UUID, datetime]:
    """Return when the present version of each statement went out."""
    starts = {each.pk: each.close.put_out_at or each.generated_at for each in statements}
    later = [each.pk for each in statements if each.version > 1]
    for row in StatementVersion.objects.filter(statement__in=later).order_by("version"):
        starts[row.statement_id] = row.made_at
    return starts


def _by_message(statements: Sequence[Statement]) -> Found:
    """Find messages that were opened, and mails that were taken."""
    about: dict[tuple[str, str, str], list[UUID]] = {}
    for each in statements:
        for side, org in _orgs(each):
            subject = each.pk if each.version > 1 else each.close_id
            about.setdefault((side, str(org), str(subject)), []).append(each.pk)
    if not about:
        return
    kinds = [kind for side in SIDES for kind in KINDS[side]]
    wanted = {subject for _, _, subject in about}
    names = ("audience", "scope", "about_id")
    notice = Q(notice__kind__in=kinds, notice__about_id__in=wanted)
    reads = NoticeRead.objects.filter(notice)
    for *key, at, who in reads.values_list(
        *(f"notice__{name}" for name in names), "at", "user__display_name"
    ):
        for pk in about.get((key[0], key[1], key[2]), []):
            yield pk, key[0], at, f"{who}打开了站内消息"
    mails = NoticeAttempt.objects.filter(
        outcome="delivered",
        delivery__notice__kind__in=kinds,
        delivery__notice__about_id__in=wanted,
    )
    for *key, at, address in mails.values_list(
        *(f"delivery__notice__{name}" for name in names), "at", "address"
    ):
        for pk in about.get((key[0], key[1], key[2]), []):
            yield pk, key[0], at, f"邮件已送达 {_masked(address)}"


def _by_webhook(statements: Sequence[Statement]) -> Found:
    """Find webhooks about a statement that the provider answered with 2xx."""
    known = {each.statement_no: each for each in statements}
    tries = WebhookAttempt.objects.filter(
        status__gte=_OK,
        status__lt=_DONE,
        delivery__event__in=EVENTS,
        delivery__payload__statement_no__in=list(known),
    )
    for number, owner, at in tries.values_list(
        "delivery__payload__statement_no", "delivery__webhook__provider_id", "at"
    ):
        if known[number].provider_id == owner:
            yield known[number].pk, "provider", at, "服务商的接口通知地址已应答"


def _by_person(statements: Sequence[Statement]) -> Found:
    """Find what people of the bureau recorded for the present version."""
    versions = {each.pk: each.version for each in statements}
    for row in ServiceProof.objects.filter(statement__in=list(versions)):
        if row.version == versions[row.statement_id]:
            how = f"{row.get_way_display()}送达 {row.served_whom}（{row.recorded_name}登记）"
            yield row.statement_id, row.side, row.served_at, how


def _orgs(statement: Statement) -> tuple[tuple[str, UUID], ...]:
    return (("enterprise", statement.enterprise_id), ("provider", statement.provider_id))


def _masked(address: str) -> str:
    name, _, host = address.partition("@")
    return f"{name[:1]}***@{host}"


# The time to object --------------------------------------------------------------------------


def deadline_of(statement: Statement, served: Served | None = None) -> datetime | None:
    """Return the midnight that ends the time to object; None before the statement is out.

    Args:
        served: the proved delivery, from which the days run when it came after the put-out.

    Raises:
        Refused: the period runs into a year whose holidays are not known.
    """
    return _deadline(statement, served, work_calendar())


def _deadline(
    statement: Statement, served: Served | None, calendar: WorkCalendar
) -> datetime | None:
    until = statement.close.objections_until
    if until is None:
        return None
    days = statement.voucher.programme.edition.settlement.objection_working_days
    if statement.version > 1:
        newest = statement.versions.order_by("-version").first()
        if newest is not None:
            until = max(until, end_of(calendar.add_working_days(day_of(newest.made_at), days)))
    if served is not None:
        until = max(until, end_of(calendar.add_working_days(day_of(served.at), days)))
    return until


def may_still_object(statement: Statement, side: str, at: datetime) -> bool:
    """Tell whether a side may still object: its days run only from a proved delivery on."""
    until = deadline_of(statement)
    if until is None:
        return False
    if at < until:
        return True
    served = services([statement]).get((statement.pk, side))
    if served is None:
        return True
    until = deadline_of(statement, served)
    return until is not None and at < until


# Silence -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Silent:
    """One side that has not answered after its time: deemed to agree, or not served."""

    statement: Statement
    side: str
    served: Served | None

    @property
    def side_title(self) -> str:
        """Return the side in words."""
        return str(Side(self.side).label)


def silent_sides(at: datetime) -> list[Silent]:
    """Return every side whose published time to object is over without an answer."""
    closes = MonthClose.objects.filter(state="review", objections_until__lte=at)
    waiting: dict[str, set[UUID]] = {}
    for side in SIDES:
        asked = Statement.objects.filter(close__in=closes).waiting_for(side)
        waiting[side] = set(asked.values_list("pk", flat=True))
    statements = list(
        Statement.objects.filter(pk__in=set().union(*waiting.values()))
        .with_parties()
        .order_by("statement_no")
    )
    proofs = services(statements)
    return [
        Silent(each, side, proofs.get((each.pk, side)))
        for each in statements
        for side in SIDES
        if each.pk in waiting[side]
    ]


def deem_due(*, actor: Actor, at: datetime) -> int:
    """Deem every silent side to agree whose time ran out after a proved delivery.

    Each is an act of its own; one that is refused does not keep the others.

    Writes: as ``deem_statement``. Returns how many.
    """
    deemed, calendar = 0, work_calendar()
    for each in silent_sides(at):
        if each.served is None:
            continue
        try:
            until = _deadline(each.statement, each.served, calendar)
            if until is not None and at >= until:
                deem_statement(each.statement, each.side, each.served, actor=actor, at=at)
                deemed += 1
        except Refused as refusal:
            logger.warning("statement %s is not deemed: %s", each.statement.pk, refusal.code)
    return deemed


@transaction.atomic
def deem_statement(
    statement: Statement, side: str, served: Served, *, actor: Actor, at: datetime
) -> Confirmation | None:
    """Deem one side to agree to the present version; the second yes confirms the statement.

    Writes: a confirmation that names the delivery, state row, log entry, messages. Nothing when
        the side answered meanwhile.
    """
    statement = taken(statement)
    if not Statement.objects.filter(pk=statement.pk).waiting_for(side).exists():
        return None
    confirmation = Confirmation.objects.create(
        statement=statement,
        side=side,
        version=statement.version,
        digest=statement.digest,
        confirmed_at=at,
        actor_id=actor.id,
        actor_name="视为确认",
        basis=Confirmation.Basis.DEEMED,
        served_at=served.at,
        served_how=served.how,
    )
    confirm_when_both(statement, actor=actor, at=at)
    body = {
        "statement": statement.pk,
        "side": side,
        "version": statement.version,
        "digest": statement.digest,
        "served_at": served.at,
    }
    audit.record("statement.deemed", body, actor=actor, at=at)
    tell_deemed(confirmation, actor=actor, at=at)
    return confirmation


@dataclass(frozen=True)
class Service:
    """What a person of the bureau says of a delivery: to which side and whom, how, when, proof."""

    side: str
    way: str
    whom: str
    served_at: datetime
    note: str
    file: Upload | None = None


@transaction.atomic
def record_service(
    statement: Statement, told: Service, *, actor: Actor, at: datetime
) -> ServiceProof:
    """Record that a statement was served by a call, a visit or a letter.

    Writes: proof, file, log entry. The days to object run from the day of service.

    Raises:
        Refused: not under confirmation, a moment that cannot be, or something missing.
    """
    statement = taken(statement)
    if statement.state not in (Statement.State.IN_REVIEW, Statement.State.DISPUTED):
        raise Refused("wrong_state", "这份对账单不在确认阶段，不需要登记送达。")
    _judge_service(statement, told, at)
    pk = new_id()
    uploads = [told.file] if told.file else []
    files: list[Any] = keep_files(statement, Kind.SERVICE, pk, uploads, actor=actor, at=at)
    proof = ServiceProof.objects.create(
        id=pk,
        statement=statement,
        side=told.side,
        version=statement.version,
        way=told.way,
        served_whom=told.whom.strip(),
        served_at=told.served_at,
        note=told.note.strip(),
        file=files[0] if files else None,
        recorded_at=at,
        recorded_name=actor.name,
        recorded_person=actor.person,
    )
    body = {
        "statement": statement.pk,
        "proof": pk,
        "side": told.side,
        "way": told.way,
        "version": statement.version,
        "served_at": told.served_at,
    }
    audit.record("statement.served", body, actor=actor, at=at)
    return proof


def _judge_service(statement: Statement, told: Service, at: datetime) -> None:
    if told.side not in SIDES:
        raise Refused("no_such_side", "请选择送达给哪一方。", field="side")
    if told.way not in ServiceProof.Way.values:
        raise Refused("way_unknown", "请选择送达方式。", field="way")
    if not told.whom.strip() or len(told.whom) > 100:
        raise Refused("whom_missing", "请写明送达给谁（姓名和职务）。", field="whom")
    if not told.note.strip() or len(told.note) > LONGEST_NOTE:
        raise Refused("note_missing", "请写明送达经过（1 至 500 字）。", field="note")
    start = _starts([statement])[statement.pk]
    if not start <= told.served_at <= at:
        raise Refused(
            "served_at_impossible",
            "送达时间须在这一版对账单出具之后、现在之前。",
            field="served_at",
        )
    if told.way in (ServiceProof.Way.POST, ServiceProof.Way.VISIT) and told.file is None:
        raise Refused(
            "proof_missing", "当面送达和邮寄须附回执或签收照片（PDF、JPG 或 PNG）。", field="file"
        )
