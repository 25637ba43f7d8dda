"""What the room remembers: programmes, enterprises, applications, notices, vouchers."""

from vouchers.models.allocation import (
    AllocationLine,
    AllocationRun,
    BudgetAlert,
    BudgetPool,
    DrawReveal,
    DrawSeed,
    Intake,
    Reservation,
    ReservationEnd,
)
from vouchers.models.application import Application, Attachment, NoticeItem, PublicNotice
from vouchers.models.batch import CaseBatch, CaseBatchItem
from vouchers.models.calendar import CalendarYear, Holiday
from vouchers.models.casework import CaseSeen, ClockMark, HandedIn, JointReply, SupplementItem
from vouchers.models.conflict import ConflictDeclaration
from vouchers.models.consultation import Consultation, ConsultationComment, EditionOpinion
from vouchers.models.desk import CaseAssignment, SavedView
from vouchers.models.enterprise import Enterprise, EnterpriseFact, EnterpriseSeat
from vouchers.models.export import CaseExport
from vouchers.models.fast_lane import FastBatch
from vouchers.models.inquiry import (
    ContractUse,
    CriterionDecision,
    Inquiry,
    StandingRequest,
    Succession,
)
from vouchers.models.issuance import IssueBatch, IssueItem, VoucherRequest
from vouchers.models.letter import Letter
from vouchers.models.message import (
    MailChoice,
    Notice,
    NoticeAttempt,
    NoticeDelivery,
    NoticeRead,
)
from vouchers.models.objection import NoticeObjection, Reconsideration
from vouchers.models.payee import EnterpriseAccount, PayeeAccount
from vouchers.models.programme import BudgetGrant, GrantRequest, Programme
from vouchers.models.reading import CaseNote, ReadEvent
from vouchers.models.register import RegisterImport, RegisterRow
from vouchers.models.search import SearchRow
from vouchers.models.state_row import NumberSeries, StateRow
from vouchers.models.voucher import Hold, Redemption, Voucher

__all__ = [
    "AllocationLine",
    "AllocationRun",
    "Application",
    "Attachment",
    "BudgetAlert",
    "BudgetGrant",
    "BudgetPool",
    "CalendarYear",
    "CaseAssignment",
    "CaseBatch",
    "CaseBatchItem",
    "CaseExport",
    "CaseNote",
    "CaseSeen",
    "ClockMark",
    "ConflictDeclaration",
    "Consultation",
    "ConsultationComment",
    "ContractUse",
    "CriterionDecision",
    "DrawReveal",
    "DrawSeed",
    "EditionOpinion",
    "Enterprise",
    "EnterpriseAccount",
    "EnterpriseFact",
    "EnterpriseSeat",
    "FastBatch",
    "GrantRequest",
    "HandedIn",
    "Hold",
    "Holiday",
    "Inquiry",
    "Intake",
    "IssueBatch",
    "IssueItem",
    "JointReply",
    "Letter",
    "MailChoice",
    "Notice",
    "NoticeAttempt",
    "NoticeDelivery",
    "NoticeItem",
    "NoticeObjection",
    "NoticeRead",
    "NumberSeries",
    "PayeeAccount",
    "Programme",
    "PublicNotice",
    "ReadEvent",
    "Reconsideration",
    "Redemption",
    "RegisterImport",
    "RegisterRow",
    "Reservation",
    "ReservationEnd",
    "SavedView",
    "SearchRow",
    "StandingRequest",
    "StateRow",
    "Succession",
    "SupplementItem",
    "Voucher",
    "VoucherRequest",
]
