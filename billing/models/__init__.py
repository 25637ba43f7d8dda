"""What the room remembers: months, statements, payments, reports, and every move of theirs."""

from billing.models.month import MonthClose
from billing.models.payment import PaymentBatch, PaymentItem, PaymentLine
from billing.models.report import Report
from billing.models.state_row import StateRow, move
from billing.models.statement import Confirmation, Objection, Statement, StatementLine

__all__ = [
    "Confirmation",
    "MonthClose",
    "Objection",
    "PaymentBatch",
    "PaymentItem",
    "PaymentLine",
    "Report",
    "StateRow",
    "Statement",
    "StatementLine",
    "move",
]
