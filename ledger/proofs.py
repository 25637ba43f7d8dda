"""Proofs that anybody can keep: the ``.tlog-proof`` file, the entry promise, and their checks.

A receipt is an entry and its ``.tlog-proof``: with the key of the log, and nothing else, they show
that the entry lies in the signed log. A promise is given before that: the log says with its
signature that an entry will be in within a minute, so leaving it out can be shown later.

Source: C2SP tlog-proof v1, signed-note, tlog-checkpoint; RFC 9162 section 2.1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from ledger.entries import Malformed, decode, moment_text
from ledger.merkle import (
    HASH_BYTES,
    MAX_SIZE,
    ProofError,
    leaf_hash,
    root_from_inclusion,
    verify_consistency,
)
from ledger.signing import NoteError, TreeHead, VerificationKey, from_base64, split_note, to_base64
from ledger.verdicts import NotProven, Trail

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = 131_072
MAX_HASHES = 63  # a tree of 2**63 leaves is 63 steps high
MAX_EXTRA_BYTES = 4_096
#: Within how many seconds of a promise the entry lies in a signed tree.
MERGE_DELAY_SECONDS = 60
_PROMISE_LINES = 5
_LONGEST_DELAY = 86_400
_LAST_YEAR = 9999  # a promise of the last year would fall due after all time
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


def read_number(text: str) -> int | None:
    """Read a plain decimal number without leading zeros; None for any other spelling."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_SIZE)):
        return None
    number = int(text)
    return number if str(number) == text and number <= MAX_SIZE else None


def _text(raw: bytes, limit: int) -> str:
    if len(raw) > limit:
        raise NotProven("too_large", limit=limit)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotProven("malformed.text") from error


