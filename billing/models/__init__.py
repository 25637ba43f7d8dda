"""What the room remembers: months, statements, payments, reports, and every move of theirs."""

from billing.models.answer import (
    Confirmation,
    Objection,
    ServiceProof,
    Side,
    StatementVersion,
)
from billing.models.certificate import Certificate
from billing.models.claim import Claim, ClaimPaper
from billing.models.clawback import Clawback, ClawbackReceipt, PaymentOffset
from billing.models.inspection import Inspection, InspectionItem, InspectionResult
from billing.models.matching import MatchRow, MatchRun, ProviderTotal
from billing.models.month import MonthClose
from billing.models.note import SettlementNote
from billing.models.paper import StatementFile
from billing.models.payment import (
    BankFile,
    BankResult,
    PaymentBatch,
    PaymentHold,
    PaymentItem,
    PaymentLine,
    PaymentSign,
)
from billing.models.report import Report
from billing.models.state_row import StateRow, move
from billing.models.statement import Statement, StatementLine
from billing.models.trial import Trial
from billing.models.what_if import WhatIf, WhatIfResult
from billing.models.year_end import YearEnd

__all__ = [
    "BankFile",
    "BankResult",
    "Certificate",
    "Claim",
    "ClaimPaper",
    "Clawback",
    "ClawbackReceipt",
    "Confirmation",
    "Inspection",
    "InspectionItem",
    "InspectionResult",
    "MatchRow",
    "MatchRun",
    "MonthClose",
    "Objection",
    "PaymentBatch",
    "PaymentHold",
    "PaymentItem",
    "PaymentLine",
    "PaymentOffset",
    "PaymentSign",
    "ProviderTotal",
    "Report",
    "ServiceProof",
    "SettlementNote",
    "Side",
    "StateRow",
    "Statement",
    "StatementFile",
    "StatementLine",
    "StatementVersion",
    "Trial",
    "WhatIf",
    "WhatIfResult",
    "YearEnd",
    "move",
]
