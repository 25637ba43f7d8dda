"""Looking into the log: finding entries, one entry with its proof, and whether all is well."""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from ledger import models
from ledger.anchoring import anchored
from ledger.bookkeeping import rows
from ledger.entries import JOURNAL_TYPE
from ledger.keys import key_history
from ledger.merkle import MAX_SIZE, ProofError, leaf_hash, verify_inclusion
from ledger.periods import SHANGHAI
from ledger.proofs import read_number
from ledger.references import (
    bounds_of_days,
    catch_up,
    known_types,
    place_of_leaf,
    places_near,
    places_of,
    plain_word,
    words_of,
)
from ledger.sealing import Proof, entry_index, latest_checkpoint, proof
from ledger.signing import NoteError, TreeHead, VerificationKey, open_all, split_note
from ledger.stamping import stamped
from ledger.suites import SHA256, Suite
from ledger.telling import Story, linked_ids, tell
from ledger.trees import StoredTree
from ledger.witnessing import witnessed

PAGE = 20
RELATED = 8
#: How many entries a search draws words of before it looks; the rest comes by the minute.
DRAWN_AT_ONCE = 4_000
_HASH_DIGITS = 64
_MOST = (JOURNAL_TYPE, JOURNAL_TYPE.partition(".")[0])


@dataclass(frozen=True)
class Line:
    """One entry in a list."""

    index: int
    id: UUID
    type: str
    at: datetime
    hash_hex: str
    kind: str
    sound: bool


@dataclass(frozen=True)
class Health:
    """Whether what can be checked at once holds, in one sentence."""

    sound: bool
    sentence: str


@dataclass(frozen=True)
class Search:
    """What somebody looks for; everything left out is not asked for.

    Args:
        reference: a word as kept by ``ledger.references``, e.g. ``ref:ptslj-2026-000001``.
        kind: type of entry, its room, or ``ledger.journal/kind``.
        since: first Shanghai day.
        until: last Shanghai day.
        before: only entries with a smaller index.
    """

    reference: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None
    before: int | None = None

    @property
    def narrow(self) -> bool:
        """Say whether anything is looked for at all."""
        return bool(self.reference or self.kind or self.since or self.until)


@dataclass(frozen=True)
class Signature:
    """One signature line of a checkpoint, as a reader should see it."""

    name: str
    key_id: str
    algorithm: str
    state: str


@dataclass(frozen=True)
class Shown:
    """One entry with its proof, ready to be shown."""

    proof: Proof
    entry: dict[str, Any]
    text: str
    story: Story
    health: Health
    signatures: list[Signature]
    links: list[Line]
    followers: list[Line]
    objects: list[str]
    related: list[Line]


def verification_keys() -> list[VerificationKey]:
    """Return the keys that the log itself introduced, oldest first."""
    return [each.key for each in key_history().spans]


_COLUMNS = """
SELECT l.index, e.id, e.type, e.at, l.hash, e.body FROM {source}
JOIN ledger_logentry e ON e.seq = l.entry_id
WHERE l.index >= %s AND l.index < %s AND e.at >= %s AND e.at < %s
    AND (%s = '' OR e.type = %s OR e.type LIKE %s || '.%%')
ORDER BY l.index DESC LIMIT %s
"""
_BY_WORD = """
ledger_entryreference r{n} JOIN ledger_logleaf l
ON l.index = r{n}.index AND r{n}.reference = %s
"""
_ALSO = "JOIN ledger_entryreference r2 ON r2.index = r1.index AND r2.reference = %s"
_ALL = _COLUMNS.format(source="ledger_logleaf l")
_ONE_WORD = _COLUMNS.format(source=_BY_WORD.format(n=1))
_TWO_WORDS = _COLUMNS.format(source=_BY_WORD.format(n=1) + _ALSO)
_AT_PLACES = """
SELECT l.index, e.id, e.type, e.at, l.hash, e.body FROM ledger_logleaf l
JOIN ledger_logentry e ON e.seq = l.entry_id WHERE l.index = ANY(%s) ORDER BY l.index
"""


EVERYTHING = Search()


