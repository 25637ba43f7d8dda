"""Run jobs at the same moment, each in a thread and on a connection of its own."""

import threading
from collections import Counter
from collections.abc import Callable

from django.db import connection

from ledger.bookkeeping import rows
from ledger.refusals import Refused

READ_COMMITTED = "read committed"


def together(*jobs: Callable[[], str], isolation: str = READ_COMMITTED) -> Counter:
    """Let all jobs begin at once; count their answers, a refusal being answered by its code."""
    barrier = threading.Barrier(len(jobs))
    answers: list[str] = []

    def run(job: Callable[[], str]) -> None:
        try:
            rows(f"SET default_transaction_isolation TO '{isolation}'")
            barrier.wait(timeout=60)
            answers.append(job())
        except Refused as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=120)
    assert len(answers) == len(jobs)
    return Counter(answers)
