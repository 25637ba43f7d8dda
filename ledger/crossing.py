"""Each tree of the log remembers the other: their checkpoints become entries, once a day.

An entry lies in both trees. So whoever trusts only SM3 finds in that tree what was signed under
SHA-256, and the other way round; nobody can go on with one tree and rewrite the other.
"""

import hashlib
from datetime import datetime

from django.db import transaction

from ledger import models
from ledger.actors import Actor
from ledger.audit import Entry, record
from ledger.bookkeeping import rows
from ledger.entries import CROSS_TYPE
from ledger.periods import day_of
from ledger.sealing import Checkpoint, latest_checkpoint, suites_in_use

#: One at a time: the number of its advisory lock ("cros" in ASCII).
_LOCK = 0x63726F73


def cross_checkpoints(*, actor: Actor, at: datetime) -> list[Entry]:
    """Write the newest checkpoint of every tree into the log, once on a Shanghai day.

    Returns:
        The entries written; none when it was done today, or while there are not two trees.
    Writes: one entry ``checkpoint.cross`` per tree.
    """
    with transaction.atomic():
        rows("SELECT pg_advisory_xact_lock(%s)", _LOCK)
        newest = [found for each in suites_in_use() if (found := latest_checkpoint(each))]
        before = models.LogEntry.objects.filter(type=CROSS_TYPE).order_by("-seq").first()
        done_today = before is not None and day_of(before.at) >= day_of(at)
        if done_today or len(newest) <= 1:
            return []
        return [record(CROSS_TYPE, cross_body(each), actor=actor, at=at) for each in newest]


def cross_body(checkpoint: Checkpoint) -> dict[str, str]:
    """Return what the log keeps of a checkpoint: its head, and the digest of the signed note."""
    origin = checkpoint.note.partition("\n")[0]
    return {
        "origin": origin,
        "size": str(checkpoint.size),
        "root": checkpoint.root_hex,
        "suite": checkpoint.suite.name,
        "note_sha256": hashlib.sha256(checkpoint.note.encode("utf-8")).hexdigest(),
    }