def lines(search: Search = EVERYTHING) -> list[Line]:
    """Return sealed entries, newest first, at most ``PAGE``."""
    if search.narrow:
        catch_up(DRAWN_AT_ONCE)
    words = [search.reference] if search.reference else []
    # Journals are most of the log: they are picked while reading it, anything else is looked up.
    journals = search.kind if search.kind in _MOST else ""
    words += [f"type:{search.kind}"] if search.kind and not journals else []
    sql = (_ALL, _ONE_WORD, _TWO_WORDS)[len(words)]
    low, high = _bounds(search)
    if search.before is not None:
        high = min(high, search.before)
    begin, end = _moments(search)
    picked = (journals, journals, journals)
    return [_line(row) for row in rows(sql, *words, low, high, begin, end, *picked, PAGE)]


def _moments(search: Search) -> tuple[datetime, datetime]:
    begin, end = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    if search.since:
        begin = datetime.combine(search.since, time(), SHANGHAI)
    if search.until:
        end = datetime.combine(search.until, time(), SHANGHAI) + timedelta(days=1)
    return begin, end


def _bounds(search: Search) -> tuple[int, int]:
    """Return between which indices a search may stop; days narrow it when both ends are near."""
    if not search.since and not search.until:
        return 0, MAX_SIZE
    return bounds_of_days(search.since, search.until) or (0, MAX_SIZE)


def _line(row: tuple[Any, ...]) -> Line:
    index, entry_id, kind, at, leaf, raw = row
    body = bytes(raw)
    inner = ""
    if kind == JOURNAL_TYPE:
        inner = str(json.loads(body)["body"].get("kind", ""))
    return Line(
        index=index,
        id=entry_id,
        type=kind,
        at=at,
        hash_hex=bytes(leaf).hex(),
        kind=inner,
        sound=leaf_hash(body) == bytes(leaf),
    )


def at_places(places: Iterable[int]) -> list[Line]:
    """Return the entries at some indices, in the order of the log."""
    wanted = list(places)
    return [_line(row) for row in rows(_AT_PLACES, wanted)] if wanted else []


def types() -> list[str]:
    """Return the types of entries that occur, journals by their kind as well."""
    catch_up(DRAWN_AT_ONCE)
    known = [each for each in known_types() if "." in each]
    journals = [JOURNAL_TYPE] if any(each.startswith(JOURNAL_TYPE) for each in known) else []
    return journals + known


@dataclass(frozen=True)
class Found:
    """What somebody's words led to: one entry, or a word to list by; neither when nothing."""

    index: int | None = None
    reference: str = ""


def find(words: str) -> Found:
    """Find by index, entry id, leaf hash, or any id or business number in an entry."""
    text = plain_word(words)
    index = read_number(text)
    if index is not None:
        return Found(index if models.LogLeaf.objects.filter(index=index).exists() else None)
    try:
        index = entry_index(UUID(text))
    except ValueError:
        index = None
    if index is not None:
        return Found(index)
    catch_up(DRAWN_AT_ONCE)
    leaf = _hash_of(words)
    index = place_of_leaf(leaf) if leaf else None
    if index is not None:
        return Found(index)
    places = places_of(f"ref:{text}")
    return Found(places[0] if len(places) == 1 else None, f"ref:{text}") if places else Found()


def _hash_of(words: str) -> str:
    """Read a hash in hexadecimal or base64; nothing when it is none."""
    text = words.strip()
    if len(text) == _HASH_DIGITS and set(text.lower()) <= set("0123456789abcdef"):
        return text.lower()
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) * 2 == _HASH_DIGITS else ""


def health(shown: list[Line]) -> Health:
    """Check the newest checkpoint: its signature, its root over the leaves, the lines shown."""
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        return Health(True, "日志刚刚启用，尚未签发第一个检查点。")
    fault = checkpoint_fault(checkpoint.note)
    if fault:
        return Health(False, f"核验未通过：{fault}请联系数据局，并保留本页截图。")
    wrong = [str(each.index) for each in shown if not each.sound]
    if wrong:
        return Health(False, f"核验未通过：第 {'、'.join(wrong)} 条的内容与已封存的摘要不一致。")
    told = f"核验通过：最新检查点签名有效，由全部 {checkpoint.size} 条叶子重算的树根与之一致"
    return Health(True, f"{told}，本页所列条目的内容与其摘要一致。" if shown else f"{told}。")


