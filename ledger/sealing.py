"""Sealing: give entries their place in the tree, sign its root, prove what lies in it.

The sealer takes entries whose transactions can no longer change (their id lies below every
running one of this database), in the order of transaction ids; so no entry can appear later
behind one that is sealed. Before it signs, the new tree must begin with the largest tree ever
signed.

A cut is made only where the books are closed: no journal that stays outside was booked before
one that goes in. Every checkpoint therefore covers books in which all limits hold.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ledger import models
from ledger.bookkeeping import rows
from ledger.keys import load_signer
from ledger.marks import Mark, read_mark, write_mark
from ledger.merkle import inclusion_proof, leaf_hash
from ledger.refusals import Broken
from ledger.signing import TreeHead, VerificationKey
from ledger.trees import StoredTree, store_full_tiles

#: One sealer at a time: the number of its advisory lock ("seal" in ASCII).
_LOCK = 0x7365616C
BATCH = 16_384
_CHUNK = 4_096


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the log's size and root."""

    size: int
    root: bytes
    sealed_at: datetime
    note: str

    @property
    def root_hex(self) -> str:
        """Return the root as hexadecimal text."""
        return self.root.hex()


@dataclass(frozen=True)
class Proof:
    """All that is needed to check that an entry lies in the log."""

    index: int
    size: int
    entry: bytes
    leaf_hash: bytes
    hashes: list[bytes]
    checkpoint: Checkpoint | None


def latest_checkpoint() -> Checkpoint | None:
    """Return the newest signed checkpoint, or None before the first."""
    return _stated(models.Checkpoint.objects.order_by("-size").first())


def checkpoint_at(size: int) -> Checkpoint | None:
    """Return the checkpoint of exactly this size, if one was signed."""
    return _stated(models.Checkpoint.objects.filter(size=size).first())


def _stated(row: models.Checkpoint | None) -> Checkpoint | None:
    return Checkpoint(row.size, bytes(row.root), row.sealed_at, row.note) if row else None


def entry_index(entry_id: UUID) -> int | None:
    """Return the place of an entry in the log, None while it is not sealed."""
    leaf = models.LogLeaf.objects.filter(entry__id=entry_id).first()
    return leaf.index if leaf else None


def proof(index: int, size: int | None = None) -> Proof | None:
    """Prove that an entry lies in the tree of a size (default: the newest checkpoint).

    Returns:
        None when there is no such entry in a tree of that size.
    """
    newest = latest_checkpoint()
    if newest is None:
        return None
    wanted = newest.size if size is None else size
    if not 0 <= index < wanted <= newest.size:
        return None
    leaf = models.LogLeaf.objects.select_related("entry").get(index=index)
    return Proof(
        index=index,
        size=wanted,
        entry=bytes(leaf.entry.body),
        leaf_hash=bytes(leaf.hash),
        hashes=inclusion_proof(index, wanted, StoredTree().read),
        checkpoint=newest if wanted == newest.size else checkpoint_at(wanted),
    )


def seal(at: datetime) -> Checkpoint | None:
    """Seal what is final and sign the new tree; None when there is nothing new.

    Writes: leaves, full tiles, one checkpoint, and the high-water mark outside the database.

    Raises:
        Broken: no key, or the tree contradicts what was signed before.
    """
    with transaction.atomic():
        if not rows("SELECT pg_try_advisory_xact_lock(%s)", _LOCK)[0][0]:
            return None
        signer = load_signer()
        last = latest_checkpoint()
        size = last.size if last else 0
        mark = _checked_mark(last)
        taken = _closed_cut(_waiting(size), max(BATCH, mark.size - size))
        if size + len(taken) < mark.size:
            raise Broken(
                f"the log holds {size + len(taken)} entries but {mark.size} were signed;"
                " was an old backup restored?"
            )
        if not taken:
            return None
        new_size = size + len(taken)
        _insert_leaves(size, taken)
        store_full_tiles(size, new_size)
        tree = StoredTree()
        for known_size, known_root in ((mark.size, mark.root), (size, last and last.root)):
            if known_size and tree.root(known_size) != known_root:
                raise Broken(f"the tree contradicts the root signed at size {known_size}")
        head = TreeHead(settings.LOG_ORIGIN, new_size, tree.root(new_size))
        note = signer.sign(head.text)
        models.Checkpoint.objects.create(
            size=new_size,
            root=head.root,
            sealed_at=at,
            key_id=signer.verification.key_id.hex(),
            note=note,
        )
        # From here on the mark knows this root. A crash before commit is harmless: the same
        # entries in the same order come first again, so the next tree begins with this one.
        write_mark(Mark(head.origin, new_size, head.root))
    return Checkpoint(new_size, head.root, at, note)


