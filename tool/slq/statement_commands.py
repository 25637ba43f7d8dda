"""The command that asks what a month comes to: what counted, at which rate, for how much."""

import csv
import re
import sys
from argparse import Namespace
from typing import Any

from slq import showing
from slq.outcomes import Exit, Stopped
from slq.sending import Patience, patiently, sentence
from slq.settings import connect, load_account
from slq.words import Speech

COLUMNS = (
    "statement_no", "state", "order_no", "enterprise", "usage_month", "model", "rate", "gflops",
    "device_milli_seconds", "records", "pflops_hours", "unit", "quantity", "price_fen",
    "gross_fen", "public_fen", "self_fen",
)  # fmt: skip
_SHOWN = (
    "order_no", "usage_month", "model", "rate", "pflops_hours", "price_fen", "gross_fen",
    "public_fen", "self_fen", "state",
)  # fmt: skip
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_ADDRESS = "/api/v1/metering/statements"
_FOUND = 200
#: A cell that a spreadsheet would run gets an apostrophe; a negative amount is a number.
_FORMULA = ("=", "+", "@", "\t", "\r")


def statement(told: Namespace, speech: Speech) -> Exit:
    """Show a month by order, model and rate version; without a month, the months there are."""
    if told.csv and told.json:
        raise Stopped(Exit.USAGE, speech("csv_or_json"))
    if told.month and not _MONTH.fullmatch(told.month):
        raise Stopped(Exit.USAGE, speech("month_form"))
    body = _ask(told, speech)
    if told.json:
        showing.put_json(body)
    elif not told.month:
        for each in body["months"]:
            showing.put(f"{each['month']}\t{each['status']}")
    elif told.csv:
        _put_csv(body)
    else:
        _put_table(body)
    if told.month:
        _narrate(body, speech)
    return Exit.OK


def _ask(told: Namespace, speech: Speech) -> dict[str, Any]:
    address = f"{_ADDRESS}/{told.month}" if told.month else _ADDRESS
    with connect(load_account(told.mode, speech), speech) as client:
        answer = patiently(lambda: client.get(address), Patience(tries=told.tries), speech)
    if answer.status != _FOUND:
        raise Stopped(Exit.USAGE, speech("refused", why=sentence(answer)))
    return answer.body


def _put_csv(body: dict[str, Any]) -> None:
    writer = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for each in body["lines"]:
        writer.writerow({name: _safe(each[name]) for name in COLUMNS})


def _safe(cell: Any) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _put_table(body: dict[str, Any]) -> None:
    showing.put("\t".join(_SHOWN))
    for each in body["lines"]:
        showing.put("\t".join(str(each[name]) or "-" for name in _SHOWN))
    totals = body["totals"]
    sums = [totals[name] for name in ("gross_fen", "public_fen", "self_fen")]
    showing.put("\t".join(("total", "", "", "", totals["pflops_hours"], "", *sums, "")))


def _narrate(body: dict[str, Any], speech: Speech) -> None:
    """Say on stderr how far the month is, and what waits or came late."""
    status = "month_" + str(body["status"])
    speech.tell("month_status", month=body["month"], status=speech(status))
    for each in body["adjustments"]:
        speech.tell("adjusts", **{name: each[name] for name in ("usage_month", "order_no")})
    for reason, count in sorted(body["waiting"].items()):
        speech.tell("waits", count=count, reason=reason)
