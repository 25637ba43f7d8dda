"""Sealing: give entries their place in both trees, sign the roots, prove what lies in them.

The sealer takes entries whose transactions can no longer change, in the order of
``ledger.sequencing``, hashes them under every suite, stores leaves and full tiles, and signs one
checkpoint per tree. Before it signs, each new tree must begin with the largest tree ever signed,
shown by a proof over the stored rows. It refuses to sign anything that contradicts the past.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice

from django.conf import settings
from django.db import transaction

from ledger import models
from ledger.bookkeeping import rows
from ledger.checkpoints import (
    Checkpoint,
    Proof,
    checkpoint_at,
    entry_index,
    latest_checkpoint,
    proof,
    suites_in_use,
)
from ledger.keys import sign_head, text_keys
from ledger.marks import Mark, Peak, held_mark, read_mark, swap_mark, write_mark
from ledger.merkle import (
    ProofError,
    consistency_proof,
    empty_root,
    verify_growth,
)
from ledger.refusals import Broken
from ledger.sequencing import (
    Entries,
    Place,
    Waiting,
    count_behind,
    entries_up_to,
    find_cut,
    last_sealed,
    nth_waiting,
    streamed_entries,
    waiting_behind,
)
from ledger.signing import KEY_ID_BYTES, TreeHead, VerificationKey, split_note
from ledger.suites import SHA256, SUITES, Suite
from ledger.tiles import WIDTH
from ledger.trees import (
    CHUNK,
    EdgeOfTree,
    StoredTree,
    count_full_tiles,
    count_leaves,
    missing_leaves,
    writing_leaves,
)

__all__ = [
    "Checkpoint",
    "Lag",
    "Proof",
    "Reached",
    "adopt_mark",
    "checkpoint_at",
    "entry_index",
    "latest_checkpoint",
    "proof",
    "seal",
    "sealing_lag",
    "signing_key",
    "suites_in_use",
    "unsealed",
]

#: One sealer at a time: the number of its advisory lock ("seal" in ASCII).
_LOCK = 0x7365616C
#: Entries under one checkpoint when very many wait; memory does not grow with it.
BATCH = 1 << 20
#: Chunks of leaves between two writings of tiles.
RUN = 32
#: So many entries are read over a connection of their own.
MANY = 16_384
#: What is promised: no entry waits longer for its checkpoint.
LAG_ALARM = timedelta(seconds=60)
_CLUSTER = "SELECT system_identifier::text FROM pg_control_system()"

#: Told when a seal has come to a named place: leaves, tiles, signed, marked, committed.
Reached = Callable[[str], None]


@dataclass(frozen=True)
class Lag:
    """How many entries wait for the sealer, and for how long the oldest has waited."""

    count: int
    oldest: timedelta

    @property
    def alarming(self) -> bool:
        """Say whether an entry waits longer than the log promises."""
        return self.oldest > LAG_ALARM


def _nothing(_place: str) -> None:
    """Pass a named place without doing anything."""


def seal(at: datetime, reached: Reached = _nothing) -> Checkpoint | None:
    """Seal what is final and sign the new trees; None when there is nothing new.

    Args:
        at: now. Where the clock ran backwards, the latest moment ever stated is stated again.
        reached: told at every named place; tests end the process there.
    Writes: leaves, full tiles, one checkpoint per suite, the high-water mark outside the database.

    Raises:
        Broken: no key, or a tree contradicts what was signed before.
        OSError: the mark could not be written; nothing has changed.
    """
    with held_mark() as held:
        if not held:
            return None
        with transaction.atomic():
            if not rows("SELECT pg_try_advisory_xact_lock(%s)", _LOCK)[0][0]:
                return None
            checkpoint = _Seal(at, reached).carry_out()
        if checkpoint:
            reached("committed")
    return checkpoint


class _Seal:
    """One seal, from what was signed last to the next checkpoint of every tree."""

    def __init__(self, at: datetime, reached: Reached) -> None:
        self.reached = reached
        self.suites = suites_in_use()
        self.last = {each: latest_checkpoint(each) for each in self.suites}
        first = self.last[SHA256]
        self.size = first.size if first else 0
        self.stored_mark = read_mark()
        self.mark = self._checked_mark()
        stated = [each.sealed_at for each in self.last.values() if each]
        # A clock set back must not make a later checkpoint, or the time stamp in its
        # signature, older than an earlier one.
        self.at = max([at, *stated, *([self.mark.at] if self.mark.at else [])])

    def carry_out(self) -> Checkpoint | None:
        signing_key()  # without a key nothing is begun
        after = last_sealed(self.size)
        cut = self._cut()
        if cut is None:
            return None
        self._check_stored()
        edges = self._edges()
        many = nth_waiting(Waiting(after, cut.xid + 1), MANY) is not None
        chunks = (streamed_entries if many else entries_up_to)(after, cut, CHUNK)
        # Leaves go in while further entries are read only where these come another way.
        run = RUN if many else 1
        while first := next(chunks, None):
            self._store(edges, chain([first], islice(chunks, run - 1)))
        heads = [self._head(each) for each in edges]
        checkpoints = [self._sign(*each) for each in heads]
        self.reached("signed")
        # From here on the mark knows these roots. A crash before commit is harmless: the same
        # entries in the same order are sealed first, so the next tree begins with this one.
        swap_mark(self.stored_mark, self._next_mark(checkpoints))
        self.reached("marked")
        return checkpoints[0]

    def _checked_mark(self) -> Mark:
        mark = self.stored_mark
        cluster = rows(_CLUSTER)[0][0]
        if mark is None:
            if self.size:
                raise Broken(
                    "the seal mark is gone although checkpoints were signed;"
                    " compare with a published checkpoint, then run seal_log --adopt-mark"
                )
            return Mark(settings.LOG_ORIGIN, 0, b"", cluster=cluster)
        if mark.cluster not in {"", cluster}:
            raise Broken(
                "the database lies in another cluster than the one that was sealed:"
                " its transaction ids may begin anew below the sealed ones"
            )
        for suite, last in self.last.items():
            if last and mark.peak(suite).size < last.size:
                raise Broken(
                    f"the seal mark knows {mark.peak(suite).size} entries under {suite.name} but"
                    f" {last.size} were signed: another sealer keeps another mark"
                )
        return Mark(mark.origin, mark.size, mark.root, mark.others, mark.at, cluster)

    def _cut(self) -> Place | None:
        """Return the last entry to seal now, None while none can be."""
        waiting = waiting_behind(self.size)
        if self.mark.size <= self.size:
            return find_cut(waiting, BATCH)
        # A tree was signed whose rows never came to be: it is made again, exactly.
        wanted = self.mark.size - self.size
        cut = nth_waiting(waiting, wanted)
        found, _ = count_behind(waiting.after)
        if cut is None and found < wanted:
            raise Broken(
                f"the log holds {self.size + found} entries but {self.mark.size} were signed;"
                " was an old backup restored?"
            )
        return cut

    def _check_stored(self) -> None:
        """Check that leaves and tiles end where the newest checkpoints say.

        Raises:
            Broken: rows were added or taken away.
        """
        if count_leaves() != self.size:
            raise Broken(f"{count_leaves()} leaves are stored but {self.size} were signed")
        for suite, last in self.last.items():
            if count_full_tiles(suite) != (last.size if last else 0) // WIDTH:
                raise Broken(f"the stored tiles do not fit the newest checkpoint of {suite.name}")

    def _edges(self) -> list[EdgeOfTree]:
        """Return the edge of each tree, caught up with leaves from before it was begun."""
        edges = []
        for suite, last in self.last.items():
            edge = EdgeOfTree(suite, last.size if last else 0)
            for leaves in missing_leaves(edge, self.size):
                edge.extend(leaves)
                edge.store()
            edges.append(edge)
        return edges

    def _store(self, edges: list[EdgeOfTree], chunks: Iterable[Entries]) -> None:
        """Store the leaves of some entries and the tiles they fill, under every suite."""
        with writing_leaves(edges[0].size) as leaves:
            for chunk in chunks:
                seqs, bodies = zip(*chunk, strict=True)
                hashes = {each.suite.name: each.suite.leaves(bodies) for each in edges}
                leaves.write(seqs, hashes)
                for each in edges:
                    each.extend(hashes[each.suite.name])
        self.reached("leaves")
        for each in edges:
            each.store()
        self.reached("tiles")

    def _head(self, edge: EdgeOfTree) -> tuple[Suite, TreeHead]:
        """Return what is to be signed for one tree, once it is shown to continue the past.

        Raises:
            Broken: the stored rows give another root, or do not begin with a signed tree.
        """
        suite, size, root = edge.suite, edge.size, edge.root()
        tree = StoredTree(suite)
        if tree.root(size) != root:
            raise Broken(f"the stored tree under {suite.name} is not the one just computed")
        last = self.last[suite]
        known = [self.mark.peak(suite), Peak(last.size, last.root) if last else Peak(0, b"")]
        for each in known:
            old = each.root if each.size else empty_root(suite)
            hashes = consistency_proof(each.size, size, tree.read, suite) if each.size else []
            try:
                verify_growth(each.size, size, hashes, old, root, suite=suite)
            except ProofError as error:
                raise Broken(
                    f"the tree contradicts the root signed at size {each.size} under {suite.name}"
                ) from error
        return suite, TreeHead(suite.origin(settings.LOG_ORIGIN), size, root)

    def _sign(self, suite: Suite, head: TreeHead) -> Checkpoint:
        note = sign_head(
            head,
            suite=suite,
            at=self.at,
            growth=lambda old: consistency_proof(old, head.size, StoredTree(suite).read, suite),
        )
        _, lines = split_note(note)
        models.Checkpoint.objects.create(
            suite=suite.name,
            size=head.size,
            root=head.root,
            sealed_at=self.at,
            key_id=lines[0][1][:KEY_ID_BYTES].hex(),
            note=note,
        )
        return Checkpoint(head.size, head.root, self.at, note, suite)

    def _next_mark(self, checkpoints: list[Checkpoint]) -> Mark:
        first, *others = checkpoints
        signed = {each.suite.name: Peak(each.size, each.root) for each in others}
        return Mark(
            self.mark.origin,
            first.size,
            first.root,
            self.mark.others | signed,
            self.at,
            self.mark.cluster,
        )


def unsealed() -> int:
    """Return how many entries wait for the sealer."""
    return count_behind(last_sealed(count_leaves()))[0]


def sealing_lag(at: datetime) -> Lag:
    """Return how many entries wait for the sealer and how old the oldest of them is."""
    count, earliest = count_behind(last_sealed(count_leaves()))
    age = at - earliest if earliest else timedelta(0)
    return Lag(count, max(age, timedelta(0)))


def may_seal() -> bool:
    """Say whether this process comes to the database as one that may write checkpoints."""
    return bool(rows("SELECT has_table_privilege('ledger_checkpoint', 'INSERT')")[0][0])


def signing_key() -> VerificationKey:
    """Return the key that checkpoints of now are verified with.

    Raises:
        Broken: the log has no key.
    """
    return text_keys()[-1]


def adopt_mark() -> Checkpoint | None:
    """Take the newest checkpoints of the database as mark: a deliberate step of the operator."""
    newest = latest_checkpoint()
    if newest is None:
        return None
    others = {
        each.name: Peak(found.size, found.root)
        for each in SUITES.values()
        if each != SHA256 and (found := latest_checkpoint(each))
    }
    with held_mark(wait=True):
        write_mark(
            Mark(
                settings.LOG_ORIGIN,
                newest.size,
                newest.root,
                others,
                newest.sealed_at,
                rows(_CLUSTER)[0][0],
            )
        )
    return newest