@dataclass(frozen=True)
class LogProof:
    """The content of a ``.tlog-proof`` file.

    Args:
        index: place of the entry in the log, from zero.
        hashes: from the sibling of the leaf up to the child of the root.
        checkpoint: the signed note of the log, with whatever cosignatures it bears.
        extra: data of the application; bound by nothing, so never to be trusted.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    @property
    def text(self) -> str:
        """Return the file."""
        extra = [f"extra {to_base64(self.extra)}"] if self.extra else []
        lines = [FIRST_LINE, *extra, f"index {self.index}", *map(to_base64, self.hashes)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> "LogProof":
        """Read a file strictly: only the one spelling that ``text`` writes is a proof.

        Raises:
            NotProven: ``malformed.*`` or ``too_large``.
        """
        text = _text(raw, MAX_PROOF_BYTES)
        front, gap, checkpoint = text.partition("\n\n")
        lines = front.split("\n")
        if lines[0] != FIRST_LINE:
            raise NotProven("malformed.first_line")
        has_extra = len(lines) > 1 and lines[1].startswith("extra ")
        extra = _extra(lines.pop(1)) if has_extra else b""
        index = read_number(lines[1].removeprefix("index ")) if len(lines) > 1 else None
        if index is None or not lines[1].startswith("index "):
            raise NotProven("malformed.index")
        first = 4 if has_extra else 3
        if len(lines) - 2 > MAX_HASHES:
            raise NotProven("malformed.hash", line=first + MAX_HASHES)
        hashes = tuple(_hash(line, first + at) for at, line in enumerate(lines[2:]))
        if not gap or not checkpoint:
            raise NotProven("malformed.gap")
        return cls(index, hashes, checkpoint, extra)


def _extra(line: str) -> bytes:
    try:
        extra = from_base64(line.removeprefix("extra "))
    except NoteError as error:
        raise NotProven("malformed.extra") from error
    if not 0 < len(extra) <= MAX_EXTRA_BYTES:
        raise NotProven("malformed.extra")
    return extra


def _hash(line: str, place: int) -> bytes:
    try:
        found = from_base64(line)
    except NoteError as error:
        raise NotProven("malformed.hash", line=place) from error
    if len(found) != HASH_BYTES:
        raise NotProven("malformed.hash", line=place)
    return found


@dataclass(frozen=True)
class SignedText:
    """A note that trusted keys have signed.

    Args:
        text: what was signed.
        keys: the trusted keys whose signatures hold.
        unknown: how many further signatures stand there, by keys nobody named.
    """

    text: str
    keys: tuple[VerificationKey, ...]
    unknown: int

    def tell(self, trail: Trail) -> None:
        """Add to the trail whose signatures hold."""
        for key in self.keys:
            trail.add("signature", key=key.key_id.hex())
        if self.unknown:
            trail.add("unknown_lines", count=self.unknown)


def open_signed(note: str, keys: Sequence[VerificationKey]) -> SignedText:
    """Open a note by trusted keys: each that signed must hold, and at least one must have.

    Raises:
        NotProven: ``malformed.note``, ``wrong_key`` or ``bad_signature``.
    """
    try:
        text, lines = split_note(note)
    except NoteError as error:
        raise NotProven("malformed.note") from error
    held: list[VerificationKey] = []
    for name, blob in lines:
        key = next((each for each in keys if each.name == name and _names(blob, each)), None)
        if key is None:
            continue
        if key in held:
            raise NotProven("malformed.note")
        try:
            key.check(text, blob[len(key.key_id) :])
        except NoteError as error:
            raise NotProven("bad_signature", key=key.key_id.hex()) from error
        held.append(key)
    if not held:
        raise NotProven("wrong_key")
    return SignedText(text, tuple(held), len(lines) - len(held))


def _names(blob: bytes, key: VerificationKey) -> bool:
    return blob.startswith(key.key_id)


def open_checkpoint(note: str, keys: Sequence[VerificationKey], trail: Trail) -> TreeHead:
    """Return what a checkpoint says, if trusted keys of that log have signed it.

    Raises:
        NotProven: as ``open_signed``, ``malformed.head`` or ``wrong_origin``.
    """
    signed = open_signed(note, keys)
    try:
        head = TreeHead.parse(signed.text)
    except NoteError as error:
        raise NotProven("malformed.head") from error
    if all(key.name != head.origin for key in signed.keys):
        raise NotProven("wrong_origin", origin=head.origin)
    signed.tell(trail)
    return head


@dataclass(frozen=True)
class Proven:
    """An entry that lies in a signed tree."""

    index: int
    head: TreeHead
    leaf: bytes


def verify_proof(
    proof: LogProof, entry: bytes, keys: Sequence[VerificationKey], trail: Trail
) -> Proven:
    """Check that an entry lies in the log, by its proof and trusted keys alone.

    Raises:
        NotProven: with the reason.
    """
    head = open_checkpoint(proof.checkpoint, keys, trail)
    if proof.index >= head.size:
        raise NotProven("index_beyond_log", index=proof.index, size=head.size)
    leaf = leaf_hash(entry)
    trail.add("leaf", leaf=leaf.hex())
    try:
        root = root_from_inclusion(proof.index, head.size, leaf, list(proof.hashes))
    except ProofError as error:
        raise NotProven("wrong_path") from error
    if root != head.root:
        _refuse_entry(entry, head.origin)
    trail.add("path", count=len(proof.hashes), root=root.hex())
    return Proven(proof.index, head, leaf)


def _refuse_entry(entry: bytes, origin: str) -> NoReturn:
    """Say whether the entry is none of this log at all, or does not fit its proof."""
    try:
        ours = decode(entry)["log"] == origin
    except Malformed as error:
        raise NotProven("entry_differs") from error
    raise NotProven("wrong_root" if ours else "entry_differs")


def verify_growth(old: TreeHead, new: TreeHead, hashes: Sequence[bytes]) -> None:
    """Check that one checkpoint's tree begins with another's; the empty tree begins every one.

    Raises:
        NotProven: ``checkpoint_forked``.
    """
    if old.size == 0:
        return
    try:
        verify_consistency(old.size, new.size, list(hashes), old.root, new.root)
    except ProofError as error:
        raise NotProven("checkpoint_forked", size=old.size) from error


@dataclass(frozen=True)
class Promise:
    """What the log promises about an entry that is written but not yet in a signed tree.

    Five lines under the log's signature: ``<origin>/promise``, id of the entry, its leaf hash
    in base64, the moment of the promise, and within how many seconds it will be kept.
    """

    origin: str
    entry_id: UUID
    leaf: bytes
    promised_at: datetime
    delay_seconds: int = MERGE_DELAY_SECONDS

    @property
    def due_at(self) -> datetime:
        """Return until when the entry must lie in a signed tree."""
        return self.promised_at + timedelta(seconds=self.delay_seconds)

    @property
    def text(self) -> str:
        """Return the lines that are signed."""
        return (
            f"{self.origin}/promise\n{self.entry_id}\n{to_base64(self.leaf)}\n"
            f"{moment_text(self.promised_at)}\n{self.delay_seconds}\n"
        )

    @classmethod
    def parse(cls, text: str) -> "Promise":
        """Read the lines strictly.

        Raises:
            NotProven: ``malformed.promise``.
        """
        lines = text.split("\n")
        if len(lines) != _PROMISE_LINES + 1 or not lines[0].endswith("/promise"):
            raise NotProven("malformed.promise")
        title, entry_id, leaf, moment, delay = lines[:_PROMISE_LINES]
        seconds = read_number(delay)
        if not _MOMENT.fullmatch(moment) or seconds is None or seconds > _LONGEST_DELAY:
            raise NotProven("malformed.promise")
        try:
            promise = cls(
                title.removesuffix("/promise"),
                UUID(entry_id),
                from_base64(leaf),
                datetime.fromisoformat(moment),
                seconds,
            )
        except ValueError as error:
            raise NotProven("malformed.promise") from error
        beyond_time = promise.promised_at.year >= _LAST_YEAR
        if promise.text != text or len(promise.leaf) != HASH_BYTES or beyond_time:
            raise NotProven("malformed.promise")
        return promise


def open_promise(note: str, keys: Sequence[VerificationKey], trail: Trail) -> Promise:
    """Return a promise, if a trusted key of that log has signed it.

    Raises:
        NotProven: with the reason.
    """
    signed = open_signed(note, keys)
    promise = Promise.parse(signed.text)
    if all(key.name != promise.origin for key in signed.keys):
        raise NotProven("wrong_origin", origin=promise.origin)
    signed.tell(trail)
    trail.add(
        "promise",
        entry=promise.entry_id,
        at=moment_text(promise.promised_at),
        delay=promise.delay_seconds,
    )
    return promise
