"""All that must hold in the whole house: the invariants of every room under their names."""

from billing.invariants import INVARIANTS as OF_BILLING
from ledger.invariants import INVARIANTS as OF_THE_BOOKS
from ledger.invariants import Finding, findings
from providers.invariants import INVARIANTS as OF_PROVIDERS
from vouchers.invariants import INVARIANTS as OF_VOUCHERS

__all__ = ["INVARIANTS", "Finding", "everything"]

#: Name -> query; a room's own names follow those of the rooms below it.
INVARIANTS: dict[str, str] = {**OF_THE_BOOKS, **OF_VOUCHERS, **OF_PROVIDERS, **OF_BILLING}


def everything(*, prepared: bool = False) -> list[Finding]:
    """Return everything that does not hold anywhere in the house, asked in one round trip.

    Args:
        prepared: keep the plan for the next time on this connection.
    """
    return findings(INVARIANTS, prepared=prepared)
