"""Which keys sign the log at which size: read from the log's own entries, by anybody the same.

A key counts from the entry that introduces it to the entry that retires it, by the size of the
log and never by a clock: a checkpoint of size s bears exactly one line of each key whose
introduction lies before s and whose retirement does not. The first key of each tree counts from
the beginning, since somebody must sign the checkpoint that covers its introduction.

An introduction counts only if a key that counts already has signed it, and, where it takes the
place of a key of the same kind, if two persons decided it. What does not count is told as a
fault, and changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.entries import KEY_TYPE, RETIRE_TYPE
from ledger.signing import Algorithm, NoteError, VerificationKey, open_note
from ledger.suites import SHA256, SM3, SUITES

#: The trees and the kinds of keys that sign them, in the order of their lines. The first kind
#: signs texts as well, so at least one key of it must stay.
KINDS = {
    SHA256.name: (Algorithm.ED25519, Algorithm.COSIGN_MLDSA44),
    SM3.name: (Algorithm.SM2_SM3,),
}
OFFICERS = 2

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class KeySpan:
    """A key and the sizes of the checkpoints that bear its line, both ends included."""

    key: VerificationKey
    suite: str
    first: int
    last: int | None = None

    def covers(self, size: int) -> bool:
        """Say whether a checkpoint of this size bears the key's line."""
        return self.first <= size and (self.last is None or size <= self.last)


@dataclass(frozen=True)
class KeyFault:
    """An entry about keys that does not count, and why."""

    index: int
    sentence: str


class _Unsound(ValueError):  # noqa: N818 - an entry that does not count
    pass


@dataclass
class KeyHistory:
    """All keys that the log ever introduced, with their spans, and what did not count."""

    spans: list[KeySpan] = field(default_factory=list)
    faults: list[KeyFault] = field(default_factory=list)

    def active(self, size: int, suite: str = SHA256.name) -> list[VerificationKey]:
        """Return the keys whose lines a checkpoint of this size bears, in their order."""
        order = KINDS[suite]
        found = [each for each in self.spans if each.suite == suite and each.covers(size)]
        found.sort(key=lambda each: (order.index(each.key.algorithm), each.first))
        return [each.key for each in found]

    def lasting(self, suite: str = SHA256.name) -> list[VerificationKey]:
        """Return the keys that no entry has retired yet, also those not sealed yet."""
        return [each.key for each in self.spans if each.suite == suite and each.last is None]

    def span_of(self, vkey: str) -> KeySpan | None:
        """Return the span of a key."""
        return next((each for each in self.spans if each.key.text == vkey), None)


def read_history(entries: Iterable[tuple[int, Entry]]) -> KeyHistory:
    """Read the keys from the entries of a log.

    Args:
        entries: index and content, in the order of the log; other types are passed over.
    """
    history = KeyHistory()
    for index, entry in entries:
        try:
            if entry["type"] == KEY_TYPE:
                _introduce(history, index, entry)
            elif entry["type"] == RETIRE_TYPE:
                _retire(history, index, entry)
        except (_Unsound, NoteError, KeyError, TypeError, AttributeError) as error:
            history.faults.append(KeyFault(index, str(error)))
    return history


def active_keys(
    entries: Iterable[tuple[int, Entry]], size: int, suite: str = SHA256.name
) -> list[VerificationKey]:
    """Return the keys whose lines a checkpoint of a size bears, from the entries of its log."""
    return read_history(entries).active(size, suite)


def endorsement_text(log: str, act: str, vkey: str) -> str:
    """Return the text by which a key speaks for another one: which act, which key."""
    return f"{log}/{act}\n{vkey}\n"


def suite_of(algorithm: Algorithm) -> str:
    """Return the tree that keys of a kind sign.

    Raises:
        KeyError: they sign none of the log's trees.
    """
    for name, kinds in KINDS.items():
        if algorithm in kinds:
            return name
    raise KeyError(f"{algorithm.title} keys sign none of the log's trees")


def signs_texts(key: VerificationKey) -> bool:
    """Say whether a key can sign any text, not checkpoints alone."""
    return not key.algorithm.is_timed


def _key_of(entry: Entry) -> tuple[VerificationKey, str]:
    body = entry["body"]
    key = VerificationKey.parse(body["vkey"])
    suite = body.get("suite", SHA256.name)
    if key.algorithm not in KINDS.get(suite, ()):
        raise _Unsound("keys of this kind do not sign this tree")
    if key.name != SUITES[suite].origin(entry["log"]):
        raise _Unsound("the key does not bear the name of the log")
    described = {"key_id": key.key_id.hex(), "algorithm": key.algorithm.title}
    if any(body.get(name, value) != value for name, value in described.items()):
        raise _Unsound("the entry describes its key wrongly")
    return key, suite


def _introduce(history: KeyHistory, index: int, entry: Entry) -> None:
    key, suite = _key_of(entry)
    if any(each.key.name == key.name and each.key.key_id == key.key_id for each in history.spans):
        raise _Unsound("the key was introduced before")
    if history.spans:
        _check_endorsement(history, entry, key)
    if any(each.key.algorithm is key.algorithm for each in history.spans):
        _check_officers(entry)
    is_first = not any(each.suite == suite for each in history.spans)
    history.spans.append(KeySpan(key, suite, 1 if is_first else index + 1))


def _retire(history: KeyHistory, index: int, entry: Entry) -> None:
    key, suite = _key_of(entry)
    lasting = history.lasting(suite)
    if key not in lasting:
        raise _Unsound("a key that does not count cannot be retired")
    staying = [each for each in lasting if each != key]
    if not any(each.algorithm is KINDS[suite][0] for each in staying):
        raise _Unsound("the last key of a tree cannot be retired")
    _check_officers(entry)
    _check_endorsement(history, entry, key)
    place = next(n for n, each in enumerate(history.spans) if each.key == key)
    history.spans[place] = KeySpan(key, suite, history.spans[place].first, index)


def _check_endorsement(history: KeyHistory, entry: Entry, key: VerificationKey) -> None:
    """Insist that another key that counts has signed what is done with this one."""
    wanted = endorsement_text(entry["log"], entry["type"], key.text)
    note = entry["body"]["endorsement"]
    lasting = [each for suite in KINDS for each in history.lasting(suite)]
    for each in lasting:
        if each == key or not signs_texts(each):
            continue
        try:
            if open_note(note, each, alone=True) == wanted:
                return
        except NoteError:
            continue
    raise _Unsound("no key that counts has signed this")


def _check_officers(entry: Entry) -> None:
    """Insist that two persons approved; their accounts are named, never their persons."""
    approvals = entry["auth"]["approvals"]
    named = {each["id"] for each in approvals if each["kind"] == "user"}
    if len(named) < OFFICERS:
        raise _Unsound("two persons decide over a key")
