"""What the log hands out to be kept: proofs, evidence packages, promises; and what became of them.

A receipt is an entry with its ``.tlog-proof``. Before the entry is sealed its promise says, signed,
that it will be within a minute; the promise is kept here too, and a broken one is a finding.
"""

import logging
import threading
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from ledger import models
from ledger.actors import system_actor
from ledger.bookkeeping import rows
from ledger.checking import compare
from ledger.evidence import Package
from ledger.exploring import verification_keys
from ledger.incidents import open_incident
from ledger.invariants import Finding
from ledger.keys import sign_text
from ledger.merkle import consistency_proof, leaf_hash
from ledger.proofs import (
    MAX_PROOF_BYTES,
    MERGE_DELAY_SECONDS,
    LogProof,
    Promise,
    open_checkpoint,
    open_promise,
)
from ledger.sealing import Checkpoint, checkpoint_at, entry_index, latest_checkpoint, proof
from ledger.signing import KEY_ID_BYTES, TreeHead, VerificationKey, split_note, to_base64
from ledger.suites import SHA256
from ledger.trees import StoredTree
from ledger.verdicts import NotProven, Trail, Verdict, failed
from ledger.witnessing import policy as witnessing_policy
from ledger.witnessing import witnessed_checkpoint

logger = logging.getLogger(__name__)
MOST_SECONDS_TO_WAIT = 5
_LOOK_AGAIN = timedelta(milliseconds=200)
#: A waiting caller holds a worker and a connection: only so many at a time per process.
_WAITING = threading.BoundedSemaphore(4)


def log_proof(index: int, size: int | None = None) -> LogProof | None:
    """Return the proof of an entry under a signed checkpoint.

    Args:
        size: that of the checkpoint; the newest when left out.

    Returns:
        None when there is no such entry or no checkpoint of that size.
    """
    proven = proof(index, size)
    if proven is None or proven.checkpoint is None:
        return None
    return LogProof(index, tuple(proven.hashes), proven.checkpoint.note)


def witnessed_proof(index: int) -> LogProof | None:
    """Return the proof of an entry under the newest checkpoint that enough witnesses cosigned.

    Returns:
        None when there is no such checkpoint, or none yet that covers the entry.
    """
    note = witnessed_checkpoint(witnessing_policy(verification_keys()))
    if note is None:
        return None
    proven = proof(index, TreeHead.parse(split_note(note)[0]).size)
    return LogProof(index, tuple(proven.hashes), note) if proven else None


def entry_bytes(index: int) -> bytes | None:
    """Return the bytes of a sealed entry."""
    leaf = models.LogLeaf.objects.select_related("entry").filter(index=index).first()
    return bytes(leaf.entry.body) if leaf else None


def policy(keys: list[VerificationKey] | None = None) -> str:
    """Return the trust policy of this log (C2SP tlog-policy)."""
    lines = [f"log {each.text}" for each in (verification_keys() if keys is None else keys)]
    return "\n".join([*lines, "quorum none", ""])


_README = """\
算力券日志 · 条目证据包 / Evidence of one entry of the compute voucher log
日志名称 / log origin: {origin}
条目序号 / entry index: {index}

里面有什么 / what is in here
  entry-{index}.json        条目原文，逐字节 / the entry, byte by byte
  entry-{index}.tlog-proof  存在证明 (C2SP tlog-proof v1) / proof of inclusion
  checkpoint         已签名的检查点 / the signed checkpoint
  keys.txt           日志的验证密钥；请与从别处取得的密钥核对 / keys of the log; compare with
                     a copy from elsewhere, a package cannot vouch for itself
  policy.txt         信任策略 (C2SP tlog-policy) / trust policy

离线核验 / verify offline
1. 核验程序 / the verifier of the house (Python 3.11, cryptography):
     python -m ledger.checking entry-{index}.tlog-proof entry-{index}.json --vkey keys.txt
2. 只用 OpenSSL 3 / with OpenSSL 3 alone (the signature of the checkpoint):
     head -n 3 checkpoint > head.txt
     grep '^— {origin} ' checkpoint | cut -d' ' -f3 | base64 -d | tail -c +5 > sig.bin
     (printf '302a300506032b6570032100' | xxd -r -p
      sed -n 1p keys.txt | cut -d+ -f3- | base64 -d | tail -c +2) > key.der
     openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in head.txt -sigfile sig.bin
   叶子摘要 / the leaf hash: (printf '\\000'; cat entry-{index}.json) | sha256sum
   再按 RFC 9162 2.1.3.2 与证明中的摘要合并 / then climb the proof as RFC 9162 2.1.3.2 says.
3. Go: golang.org/x/mod/sumdb/note (note.Open) 与 / and golang.org/x/mod/sumdb/tlog
   (tlog.CheckRecord).
"""


