"""Move a thing along its life cycle and remember the move; give out numbers."""

from datetime import datetime
from typing import Any

from django.db import connection

from ledger.actors import Actor
from vouchers import timing
from vouchers.conflicts import refuse_if_conflicted
from vouchers.models import Application, Enterprise, StateRow

write_row, state_row = StateRow.write, StateRow.told


def move(
    subject: Any, event: str, *, actor: Actor, at: datetime, reason: str = "", internal: str = ""
) -> None:
    """Make a move of the life cycle and write its state row; the caller saves the subject.

    An application's clocks follow the same move.

    Raises:
        Refused: the move does not exist from this state, or the person abstains from this
            enterprise.
    """
    enterprise = (
        subject if isinstance(subject, Enterprise) else getattr(subject, "enterprise", None)
    )
    if enterprise is not None:
        refuse_if_conflicted(actor, enterprise)
    states = StateRow.move(subject, event, actor=actor, at=at, reason=reason, internal=internal)
    if isinstance(subject, Application):
        timing.follow(subject, states, at=at)


def next_number(name: str) -> str:
    """Return the next number of a series, e.g. ``PTSLQ-2026-000123``.

    The row stays locked until the transaction ends, so a refused act leaves no gap.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vouchers_numberseries (name, last) VALUES (%s, 1)"
            " ON CONFLICT (name) DO UPDATE SET last = vouchers_numberseries.last + 1"
            " RETURNING last",
            [name],
        )
        return f"{name}-{cursor.fetchone()[0]:06d}"
