"""Look through the counted usage for what is odd: the clock asks, nobody is refused anything."""

from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.periods import Month, month_of
from providers.models import MeteringMonth
from providers.oddities import add_findings


@transaction.atomic
def look_for_oddities(month: Month, *, actor: Actor, at: datetime) -> int:
    """Write down what looks odd in a month; looking again adds only what is new.

    Writes: findings, one log entry when there are new ones.

    Returns:
        How many there are that were not there before.
    """
    found = {kind: count for kind, count in add_findings(month, at=at).items() if count}
    if found:
        facts = {"month": str(month), "found": str(sum(found.values()))}
        audit.record("metering.look", facts, actor=actor, at=at)
    return sum(found.values())


def months_to_look_at(at: datetime) -> list[Month]:
    """Return the running month and those before it, back to the last one that is shut."""
    newest = month_of(at)
    shut = set(MeteringMonth.objects.values_list("month", flat=True))
    months = [newest]
    while len(months) < _MOST_MONTHS and str(months[-1].previous()) not in shut:
        months.append(months[-1].previous())
    return months


_MOST_MONTHS = 3
