"""The one way to write into the signed log.

Every act calls ``record`` once, inside its own transaction: the entry stands in the log exactly
when the act happened. The sealer gives it its place in the tree within about a second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ledger import models
from ledger.actors import Actor, system_actor
from ledger.bookkeeping import rows
from ledger.entries import KEY_TYPE, envelope, plain
from ledger.epochs import KINDS
from ledger.identifiers import new_id
from ledger.keys import described, endorsement, key_history, key_named, key_store, text_keys
from ledger.merkle import leaf_hash
from ledger.refusals import Broken
from ledger.schemas import PUBLISH_TYPE, fault_of, house_schemas
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
from ledger.signing import Algorithm, VerificationKey

__all__ = [
    "Checkpoint",
    "Entry",
    "Proof",
    "ensure_key",
    "ensure_keys",
    "entry_index",
    "latest_checkpoint",
    "may_seal",
    "proof",
    "publish_schemas",
    "record",
    "record_set",
    "seal",
    "unsealed",
]

#: One maker of first keys at a time: the number of its advisory lock ("keys" in ASCII).
_LOCK = 0x6B657973
_RECORD = "INSERT INTO ledger_logentry (id, type, at, body) VALUES (%s, %s, %s, %b)"
_RECORD_SET = """
INSERT INTO ledger_logentry (id, type, at, body)
SELECT e.id, %s, %s, e.body
  FROM unnest(%s::uuid[], %s::bytea[]) WITH ORDINALITY AS e(id, body, place) ORDER BY e.place
"""


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
    entry, encoded = _encoded(type, body, actor, at, auth=auth, links=links, pii=pii)
    # Exactly these columns: the application has no right to give place or transaction itself.
    rows(_RECORD, entry.id, type, at, encoded)
    return entry


def record_set(
    type: str,  # noqa: A002 - the word of the format
    bodies: Sequence[Mapping[str, Any]],
    *,
    actor: Actor,
    at: datetime,
) -> list[Entry]:
    """Write entries of one type about things that were done together, in their order.

    Gives exactly what recording them one at a time would give.

    Writes: one log entry for each body, in one statement.
    """
    made = [_encoded(type, body, actor, at) for body in bodies]
    if made:
        ids = [entry.id for entry, _ in made]
        rows(_RECORD_SET, type, at, ids, [encoded for _, encoded in made])
    return [entry for entry, _ in made]


def _encoded(
    kind: str, body: Mapping[str, Any], actor: Actor, at: datetime, **more: Any
) -> tuple[Entry, bytes]:
    """Return an entry and its bytes, or refuse what its schema refuses."""
    entry_id, stated = new_id(), plain(body)
    fault = fault_of(kind, stated)
    if fault and kind.partition(".")[0] not in settings.LOG_OPEN_ROOMS:
        raise Broken(f"this entry may not enter the log: {fault}")
    encoded = envelope(
        log=settings.LOG_ORIGIN,
        id=entry_id,
        type=kind,
        at=at,
        actor=actor.for_log(),
        body=stated,
        **more,
    )
    return Entry(entry_id, leaf_hash(encoded).hex()), encoded


def ensure_key(at: datetime) -> VerificationKey:
    """Make and introduce the log's first keys where they are missing; return the Ed25519 key.

    Writes: as ``ensure_keys``.
    """
    ensure_keys(at)
    return text_keys()[-1]


def lock_keys() -> None:
    """Let nobody else change the keys of the log until this transaction ends."""
    rows("SELECT pg_advisory_xact_lock(%s)", _LOCK)


@transaction.atomic
def ensure_keys(at: datetime) -> list[VerificationKey]:
    """Make the first key of every kind that is missing, and introduce each in the log once.

    Only the first key of a kind comes without two persons: somebody has to begin. A later one
    is the business of ``ledger.rotating``.

    Returns:
        All keys that count now.

    Writes: key files; one ``key.introduce`` entry for each kind the log does not know yet.

    Raises:
        Broken: a key that signs the log is not where ``LOG_SIGNER`` says.
    """
    lock_keys()
    for algorithm in (each for kinds in KINDS.values() for each in kinds):
        _ensure(algorithm, at)
    history = key_history()
    return [key for suite in KINDS for key in history.lasting(suite)]


def _ensure(algorithm: Algorithm, at: datetime) -> None:
    store = key_store()
    publics = store.publics(algorithm)
    history = key_history()
    known = [each for each in history.spans if each.key.algorithm is algorithm]
    for each in known:
        if each.last is None and each.key.public not in publics:
            raise Broken(f"the signing key {each.key.key_id.hex()} is not in {store.place}")
    if known or (not publics and algorithm not in store.makes):
        return
    # A key that lies there already, of an earlier installation, is taken as it is.
    key = key_named(algorithm, publics[0] if publics else store.make(algorithm))
    body = described(key)
    if history.spans:
        body["endorsement"] = endorsement(KEY_TYPE, key, history=history, at=at)
    record(KEY_TYPE, body, actor=system_actor("log_key"), at=at)


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
