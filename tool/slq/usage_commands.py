"""The commands that send usage and ask after it: validate, push, status, zero."""

import re
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from slq import cutting, showing
from slq.client import MeteringClient
from slq.outcomes import OUTCOMES, Exit, Stopped, worst
from slq.pushing import Order, Progress, Report, push_file, validate_file
from slq.sending import NOT_FOUND, Patience, patiently, sentence
from slq.settings import connect, load_account
from slq.spooling import ERRORS, RECEIPTS, send_spool
from slq.taking_home import beside, fetch_errors, fetch_receipts
from slq.words import Speech

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CREATED = 201
_STATUS_EXITS = {
    "accepted": Exit.OK,
    "partial": Exit.PARTIAL,
    "rejected": Exit.REJECTED,
    "processing": Exit.LATER,
}


def _patience(told: Namespace) -> Patience:
    return Patience(tries=told.tries)


def _order(told: Namespace, *, dry_run: bool) -> Order:
    on_error = told.on_error
    return Order(on_error, told.hold, dry_run, _patience(told))


def _existing(name: str, speech: Speech) -> Path:
    path = Path(name)
    if not path.is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=name))
    if not cutting.kind_of(path):
        raise Stopped(Exit.USAGE, speech("file_kind", name=path.name))
    return path


def _metered(path: Path, speech: Speech, work: Callable[[Progress], Report]) -> Report:
    meter = showing.Meter(path.name, cutting.measure(path)[1], speech)
    try:
        return work(meter)
    finally:
        meter.stop()


def validate(told: Namespace, speech: Speech) -> Exit:
    """Check a file at the service; nothing is stored."""
    path = _existing(told.file, speech)
    order = _order(told, dry_run=True)
    with connect(load_account(told.mode, speech), speech) as client:
        report = _metered(
            path, speech, lambda meter: validate_file(client, path, order, speech, meter)
        )
    showing.show_report(report, speech)
    speech.tell("dry_run")
    if report.code is not Exit.OK:
        speech.tell("mend_plain")
    _put_report(told, report, {})
    return report.code


def push(told: Namespace, speech: Speech) -> Exit:
    """Send a file, or whatever waits in a spool."""
    if bool(told.file) == bool(told.spool):
        raise Stopped(Exit.USAGE, speech("file_or_spool"))
    account = load_account(told.mode, speech)
    with connect(account, speech) as client:
        if told.file:
            return _push_one(client, _existing(told.file, speech), told, speech)
        return _push_spool(client, told, speech)


def _push_one(client: MeteringClient, path: Path, told: Namespace, speech: Speech) -> Exit:
    order = _order(told, dry_run=False)
    report = _metered(path, speech, lambda meter: push_file(client, path, order, speech, meter))
    showing.show_report(report, speech)
    mend, kept = beside(path, ERRORS), beside(path, RECEIPTS)
    errors = fetch_errors(client, report, mend, order.patience, speech)
    if report.code is not Exit.OK:
        speech.tell("mend" if errors else "mend_plain", errors=mend.name)
    receipts = fetch_receipts(client, report, kept, order.patience, speech)
    if receipts:
        speech.tell("receipts_kept", path=receipts.name)
    _put_report(told, report, {"errors_file": errors, "receipts_file": receipts})
    return report.code


def _put_report(told: Namespace, report: Report, files: dict[str, Path | None]) -> None:
    if told.json:
        showing.put_json(showing.report_object(report, files))
        return
    for each in report.batches:
        showing.put(f"{each['batch_id'] or '-'}\t{each['status']}\t{each['rows']}")


def _push_spool(client: MeteringClient, told: Namespace, speech: Speech) -> Exit:
    def push_quietly(path: Path) -> Exit:
        try:
            return _push_one(client, path, told, speech)
        except Stopped as stopped:
            sys.stderr.write(f"{path.name}: {stopped}\n")
            return stopped.code

    ended = send_spool(Path(told.spool), push_quietly)
    for name, code in ended.items():
        stays = code in (Exit.AUTH, Exit.LATER, Exit.USAGE)
        folder = "outgoing" if stays else "sent" if code is Exit.OK else "rejected"
        speech.tell("spool_file", name=name, folder=folder)
    if not ended:
        speech.tell("spool_empty")
    return worst(list(ended.values()))


def status(told: Namespace, speech: Speech) -> Exit:
    """Say how far a batch is."""
    with connect(load_account(told.mode, speech), speech) as client:
        answer = patiently(lambda: client.status(told.batch), _patience(told), speech)
    if answer.status == NOT_FOUND:
        raise Stopped(Exit.USAGE, speech("no_batch", batch=told.batch))
    body = answer.body
    if told.json:
        showing.put_json(body)
    else:
        showing.put(f"status\t{body['status']}")
        for name in ("rows", *OUTCOMES):
            showing.put(f"{name}\t{body['counts'].get(name, 0)}")
        showing.put(f"pflops_hours\t{body['pflops_hours']}")
    return _STATUS_EXITS.get(body["status"], Exit.LATER)


def zero(told: Namespace, speech: Speech) -> Exit:
    """Declare that nothing was used on a day."""
    if not _DAY.fullmatch(told.day):
        raise Stopped(Exit.USAGE, speech("day_form"))
    with connect(load_account(told.mode, speech), speech) as client:
        answer = patiently(lambda: client.declare_zero(told.day), _patience(told), speech)
    if answer.status != _CREATED:
        raise Stopped(Exit.REJECTED, speech("refused", why=sentence(answer)))
    speech.tell("zero_done", day=told.day)
    if told.json:
        showing.put_json(answer.body)
    else:
        showing.put(told.day)
    return Exit.OK
