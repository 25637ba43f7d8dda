"""What the clock does with vouchers: reminders, the last day, and the end of the time to settle.

A voucher lapses the night after its last day; what an order still holds lives until its usage can
be settled (``claim_days``), then lapses too. Usage counts by the time it ran, so a month that is
closed within that time settles as ever.
"""

import logging
from collections.abc import Container, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from ledger.actors import Actor
from ledger.periods import day_of
from ledger.refusals import Refused
from vouchers.models import Hold, Programme, Voucher
from vouchers.notices import tell_enterprise
from vouchers.positions import voucher_positions
from vouchers.spending import expire_voucher, release

logger = logging.getLogger(__name__)


def lapse_due(*, actor: Actor, at: datetime, kept: Container[UUID] = frozenset()) -> int:
    """Let every voucher lapse whose last day is over, and every hold past its time to settle.

    Each is an act of its own: one that is refused does not keep the others, and the next night
    asks again.

    Args:
        kept: holds that live on, because something may still be claimed from them.

    Writes: what ``expire_voucher`` and ``release`` write; a message to each holder.
    """
    lapsed = 0
    for voucher in Voucher.objects.lapsed(at).select_related("enterprise", "programme"):
        try:
            over = expire_voucher(voucher, actor=actor, at=at)
        except Refused as refusal:
            logger.warning("voucher %s does not lapse: %s", voucher.pk, refusal.code)
            continue
        lapsed += 1
        told = {
            "voucher_no": over.voucher_no,
            "expired_fen": voucher_positions([over])[over.pk].expired,
        }
        tell_enterprise(
            over.enterprise, "voucher_expired", told, about=over, at=at, once=f"expired:{over.pk}"
        )
    for hold in overdue_holds(at):
        if hold.pk in kept:
            continue
        try:
            release(hold, actor=actor, at=at, reason="超过结算期限，未核销的部分失效", overdue=True)
        except Refused as refusal:
            logger.warning("hold %s is not let go: %s", hold.pk, refusal.code)
    return lapsed


def overdue_holds(at: datetime) -> Iterator[Hold]:
    """Return the open holds of lapsed vouchers whose time to settle is over."""
    held = Hold.objects.open().filter(voucher__state="expired", expires_at__lte=at)
    for hold in held.select_related("voucher__programme"):
        tail = timedelta(days=hold.voucher.programme.edition.validity.claim_days)
        if hold.voucher.valid_until + tail <= at:
            yield hold


def remind_holders(at: datetime) -> int:
    """Tell holders that a voucher lapses soon, once for each day the edition names.

    Writes: messages; who was told of the same day before is not told again.
    """
    told = 0
    for programme in Programme.objects.published():
        days = programme.edition.validity.reminder_days
        until = at + timedelta(days=max(days, default=0) + 1)
        soon = Voucher.objects.filter(
            programme=programme, state="active", valid_until__gt=at, valid_until__lte=until
        ).select_related("enterprise", "programme")
        positions = voucher_positions(list(soon)) if soon else {}
        for voucher in soon:
            told += _remind(voucher, days, positions[voucher.pk].available, at)
    return told


def reminder_due(days: tuple[int, ...], left: int) -> int | None:
    """Return which of the days before an end is due to be told; of several missed the nearest."""
    return min((each for each in days if left <= each), default=None)


def _remind(voucher: Voucher, days: tuple[int, ...], available_fen: int, at: datetime) -> bool:
    """Send the reminder that is due now."""
    left = (voucher.last_day - day_of(at)).days
    due = reminder_due(days, left)
    if due is None or not available_fen:
        return False
    facts = {
        "voucher_no": voucher.voucher_no,
        "days": left,
        "available_fen": available_fen,
        "last_day": voucher.last_day,
    }
    sent = tell_enterprise(
        voucher.enterprise, "voucher_expiring", facts, about=voucher, at=at,
        once=f"expiring:{voucher.pk}:{due}",
    )  # fmt: skip
    return sent is not None
