"""Every job of the house, each a few lines into an act. The times stand in ``config.schedule``."""

import logging
import os
import socket

from celery import shared_task

from billing.exporting import run_export_work
from billing.hits import SOURCES
from billing.reporting import run_report_work
from billing.settling import (
    deem_due,
    holds_claimed,
    lapse_claims,
    remind_claimants,
    run_close_work,
    run_trial_work,
)
from billing.statement_files import scan_papers
from billing.what_if_work import KIND as WHAT_IF
from billing.what_if_work import run_what_if_work
from config.invariants import INVARIANTS, everything
from ledger import clock, incidents, rolling, work
from ledger.actors import system_actor
from ledger.crossing import cross_checkpoints as cross
from ledger.inspections import WORK_KIND as INSPECTION
from ledger.inspections import run_inspection_work
from ledger.invariants import Finding
from ledger.receipts import overdue
from ledger.references import catch_up
from ledger.refusals import Broken
from ledger.stamping import stamp_newest
from ledger.witnessing import Outcome, log_alarm, witness_newest
from providers import looking
from providers.delivering import run_delivery_work
from providers.filing import scan_filings
from providers.limits import sweep_windows
from providers.metering import run_batch_work
from providers.releasing import WORK_KIND as RELEASE
from providers.releasing import run_release_work
from providers.retaining import remove_bodies, sweep_leftovers
from providers.telling import WORK_KIND as DELIVERY
from providers.telling import ask_due, warn_of_ending_keys
from providers.uploads import forget_nonces
from vouchers import batching, exporting, pages_exports, searching
from vouchers.lapsing import lapse_due, remind_holders
from vouchers.letters import write_owed
from vouchers.mailing import deliver_due
from vouchers.scanning import scan_waiting
from vouchers.supplementing import lapse_application, lapsing
from vouchers.waitlisting import move_up, newest_editions
from vouchers.watching import watch_budget

logger = logging.getLogger(__name__)
WORTH_A_ROLL_UP = 100  # journals; fewer are summed up quickly enough each time

HANDLERS: dict[str, work.Handler] = {
    "metering.batch": run_batch_work,
    RELEASE: run_release_work,
    DELIVERY: run_delivery_work,
    "billing.close_month": run_close_work,
    "billing.export": run_export_work,
    "billing.try_month": run_trial_work,
    "billing.render_report": run_report_work,
    WHAT_IF: run_what_if_work,
    INSPECTION: run_inspection_work,
    batching.WORK_KIND: batching.run_batch_work,
    exporting.WORK_KIND: lambda job, _: exporting.run_export_work(
        job, pages_exports.rows_of, clock.now()
    ),
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
    """Let every voucher lapse whose validity is over, and holds past their time; return how many.

    Each is an act of its own: one that is refused does not keep the others from lapsing, and the
    next night asks again.
    """
    actor, at = system_actor("expire-vouchers"), clock.now()
    lapse_claims(actor=actor, at=at)
    return lapse_due(actor=actor, at=at, kept=holds_claimed())


@shared_task
def deem_statements() -> int:
    """Deem silent sides to agree whose time ran out after a proved delivery; return how many."""
    return deem_due(actor=system_actor("deem-statements"), at=clock.now())


@shared_task
def remind_holders_of_vouchers() -> int:
    """Tell holders which vouchers lapse, and which claims are due, soon; return how many."""
    at = clock.now()
    return remind_holders(at) + remind_claimants(at)


@shared_task
def allocate_budget() -> int:
    """Set money aside for who is next in line and issue to the waiting list; return how many.

    Asked every minute, so that money which returned moves on whoever forgot to say so.
    """
    at, actor, moved = clock.now(), system_actor("allocate-budget"), 0
    for programme in newest_editions():
        moved += len(move_up(programme, actor=actor, at=at))
        watch_budget(programme, actor=actor, at=at)
    return moved


@shared_task
def lapse_applications() -> int:
    """Let every application lapse that nobody answered in time; return how many did."""
    at = clock.now()
    late = lapsing(at)
    for application in late:
        lapse_application(application, actor=system_actor("lapse-applications"), at=at)
    return len(late)


@shared_task
def deliver_webhooks() -> int:
    """Try again what did not arrive and whose pause is over; return how many."""
    return ask_due(actor=system_actor("deliver-webhooks"), at=clock.now())


@shared_task
def deliver_mail() -> int:
    """Hand in the mails that wait, and those whose pause is over; return how many were tried."""
    return deliver_due(clock.now)


@shared_task
def scan_files() -> int:
    """Have the files in quarantine looked through; return how many came out."""
    actor, at = system_actor("scan-files"), clock.now()
    rooms = (scan_waiting, scan_filings, scan_papers)
    return sum(scan(actor=actor, at=at) for scan in rooms)


@shared_task
def write_letters() -> int:
    """Write the letters that decisions call for; return how many."""
    return write_owed(actor=system_actor("write-letters"), at=clock.now())


@shared_task
def warn_of_keys() -> int:
    """Tell providers which of their keys end soon; return how many warnings."""
    return warn_of_ending_keys(actor=system_actor("warn-of-keys"), at=clock.now())


@shared_task
def forget_uses() -> int:
    """Forget nonces that nobody can replay any more and windows of use long over."""
    return forget_nonces() + sweep_windows()


@shared_task
def remove_raw_uploads() -> int:
    """Remove raw uploads that are past their time and needed by nothing; return how many."""
    at = clock.now()
    removed = sweep_leftovers(at)
    while (gone := remove_bodies(actor=system_actor("kept-uploads"), at=at)).bodies:
        removed += gone.bodies
    return removed


@shared_task
def remove_exports() -> int:
    """Remove exported lists whose day is over; return how many."""
    return exporting.remove_exports(clock.now())


@shared_task
def index_names() -> int:
    """Give everything that people search for its row; return how many were missing."""
    return searching.catch_up(SOURCES)


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
