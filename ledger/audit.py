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
from django.db import transaction

from ledger import models
from ledger.actors import Actor, system_actor
from ledger.entries import KEY_TYPE, envelope, plain
from ledger.identifiers import new_id
from ledger.keys import load_signer, make_key
from ledger.merkle import leaf_hash
from ledger.refusals import Broken
from ledger.schemas import PUBLISH_TYPE, fault_of, house_schemas
from ledger.sealing import Checkpoint, Proof, entry_index, latest_checkpoint, proof, seal, unsealed
from ledger.signing import VerificationKey

__all__ = [
    "Checkpoint",
    "Entry",
    "Proof",
    "ensure_key",
    "entry_index",
    "latest_checkpoint",
    "proof",
    "publish_schemas",
    "record",
    "seal",
    "unsealed",
]


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
        type: room and event, e.g. ``voucher.issue``; its schema says what the body holds.
        auth: approvals, or the request signature of a provider.
        links: ids of earlier entries this one rests on.
        pii: salted commitments to personal data that is kept elsewhere.
    Writes: one log entry.

    Raises:
        Broken: a type without schema, a body that does not keep it, or a value that may not
            enter the log.
    """
    entry_id, stated = new_id(), plain(body)
    fault = fault_of(type, stated)
    if fault and type.partition(".")[0] not in settings.LOG_OPEN_ROOMS:
        raise Broken(f"this entry may not enter the log: {fault}")
    encoded = envelope(
        log=settings.LOG_ORIGIN,
        id=entry_id,
        type=type,
        at=at,
        actor=actor.for_log(),
        auth=auth,
        body=stated,
        links=links,
        pii=pii,
    )
    models.LogEntry.objects.create(id=entry_id, type=type, at=at, body=encoded)
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


@transaction.atomic
def publish_schemas(at: datetime) -> int:
    """Write the digest of each entry schema into the log, once; return how many were new.

    Writes: one ``schema.publish`` entry for each schema that the log does not know yet.
    """
    entries = models.LogEntry.objects.filter(type=PUBLISH_TYPE).values_list("body", flat=True)
    known = b"\n".join(bytes(each) for each in entries)
    fresh = [each for each in house_schemas() if each.digest.encode() not in known]
    for each in fresh:
        record(PUBLISH_TYPE, each.for_log(), actor=system_actor("schemas"), at=at)
    return len(fresh)
