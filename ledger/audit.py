"""The one way to write into the signed log.

Every act calls ``record`` once, inside its own transaction: the entry stands in the log exactly
when the act happened. The sealer gives it its place in the tree within about a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from ledger import models
from ledger.actors import Actor, system_actor
from ledger.bookkeeping import rows
from ledger.entries import KEY_TYPE, envelope
from ledger.identifiers import new_id
from ledger.keys import load_signer, make_key
from ledger.merkle import leaf_hash
from ledger.sealing import (
    Checkpoint,
    Proof,
    entry_index,
    latest_checkpoint,
    may_seal,
    proof,
    seal,
    unsealed,
)
from ledger.signing import VerificationKey

__all__ = [
    "Checkpoint",
    "Entry",
    "Proof",
    "ensure_key",
    "entry_index",
    "latest_checkpoint",
    "may_seal",
    "proof",
    "record",
    "seal",
    "unsealed",
]

_RECORD = "INSERT INTO ledger_logentry (id, type, at, body) VALUES (%s, %s, %s, %b)"


@dataclass(frozen=True)
class Entry:
    """An entry as written: its id, and the hash by which it can be proven later."""

    id: UUID
    hash_hex: str


def record(
    type: str,  # noqa: A002 - the word of the format
    body: Mapping[str, Any],
    *,
    actor: Actor,
    at: datetime,
    auth: Mapping[str, Any] | None = None,
    links: tuple[UUID | str, ...] = (),
    pii: Mapping[str, str] | None = None,
) -> Entry:
    """Write one entry about what was just done; never personal data.

    Args:
        type: room and event, e.g. ``voucher.decision``.
        auth: approvals, or the request signature of a provider.
        links: ids of earlier entries this one rests on.
        pii: salted commitments to personal data that is kept elsewhere.
    Writes: one log entry.

    Raises:
        Broken: a value that may not enter the log.
    """
    entry_id = new_id()
    encoded = envelope(
        log=settings.LOG_ORIGIN,
        id=entry_id,
        type=type,
        at=at,
        actor=actor.for_log(),
        auth=auth,
        body=body,
        links=links,
        pii=pii,
    )
    # Exactly these columns: the application has no right to give place or transaction itself.
    rows(_RECORD, entry_id, type, at, encoded)
    return Entry(entry_id, leaf_hash(encoded).hex())


def ensure_key(at: datetime) -> VerificationKey:
    """Make the log's signing key if there is none, and introduce it in the log once.

    Writes: the key file; one ``key.introduce`` entry for a key the log does not know yet.
    """
    make_key()
    key = load_signer().verification
    body = {"vkey": key.text, "algorithm": "Ed25519", "key_id": key.key_id.hex()}
    if not models.LogEntry.objects.introduces(key.key_id.hex()):
        record(KEY_TYPE, body, actor=system_actor("log_key"), at=at)
    return key