def checkpoint_fault(note: str, suite: Suite = SHA256) -> str:
    """Say in a sentence what is wrong with a checkpoint of ours; nothing when it holds."""
    try:
        text, _ = split_note(note)
        head = TreeHead.parse(text)
        open_all(note, key_history().active(head.size, suite.name))
    except NoteError:
        return "检查点的签名无效。"
    if StoredTree(suite).root(head.size) != head.root:
        return "由现存叶子重算的树根与已签名的树根不一致。"
    return ""


def signatures(note: str, keys: list[VerificationKey] | None = None) -> list[Signature]:
    """Return who signed a checkpoint: which key, by which algorithm, and whether it holds."""
    known = verification_keys() if keys is None else keys
    try:
        text, found = split_note(note)
    except NoteError:
        return []
    return [_signature(text, name, blob, known) for name, blob in found]


def _signature(text: str, name: str, blob: bytes, known: list[VerificationKey]) -> Signature:
    for key in known:
        size = len(key.key_id)
        if key.name != name or key.key_id != blob[:size]:
            continue
        try:
            key.check(text, blob[size:])
        except NoteError:
            return Signature(name, key.key_id.hex(), key.algorithm.title, "无效")
        return Signature(name, key.key_id.hex(), key.algorithm.title, "有效")
    return Signature(name, blob[:4].hex(), "—", "未知密钥")


def seen_by(size: int) -> list[dict[str, Any]]:
    """Return who outside the house saw the checkpoint of a size: witnesses, time stamps, anchors.

    Each row is ``kind``, ``name``, ``at`` and ``state`` in words for a page.
    """
    cosigned = [("见证", each.witness, each.at, each.title) for each in witnessed(size)]
    stamps = [("时间戳", each.tsa, each.at, "RFC 3161") for each in stamped(size)]
    chained = [
        ("锚定", each.source, each.at, each.receipt_sha256.hex()[:16]) for each in anchored(size)
    ]
    names = ("kind", "name", "at", "state")
    return [dict(zip(names, each, strict=True)) for each in (*cosigned, *stamps, *chained)]


def show(index: int) -> Shown | None:
    """Return one entry with its proof, checked just now; None when there is no such entry."""
    proven = proof(index)
    if proven is None:
        return None
    entry = json.loads(proven.entry)
    catch_up(DRAWN_AT_ONCE)
    words = words_of(entry)
    followers = places_of(f"ref:{entry['id']}", RELATED)
    related = sorted({n for each in words[:2] for n in places_near(f"ref:{each}", index, 3)})
    links = [entry_index(each) for each in linked_ids(entry)[:RELATED]]
    note = proven.checkpoint.note if proven.checkpoint else ""
    return Shown(
        proof=proven,
        entry=entry,
        text=json.dumps(entry, ensure_ascii=False, indent=2),
        story=tell(entry),
        health=_entry_health(proven),
        signatures=signatures(note),
        links=at_places(each for each in links if each is not None),
        followers=at_places(each for each in followers if each != index),
        objects=words[:RELATED],
        related=at_places(related),
    )


def _proves(proven: Proof, root: bytes) -> bool:
    try:
        verify_inclusion(proven.index, proven.size, proven.leaf_hash, proven.hashes, root)
    except ProofError:
        return False
    return leaf_hash(proven.entry) == proven.leaf_hash


def _entry_health(proven: Proof) -> Health:
    checkpoint = proven.checkpoint
    if checkpoint is None or not _proves(proven, checkpoint.root):
        return Health(False, "核验未通过：本条内容与已签名的日志不一致，请联系数据局。")
    fault = checkpoint_fault(checkpoint.note)
    if fault:
        return Health(False, f"核验未通过：{fault}")
    return Health(
        True,
        f"核验通过：本条是已签名日志（共 {proven.size} 条）中的第 {proven.index} 条，未被改动。",
    )
