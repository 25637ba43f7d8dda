"""Ask money back from who received it: open a case, tell the facts, hear the party, decide.

The decision takes two persons and raises the claim in the books; ``collecting`` gets it in.
"""

import dataclasses
from datetime import date, datetime, timedelta

from django.db import transaction

from billing.interest import MOST_BP, interest_days, last_day_to_claim, simple_interest
from billing.models import Clawback, PaymentItem, Statement, move
from billing.models.state_row import write_row
from billing.settling.recovery_postings import book_clawback
from billing.settling.telling import tell_party
from ledger import audit
from ledger.actors import Actor
from ledger.amounts import yuan_text
from ledger.periods import day_of
from ledger.refusals import Refused
from providers.models import Provider
from vouchers.barring import bar_enterprise
from vouchers.calendars import work_calendar
from vouchers.issuing import revoke_voucher
from vouchers.states import next_number
from vouchers.workdays import end_of

HEAR_WORKING_DAYS = 5
PAY_DAYS = 30
LONGEST_TEXT = 4_000


def paid_on(statement: Statement) -> date:
    """Return the day the last part of a statement was paid."""
    paid = PaymentItem.objects.filter(statement=statement, active=True, line__state="paid")
    days = [each for each in paid.values_list("line__paid_on", flat=True) if each]
    approved = statement.close.approved_at
    return max(days) if days else day_of(approved or statement.generated_at)


def net_received_fen(statement: Statement, *, but: Clawback | None = None) -> int:
    """Return what the payee received for a statement and is not claimed back already."""
    others = statement.clawbacks.exclude(state="dropped")
    if but is not None:
        others = others.exclude(pk=but.pk)
    claimed = sum(each.amount_fen or each.proposed_fen for each in others)
    return int(statement.paid_fen - claimed)


@transaction.atomic
def open_clawback(
    statement: Statement, *, cause: str, facts: str, amount_fen: int, actor: Actor, at: datetime
) -> Clawback:
    """Open a case against whoever was paid for a statement.

    Args:
        cause: one of ``Clawback.Cause``.
        facts: what was found, as the party will read it.
        amount_fen: what is to come back; at most what was received net.

    Writes: case, state row, log entry.

    Raises:
        Refused: no facts, more than was received, or the edition's years are over.
    """
    statement = _taken_statement(statement)
    _judge_opening(statement, cause, facts, amount_fen, at)
    payee = statement.payee
    case = Clawback.objects.create(
        case_no=next_number(f"PTSL-ZH-{day_of(at).year}"),
        statement=statement,
        provider=payee if isinstance(payee, Provider) else None,
        enterprise=None if isinstance(payee, Provider) else payee,
        cause=cause,
        facts=facts.strip(),
        proposed_fen=amount_fen,
        opened_at=at,
        opened_name=actor.name,
        opened_person=actor.person,
    )
    write_row(case, "open", "立案", ("", case.state), actor=actor, at=at)
    _log("clawback.open", case, {"amount_fen": amount_fen, "cause": cause}, actor, at)
    return case


def open_refund(
    statement: Statement, *, refund_fen: int, proof: str, actor: Actor, at: datetime
) -> Clawback:
    """Open a case for the public share of what the provider refunded after it was paid (U7).

    Args:
        refund_fen: what the provider gave back of the gross price.
        proof: the document of the refund.

    Raises:
        Refused: what ``refund_share_fen`` refuses, or no document.
    """
    share = refund_share_fen(statement, refund_fen)
    if not proof.strip():
        raise Refused(
            "proof_needed", "请写明退款凭证，例如红字发票号码或银行流水号。", field="proof"
        )
    facts = (
        f"服务商就对账单 {statement.statement_no} 退款 {yuan_text(refund_fen)} 元"
        f"（{proof.strip()}）。"
    )
    return open_clawback(
        statement, cause="refund", facts=facts, amount_fen=share, actor=actor, at=at
    )


