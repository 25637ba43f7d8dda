"""Settle a month: close, confirm, approve, pay. The acts of the room that move value.

``closing`` cuts a month off and puts its statements out, ``confirming`` takes the answers of both
sides, ``approving`` makes it owed, ``paying`` pays it. What each step books stands in ``postings``,
the only file of the room that knows the book.
"""

from billing.settling.approving import (
    approve_settlement,
    finish_month,
    prepare_settlement,
    return_settlement,
)
from billing.settling.closing import (
    close_month,
    last_objection_day,
    run_close_work,
    standing_in_the_way,
)
from billing.settling.confirming import confirm_statement, object_statement, resolve_objection
from billing.settling.paying import export_payment_list, record_payment, record_return

__all__ = [
    "approve_settlement",
    "close_month",
    "confirm_statement",
    "export_payment_list",
    "finish_month",
    "last_objection_day",
    "object_statement",
    "prepare_settlement",
    "record_payment",
    "record_return",
    "resolve_objection",
    "return_settlement",
    "run_close_work",
    "standing_in_the_way",
]
