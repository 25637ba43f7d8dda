"""The pool of a scheme: what of its budget is set aside, and what is free; and the line before it.

Lock order of the room: enterprises, applications, pool, accounts. Intakes hold a shared advisory
lock until they commit, so that whoever reads the line can wait for all that drew a place.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Count, Sum

from ledger.balances import balance
from vouchers.models import BudgetPool, Programme, Reservation

#: "inta" in ASCII: the advisory lock of everybody who draws a place in line.
_LINE = 0x696E7461
#: Joined, so that no place can be drawn before the lock is held: a row of ``held`` comes first.
_DRAW = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(%s))
SELECT nextval('vouchers_intake_position') FROM held
"""


def lock_pool(slug: str) -> BudgetPool:
    """Lock the pool of a scheme until the transaction ends; it is made on first use."""
    BudgetPool.objects.bulk_create([BudgetPool(slug=slug)], ignore_conflicts=True)
    return BudgetPool.objects.select_for_update(of=("self",)).get(pk=slug)


def free_fen(programme: Programme) -> int:
    """Return what of a scheme's budget is neither issued nor set aside."""
    pool = BudgetPool.objects.filter(pk=programme.slug).first()
    return balance(programme.account).available - (pool.reserved_fen if pool else 0)


@dataclass(frozen=True)
class Aside:
    """What is set aside of a scheme's budget now."""

    count: int
    fen: int


def set_aside(slug: str) -> Aside:
    """Return how much is set aside and for how many, summed from the reservations."""
    held = Reservation.objects.open().filter(slug=slug).order_by()
    sums = held.aggregate(count=Count("pk"), fen=Sum("amount_fen"))
    return Aside(int(sums["count"] or 0), int(sums["fen"] or 0))


def draw_position() -> int:
    """Draw a place in line; those who read the line wait until this transaction ends.

    The last step of an intake: nothing that may wait for somebody else comes after it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DRAW, [_LINE])
        return int(cursor.fetchone()[0])


def settled_position() -> int:
    """Return the last place in line before which nobody can appear any more.

    Waits for every intake that has drawn and not committed; new ones wait a moment.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LINE])
        try:
            cursor.execute("SELECT coalesce(max(position), 0) FROM vouchers_intake")
            return int(cursor.fetchone()[0])
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LINE])


def reservation_of(application_id: UUID) -> Reservation | None:
    """Return what is set aside for an application now."""
    return Reservation.objects.open().filter(intake__application=application_id).first()
