"""Every job of the house, each a few lines into an act. The times stand in ``config.schedule``."""

import logging
import os
import socket

from celery import shared_task

from billing.reporting import run_report_work
from billing.settling import run_close_work
from config.invariants import INVARIANTS, everything
from ledger import clock, incidents, rolling, work
from ledger.actors import system_actor
from ledger.crossing import cross_checkpoints as cross
from ledger.inspections import WORK_KIND as INSPECTION
from ledger.inspections import run_inspection_work
from ledger.invariants import Finding
from ledger.receipts import overdue
from ledger.references import catch_up
from ledger.refusals import Broken, Refused
from ledger.stamping import stamp_newest
from ledger.witnessing import Outcome, log_alarm, witness_newest
from providers import looking
from providers.metering import run_batch_work
from providers.retaining import remove_bodies, sweep_leftovers
from vouchers.models import Voucher
from vouchers.spending import expire_voucher

logger = logging.getLogger(__name__)
WORTH_A_ROLL_UP = 100  # journals; fewer are summed up quickly enough each time

HANDLERS: dict[str, work.Handler] = {
    "metering.batch": run_batch_work,
    "billing.close_month": run_close_work,
    "billing.render_report": run_report_work,
    INSPECTION: run_inspection_work,
}


def worker_name() -> str:
    """Return a name under which people find this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def ring() -> int:
    """Do all work that is due (somebody rang)."""
    return work.run_due(HANDLERS, now=clock.now, worker=worker_name())


@shared_task
def sweep() -> int:
    """Do all work that is due (nobody rang, or a worker was lost)."""
    return work.run_due(HANDLERS, now=clock.now, worker=worker_name())


@shared_task
def look_for_oddities() -> int:
    """Write down what looks odd in the usage of the months still open; return how many are new."""
    at = clock.now()
    actor = system_actor("look_for_oddities")
    return sum(
        looking.look_for_oddities(month, actor=actor, at=at)
        for month in looking.months_to_look_at(at)
    )


@shared_task
def expire_vouchers() -> int:
    """Let every voucher lapse whose validity is over; return how many did.

    Each is an act of its own: one that is refused does not keep the others from lapsing, and the
    next night asks again.
    """
    at = clock.now()
    lapsed = 0
    for voucher in Voucher.objects.lapsed(at):
        try:
            expire_voucher(voucher, actor=system_actor("expire-vouchers"), at=at)
        except Refused as refusal:
            logger.warning("voucher %s does not lapse: %s", voucher.pk, refusal.code)
        else:
            lapsed += 1
    return lapsed


@shared_task
def remove_raw_uploads() -> int:
    """Remove raw uploads that are past their time and needed by nothing; return how many."""
    at = clock.now()
    removed = sweep_leftovers(at)
    while (gone := remove_bodies(actor=system_actor("kept-uploads"), at=at)).bodies:
        removed += gone.bodies
    return removed


@shared_task
def roll_up() -> int:
    """Roll up the accounts that moved; return how many."""
    return rolling.roll_up(clock.now(), at_least=WORTH_A_ROLL_UP)


@shared_task
def index_log() -> int:
    """Draw the words under which newly sealed entries are found; return how many entries."""
    return catch_up()


@shared_task
def check_books() -> None:
    """Prove every night that the books are whole; the result goes into the signed log.

    A finding opens an incident, and with it safe mode (docs/operations.md).

    Raises:
        Broken: something was found; each finding is in the log of the worker.
    """
    found = everything() + overdue(clock.now())
    for each in found:
        logger.critical("books: %s: %s: %s", each.name, each.subject, each.detail)
    actor = system_actor("check-books")
    incidents.keep_result(found, len(INVARIANTS), actor=actor, at=clock.now())
    if found:
        raise Broken(f"check_books has {len(found)} findings; the house is in safe mode")


@shared_task
def cross_checkpoints() -> int:
    """Let each tree of the log remember the other's newest checkpoint; return the entries."""
    return len(cross(actor=system_actor("cross-checkpoints"), at=clock.now()))


def _witness_disagrees(outcome: Outcome) -> None:
    """Begin safe mode: another body has proof that the log did not only grow."""
    log_alarm(outcome)
    found = Finding("witness_disagrees", f"checkpoint {outcome.size}", outcome.detail)
    incidents.open_incident([found], actor=system_actor("witness-log"), at=clock.now())


@shared_task(soft_time_limit=45, time_limit=55)
def witness_log() -> int:
    """Have the newest checkpoint cosigned; return how many witnesses now have.

    Apart from the sealer: a witness that is slow or dead delays nothing but this.
    """
    outcomes = witness_newest(clock.now(), alarm=_witness_disagrees)
    return sum(each.state in {"cosigned", "current"} for each in outcomes)


@shared_task(soft_time_limit=45, time_limit=55)
def stamp_log() -> int:
    """Have the newest checkpoint time stamped; return its size, 0 when there was nothing to do."""
    stamped = stamp_newest(clock.now())
    return stamped.size if stamped else 0
