"""A month whose worker is killed again and again ends exactly as one that nobody disturbed.

The worker is a child forked from this process with a fresh connection, which does what a worker
does (``ledger.work.run_due``), and it is killed by SIGKILL: at any moment of the cut-off, and while
it redeems. Forking instead of starting saves two seconds of start for each of the fifty deaths.
"""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from billing import settling
from billing.models import MonthClose, Statement, StateRow
from ledger import clock, work
from ledger.models import LogEntry, Transfer
from tests.billing.loaded import load_usage
from tests.billing.reported import let_gaps_stand
from tests.billing.world import CLOSE_AT, OCTOBER, World, quiet
from vouchers.models import Redemption

KIND = "billing.close_month"
RECORDS = 100_000
ORDERS = 80
KILLS_AT_THE_CUT_OFF, KILLS, MOST_LIVES = 10, 50, 200
LEASE = timedelta(0)  # the next worker need not wait to see that this one is dead


def a_large_month() -> World:
    """Return twelve enterprises at three providers with a hundred thousand records."""
    world = World()
    world.make_programme()
    prices = [
        world.make_offering(world.make_provider(), price_fen=400 + 37 * number, unit=unit)
        for number, unit in enumerate(("CARD_HOUR", "PFLOPS_HOUR", "CARD_HOUR"))
    ]
    vouchers = [world.make_voucher(world.make_enterprise()) for _ in range(12)]
    orders = [
        world.make_order(vouchers[number % 12], prices[number % 3], held_fen=900_000 - number)
        for number in range(ORDERS)
    ]
    length = timedelta(minutes=11, seconds=7)
    load_usage(world, orders, RECORDS, month=OCTOBER, length=length, at=CLOSE_AT)
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    return world


def ask(world: World) -> work.Work:
    """Ask for the close; asking again after five dead workers is what a person would do."""
    return settling.close_month(OCTOBER, actor=world.clerk, at=CLOSE_AT)


def what_came_of_it() -> dict[str, Any]:
    """Return everything that a close leaves behind, without ids and moments that are new."""
    close = MonthClose.objects.get()
    amounts = ("statement_no", "id", "digest", "state", "gross_fen", "public_fen", "self_fen")
    transfers = Transfer.objects.filter(code__in=(300, 310, 710, 720, 750))
    names = ("code", "phase", "amount", "debit__code", "debit__subject", "credit__subject")
    return {
        "month": (close.state, close.digest, close.statement_count, close.public_fen),
        "statements": list(Statement.objects.order_by("statement_no").values_list(*amounts)),
        "postings": Counter(transfers.values_list(*names)),
        "redemptions": sorted(Redemption.objects.values_list("charge_ref", "amount_fen")),
        "moves": Counter(StateRow.objects.values_list("event", "subject_kind")),
        "entries": Counter(LogEntry.objects.values_list("type", flat=True)),
    }


def a_worker(told: int) -> None:
    """Do what is due, one statement at a time, writing one byte for each piece of news.

    On a connection of its own: a browser's event loop in this process makes Django keep another
    one than the child then finds, and what two processes share, one commits for the other.
    """
    del connections[DEFAULT_DB_ALIAS]

    def handler(job: work.Work, progress: work.Progress) -> dict[str, Any]:
        def tell(done: int, total: int, message: str = "") -> None:
            os.write(told, b".")
            progress(done, total, message)

        return settling.run_close_work(job, tell, at_once=1)

    work.run_due({KIND: handler}, now=lambda: CLOSE_AT, worker="mortal", lease=LEASE)


def live_and_die(news: int, seconds: float) -> bool:
    """Fork a worker; kill it ``seconds`` after it told ``news`` things. Was it still alive?"""
    connection.close()
    listening, told = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(listening)
            a_worker(told)
        os._exit(0)
    os.close(told)
    heard = 0
    while heard < news and os.read(listening, 1):
        heard += 1
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(listening)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_fifty_dead_workers_change_nothing() -> None:
    with clock.set_to(CLOSE_AT):
        world = a_large_month()
        begun = time.monotonic()
        with transaction.atomic():
            settling.run_close_work(ask(world), quiet)
            undisturbed = what_came_of_it()
            transaction.set_rollback(True)
        whole = time.monotonic() - begun
        dice, deaths = random.Random(20261104), 0
        for _ in range(MOST_LIVES):  # some end before they are killed
            if deaths == KILLS or ask(world).state == work.Work.State.DONE:
                break
            if deaths < KILLS_AT_THE_CUT_OFF:  # in the one long transaction
                deaths += live_and_die(1, dice.uniform(0, whole / 3))
            else:  # between and inside the short ones; the first lets the cut-off pass
                deaths += live_and_die(dice.choice((1, 1, 1, 2)), dice.uniform(0, 0.015))
        assert deaths == KILLS, f"only {deaths} deaths: {ask(world).error or 'the month is over'}"
        half = MonthClose.objects.get()
        assert half.state == "closing", "the fifty died in vain"
        assert 0 < half.statements.filter(state="draft").count() < ORDERS
        connection.close()
        while not ask(world).is_over:
            work.run_due({KIND: settling.run_close_work}, now=clock.now, worker="t", lease=LEASE)
        assert ask(world).state == work.Work.State.DONE
        assert what_came_of_it() == undisturbed
