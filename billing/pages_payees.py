"""What the pages about accounts of payees show."""

from typing import Any
from uuid import UUID

from providers.models import ProviderAccount
from vouchers.models import EnterpriseAccount, PayeeAccount

KINDS = (EnterpriseAccount, ProviderAccount)
MOST_DECIDED = 50
COLOURS = {"": "yellow", "confirmed": "green", "declined": "red", "replaced": "grey"}


def account_rows(payee: Any) -> list[dict[str, Any]]:
    """Return every account that a payee filed, the newest first."""
    now = payee.accounts.in_force()
    return [_row(each, now) for each in payee.accounts.order_by("-filed_at", "-id")]


def _row(account: Any, now: Any) -> dict[str, Any]:
    current = now is not None and now.pk == account.pk
    earlier = account.outcome == "confirmed" and not current
    return {
        "account": account,
        "word": "现行" if current else "曾用" if earlier else account.get_outcome_display(),
        "colour": "grey" if earlier else COLOURS[account.outcome],
    }


def payee_context(payee: Any) -> dict[str, Any]:
    """Return a payee with the account in force, the waiting one and all it filed."""
    now = payee.accounts.in_force()
    return {
        "payee": payee,
        "rows": account_rows(payee),
        "waiting": payee.accounts.waiting().first(),
        "renamed": bool(now and now.holder != payee.name),
    }


def waiting_accounts() -> list[PayeeAccount]:
    """Return the accounts of all payees that wait for the bureau, the longest first."""
    found = [each for kind in KINDS for each in kind.objects.waiting()]
    return sorted(found, key=lambda each: each.filed_at)


def decided_accounts() -> list[PayeeAccount]:
    """Return what was decided last, the newest first."""
    found: list[PayeeAccount] = []
    for kind in KINDS:
        rows = kind.objects.exclude(outcome="").select_related("payee")
        found += rows.order_by("-decided_at")[:MOST_DECIDED]
    found.sort(key=lambda each: each.decided_at or each.filed_at, reverse=True)
    return found[:MOST_DECIDED]


def account_of(pk: UUID) -> PayeeAccount | None:
    """Return one filed account of whichever payee."""
    for kind in KINDS:
        found: PayeeAccount | None = kind.objects.select_related("payee").filter(pk=pk).first()
        if found is not None:
            return found
    return None