def refund_share_fen(statement: Statement, refund_fen: int) -> int:
    """Return the public share of what was refunded of a paid statement, the odd fen to the public.

    The share is what was really spent on the statement: of a claim what was written off.

    Raises:
        Refused: not paid yet (then the usage is corrected and the next statement takes it back), or
            more than was charged.
    """
    if statement.state != Statement.State.PAID:
        raise Refused(
            "not_paid_yet",
            f"对账单 {statement.statement_no} 还没有付清：请由服务商更正用量，"
            "下期对账单自动冲减；或者通过异议冲减该行。",
        )
    if not 0 < refund_fen <= statement.gross_fen:
        raise Refused("refund_invalid", "退款金额须大于 0，且不超过服务总价。", field="refund_fen")
    return -(-refund_fen * statement.owed_fen // statement.gross_fen)


def _judge_opening(
    statement: Statement, cause: str, facts: str, amount_fen: int, at: datetime
) -> None:
    if cause not in Clawback.Cause.values:
        raise Refused("cause_unknown", "请选择立案原因。", field="cause")
    if not 0 < len(facts.strip()) <= LONGEST_TEXT:
        raise Refused("facts_needed", "请写明认定的事实（最多 4000 字）。", field="facts")
    _within_received(statement, amount_fen, net_received_fen(statement))
    review = statement.voucher.programme.edition.review
    last = last_day_to_claim(paid_on(statement), review.clawback_years)
    if day_of(at) > last:
        raise Refused(
            "too_late",
            f"这笔款项的追回期限已于 {last} 届满（付款后 {review.clawback_years} 年）。",
            clause=review.clause,
        )


def _within_received(statement: Statement, amount_fen: int, most_fen: int) -> None:
    if not 0 < amount_fen <= most_fen:
        raise Refused(
            "beyond_received",
            f"追回金额须大于 0，且不超过收款方就对账单 {statement.statement_no} 实际收到、"
            f"尚未追回的 {yuan_text(max(most_fen, 0))} 元。",
            field="amount_fen",
        )


@transaction.atomic
def notify_facts(case: Clawback, *, actor: Actor, at: datetime) -> Clawback:
    """Tell the party the facts; it may be heard for five working days.

    Writes: the case moved with the end of the time to be heard, state row, log entry, message.
    """
    case = taken_case(case)
    if case.state == Clawback.State.NOTICED:
        return case
    move(case, "notify", actor=actor, at=at)
    case.notified_at = at
    case.hear_until = end_of(work_calendar().add_working_days(day_of(at), HEAR_WORKING_DAYS))
    case.save()
    _log("clawback.notify", case, {"amount_fen": case.proposed_fen}, actor, at)
    tell_party(case, "clawback_facts", at)
    return case


@transaction.atomic
def hear_party(case: Clawback, *, statement: str, actor: Actor, at: datetime) -> Clawback:
    """Record what the party says for itself; once, and in time.

    Args:
        statement: its words; an empty one is refused, who has nothing to say lets the time run out.

    Writes: the words on the case, state row, log entry with their length alone.

    Raises:
        Refused: not told the facts yet, too late, said before, or empty.
    """
    case = taken_case(case)
    text = statement.strip()
    if case.heard_at and case.heard == text:
        return case
    if case.state != Clawback.State.NOTICED or case.heard_at:
        raise Refused("not_to_be_heard", "现在不能提交陈述申辩：尚未告知、已经提交或已作出决定。")
    if not 0 < len(text) <= LONGEST_TEXT:
        raise Refused("text_needed", "请写明陈述申辩的内容（最多 4000 字）。", field="statement")
    if case.hear_until and at >= case.hear_until:
        raise Refused("too_late_to_be_heard", "陈述申辩的期限已过，请以书面方式联系数据局。")
    case.heard, case.heard_at, case.heard_name = text, at, actor.name
    case.save()
    write_row(case, "hear", "陈述申辩", (case.state,) * 2, actor=actor, at=at)
    _log("clawback.hear", case, {"length": len(text)}, actor, at)
    return case


@transaction.atomic
def propose_decision(
    case: Clawback,
    *,
    amount_fen: int,
    interest_bp: int,
    ground: str,
    bar_until: date | None = None,
    actor: Actor,
    at: datetime,
) -> Clawback:
    """Put a decision forward for a second person; a new proposal takes the place of the last.

    Args:
        amount_fen: principal, at most what was received net.
        interest_bp: yearly rate; 0 for none.
        ground: reasons and clauses, as the party will read them.
        bar_until: last day of a bar of the statement's enterprise; nothing for none.

    Writes: the proposal on the case, state row, log entry.

    Raises:
        Refused: the party may still be heard, or a value cannot be.
    """
    case = taken_case(case)
    if case.state != Clawback.State.NOTICED:
        raise Refused("step_order", "须先送达事实告知书，听取陈述申辩后才能拟定决定。")
    if not case.heard_at and case.hear_until and at < case.hear_until:
        raise Refused(
            "hearing_runs",
            f"陈述申辩期限到 {day_of(case.hear_until - timedelta(seconds=1))} 24:00，"
            "期满或者收到陈述后才能拟定决定。",
        )
    _within_received(case.statement, amount_fen, net_received_fen(case.statement, but=case))
    if not 0 <= interest_bp <= MOST_BP:
        raise Refused("rate_invalid", "年利率须在 0 至 24% 之间。", field="interest_bp")
    if not 0 < len(ground.strip()) <= LONGEST_TEXT:
        raise Refused("ground_needed", "请写明决定的理由和依据（最多 4000 字）。", field="ground")
    if bar_until and bar_until < day_of(at):
        raise Refused("bar_end_invalid", "取消资格的截止日期不能早于今天。", field="bar_until")
    case.amount_fen, case.interest_bp, case.bar_until = amount_fen, interest_bp, bar_until
    case.ground, case.asked_at, case.asked_by = ground.strip(), at, dataclasses.asdict(actor)
    case.asked_person = actor.person
    case.save()
    write_row(case, "propose", "拟定决定", (case.state,) * 2, actor=actor, at=at)
    _log("clawback.propose", case, {"amount_fen": amount_fen}, actor, at)
    return case


@transaction.atomic
def decide_clawback(case: Clawback, *, actor: Actor, at: datetime) -> Clawback:
    """Decide a case as it was put forward, as another person: the claim stands in the books.

    With a bar the statement's enterprise loses its right, and its voucher is revoked.

    Writes: posting (600), the case moved with interest and time to pay, bar and revocation, state
        row, log entry with both persons.

    Raises:
        Refused: nothing put forward, or by the same person.
    """
    case = taken_case(case)
    if case.state == Clawback.State.DECIDED:
        return case
    if not case.asked_person:
        raise Refused("not_proposed", "还没有拟定追回决定。")
    if not actor.person or actor.person == case.asked_person:
        raise Refused("same_person", "决定由您拟定，须由另一人审批。")
    _within_received(case.statement, case.amount_fen, net_received_fen(case.statement, but=case))
    asked = Actor(**case.asked_by)
    move(case, "decide", actor=actor, at=at)
    case.interest_days = interest_days(paid_on(case.statement), day_of(at))
    case.interest_fen = simple_interest(case.amount_fen, case.interest_bp, case.interest_days)
    case.decided_at, case.decided_name, case.decided_person = at, actor.name, actor.person
    case.due_on = day_of(at) + timedelta(days=PAY_DAYS)
    case.save()
    book_clawback(case, asked=asked, actor=actor, at=at)
    _punish(case, asked, actor, at)
    told = {"amount_fen": case.amount_fen, "interest_fen": case.interest_fen}
    audit.record(
        "clawback.decide",
        {"clawback": case.pk, "case_no": case.case_no, **told},
        actor=actor,
        at=at,
        auth={"approvals": [asked.for_log(), actor.for_log()]},
    )
    tell_party(case, "clawback_decided", at)
    return case


def _punish(case: Clawback, asked: Actor, actor: Actor, at: datetime) -> None:
    """Bar the enterprise and revoke its voucher, where the decision says so."""
    if case.bar_until is None:
        return
    statement, reason = case.statement, f"追回决定 {case.case_no}"
    people = {"approved_by": actor, "actor": asked}
    if statement.enterprise.state != "barred":
        bar_enterprise(statement.enterprise, case.bar_until, reason=reason, **people, at=at)
    statement.voucher.refresh_from_db()
    if statement.voucher.state == "active":
        revoke_voucher(statement.voucher, reason=reason, **people, at=at)


@transaction.atomic
def drop_clawback(case: Clawback, *, reason: str, actor: Actor, at: datetime) -> Clawback:
    """End a case before a decision: nothing is to come back; with the reason.

    Writes: the case moved, state row, log entry, message where the party knew.
    """
    case = taken_case(case)
    if case.state == Clawback.State.DROPPED:
        return case
    if not reason.strip():
        raise Refused("reason_needed", "请写明不予追回的理由。", field="reason")
    known = case.state == Clawback.State.NOTICED
    move(case, "drop", actor=actor, at=at, reason=reason)
    case.amount_fen, case.closed_at = 0, at
    case.save()
    _log("clawback.drop", case, {"amount_fen": case.proposed_fen}, actor, at)
    if known:
        tell_party(case, "clawback_dropped", at)
    return case


def taken_case(case: Clawback) -> Clawback:
    """Lock a case after its statement: claims of one statement are judged one after the other."""
    _taken_statement(case.statement)
    cases = Clawback.objects.select_for_update(of=("self",)).select_related(
        "statement__voucher__programme", "statement__close", "statement__enterprise",
        "provider", "enterprise",
    )  # fmt: skip
    return cases.get(pk=case.pk)


def _taken_statement(statement: Statement) -> Statement:
    statements = Statement.objects.select_for_update(of=("self",))
    return statements.select_related("voucher__programme", "close", "enterprise", "provider").get(
        pk=statement.pk
    )


def _log(entry: str, case: Clawback, said: dict[str, object], actor: Actor, at: datetime) -> None:
    body = {"clawback": case.pk, "case_no": case.case_no, **said}
    audit.record(entry, body, actor=actor, at=at)
