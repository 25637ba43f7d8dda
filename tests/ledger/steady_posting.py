"""What each thread of the steady writer does."""

import random
import sys
import time

from django.db import DatabaseError, InterfaceError, connection

from ledger.book import post
from ledger.refusals import Refused
from tests.ledger.making import ACTOR, AT, grant, issue, meter

PAUSE = 0.02  # six without a pause leave no processor for whoever checks the books meanwhile


def post_without_end(number: int) -> None:
    """Grant, issue and meter by turns; print each id once the database has acknowledged it."""
    dice = random.Random(number)
    turn = 0
    while True:
        turn += 1
        wanted = (meter(10), grant(1_000), issue(3, f"v{dice.randrange(9)}"))[turn % 3]
        try:
            done = post(wanted, actor=ACTOR, at=AT)
        except (DatabaseError, InterfaceError, Refused):
            connection.close()
            time.sleep(0.05)
            continue
        sys.stdout.write(f"{done.journal_id}\n")
        sys.stdout.flush()
        time.sleep(PAUSE)
