"""Reading the sealed log: checkpoints as signed, the place of an entry, the proof of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from ledger import models
from ledger.merkle import inclusion_proof
from ledger.suites import SHA256, SUITES, Suite
from ledger.trees import StoredTree


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the size and root of one of the log's trees."""

    size: int
    root: bytes
    sealed_at: datetime
    note: str
    suite: Suite = SHA256

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
    suite: Suite = SHA256


def suites_in_use() -> list[Suite]:
    """Return the suites this log is signed under, SHA-256 first."""
    return [SUITES[name] for name in settings.LOG_SUITES]


def latest_checkpoint(suite: Suite = SHA256) -> Checkpoint | None:
    """Return the newest signed checkpoint of a tree, or None before the first."""
    return _stated(models.Checkpoint.objects.of(suite).order_by("-size").first(), suite)


def checkpoint_at(size: int, suite: Suite = SHA256) -> Checkpoint | None:
    """Return the checkpoint of exactly this size, if one was signed."""
    return _stated(models.Checkpoint.objects.of(suite).filter(size=size).first(), suite)


def _stated(row: models.Checkpoint | None, suite: Suite) -> Checkpoint | None:
    if row is None:
        return None
    return Checkpoint(row.size, bytes(row.root), row.sealed_at, row.note, suite)


def entry_index(entry_id: UUID) -> int | None:
    """Return the place of an entry in the log, None while it is not sealed."""
    leaf = models.LogLeaf.objects.filter(entry__id=entry_id).first()
    return leaf.index if leaf else None


def proof(index: int, size: int | None = None, suite: Suite = SHA256) -> Proof | None:
    """Prove that an entry lies in the tree of a size (default: the newest checkpoint).

    Returns:
        None when there is no such entry in a tree of that size.
    """
    newest = latest_checkpoint(suite)
    if newest is None:
        return None
    wanted = newest.size if size is None else size
    if not 0 <= index < wanted <= newest.size:
        return None
    leaf = models.LogLeaf.objects.select_related("entry").get(index=index)
    entry = bytes(leaf.entry.body)
    return Proof(
        index=index,
        size=wanted,
        entry=entry,
        leaf_hash=bytes(leaf.hash) if suite == SHA256 else suite.leaf(entry),
        hashes=inclusion_proof(index, wanted, StoredTree(suite).read, suite),
        checkpoint=newest if wanted == newest.size else checkpoint_at(wanted, suite),
        suite=suite,
    )