def package(index: int, size: int | None = None) -> bytes | None:
    """Return the evidence package of an entry: the same bytes for the same size each time.

    The keys in it are those that signed the checkpoint, so a later key changes nothing.
    """
    found, entry = log_proof(index, size), entry_bytes(index)
    if found is None or entry is None:
        return None
    keys = _signers(found.checkpoint)
    readme = _README.format(origin=settings.LOG_ORIGIN, index=index)
    return Package(entry, found, tuple(each.text for each in keys), policy(keys), readme).encoded


def _signers(note: str) -> list[VerificationKey]:
    named = {(name, blob[:KEY_ID_BYTES]) for name, blob in split_note(note)[1]}
    return [each for each in verification_keys() if (each.name, each.key_id) in named]


def growth(old: int, new: int) -> list[bytes] | None:
    """Return the proof that the tree of one size begins with that of another.

    Returns:
        None unless ``0 < old <= new`` and ``new`` is not beyond the newest checkpoint.
    """
    newest = latest_checkpoint()
    if newest is None or not 0 < old <= new <= newest.size:
        return None
    return consistency_proof(old, new, StoredTree().read)


def root_at(size: int) -> bytes:
    """Return the root over the first entries."""
    return StoredTree().root(size)


class OwnLog:
    """This house's log, as a check asks it (``ledger.checking.House``)."""

    def entry(self, index: int) -> bytes | None:
        """Return the bytes of an entry."""
        return entry_bytes(index)

    def proof_of(self, entry_id: UUID) -> tuple[LogProof, bytes] | None:
        """Return proof and bytes of a sealed entry."""
        index = entry_index(entry_id)
        if index is None:
            return None
        found, entry = log_proof(index), entry_bytes(index)
        return (found, entry) if found and entry is not None else None

    def newest(self) -> str | None:
        """Return the newest checkpoint."""
        newest = latest_checkpoint()
        return newest.note if newest else None

    def growth(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of one size begins with that of another."""
        return growth(old, new) or []


def compare_checkpoint(note: str, *, at: datetime) -> Verdict:
    """Compare a checkpoint that somebody holds with this log.

    One that bears a good signature of ours and yet contradicts the log, or runs ahead of it, is
    an incident: somebody was shown another history. Nobody without our key can raise it.

    Writes: an incident and its log entry, where the checkpoint proves such a thing.
    """
    trail = Trail()
    keys = verification_keys()
    ours = latest_checkpoint()
    if len(note.encode()) > MAX_PROOF_BYTES:
        return failed(NotProven("too_large", limit=MAX_PROOF_BYTES), trail)
    try:
        head = open_checkpoint(note, keys, trail)
        newest = open_checkpoint(ours.note if ours else "", keys, Trail())
    except NotProven as reason:
        return failed(reason, trail)
    verdict = compare(head, newest, OwnLog(), trail)
    if verdict.good is False:
        logger.critical("log: %s: a signed checkpoint contradicts ours: %r", verdict.code, note)
        found = Finding(verdict.code, f"checkpoint {head.size}", to_base64(head.root))
        open_incident([found], actor=system_actor("compare-checkpoint"), at=at)
    return verdict


def checkpoints(before: int | None = None, most: int = 50) -> list[Checkpoint]:
    """Return signed checkpoints, newest first."""
    found = models.Checkpoint.objects.of(SHA256).order_by("-size")
    if before is not None:
        found = found.filter(size__lt=before)
    return [Checkpoint(e.size, bytes(e.root), e.sealed_at, e.note) for e in found[:most]]


def promise_for(entry_id: UUID, *, at: datetime) -> str | None:
    """Promise, signed, that an entry will be in the tree within a minute; once per entry.

    Called after the act that wrote the entry has committed: a promise about something that is
    then rolled back could not be kept.

    Returns:
        The promise given first; None for an entry that is unknown or was sealed without one.
    Writes: one promise.
    """
    given = models.Promise.objects.filter(entry_id=entry_id).first()
    if given is not None:
        return given.note
    entry = models.LogEntry.objects.filter(id=entry_id, logleaf=None).first()
    if entry is None:
        return None
    promise = Promise(settings.LOG_ORIGIN, entry_id, leaf_hash(bytes(entry.body)), at)
    row = models.Promise(
        entry_id=entry_id,
        leaf_hash=promise.leaf,
        promised_at=at,
        due_at=promise.due_at,
        note=sign_text(promise.text, at=at),
    )
    # Two who ask at once get the one that was first.
    models.Promise.objects.bulk_create([row], ignore_conflicts=True)
    return models.Promise.objects.get(entry_id=entry_id).note


def wait_for_inclusion(entry_id: UUID, seconds: int) -> int | None:
    """Wait until an entry lies in a signed tree, at most ``MOST_SECONDS_TO_WAIT``.

    Returns:
        Its index; None when it is still not in, or when too many wait already.
    """
    index = entry_index(entry_id)
    seconds = min(seconds, MOST_SECONDS_TO_WAIT)
    if index is not None or seconds <= 0 or not _WAITING.acquire(blocking=False):
        return index
    try:
        for _ in range(timedelta(seconds=seconds) // _LOOK_AGAIN):
            time.sleep(_LOOK_AGAIN.total_seconds())
            index = entry_index(entry_id)
            if index is not None:
                return index
        return None
    finally:
        _WAITING.release()


_OVERDUE = """
SELECT p.entry_id::text, p.due_at FROM ledger_promise p
LEFT JOIN ledger_logentry e ON e.id = p.entry_id
LEFT JOIN ledger_logleaf l ON l.entry_id = e.seq
WHERE p.due_at < %s AND l.index IS NULL ORDER BY p.due_at LIMIT 20
"""
_WAITED_TOO_LONG = """
SELECT e.id::text, e.at FROM ledger_logentry e
WHERE e.at < %s AND NOT EXISTS (SELECT FROM ledger_logleaf l WHERE l.entry_id = e.seq)
ORDER BY e.seq LIMIT 20
"""


def overdue(at: datetime) -> list[Finding]:
    """Return promises and entries that should be in the tree by now and are not.

    The invariants know no clock; this asks it: also a sealer that stands still is found.
    """
    late = at - timedelta(seconds=MERGE_DELAY_SECONDS)
    found = [
        Finding("promise_overdue", entry_id, f"应在 {due:%Y-%m-%d %H:%M:%S%z} 前写入日志")
        for entry_id, due in rows(_OVERDUE, at)
    ]
    return found + [
        Finding("entry_overdue", entry_id, f"{when:%Y-%m-%d %H:%M:%S%z} 的条目还没有封存")
        for entry_id, when in rows(_WAITED_TOO_LONG, late)
    ]


def promise_faults() -> list[Finding]:
    """Return kept promises whose columns are not what was signed."""
    keys = verification_keys()
    found = []
    for row in models.Promise.objects.order_by("pk").iterator():
        subject = f"ledger_promise {row.entry_id}"
        try:
            promise = open_promise(row.note, keys, Trail())
        except NotProven as reason:
            found.append(Finding("promise", subject, str(reason)))
            continue
        signed = (promise.entry_id, promise.leaf, promise.promised_at, promise.due_at)
        kept: tuple[Any, ...] = (row.entry_id, bytes(row.leaf_hash), row.promised_at, row.due_at)
        if signed != kept:
            found.append(Finding("promise", subject, "各列与已签名的承诺不一致"))
    return found


__all__ = [
    "MOST_SECONDS_TO_WAIT",
    "OwnLog",
    "checkpoint_at",
    "checkpoints",
    "compare_checkpoint",
    "entry_bytes",
    "growth",
    "log_proof",
    "overdue",
    "package",
    "policy",
    "promise_faults",
    "promise_for",
    "root_at",
    "wait_for_inclusion",
    "witnessed_proof",
]
