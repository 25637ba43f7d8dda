"""Get a claim in: cash from the party, set-off against its next payment, courts, giving up."""

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Sum

from billing.bank_files import LONGEST_REFERENCE
from billing.models import (
    Clawback,
    ClawbackReceipt,
    PaymentLine,
    Statement,
    move,
)
from billing.models.clawback import RUNNING
from billing.models.payment import LISTED
from billing.models.state_row import write_row
from billing.settling.recovering import taken_case
from billing.settling.recovery_postings import book_cash_back, book_offset, book_write_off
from billing.settling.telling import tell_party
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import day_of
from ledger.refusals import Refused
from providers.models import Provider

Part = tuple[Clawback, Statement, int]


def planned_fen(case: Clawback) -> int:
    """Return what waiting payment lists keep back for a claim and have not booked yet."""
    planned = case.offsets.filter(active=True, booked_at=None, line__state__in=LISTED)
    return int(planned.aggregate(total=Sum("amount_fen"))["total"] or 0)


@transaction.atomic
def serve_decision(case: Clawback, *, actor: Actor, at: datetime) -> Clawback:
    """Note that the decision reached the party; from here on later payments may be set off.

    Writes: the case moved, state row, log entry.
    """
    return _turn(case, "serve", Clawback.State.RECOVERING, "", actor, at)


@transaction.atomic
def enforce_clawback(case: Clawback, *, reason: str, actor: Actor, at: datetime) -> Clawback:
    """Note that the court is asked to enforce a claim that was not paid in time.

    Raises:
        Refused: the time to pay still runs, or no document is named.
    """
    if case.due_on and day_of(at) <= case.due_on:
        raise Refused("not_due", f"缴款期限到 {case.due_on}，期满未缴才能申请强制执行。")
    return _turn(case, "enforce", Clawback.State.ENFORCEMENT, reason, actor, at)


@transaction.atomic
def refer_clawback(case: Clawback, *, reason: str, actor: Actor, at: datetime) -> Clawback:
    """Note that another authority takes a case over; what comes in is still recorded here."""
    return _turn(case, "refer", Clawback.State.TRANSFERRED, reason, actor, at)


@transaction.atomic
def close_clawback(case: Clawback, *, actor: Actor, at: datetime) -> Clawback:
    """Close a case in which nothing is left to come back."""
    case = taken_case(case)
    if case.state == Clawback.State.CLOSED:
        return case
    move(case, "close", actor=actor, at=at)
    case.closed_at = at
    case.save()
    _log("clawback.close", case, {"amount_fen": case.claim_fen}, actor, at)
    return case


def _turn(
    case: Clawback, event: str, target: str, reason: str, actor: Actor, at: datetime
) -> Clawback:
    case = taken_case(case)
    if case.state == target:
        return case
    if event != "serve" and not reason.strip():
        raise Refused("reason_needed", "请写明受理机关和文号。", field="reason")
    move(case, event, actor=actor, at=at, reason=reason)
    case.save()
    _log(f"clawback.{event}", case, {"amount_fen": case.left_fen}, actor, at)
    return case


@transaction.atomic
def record_cash_back(
    case: Clawback,
    *,
    amount_fen: int,
    bank_reference: str,
    received_on: date,
    actor: Actor,
    at: datetime,
) -> Clawback:
    """Record money that came back from the party, in full or in part; asking again changes nothing.

    Writes: posting (610, 630), receipt, the case moved when nothing is left, log entry.

    Raises:
        Refused: no such claim runs, more than is left and not planned as set-off, or the reference
            was used.
    """
    case = taken_case(case)
    reference = bank_reference.strip()
    known = ClawbackReceipt.objects.filter(bank_reference=reference).first()
    if known and (known.clawback_id, known.amount_fen) == (case.pk, amount_fen):
        return case
    if known:
        raise Refused("reference_used", "这个银行流水号已登记过，请核对。", field="bank_reference")
    _runs(case)
    if not 0 < len(reference) <= LONGEST_REFERENCE:
        raise Refused("reference_needed", "请填写银行流水号。", field="bank_reference")
    if received_on > day_of(at):
        raise Refused("paid_in_future", "到账日期不能晚于今天。", field="received_on")
    most = case.left_fen - planned_fen(case)
    if not 0 < amount_fen <= most:
        raise Refused(
            "beyond_claim",
            f"到账金额须大于 0，且不超过尚未追回的 {yuan_text(most)} 元（已扣除待抵扣部分）。",
            field="amount_fen",
        )
    receipt = ClawbackReceipt.objects.create(
        clawback=case,
        amount_fen=amount_fen,
        bank_reference=reference,
        received_on=received_on,
        recorded_at=at,
        recorded_name=actor.name,
    )
    book_cash_back(case, receipt, actor=actor, at=at)
    case.cash_fen += amount_fen
    _settle(case, actor, at)
    digest = hashlib.sha256(reference.encode()).hexdigest()
    said = {"amount_fen": amount_fen, "reference_sha256": digest}
    _log("clawback.cash", case, said, actor, at)
    return case


