"""Close of a month: rate, split, cap, redeem, post, log, statements, computed twice.

Ours asks for the close of a month and does its work: what stands in the way, the cut-off, one plan
in sets, the second computation by the database, drafts, redemptions, postings, log entries, both
sides told. The floor is one bare aggregate over the same rows with the same keys and nothing else.
500 enterprises with one order each at one of 20 providers. A second run and a trial before the
close have to give the same digest (not timed).
"""

import time
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.urls import reverse

from billing import planning, settling
from billing.models import MonthClose
from tests.billing.loaded import load_usage
from tests.billing.reported import let_gaps_stand
from tests.billing.world import CLOSE_AT, OCTOBER, World, quiet

UNIT = "records"
RATIO = "time"
GOAL = "<= 2.0"
TOGETHER = True  # preparing ten million records takes far longer than either part
SIZES = (1_000_000,)
ENTERPRISES = 500
PROVIDERS = 20
LENGTH = timedelta(seconds=61)
WHOLE_MONTH = timedelta(days=30, hours=23)
_FLOOR = """
SELECT provider_id, order_id, model_id, rate_id, gflops, month, sum(device_milli_seconds),
       count(*), min(started_at), max(ended_at)
  FROM providers_usagerecord
 WHERE livemode AND counted AND settle_month = %s
 GROUP BY 1, 2, 3, 4, 5, 6
"""


class Month(NamedTuple):
    """A month ready to be closed, and the digest that it should get."""

    world: World
    size: int
    digest: str


def parties() -> tuple[World, list[Any]]:
    """Make providers, enterprises, vouchers and orders by the acts that tests use."""
    world = World()
    world.make_programme()
    prices = [
        world.make_offering(
            world.make_provider(),
            price_fen=300 + 11 * number,
            unit="PFLOPS_HOUR" if number % 3 == 0 else "CARD_HOUR",
            domestic=number % 2 == 0,
        )
        for number in range(PROVIDERS)
    ]
    orders = [
        world.make_order(
            world.make_voucher(world.make_enterprise(), face_fen=1_200_000),
            prices[number % PROVIDERS],
            held_fen=1_000_000,
        )
        for number in range(ENTERPRISES)
    ]
    return world, orders


def prepare(size: int) -> Month:
    """Make the parties, load the records, let gaps stand, leave the tables as they lie for days."""
    world, orders = parties()
    step = WHOLE_MONTH / -(-size // ENTERPRISES)  # work every day, as a month has it
    length = min(LENGTH, step)
    load_usage(world, orders, size, month=OCTOBER, length=length, step=step, at=CLOSE_AT)
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
    reverse("office")  # a worker has its code loaded
    plan = planning.plan_month(MonthClose(month=str(OCTOBER)), at=CLOSE_AT)
    return Month(world, size, planning.digest_of_plan(OCTOBER, plan))


def ours(month: Month) -> tuple[int, float]:
    """Close the month; then look, untimed, whether its digest is the trial's and stays."""
    begun = time.perf_counter()
    job = settling.close_month(OCTOBER, actor=month.world.clerk, at=CLOSE_AT)
    outcome = settling.run_close_work(job, quiet)
    seconds = time.perf_counter() - begun
    again = settling.run_close_work(job, quiet)
    close = MonthClose.objects.get()
    if not close.digest == outcome["digest"] == again["digest"] == month.digest:
        raise SystemExit("the digests differ")
    if close.statement_count != ENTERPRISES or close.recomputed_difference_fen != 0:
        raise SystemExit(f"not every order has its statement: {outcome}")
    return month.size, seconds


def floor(_month: Month) -> int:
    """Sum the same rows up by the same keys."""
    with connection.cursor() as cursor:
        cursor.execute(_FLOOR, [str(OCTOBER)])
        rows = cursor.fetchall()
    return sum(int(row[7]) for row in rows)
