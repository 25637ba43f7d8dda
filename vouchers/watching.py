"""Watch how much of a scheme's money is promised, and warn when a mark is reached.

Units: fen. Source: budget of the programme edition (warn and stop marks).
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ledger import audit
from ledger.actors import Actor
from ledger.balances import balance, balances
from ledger.chart import treasury
from vouchers.models import BudgetAlert, Programme
from vouchers.notices import tell_staff
from vouchers.pools import free_fen

FULL_BP = 10_000


@dataclass(frozen=True)
class Promised:
    """What was granted, and what of it is issued or set aside."""

    granted_fen: int
    free_fen: int

    @property
    def promised_fen(self) -> int:
        """Return what is issued or set aside."""
        return self.granted_fen - self.free_fen

    @property
    def share_bp(self) -> int:
        """Return the promised share of what was granted."""
        return self.promised_fen * FULL_BP // self.granted_fen if self.granted_fen else 0


def promised(programme: Programme) -> Promised:
    """Return how far a scheme's money is promised, from the ledger and the pool."""
    source = treasury(programme.slug)
    return Promised(-balances([source])[source].posted, free_fen(programme))


def level_of(programme: Programme, now: Promised) -> str:
    """Return ``stop``, ``warn`` or nothing."""
    marks = programme.edition.budget
    if not now.granted_fen:
        return ""
    if now.share_bp >= marks.stop_bp:
        return "stop"
    return "warn" if now.share_bp >= marks.warn_bp else ""


@transaction.atomic
def watch_budget(programme: Programme, *, actor: Actor, at: datetime) -> BudgetAlert | None:
    """Warn the people who grant budget when a mark is reached, once for each amount granted.

    Writes: an alert, a log entry and a message, or nothing.
    """
    programme = Programme.objects.select_for_update(of=("self",)).get(pk=programme.pk)
    now = promised(programme)
    level = level_of(programme, now)
    known = BudgetAlert.objects.filter(slug=programme.slug, granted_fen=now.granted_fen)
    if not level or known.filter(level=level).exists():
        return None
    alert = BudgetAlert.objects.create(
        slug=programme.slug,
        level=level,
        granted_fen=now.granted_fen,
        promised_fen=now.promised_fen,
        raised_at=at,
    )
    audit.record(
        "budget.alert",
        {
            "programme": programme.slug,
            "level": level,
            "granted_fen": now.granted_fen,
            "promised_fen": now.promised_fen,
        },
        actor=actor,
        at=at,
    )
    told = {
        "programme": programme.title,
        "share": f"{now.share_bp // 100}%",
        "committed_fen": now.promised_fen,
        "free_fen": balance(programme.account).available,
    }
    tell_staff("vouchers.grant_budget", "budget_level", told, about=programme, at=at)
    return alert