def set_off(parts: Sequence[tuple[Statement, int]]) -> list[Part]:
    """Return what of the parts of one payment line is kept back for claims against the payee.

    The oldest claim first; only within one programme, as the books are kept by programme.
    """
    payee = parts[0][0].payee
    kept: list[Part] = []
    kind = "provider" if isinstance(payee, Provider) else "enterprise"
    running = Clawback.objects.running().filter(**{kind: payee}).order_by("opened_at", "id")
    cases = list(
        running.select_for_update(of=("self",)).select_related("statement__voucher__programme")
    )
    rests = {case.pk: case.left_fen - planned_fen(case) for case in cases}
    for statement, owed in parts:
        rest = owed
        for case in cases:
            same = case.statement.programme_ref == statement.programme_ref
            take = min(rest, rests[case.pk]) if same else 0
            if take > 0:
                kept.append((case, statement, take))
                rest -= take
                rests[case.pk] -= take
    return kept


def book_offsets(line: PaymentLine, *, actor: Actor, at: datetime) -> None:
    """Book what a line keeps back for claims, as it is sent; the caller holds the month.

    Writes: postings (620, 630), offsets marked, statements and cases moved, state rows, entries.
    """
    planned = line.offsets.filter(active=True, booked_at=None)
    for offset in planned.select_related("clawback", "statement").order_by("statement_id", "id"):
        offset.clawback = case = taken_case(offset.clawback)
        statement = Statement.objects.select_related("voucher__programme").get(
            pk=offset.statement_id
        )
        offset.statement = statement
        book_offset(offset, actor=actor, at=at)
        offset.booked_at = at
        offset.save()
        statement.paid_fen += offset.amount_fen
        if statement.is_settled:
            move(statement, "pay", actor=actor, at=at, reason=f"抵扣 {case.case_no}")
        statement.save()
        case.offset_fen += offset.amount_fen
        _settle(case, actor, at)
        said = {"amount_fen": offset.amount_fen, "payment": line.pk}
        _log("clawback.offset", case, said, actor, at)
        tell_party(case, "clawback_offset", at)


@transaction.atomic
def ask_write_off(case: Clawback, *, decision_ref: str, actor: Actor, at: datetime) -> Clawback:
    """Put forward that the rest of a claim is given up, with the number of the decision.

    Writes: the proposal on the case, state row, log entry.

    Raises:
        Refused: no claim runs, part of it waits to be set off, or no document is named.
    """
    case = taken_case(case)
    _runs(case)
    _nothing_planned(case)
    if not 0 < len(decision_ref.strip()) <= 100:
        raise Refused("reference_needed", "请填写核销决定的文号。", field="decision_ref")
    case.write_off_ref, case.write_off_by = decision_ref.strip(), dataclasses.asdict(actor)
    case.write_off_person = actor.person
    case.save()
    write_row(case, "ask_write_off", "提请核销", (case.state,) * 2, actor=actor, at=at)
    _log("clawback.ask_write_off", case, {"amount_fen": case.left_fen}, actor, at)
    return case


@transaction.atomic
def write_off_clawback(case: Clawback, *, actor: Actor, at: datetime) -> Clawback:
    """Give the rest of a claim up, as another person than who put it forward.

    Writes: posting (640 on both sides), the case moved, state row, log entry with both persons.

    Raises:
        Refused: not put forward, by the same person, or part of it waits to be set off.
    """
    case = taken_case(case)
    if case.state == Clawback.State.WRITTEN_OFF:
        return case
    _runs(case)
    if not case.write_off_person:
        raise Refused("not_proposed", "还没有提请核销。")
    if not actor.person or actor.person == case.write_off_person:
        raise Refused("same_person", "核销由您提请，须由另一人批准。")
    _nothing_planned(case)
    asked, left = Actor(**case.write_off_by), case.left_fen
    book_write_off(case, left, asked=asked, actor=actor, at=at)
    case.given_up_fen, case.given_up_person = left, actor.person
    _settle(case, actor, at)
    audit.record(
        "clawback.write_off",
        {"clawback": case.pk, "case_no": case.case_no, "amount_fen": left},
        actor=actor,
        at=at,
        auth={"approvals": [asked.for_log(), actor.for_log()]},
    )
    return case


def _runs(case: Clawback) -> None:
    if case.state not in RUNNING:
        raise Refused(
            "claim_not_running",
            f"案件为“{case.get_state_display()}”，没有正在追回的款项。请先送达追回决定。",
        )


def _nothing_planned(case: Clawback) -> None:
    if planned := planned_fen(case):
        raise Refused(
            "offset_waits",
            f"有 {yuan_text(planned)} 元正在付款清单中等待抵扣，送国库或作废该清单后再办理。",
        )


def _settle(case: Clawback, actor: Actor, at: datetime) -> None:
    """Save a case, and move it when nothing is left to come back."""
    if case.left_fen == 0:
        event = "recover" if case.cash_fen else "set_off"
        move(case, "write_off" if case.given_up_fen else event, actor=actor, at=at)
    case.save()


def _log(entry: str, case: Clawback, said: dict[str, object], actor: Actor, at: datetime) -> None:
    body = {"clawback": case.pk, "case_no": case.case_no, **said}
    audit.record(entry, body, actor=actor, at=at)
