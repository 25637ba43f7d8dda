"""Witnessing: have other bodies cosign the newest checkpoint, and keep what they say.

Each witness is sent the checkpoint with the proof that it grew out of the last one that witness
cosigned. A witness that is slow, dead or lying costs a few seconds of this job and nothing of
the sealer's; it is asked again in the next round. A witness that says the log did not only grow
is believed enough to raise an alarm.

Source: C2SP tlog-witness (client), tlog-cosignature, tlog-policy.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from django.conf import settings
from django.db.models import Max

from ledger import models
from ledger.asking import Question, Reply, ask_all
from ledger.cosigning import KINDS, signature_of, witness_key
from ledger.merkle import MAX_SIZE, consistency_proof
from ledger.policies import (
    KnownLog,
    Policy,
    parse_policy,
    policy_of,
    satisfied,
)
from ledger.refusals import Broken
from ledger.sealing import Checkpoint, checkpoint_at, latest_checkpoint
from ledger.signing import NoteError, VerificationKey, split_note, to_base64
from ledger.trees import StoredTree

#: The clock of a witness may be ahead of ours by so much.
AHEAD = timedelta(minutes=10)
MOST_LOOKED_AT = 100
_OK, _CONFLICT, _UNPROVEN = 200, 409, 422

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Body:
    """A witness as it is set up: where it is asked, and the keys it answers with."""

    url: str
    keys: tuple[VerificationKey, ...]

    @property
    def name(self) -> str:
        """Return its name in signature lines."""
        return self.keys[0].name


@dataclass(frozen=True)
class Outcome:
    """What became of asking one witness.

    Attributes:
        state: ``cosigned``, ``current`` (nothing to ask), ``silent``, ``refused``, ``invalid``
            or ``disagrees``.
        size: of the checkpoint it was asked about.
    """

    witness: str
    size: int
    state: str
    detail: str = ""


@dataclass(frozen=True)
class Witnessed:
    """One cosignature, as pages and exports show it."""

    size: int
    witness: str
    key_id: str
    algorithm: str
    at: datetime
    line: str

    @property
    def title(self) -> str:
        """Return the kind of signature as checkpoints name it."""
        return next(kind.title for kind, word in KINDS.items() if word == self.algorithm)


#: Told when a witness says that the log did not only grow.
Alarm = Callable[[Outcome], None]


def log_alarm(outcome: Outcome) -> None:
    """Write the disagreement into the log of this process, as loudly as it can be."""
    logger.critical(
        "witness %s disagrees at size %d: %s", outcome.witness, outcome.size, outcome.detail
    )


def setting() -> Policy:
    """Return the policy of ``LOG_WITNESSES``: a policy file, or a list of address and key.

    Raises:
        Broken: the setting cannot be read.
    """
    text = settings.LOG_WITNESSES
    try:
        if not text:
            return Policy()
        if " " not in text:
            return parse_policy(Path(text).read_bytes())
        pairs = [each.split() for each in text.split(",") if each.strip()]
        return policy_of([(url, witness_key(vkey)) for url, vkey in pairs], [])
    except (OSError, ValueError) as error:
        raise Broken(f"LOG_WITNESSES cannot be read: {error}") from error


def policy(keys: Iterable[VerificationKey]) -> Policy:
    """Return the policy that this log publishes: its own keys, its witnesses, its quorum.

    Raises:
        Broken: the setting cannot be read.
    """
    url = f"{settings.PUBLIC_ORIGIN}/public/log/"
    known = setting()
    # Keys under another name are those of the SM3 tree, which no client of C2SP can read.
    logs = tuple(KnownLog(each, url) for each in keys if each.name == settings.LOG_ORIGIN)
    return Policy(logs, known.witnesses, known.groups, known.quorum)


def bodies() -> list[Body]:
    """Return the witnesses that can be asked.

    Raises:
        Broken: the setting cannot be read.
    """
    found: dict[tuple[str, str], list[VerificationKey]] = {}
    for each in setting().witnesses:
        if each.url:
            found.setdefault((each.url, each.key.name), []).append(each.key)
    return [Body(url.rstrip("/"), tuple(keys)) for (url, _), keys in found.items()]


class _Round:
    """One checkpoint on its way to the witnesses."""

    def __init__(self, newest: Checkpoint, at: datetime) -> None:
        self.newest = newest
        self.at = at

    @cached_property
    def tree(self) -> StoredTree:
        return StoredTree()

    def question(self, body: Body, old: int) -> Question:
        proof = consistency_proof(old, self.newest.size, self.tree.read) if old else []
        hashes = "".join(f"{to_base64(each)}\n" for each in proof)
        text = f"old {old}\n{hashes}\n{self.newest.note}"
        return Question(f"{body.url}/add-checkpoint", text.encode(), "text/plain; charset=utf-8")

    def ask(self, asked: dict[Body, int]) -> dict[Body, Reply]:
        questions = [self.question(body, old) for body, old in asked.items()]
        return dict(zip(asked, ask_all(questions), strict=True))

    def told(self, body: Body, old: int, reply: Reply) -> Outcome:
        """Judge a reply that will not be asked about again in this round."""
        if reply.status == _OK:
            return self._take(body, reply)
        if reply.status == _UNPROVEN:
            return self._outcome(body, "disagrees", f"它见证过的前 {old} 条与本日志不同（422）")
        if reply.status == _CONFLICT:
            return self._conflict(body, old, _size_in(reply))
        if reply.status:
            return self._outcome(body, "refused", f"HTTP {reply.status} {_words(reply)}")
        return self._outcome(body, "silent", reply.fault)

    def _conflict(self, body: Body, old: int, size: int | None) -> Outcome:
        current = latest_checkpoint() or self.newest
        if size is None:
            return self._outcome(body, "invalid", "应答冲突（409），却没有给出长度")
        if size > current.size:
            return self._outcome(
                body, "disagrees", f"它见证到 {size} 条，本日志只有 {current.size} 条（409）"
            )
        if size == old == self.newest.size:
            return self._outcome(body, "disagrees", f"它在长度 {size} 处见证过另一个树根（409）")
        return self._outcome(body, "refused", f"它停在 {size} 条，下次再请")

    def _take(self, body: Body, reply: Reply) -> Outcome:
        """Keep every line that holds; lines of keys we do not know are passed over."""
        taken, faults = 0, []
        try:
            _, lines = split_note(self.newest.note + reply.body.decode("utf-8"))
        except (NoteError, UnicodeDecodeError) as error:
            return self._outcome(body, "invalid", f"应答不是签名行：{error}")
        for key in body.keys:
            signature = signature_of(lines, key)
            if signature is None:
                continue
            try:
                self._keep(key, signature)
                taken += 1
            except NoteError as error:
                faults.append(str(error))
        if not taken or faults:
            return self._outcome(body, "invalid", "；".join(faults) or "没有它的公钥对应的签名行")
        return self._outcome(body, "cosigned", f"{taken} 个签名")

    def _keep(self, key: VerificationKey, signature: bytes) -> None:
        text, _ = split_note(self.newest.note)
        key.check(text, signature)
        seconds = key.cosigned_second(signature)
        if seconds > int((self.at + AHEAD).timestamp()):
            raise NoteError(f"{key.name} cosigned with a time that is still to come")
        models.Cosignature.objects.get_or_create(
            size=self.newest.size,
            witness=key.name,
            key_id=key.key_id.hex(),
            defaults={
                "algorithm": KINDS[key.algorithm],
                "line": f"\u2014 {key.name} {to_base64(key.key_id + signature)}\n",
                "at": datetime.fromtimestamp(seconds, UTC),
            },
        )

    def _outcome(self, body: Body, state: str, detail: str) -> Outcome:
        return Outcome(body.name, self.newest.size, state, detail)


def witness_newest(at: datetime, *, alarm: Alarm = log_alarm) -> list[Outcome]:
    """Have the newest checkpoint cosigned by every witness that has not done so.

    Args:
        alarm: told of each witness that says the log did not only grow.
    Writes: one row for each new cosignature.

    Raises:
        Broken: the setting cannot be read.
    """
    known, newest = bodies(), latest_checkpoint()
    if not known or newest is None:
        return []
    asked = {each: _last_size(each) for each in known if not _is_done(each, newest.size)}
    outcomes = [Outcome(each.name, newest.size, "current") for each in known if each not in asked]
    turn = _Round(newest, at)
    replies = turn.ask(asked)
    again = {body: size for body, reply in replies.items()
             if (size := _better_size(reply, asked[body], newest.size)) is not None}  # fmt: skip
    replies |= turn.ask(again)
    outcomes += [turn.told(body, again.get(body, asked[body]), replies[body]) for body in asked]
    for each in outcomes:
        _tell(each, alarm)
    return outcomes


def _tell(outcome: Outcome, alarm: Alarm) -> None:
    if outcome.state == "disagrees":
        alarm(outcome)
    elif outcome.state in {"silent", "refused", "invalid"}:
        logger.error("witness %s: %s: %s", outcome.witness, outcome.state, outcome.detail)


def _last_size(body: Body) -> int:
    ids = [each.key_id.hex() for each in body.keys]
    found = models.Cosignature.objects.filter(witness=body.name, key_id__in=ids)
    return int(found.aggregate(last=Max("size"))["last"] or 0)


def _is_done(body: Body, size: int) -> bool:
    ids = {each.key_id.hex() for each in body.keys}
    found = models.Cosignature.objects.filter(witness=body.name, size=size, key_id__in=ids)
    return set(found.values_list("key_id", flat=True)) == ids


def _better_size(reply: Reply, old: int, newest: int) -> int | None:
    """Return the size a witness named in a conflict, when asking with it may help."""
    size = _size_in(reply) if reply.status == _CONFLICT else None
    return size if size is not None and size != old and size <= newest else None


def _size_in(reply: Reply) -> int | None:
    digits = reply.body.removesuffix(b"\n")
    if not digits.isdigit() or len(digits) > len(str(MAX_SIZE)) or int(digits) > MAX_SIZE:
        return None
    return int(digits)


def _words(reply: Reply) -> str:
    return ascii(reply.body[:100].decode("utf-8", "replace").strip())


def witnessed(size: int) -> list[Witnessed]:
    """Return the cosignatures over the checkpoint of a size, by witness."""
    found = models.Cosignature.objects.filter(size=size).order_by("witness", "algorithm")
    return [
        Witnessed(each.size, each.witness, each.key_id, each.algorithm, each.at, each.line)
        for each in found
    ]


def note_with_cosignatures(checkpoint: Checkpoint) -> str:
    """Return a checkpoint with the lines of all who cosigned it."""
    return checkpoint.note + "".join(each.line for each in witnessed(checkpoint.size))


def witnessed_checkpoint(known: Policy) -> str | None:
    """Return the newest checkpoint that satisfies a policy, with its cosignatures."""
    sizes = models.Cosignature.objects.order_by("-size").values_list("size", flat=True).distinct()
    newest = latest_checkpoint()
    looked_at = [*([newest.size] if newest else []), *sizes[:MOST_LOOKED_AT]]
    for size in sorted(set(looked_at), reverse=True):
        checkpoint = checkpoint_at(size)
        if checkpoint is None:
            continue
        note = note_with_cosignatures(checkpoint)
        if satisfied(note, known):
            return note
    return None


@dataclass(frozen=True)
class Standing:
    """How far one witness is, for people and programs."""

    witness: str
    url: str
    keys: int
    size: int
    at: datetime | None
    behind: int


def standings() -> list[Standing]:
    """Return how far every witness is."""
    newest = latest_checkpoint()
    found = []
    for body in bodies():
        size = _last_size(body)
        last = models.Cosignature.objects.filter(witness=body.name, size=size).first()
        behind = (newest.size if newest else 0) - size
        at = last.at if last else None
        found.append(Standing(body.name, body.url, len(body.keys), size, at, behind))
    return found
