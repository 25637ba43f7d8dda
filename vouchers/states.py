"""Move a thing along its life cycle and remember the move; give out numbers."""

from datetime import datetime
from typing import Any

from django.db import connection

from ledger.actors import Actor
from vouchers.lifecycle import label, step
from vouchers.models import StateRow


def write_row(
    subject: Any,
    event: str,
    word: str,
    states: tuple[str, str],
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    internal: str = "",
) -> StateRow:
    """Write one state row; ``states`` is (from, to), equal for an event that changes no state."""
    return StateRow.objects.create(
        subject_kind=subject._meta.model_name,
        subject_id=subject.pk,
        event=event,
        event_label=word,
        from_state=states[0],
        to_state=states[1],
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        actor_role=actor.role,
        actor_person=actor.person,
        reason=reason,
        internal=internal,
    )


def move(
    subject: Any, event: str, *, actor: Actor, at: datetime, reason: str = "", internal: str = ""
) -> None:
    """Make a move of the life cycle and write its state row; the caller saves the subject.

    Raises:
        Refused: the move does not exist from this state.
    """
    word = label(subject, event)
    states = step(subject, event)
    write_row(subject, event, word, states, actor=actor, at=at, reason=reason, internal=internal)


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
