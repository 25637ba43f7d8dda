"""What a witness answers to a checkpoint: cosigned, or refused with the status of the standard.

Order of the checks: form (400), log known (404), signed by it (403), old size not above the new
one (400), old size the one remembered (409), one size has one root (409), proof (422).

Source: C2SP tlog-witness, add-checkpoint.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from ledger.cosigning import Cosigner, signature_of
from ledger.merkle import ProofError, empty_root, verify_consistency
from ledger.signing import NoteError, VerificationKey
from ledger.witness.memory import Evidence, Memory, Seen
from ledger.witness.submissions import Malformed, Submission, read_submission

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
#: A fork is proof by itself, and only the log's own key can make one.
MOST_FORKS = 10_000
#: Anybody can send a known checkpoint with a wrong proof, so few of these are kept.
MOST_UNPROVEN = 200

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """A status, its content type and its body."""

    status: int
    body: str
    kind: str = TEXT


class Witness:
    """Judges the checkpoints of some logs; remembers and cosigns those that only grew."""

    def __init__(self, cosigner: Cosigner, logs: Iterable[VerificationKey], memory: Memory) -> None:
        self.cosigner = cosigner
        self.memory = memory
        self.logs: dict[str, list[VerificationKey]] = {}
        for each in logs:
            self.logs.setdefault(each.name, []).append(each)
        memory.belong_to([each.text for each in cosigner.keys])

    def add_checkpoint(self, body: bytes, at: int) -> Answer:
        """Answer one submission.

        Args:
            at: seconds since 1970.
        Writes: the tree as the largest one seen, or evidence; both before the answer.
        """
        try:
            asked = read_submission(body)
        except Malformed as fault:
            return Answer(400, f"{fault}\n")
        keys = self.logs.get(asked.head.origin)
        if keys is None:
            return Answer(404, "this witness does not know the log\n")
        if not _is_signed(asked, keys):
            return Answer(403, "the checkpoint is not signed by a known key of the log\n")
        if asked.old_size > asked.head.size:
            return Answer(400, "the old size is above the size of the checkpoint\n")
        with self.memory.deciding():
            answer = self._decide(asked, at)
        logger.info(
            "log %s old %d size %d root %s: %d",
            asked.head.origin,
            asked.old_size,
            asked.head.size,
            asked.head.root.hex(),
            answer.status,
        )
        return answer

    def _decide(self, asked: Submission, at: int) -> Answer:
        head = asked.head
        seen = self.memory.seen(head.origin)
        size = seen.size if seen else 0
        self._look_for_fork(asked, at)
        if asked.old_size != size:
            return Answer(409, f"{size}\n", SIZE)
        root = seen.root if seen else empty_root()
        if head.size == size and head.root != root:
            return Answer(409, f"{size}\n", SIZE)
        if not _is_proven(asked, root):
            if seen:
                self._keep("unproven", seen, asked, at)
            return Answer(422, "the proof does not show that the log only grew\n")
        if seen and at < seen.at:
            return Answer(503, "the clock of the witness runs behind what it signed last\n")
        # Signed before it is stored: a fault of the key must not leave a tree that only
        # seems to be cosigned. The answer goes out after the commit.
        lines = self.cosigner.lines(asked.text, at)
        self.memory.remember(Seen(head.origin, head.size, head.root, asked.note, at, lines))
        return Answer(200, lines)

    def _look_for_fork(self, asked: Submission, at: int) -> None:
        """Keep both notes where the log signed two roots of one size, whatever else is wrong."""
        known = self.memory.signed(asked.head.origin, asked.head.size)
        if known is not None and known.root != asked.head.root:
            self._keep("fork", known, asked, at)

    def _keep(self, kind: str, held: Seen, asked: Submission, at: int) -> None:
        found = Evidence(
            kind=kind,
            origin=held.origin,
            held=held.note,
            offered=asked.note,
            old_size=asked.old_size,
            proof="".join(f"{each.hex()}\n" for each in asked.proof),
            at=at,
        )
        most = MOST_FORKS if kind == "fork" else MOST_UNPROVEN
        if self.memory.keep_evidence(found, most):
            logger.critical(
                "%s of %s at size %d kept as evidence", kind, held.origin, asked.head.size
            )


def _is_signed(asked: Submission, keys: list[VerificationKey]) -> bool:
    """Say whether a known key signed; a known key with a wrong signature spoils the note."""
    signed = False
    for key in keys:
        signature = signature_of(asked.lines, key)
        if signature is None:
            continue
        try:
            key.check(asked.text, signature)
        except NoteError:
            return False
        signed = True
    return signed


def _is_proven(asked: Submission, root: bytes) -> bool:
    head, old = asked.head, asked.old_size
    if old in {0, head.size}:  # nothing before, or the same tree: the proof is empty
        return not asked.proof
    try:
        verify_consistency(old, head.size, list(asked.proof), root, head.root)
    except ProofError:
        return False
    return True
