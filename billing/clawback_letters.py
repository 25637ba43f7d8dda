"""The letters of a claw-back: facts and decision, frozen when they are first asked for."""

from datetime import datetime, timedelta
from typing import Any

from billing.models import Clawback, StateRow
from ledger.actors import Actor
from ledger.capitals import capital_amount
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.letters import write_letter_about
from vouchers.models import Letter

#: Event of a case -> the letter it owes.
OWED = {"notify": "clawback_facts", "decide": "clawback_decision"}
HEAR_WORKING_DAYS = 5


def letters_owed(case: Clawback) -> list[dict[str, Any]]:
    """Return the letters a case has or is owed, the oldest first."""
    titles = {"notify": "事实告知书", "decide": "追回决定书"}
    rows = StateRow.objects.of(case).filter(event__in=OWED)
    return [{"event": row.event, "title": titles[row.event], "at": row.at} for row in rows]


def letter_of(case: Clawback, event: str, *, actor: Actor, at: datetime) -> Letter:
    """Return the letter of an event of a case, written now if it is not there yet.

    Raises:
        Refused: this event has not been, or calls for no letter.
    """
    row = StateRow.objects.of(case).filter(event=event).first() if event in OWED else None
    if row is None:
        raise Refused("no_letter", "这份文书还没有生成。")
    kind = OWED[event]
    return write_letter_about(
        kind, _facts(case, row), source=row.pk, about=case.pk, actor=actor, at=at
    )


def _facts(case: Clawback, row: StateRow) -> dict[str, Any]:
    statement = case.statement
    last = case.hear_until and day_of(case.hear_until - timedelta(seconds=1))
    return {
        "enterprise": case.party.name,
        "uscc": case.party.uscc,
        "programme": statement.voucher.programme.edition.title,
        "month": statement.close.period.title,
        "statement_no": statement.statement_no,
        "case_no": case.case_no,
        "on": day_of(row.at),
        "received_fen": statement.paid_fen,
        "facts": case.facts,
        "proposed_fen": case.proposed_fen,
        "proposed_words": capital_amount(case.proposed_fen),
        "hear_until": last or day_of(row.at),
        "days": HEAR_WORKING_DAYS,
        "heard": bool(case.heard),
        "amount_fen": case.amount_fen,
        "amount_words": capital_amount(case.amount_fen) if case.amount_fen else "",
        "interest_fen": case.interest_fen,
        "interest_days": case.interest_days,
        "rate": f"{case.interest_bp // 100}.{case.interest_bp % 100:02d}%",
        "ground": case.ground,
        "bar_until": case.bar_until,
        "due_on": case.due_on or day_of(row.at),
        "claim_fen": case.claim_fen,
    }
