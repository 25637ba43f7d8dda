"""Proof that a month's messages reached somebody."""

from datetime import datetime
from typing import Any

from billing.models import MonthClose
from providers.models import ProviderSeat
from tests.billing.world import CLOSE_AT
from vouchers.models import EnterpriseSeat, Notice
from vouchers.notices import mark_read


def open_messages(close: MonthClose, user: Any, at: datetime = CLOSE_AT) -> None:
    """Let somebody open what was told of a month."""
    own = [str(each.enterprise_id) for each in EnterpriseSeat.objects.filter(user=user)]
    own += [str(each.provider_id) for each in ProviderSeat.objects.filter(user=user)]
    mark_read(Notice.objects.filter(about_id=str(close.pk), scope__in=own), user, at)
