"""The monthly audit bundle: what lies in the archive, under which names, in which form.

The log itself lies inside as the strict file; everything else is either derived from it again
(trial balance, keys), named by a digest in it (schemas, reports), or only explains.

Source: docs/decisions/0069-audit-bundle.md.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from ledger.entries import canonical
from ledger.replay import AccountName, Leg

INVENTORY = "inventory.txt"
KEYS = "keys.txt"
LOG = "log.bundle"
POLICY = "policy.txt"
README = "README.txt"
SM3_HEADS = "checkpoints-sm3.txt"
TRIAL_BALANCE = "trial-balance.txt"
VERIFIER = "voucher-verify.pyz"
REPORTS = "reports/"
SCHEMAS = "schemas/"
#: What other bodies said of checkpoints; see ``ledger.attachments``.
COSIGNATURES = "cosignatures/"
TIME_STAMPS = "timestamps/"
ANCHORS = "anchors/"
REQUIRED = frozenset({INVENTORY, KEYS, LOG, README, TRIAL_BALANCE, VERIFIER})
OPTIONAL = frozenset({POLICY, SM3_HEADS})

FIRST_LINE = "compute-voucher-audit-bundle 1"
MAX_SMALL = 4 * 1_024 * 1_024
MAX_INVENTORY = 1_024 * 1_024
_MONTH = re.compile(r"2[0-9]{3}-(?:0[1-9]|1[0-2])", re.ASCII)
_LOCAL_TIME = timezone(timedelta(hours=8))  # Shanghai keeps no summer time
_COLUMNS = [
    "code", "programme", "subject",
    "debits_pending", "debits_posted", "credits_pending", "credits_posted",
]  # fmt: skip


def month_end(month: str) -> str:
    """Return the first moment after a Shanghai month, as it is written in the log.

    Raises:
        ValueError: not a month like ``2026-10``.
    """
    if not _MONTH.fullmatch(month):
        raise ValueError("not a month")
    year, number = int(month[:4]), int(month[5:])
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=_LOCAL_TIME)
    return after.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def allowed(name: str) -> bool:
    """Say whether a member of this name has a place in the bundle."""
    folders = (REPORTS, SCHEMAS, COSIGNATURES, TIME_STAMPS, ANCHORS)
    return name in REQUIRED | OPTIONAL or name.startswith(folders)


@dataclass(frozen=True)
class Inventory:
    """The list of everything inside, with the month and the log it belongs to."""

    month: str
    origin: str
    size: int
    root: str
    digests: dict[str, str]

    def encoded(self) -> bytes:
        """Return the one text it can be."""
        lines = [FIRST_LINE, f"month {self.month}", f"origin {self.origin}"]
        lines += [f"size {self.size}", f"root {self.root}", ""]
        lines += [f"{digest}  {name}" for name, digest in sorted(self.digests.items())]
        return ("\n".join(lines) + "\n").encode()


def stated_month(raw: bytes) -> str:
    """Return the month an inventory names; the rest is checked by writing it again.

    Raises:
        ValueError: it names none.
    """
    first, second = raw[:80].split(b"\n")[:2]
    month = second.removeprefix(b"month ").decode("ascii")
    if first != FIRST_LINE.encode() or not _MONTH.fullmatch(month):
        raise ValueError("not an inventory")
    return month


def trial_balance(
    month: str, origin: str, size: int, rows: Iterable[tuple[AccountName, tuple[int, ...]]]
) -> Iterator[bytes]:
    """Yield the lines of a trial balance; rows come in the order of their account names.

    Args:
        rows: per account debits pending and posted, credits pending and posted.

    Units: fen; GFLOPS-seconds for computing.
    """
    heading = {
        "columns": _COLUMNS,
        "effective_before": month_end(month),
        "entries": str(size),
        "month": month,
        "origin": origin,
    }
    yield canonical(heading) + b"\n"
    for name, sums in rows:
        if any(sums):
            yield canonical([*name, *map(str, sums)]) + b"\n"


@dataclass
class MonthEnd:
    """The four sums of every account at the end of a month, added up while booking."""

    before: bytes
    accounts: dict[AccountName, list[int]] = field(default_factory=dict)

    def __call__(self, leg: Leg, held: Leg | None, effective_at: bytes) -> None:
        """Count one booked transfer, and the hold it resolves, if it counts by then."""
        if effective_at >= self.before:
            return
        debit = self.accounts.setdefault(leg.debit.name, [0, 0, 0, 0])
        credit = self.accounts.setdefault(leg.credit.name, [0, 0, 0, 0])
        if held is not None:
            debit[0] -= held.amount
            credit[2] -= held.amount
        if leg.flow.phase == "pending":
            debit[0] += leg.amount
            credit[2] += leg.amount
        elif leg.flow.phase != "void":
            debit[1] += leg.amount
            credit[3] += leg.amount

    def rows(self) -> Iterator[tuple[AccountName, tuple[int, ...]]]:
        """Yield every account in the order of its name."""
        for name in sorted(self.accounts):
            yield name, tuple(self.accounts[name])
