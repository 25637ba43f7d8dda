"""Raw bytes of uploads as evidence: how long they stay, when they go, whether they are still whole.

Bytes go when their time is over and nothing needs them: their batch is finished, every month it
settles in is shut, no row of it waits. What was said about them (digest, size, signature, counts)
stays for ever. That they went is written on the batch and in the log.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ledger import audit
from ledger.actors import Actor
from providers.bodies import INCOMING, bodies_folder, body_path, digest_of
from providers.models import MeteringMonth, UsageBatch, UsageConflict, UsageRecord
from providers.uploads import lock_body

LEFT_ALONE = timedelta(days=2)  # a preview may be confirmed within one
MOST_AT_ONCE = 500
_WAITING = (UsageRecord.State.HELD, UsageRecord.State.OPEN)


@dataclass(frozen=True)
class Removed:
    """How many files went, and how large they were together."""

    bodies: int
    size_bytes: int


def kept_days() -> timedelta:
    """Return how long raw bytes stay at least (RAW_KEPT_DAYS)."""
    return timedelta(days=settings.RAW_KEPT_DAYS)


def past_need(before: datetime) -> QuerySet[UsageBatch]:
    """Return the batches finished before a moment whose bytes nothing needs any more."""
    records = UsageRecord.objects.filter(batch=OuterRef("pk"))
    shut = MeteringMonth.objects.values("month")
    unsettled = records.filter(Q(state__in=_WAITING) | ~Q(settle_month__in=shut))
    disputed = UsageConflict.objects.filter(batch=OuterRef("pk"), resolved_at__isnull=True)
    return (
        UsageBatch.objects.filter(body_removed_at__isnull=True, finished_at__lt=before)
        .exclude(status=UsageBatch.Status.PROCESSING)
        .filter(Q(livemode=False) | (~Exists(unsettled) & ~Exists(disputed)))
    )


@transaction.atomic
def remove_bodies(*, actor: Actor, at: datetime) -> Removed:
    """Remove raw bytes that are older than the house keeps them and that nothing needs.

    Returns:
        What went in this turn, at most 500 files; ask again until nothing did.
    Writes: ``body_removed_at`` of the batches, one log entry (metering.bodies_removed).
    """
    before = at - kept_days()
    free = past_need(before)
    asked = free.order_by("body_sha256").values_list("body_sha256", flat=True).distinct()
    gone: dict[str, int] = {}
    for digest in list(asked[:MOST_AT_ONCE]):
        lock_body(digest)
        same = UsageBatch.objects.filter(body_sha256=digest, body_removed_at__isnull=True)
        if same.exclude(pk__in=free.filter(body_sha256=digest).values("pk")).exists():
            continue
        size = same.values_list("body_size", flat=True).first()
        if size is not None:
            gone[digest] = size
            same.update(body_removed_at=at)
    if not gone:
        return Removed(0, 0)
    facts = {
        "bodies": str(len(gone)),
        "bytes": str(sum(gone.values())),
        "received_before": before.isoformat(),
        "digests_sha256": hashlib.sha256("\n".join(sorted(gone)).encode()).hexdigest(),
    }
    audit.record("metering.bodies_removed", facts, actor=actor, at=at)
    for digest in gone:  # last: whoever falls here finds the batches unchanged and begins again
        body_path(digest).unlink(missing_ok=True)
    return Removed(len(gone), sum(gone.values()))


def sweep_leftovers(at: datetime) -> int:
    """Remove files that no batch stands on: requests that broke off, previews never confirmed."""
    old = (at - LEFT_ALONE).timestamp()
    count = 0
    for path in bodies_folder().glob("*/*"):
        if path.is_file() and path.stat().st_mtime < old:
            count += _sweep(path)
    return count


def _sweep(path: Path) -> int:
    """Remove one old file, unless a batch stands on it."""
    if path.parent.name == INCOMING:
        path.unlink(missing_ok=True)
        return 1
    with transaction.atomic():
        lock_body(path.name)
        needed = UsageBatch.objects.filter(body_sha256=path.name, body_removed_at__isnull=True)
        if needed.exists():
            return 0
        path.unlink(missing_ok=True)
        return 1


def damaged_bodies(newest: int = 0) -> Iterator[tuple[UsageBatch, str]]:
    """Yield every batch whose kept bytes are gone or are not those of its digest.

    Args:
        newest: look at so many of the newest batches only; 0 looks at all.
    """
    batches = UsageBatch.objects.filter(body_removed_at__isnull=True).newest_first()
    for batch in batches[:newest] if newest else batches.iterator(chunk_size=500):
        path = body_path(batch.body_sha256)
        if not path.is_file():
            yield batch, "missing"
        elif digest_of(path) != batch.body_sha256:
            yield batch, "changed"
