"""Issue credit and debit notes for months already paid, from the lines of a month just approved."""

import hashlib
from collections import defaultdict
from datetime import datetime

import rfc8785
from django.db import transaction

from billing.models import MonthClose, SettlementNote, Statement, StatementLine
from ledger import audit
from ledger.actors import Actor
from ledger.periods import day_of
from vouchers.states import next_number


@transaction.atomic
def issue_notes(close: MonthClose, *, actor: Actor, at: datetime) -> list[SettlementNote]:
    """Issue a note for every paid month that lines of an approved month take from or add to.

    Asking again issues nothing twice.

    Writes: notes with numbers without gaps, a log entry each.
    """
    lines = StatementLine.objects.filter(
        statement__close=close, usage_month__lt=close.month, reverses=None
    ).exclude(gross_fen=0)
    groups: dict[tuple[Statement, str, str], list[StatementLine]] = defaultdict(list)
    for line in lines.select_related("statement").order_by("statement__statement_no", "ordinal"):
        way = "credit" if line.gross_fen < 0 else "debit"
        groups[line.statement, line.usage_month, way].append(line)
    made = []
    for (statement, month, way), parts in groups.items():
        paid = Statement.objects.filter(
            order_id=statement.order_id, month=month, state=Statement.State.PAID
        ).first()
        known = SettlementNote.objects.filter(statement=statement, corrects=paid, direction=way)
        if paid and not known.exists():
            made.append(_issue(statement, paid, way, parts, actor, at))
    return made


def _issue(
    statement: Statement,
    paid: Statement,
    way: str,
    parts: list[StatementLine],
    actor: Actor,
    at: datetime,
) -> SettlementNote:
    rows = [
        {
            "ordinal": str(each.ordinal),
            "model": each.model_name,
            "gross_fen": str(each.gross_fen),
            "public_fen": str(each.public_fen),
            "self_fen": str(each.self_fen),
        }
        for each in parts
    ]
    sums = {
        name: abs(sum(getattr(each, name) for each in parts))
        for name in ("gross_fen", "public_fen", "self_fen")
    }
    note = SettlementNote.objects.create(
        note_no=next_number(f"PTSL-{'HC' if way == 'credit' else 'BC'}-{day_of(at).year}"),
        statement=statement,
        corrects=paid,
        direction=way,
        lines=rows,
        digest=hashlib.sha256(rfc8785.dumps(rows)).hexdigest(),
        issued_at=at,
        **sums,
    )
    body = {
        "note": note.pk,
        "note_no": note.note_no,
        "statement": statement.pk,
        "corrects": paid.pk,
        "public_fen": note.public_fen,
        "digest": note.digest,
    }
    audit.record("statement.noted", body, actor=actor, at=at)
    return note
