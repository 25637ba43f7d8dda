"""Shut the intake of a month: what arrives from then on settles in the next open month."""

from datetime import datetime

from django.db import connection, transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import Month
from providers.models import MeteringMonth


@transaction.atomic
def shut_month(month: Month, *, actor: Actor, at: datetime) -> MeteringMonth:
    """Draw the line under a month's intake, once; asking again changes nothing.

    Waits for uploads that are being stored and keeps later ones waiting until the caller commits,
    so every record is either counted by who drew the line or settles in a later month.

    Writes: one row, one log entry.
    """
    with connection.cursor() as cursor:
        # Conflicts with the ROW SHARE lock that every upload takes before it asks which months
        # are shut (staging.settle_months).
        cursor.execute("LOCK TABLE providers_meteringmonth IN EXCLUSIVE MODE")
    row, new = MeteringMonth.objects.get_or_create(
        month=str(month), defaults={"closed_at": at, "closed_by": actor.name}
    )
    if new:
        audit.record("metering.month_shut", {"month": str(month)}, actor=actor, at=at)
    return row
