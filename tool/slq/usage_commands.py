"""The commands that send usage and ask after it: validate, push, status, zero, receipt, convert."""

import re
import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from slq import cutting, showing
from slq.client import MeteringClient
from slq.converting import Converted, Request, aside_word, convert
from slq.mapping import read_mapping
from slq.notes import BadReceipt, LogKey, check_receipt, keys_in
from slq.outcomes import OUTCOMES, Exit, Stopped, worst
from slq.plain import is_prefix
from slq.pushing import Order, Progress, Report, push_file, validate_file
from slq.sending import NOT_FOUND, Patience, patiently, sentence
from slq.settings import connect, load_account
from slq.spooling import ERRORS, RECEIPTS, send_spool
from slq.taking_home import beside, fetch_errors, fetch_receipt, fetch_receipts, read_receipts
from slq.words import Speech

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CREATED, _FOUND = 201, 200
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


def receipt_get(told: Namespace, speech: Speech) -> Exit:
    """Print the receipt of one batch."""
    with connect(load_account(told.mode, speech), speech) as client:
        showing.put_json(fetch_receipt(client, told.batch, _patience(told), speech))
    return Exit.OK


def receipt_verify(told: Namespace, speech: Speech) -> Exit:
    """Check receipts offline, against a key that was got elsewhere."""
    if not Path(told.file).is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=told.file))
    keys = _trusted(told, speech)
    stated = _checked(_receipts(told, speech), keys, _digests(told, speech), speech)
    speech.tell("receipts_good", count=len(stated))
    if told.json:
        showing.put_json(stated)
        return Exit.OK
    for each in stated:
        cells = (each["batch_id"], each["status"], each["counts"]["rows"], each["log_index"] or "-")
        showing.put("\t".join(cells))
    return Exit.OK


def _receipts(told: Namespace, speech: Speech) -> list[dict[str, Any]]:
    try:
        receipts = read_receipts(Path(told.file))
    except ValueError as error:
        raise Stopped(Exit.REJECTED, speech("receipt_form")) from error
    if not receipts:
        raise Stopped(Exit.REJECTED, speech("receipt_none"))
    return receipts


def _checked(
    receipts: list[dict[str, Any]], keys: list[LogKey], digests: set[str], speech: Speech
) -> list[dict[str, Any]]:
    """Return what the receipts state; the first that does not hold ends it."""
    stated = []
    for number, each in enumerate(receipts, start=1):
        try:
            said = check_receipt(each, keys)
        except (BadReceipt, ValueError, KeyError, AttributeError, TypeError) as bad:
            why = speech(str(bad) if isinstance(bad, BadReceipt) else "receipt_form")
            raise Stopped(Exit.REJECTED, speech("receipt_bad", number=number, why=why)) from bad
        if digests and said["body_sha256"] not in digests:
            why = speech("receipt_bytes")
            raise Stopped(Exit.REJECTED, speech("receipt_bad", number=number, why=why))
        stated.append(said)
    return stated


def _trusted(told: Namespace, speech: Speech) -> list[LogKey]:
    """Return the keys to trust: as given, else those remembered by login; never the receipt's."""
    try:
        keys = [LogKey.parse(each) for each in told.vkey]
    except BadReceipt as bad:
        raise Stopped(Exit.USAGE, speech("vkey_form")) from bad
    if not keys:
        keys = keys_in(load_account(told.mode, speech).vkeys)
    if not keys:
        raise Stopped(Exit.USAGE, speech("no_vkey"))
    return keys


def _digests(told: Namespace, speech: Speech) -> set[str]:
    """Return the digests of a file's chunks, to hold the receipts against what was sent."""
    if not told.against:
        return set()
    path = _existing(told.against, speech)
    return {cutting.digest_of(chunk) for chunk in cutting.cut(path, speech)}


def convert_file(told: Namespace, speech: Speech) -> Exit:
    """Turn an export into a file to push."""
    source, target = Path(told.source), Path(told.target)
    if not source.is_file():
        raise Stopped(Exit.USAGE, speech("no_file", path=source))
    if not told.map:
        raise Stopped(Exit.USAGE, speech("needs_map"))
    name = told.name or source.name.partition(".")[0]
    if told.kind == "csv" and not is_prefix(name):
        raise Stopped(Exit.USAGE, speech("name_form", name=name))
    request = Request(
        told.kind,
        source,
        target,
        read_mapping(Path(told.map), speech),
        zone=told.zone,
        epoch=_epoch(told.epoch, speech),
        model=told.model,
        step_s=told.step,
        name=name,
        keep_open=told.open,
    )
    repeats = beside(target, "repeats.csv")
    done = convert(request, repeats, speech)
    _tell_converted(done, request, repeats, speech)
    if told.json:
        showing.put_json({"exit": int(done.code)} | vars(done))
    return done.code


def _epoch(text: str, speech: Speech) -> datetime | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise Stopped(Exit.USAGE, speech("time_form", text=text)) from error
    if read.tzinfo is None:
        raise Stopped(Exit.USAGE, speech("needs_epoch"))
    return read


def _tell_converted(done: Converted, request: Request, repeats: Path, speech: Speech) -> None:
    speech.tell("converted", rows=done.rows, path=request.target)
    counted = {
        aside_word(request.kind): done.aside,
        "left_open": done.left_open,
        "repeats_apart": done.repeats,
        "no_model": done.no_model,
        "unmapped": len(done.problems),
    }
    for word, rows in counted.items():
        if rows:
            speech.tell(word, rows=rows, path=repeats.name)
    for line, why in done.problems[: showing.MOST_SHOWN]:
        speech.tell("line", line=line, why=why)
    for what, rows in sorted(done.findings.items()):
        speech.tell("finding", rows=rows, what=what)
