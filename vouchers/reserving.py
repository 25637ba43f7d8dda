"""Give applications their place in line, and set money aside for those whose turn it is.

Setting aside is one statement for a whole batch, in the order of the line, until the money or the
batch ends: nobody is overtaken. Whatever of an application that came to nothing was set aside is
let go first, so that the next in line has it.

Units: fen.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from ledger import audit
from ledger.actors import Actor
from ledger.balances import balance
from vouchers.models import Application, Intake, Programme, Reservation, ReservationEnd
from vouchers.pools import draw_position, lock_pool, settled_position

#: Applications that may still come to a voucher.
LIVE = (
    "submitted", "accepted", "supplement", "in_second_review", "joint_check", "proposed",
    "in_notice", "objection", "notice_done", "approved", "waitlisted",
)  # fmt: skip
#: Who stands in line: at first come everybody by position; else those a confirmed run put there.
_LINE = """
SELECT i.id AS intake_id, i.position, i.window_no, coalesce(w.rank, i.position) AS place,
    coalesce(a.approved_fen, a.proposed_fen, a.requested_fen) AS fen
FROM vouchers_intake i
JOIN vouchers_application a ON a.id = i.application_id
JOIN vouchers_programme p ON p.id = a.programme_id
LEFT JOIN LATERAL (
    SELECT l.rank FROM vouchers_allocationline l JOIN vouchers_allocationrun r ON r.id = l.run_id
    WHERE l.application_id = a.id AND l.outcome = 'waitlisted' AND r.confirmed_at IS NOT NULL
    ORDER BY r.confirmed_at DESC LIMIT 1
) w ON true
WHERE i.slug = %(slug)s AND i.position <= %(upto)s AND a.state = ANY(%(live)s)
  AND coalesce(a.approved_fen, a.proposed_fen, a.requested_fen) > 0
  AND (p.rules->'allocation'->>'rule' = 'FIRST_COME' OR w.rank IS NOT NULL)
  AND NOT EXISTS (SELECT FROM vouchers_reservation v WHERE v.intake_id = i.id
      AND NOT EXISTS (SELECT FROM vouchers_reservationend e WHERE e.reservation_id = v.id))
ORDER BY i.window_no, coalesce(w.rank, i.position), i.position
LIMIT %(most)s
"""
_RESERVE = f"""
WITH line AS ({_LINE}), summed AS (
    SELECT *, sum(fen) OVER (ORDER BY window_no, place, position) AS upto FROM line
), made AS (
    INSERT INTO vouchers_reservation (id, intake_id, slug, amount_fen, place, reserved_at)
    SELECT gen_random_uuid(), intake_id, %(slug)s, fen, place, %(at)s
    FROM summed WHERE upto <= %(free)s
    RETURNING intake_id, amount_fen
)
SELECT s.position, s.fen FROM made JOIN summed s USING (intake_id) ORDER BY s.position
"""  # noqa: S608 - put together from parts of its own
_RELEASE_DEAD = """
INSERT INTO vouchers_reservationend (reservation_id, outcome, reason, ended_at)
SELECT v.id, 'released', a.state, %(at)s
FROM vouchers_reservation v
JOIN vouchers_intake i ON i.id = v.intake_id JOIN vouchers_application a ON a.id = i.application_id
WHERE v.slug = %(slug)s AND NOT a.state = ANY(%(kept)s)
  AND NOT EXISTS (SELECT FROM vouchers_reservationend e WHERE e.reservation_id = v.id)
RETURNING reservation_id
"""


@dataclass(frozen=True)
class Reserved:
    """What one turn of the allocator did."""

    count: int
    total_fen: int
    released: int


def take_place(application: Application, *, actor: Actor, at: datetime) -> Intake:
    """Return the place in line of an application; one that has none yet joins the line.

    Writes: as ``join_line``.
    """
    known = Intake.objects.filter(application=application).first()
    return known or join_line(application, actor=actor, at=at)


@transaction.atomic(savepoint=False)
def join_line(application: Application, *, actor: Actor, at: datetime) -> Intake:
    """Give an application that is handed in for the first time its place in line.

    Comes last in the act that hands it in: the place counts from the moment that act commits.

    Writes: an intake row, a log entry.
    """
    slug = application.programme.slug
    position = draw_position()
    intake = Intake.objects.create(
        application=application,
        slug=slug,
        window_no=application.window_no,
        position=position,
        taken_at=at,
    )
    audit.record(
        "allocation.intake",
        {
            "application": application.pk,
            "application_no": application.application_no or "",
            "programme": slug,
            "window": str(application.window_no),
            "position": str(position),
            "requested_fen": application.requested_fen,
        },
        actor=actor,
        at=at,
    )
    return intake


@transaction.atomic
def reserve_next(programme: Programme, *, actor: Actor, at: datetime) -> Reserved:
    """Set money aside for the next batch in line, as far as the free budget goes.

    Args:
        programme: any edition of the scheme; its batch size counts.
        actor: the allocator, or who asked for it.
        at: when.

    Writes: ends of dead reservations, new reservations, one log entry if anything changed.
    """
    upto = settled_position()
    pool = lock_pool(programme.slug)
    asked = {"slug": programme.slug, "at": at, "upto": upto, "live": list(LIVE)}
    released = _rows(_RELEASE_DEAD, asked | {"kept": [*LIVE, "issued"]})
    pool.refresh_from_db()
    free = balance(programme.account).available - pool.reserved_fen
    most = programme.edition.allocation.batch_size
    made = _rows(_RESERVE, asked | {"free": free, "most": most})
    total = sum(int(fen) for _, fen in made)
    if made or released:
        lines = "\n".join(f"{position} {fen}" for position, fen in made)
        audit.record(
            "allocation.reserve",
            {
                "programme": programme.slug,
                "upto": str(upto),
                "free_fen": free,
                "count": str(len(made)),
                "total_fen": total,
                "first": str(made[0][0]) if made else "",
                "last": str(made[-1][0]) if made else "",
                "lines_sha256": hashlib.sha256(lines.encode()).hexdigest(),
                "released": str(len(released)),
            },
            actor=actor,
            at=at,
        )
    return Reserved(len(made), total, len(released))


def reserve_all(programme: Programme, *, actor: Actor, at: datetime) -> Reserved:
    """Set aside batch after batch, each a transaction of its own, until nothing more fits."""
    count = total = released = 0
    while True:
        turn = reserve_next(programme, actor=actor, at=at)
        count, total = count + turn.count, total + turn.total_fen
        released += turn.released
        if not turn.count:
            return Reserved(count, total, released)


def end_reservation(
    reservation: Reservation, outcome: str, reason: str, *, at: datetime
) -> ReservationEnd:
    """Remember what became of a reservation; the act that issues or lets go records it."""
    return ReservationEnd.objects.create(
        reservation=reservation, outcome=outcome, reason=reason, ended_at=at
    )


def _rows(statement: str, values: dict[str, Any]) -> list[tuple[UUID | int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
