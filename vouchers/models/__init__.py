"""What the room remembers: programmes, enterprises, applications, notices, vouchers."""

from vouchers.models.application import Application, Attachment, NoticeItem, PublicNotice
from vouchers.models.calendar import CalendarYear, Holiday
from vouchers.models.enterprise import Enterprise, EnterpriseFact, EnterpriseSeat
from vouchers.models.programme import BudgetGrant, GrantRequest, Programme
from vouchers.models.state_row import NumberSeries, StateRow
from vouchers.models.voucher import Hold, Redemption, Voucher

__all__ = [
    "Application",
    "Attachment",
    "BudgetGrant",
    "CalendarYear",
    "Enterprise",
    "EnterpriseFact",
    "EnterpriseSeat",
    "GrantRequest",
    "Hold",
    "Holiday",
    "NoticeItem",
    "NumberSeries",
    "Programme",
    "PublicNotice",
    "Redemption",
    "StateRow",
    "Voucher",
]
