"""Trust policies: which log, which witnesses, and how many of them a checkpoint needs.

A policy is a small text file that anybody can read and keep. With it, whoever holds a checkpoint
decides offline whether enough independent bodies saw the same log.

Source: C2SP tlog-policy (lines, groups, quorum, characters), tlog-cosignature.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.cosigning import KINDS, signature_of, witness_key
from ledger.notes import head_of
from ledger.signing import NoteError, TreeHead, VerificationKey, split_note

MAX_POLICY_BYTES = 262_144
MOST_LINES = 1_000
NONE = "none"
_BLANKS = re.compile(r"[ \t]+")
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


class PolicyError(ValueError):
    """A text that is not a policy; says which line and why."""


@dataclass(frozen=True)
class KnownLog:
    """A log whose checkpoints count."""

    key: VerificationKey
    url: str = ""


@dataclass(frozen=True)
class KnownWitness:
    """A witness under the name that the policy gives it."""

    name: str
    key: VerificationKey
    url: str = ""


@dataclass(frozen=True)
class Group:
    """Counts as having witnessed when at least ``threshold`` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Which logs and witnesses are known, and the name whose word decides."""

    logs: tuple[KnownLog, ...] = ()
    witnesses: tuple[KnownWitness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    @property
    def text(self) -> str:
        """Return the policy as a file, in its one canonical spelling."""
        lines = [f"log {each.key.text} {each.url}".rstrip() for each in self.logs]
        lines += [f"witness {w.name} {w.key.text} {w.url}".rstrip() for w in self.witnesses]
        lines += [f"group {g.name} {g.threshold} {' '.join(g.members)}" for g in self.groups]
        return "".join(f"{each}\n" for each in (*lines, f"quorum {self.quorum}"))


@dataclass(frozen=True)
class Judgement:
    """What a policy says of one checkpoint.

    Attributes:
        log: the known log key that signed it, None when none did.
        witnesses: the witnesses that cosigned it, each with the time (seconds since 1970).
    """

    head: TreeHead
    log: VerificationKey | None
    witnesses: Mapping[str, int]
    quorum_met: bool

    @property
    def met(self) -> bool:
        """Say whether the checkpoint is valid under the policy."""
        return self.log is not None and self.quorum_met


class _Reader:
    """Takes the lines of a policy in their order."""

    def __init__(self) -> None:
        self.logs: list[KnownLog] = []
        self.witnesses: list[KnownWitness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self.names: set[str] = set()
        self.members: set[str] = set()

    def take(self, words: list[str]) -> None:
        takers = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        taker = takers.get(words[0])
        if taker is None:
            raise PolicyError(f"unknown word {words[0]!r}")
        taker(words[1:])

    def _log(self, words: list[str]) -> None:
        if len(words) not in {1, 2}:
            raise PolicyError("a log line is: log VKEY [URL]")
        key = VerificationKey.parse(words[0])
        if any(_same(key, each.key) for each in self.logs):
            raise PolicyError("the key of a log is given twice")
        self.logs.append(KnownLog(key, *words[1:]))

    def _witness(self, words: list[str]) -> None:
        if len(words) not in {2, 3}:
            raise PolicyError("a witness line is: witness NAME VKEY [URL]")
        key = witness_key(words[1])
        if any(_same(key, each.key) for each in self.witnesses):
            raise PolicyError("the key of a witness is given twice")
        self._name(words[0])
        self.witnesses.append(KnownWitness(words[0], key, *words[2:]))

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise PolicyError("a group line is: group NAME all|any|K NAME...")
        name, threshold, *members = words
        for each in members:
            if each not in self.names:
                raise PolicyError(f"{each!r} is not defined above")
            if each in self.members:
                raise PolicyError(f"{each!r} is a member twice")
            self.members.add(each)
        self._name(name)
        self.groups.append(Group(name, _threshold(threshold, len(members)), tuple(members)))

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            raise PolicyError("there is exactly one line: quorum NAME")
        if words[0] != NONE and words[0] not in self.names:
            raise PolicyError(f"{words[0]!r} is not defined above")
        self.quorum = words[0]

    def _name(self, name: str) -> None:
        if name == NONE or name in self.names:
            raise PolicyError(f"the name {name!r} is taken")
        self.names.add(name)


def _same(one: VerificationKey, other: VerificationKey) -> bool:
    return one.public == other.public


def _threshold(word: str, count: int) -> int:
    if word in {"any", "all"}:
        return 1 if word == "any" else count
    plain = word.isascii() and word.isdigit() and not word.startswith("0")
    if not plain or len(word) > len(str(count)) or int(word) > count:
        raise PolicyError(f"the threshold {word!r} is not between 1 and {count}")
    return int(word)


def parse_policy(raw: bytes) -> Policy:
    """Read a policy file.

    Raises:
        PolicyError: another form; names the line.
    """
    if len(raw) > MAX_POLICY_BYTES or raw.count(b"\n") > MOST_LINES:
        raise PolicyError("the policy is too large")
    if _FORBIDDEN.search(raw):
        raise PolicyError("the policy holds a control character")
    if not raw.endswith(b"\n"):
        raise PolicyError("the last line has no end; was the file cut off?")
    reader = _Reader()
    # Octets above ASCII are opaque; this keeps each of them as one character.
    for number, line in enumerate(raw[:-1].decode("utf-8", "surrogateescape").split("\n"), 1):
        stripped = line.strip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        try:
            reader.take(_BLANKS.split(stripped))
        except (PolicyError, NoteError) as error:
            raise PolicyError(f"line {number}: {error}") from error
    if reader.quorum is None:
        raise PolicyError("there is no quorum line")
    return Policy(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)


def policy_of(witnesses: Iterable[tuple[str, VerificationKey]], logs: Iterable[KnownLog]) -> Policy:
    """Return the policy over some witnesses that asks for more than half of them.

    Args:
        witnesses: address and key; the keys of one address and name are one witness, of which
            any key is enough.
        logs: the logs that count.

    Raises:
        PolicyError: the same key twice.
    """
    bodies: dict[tuple[str, str], list[VerificationKey]] = {}
    for url, key in witnesses:
        bodies.setdefault((url, key.name), []).append(key)
    known: list[KnownWitness] = []
    groups: list[Group] = []
    for number, ((url, _), keys) in enumerate(bodies.items(), 1):
        names = [f"w{number}-{KINDS[each.algorithm].lower()}-{each.key_id.hex()}" for each in keys]
        known += [KnownWitness(n, key, url) for n, key in zip(names, keys, strict=True)]
        groups.append(Group(f"w{number}", 1, tuple(names)))
    if groups:
        members = tuple(each.name for each in groups)
        groups.append(Group("witnesses", len(members) // 2 + 1, members))
    made = Policy(tuple(logs), tuple(known), tuple(groups), "witnesses" if groups else NONE)
    return parse_policy(made.text.encode("utf-8", "surrogateescape"))


def judge(note: str, policy: Policy) -> Judgement:
    """Return what a policy says of a checkpoint.

    Raises:
        NoteError: not a checkpoint, or a known key stands over a signature that does not hold.
    """
    text, lines = split_note(note)
    head = head_of(text)
    signed = None
    for each in policy.logs:
        signature = signature_of(lines, each.key)
        if signature is not None and each.key.name == head.origin:
            each.key.check(text, signature)
            signed = signed or each.key
    seen: dict[str, int] = {}
    for witness in policy.witnesses:
        signature = signature_of(lines, witness.key)
        if signature is not None:
            witness.key.check(text, signature)
            seen[witness.name] = witness.key.cosigned_second(signature)
    return Judgement(head, signed, seen, _quorum_met(policy, set(seen)))


def _quorum_met(policy: Policy, seen: set[str]) -> bool:
    for group in policy.groups:  # members stand above their group
        if sum(each in seen for each in group.members) >= group.threshold:
            seen.add(group.name)
    return policy.quorum == NONE or policy.quorum in seen


def satisfied(note: str, policy: Policy) -> bool:
    """Say whether a checkpoint is signed by a known log and cosigned by a quorum.

    Raises:
        NoteError: not a checkpoint, or a known key stands over a signature that does not hold.
    """
    return judge(note, policy).met