def unsealed() -> int:
    """Return how many entries wait for the sealer."""
    return models.LogEntry.objects.filter(logleaf=None).count()


def may_seal() -> bool:
    """Say whether this process comes to the database as one that may write checkpoints."""
    return bool(rows("SELECT has_table_privilege('ledger_checkpoint', 'INSERT')")[0][0])


def signing_key() -> VerificationKey:
    """Return the key that checkpoints of now are verified with.

    Raises:
        Broken: the signing key is missing or is no Ed25519 key.
        OSError: this process may not read it.
    """
    return load_signer().verification


def adopt_mark() -> Checkpoint | None:
    """Take the newest checkpoint of the database as mark: a deliberate step of the operator."""
    newest = latest_checkpoint()
    if newest is not None:
        write_mark(Mark(settings.LOG_ORIGIN, newest.size, newest.root))
    return newest


def _checked_mark(last: Checkpoint | None) -> Mark:
    mark = read_mark()
    if mark is not None:
        return mark
    if last is not None:
        raise Broken(
            "the seal mark is gone although checkpoints were signed;"
            " compare with a published checkpoint, then run seal_log --adopt-mark"
        )
    return Mark(settings.LOG_ORIGIN, 0, b"")


_WATERMARK = """
SELECT e.xid::text, e.seq FROM ledger_logleaf l JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index = %s
"""
#: The lowest transaction id that may still bring entries. Every transaction holds a lock on its
#: own id; one that is known to belong to another database of the server cannot write here.
#: Whatever is not known to be foreign counts as ours: to wait one round more is harmless.
_BOUND = """
WITH running AS (SELECT pg_snapshot_xip(pg_current_snapshot()) AS xid), elsewhere AS (
    SELECT l.transactionid::text::bigint AS low
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
      AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT coalesce(min(xid), pg_snapshot_xmax(pg_current_snapshot()))::text,
    pg_snapshot_xmax(pg_current_snapshot())::text
FROM running WHERE xid::text::bigint & 4294967295 NOT IN (SELECT low FROM elsewhere)
"""
_WAITING = """
WITH waiting AS (
    SELECT seq, xid, journal_seq, xid < %s::text::xid8 AS final
    FROM ledger_logentry WHERE (xid, seq) > (%s::text::xid8, %s)
)
SELECT seq, journal_seq, (SELECT min(journal_seq) FROM waiting WHERE NOT final)
FROM waiting WHERE final ORDER BY xid, seq
"""


def _waiting(size: int) -> list[tuple[int, int | None, int | None]]:
    xid, seq = rows(_WATERMARK, size - 1)[0] if size else ("0", 0)
    rows("SELECT pg_stat_clear_snapshot()")
    # Asked in a statement of its own, before the entries are read: what lies below the bound
    # was over before this statement ended, so the next one sees all of it.
    bound, highest = rows(_BOUND)[0]
    if int(highest) <= int(xid):
        raise Broken("transaction ids run behind the sealed ones: the database was reloaded")
    return [(row[0], row[1], row[2]) for row in rows(_WAITING, bound, xid, seq)]


def _closed_cut(waiting: list[tuple[int, int | None, int | None]], limit: int) -> list[int]:
    """Return the entries to seal: the longest closed run within the limit, or the next one."""
    outside = waiting[0][2] if waiting else None
    lowest_after: list[int | None] = [outside]
    for _, journal_seq, _ in reversed(waiting[1:]):
        known = [each for each in (journal_seq, lowest_after[-1]) if each is not None]
        lowest_after.append(min(known, default=None))
    lowest_after.reverse()
    best = highest = 0
    for place, (_, journal_seq, _) in enumerate(waiting):
        highest = max(highest, journal_seq or 0)
        lowest = lowest_after[place]
        if lowest is None or highest < lowest:
            if best and place + 1 > limit:
                break
            best = place + 1
    return [seq for seq, _, _ in waiting[:best]]


def _insert_leaves(size: int, taken: list[int]) -> None:
    for begin in range(0, len(taken), _CHUNK):
        chunk = taken[begin : begin + _CHUNK]
        found = rows("SELECT seq, body FROM ledger_logentry WHERE seq = ANY(%s)", chunk)
        bodies = {seq: leaf_hash(bytes(body)) for seq, body in found}
        rows(
            "INSERT INTO ledger_logleaf (index, entry_id, hash)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %b::bytea[])",
            list(range(size + begin, size + begin + len(chunk))),
            chunk,
            [bodies[seq] for seq in chunk],
        )
