"""Post usage to the COMPUTE books: what counts goes in, what is corrected comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.actors import Actor
from ledger.book import post
from ledger.chart import AccountKey, TransferCode, metered, unmatched
from ledger.identifiers import new_id
from ledger.transfers import Journal, Transfer
from providers.models import Provider
from providers.staging import Sum

# A journal holds at most 200 transfers; a batch touches far fewer months.
_MONTHS_PER_JOURNAL = 100


def book_usage(
    provider: Provider,
    kind: str,
    sums: list[Sum],
    refs: dict[str, str],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Post what counts to the COMPUTE books: per settlement month, use in, corrected use out.

    Use is rounded up and what is taken back is rounded down to whole GFLOPS-seconds, so that the
    statement lines drawn from it (rounded down) always find enough.

    Units: GFLOPS-seconds. Writes: one journal per 100 months.
    """
    totals: dict[str, list[int]] = {}
    for each in sums:
        pair = totals.setdefault(each.settle_month, [0, 0])
        pair[0] += each.device_milli_seconds * each.gflops
        pair[1] += each.reversed_device_milli_seconds * each.gflops
    transfers: list[Transfer] = []
    for month, (used, returned) in sorted(totals.items()):
        here, there = metered(provider.pk, month), unmatched(provider.pk, month)
        if used:
            amount = -(-used // 1000)
            transfers.append(Transfer(new_id(), here, there, amount, TransferCode.METER))
        if returned >= 1000:
            amount = returned // 1000
            transfers.append(Transfer(new_id(), there, here, amount, TransferCode.CORRECT))
    for first in range(0, len(transfers), _MONTHS_PER_JOURNAL):
        lines = tuple(transfers[first : first + _MONTHS_PER_JOURNAL])
        post(Journal(new_id(), kind, at, lines, refs), actor=actor, at=at)


@dataclass(frozen=True)
class Returned:
    """Use of a settled month that is taken back.

    Args:
        tied_to: the account its month tied it to, None when it is tied to nothing.
    Units: ``work`` in thousandths of GFLOPS-seconds.
    """

    month: str
    work: int
    tied_to: AccountKey | None


def book_returned(
    provider: Provider,
    returned: Sequence[Returned],
    refs: dict[str, str],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Post back what a correction takes out of settled months, each where it was metered.

    Units: GFLOPS-seconds, rounded down. Writes: one journal.
    """
    transfers: list[Transfer] = []
    for each in returned:
        here, there = metered(provider.pk, each.month), unmatched(provider.pk, each.month)
        legs = [(there, here)] if each.tied_to is None else [(each.tied_to, there), (there, here)]
        for debit, credit in legs if each.work >= 1000 else []:
            amount = each.work // 1000
            transfers.append(Transfer(new_id(), debit, credit, amount, TransferCode.CORRECT))
    if transfers:
        post(Journal(new_id(), "metering.correct", at, tuple(transfers), refs), actor=actor, at=at)
