"""One walk over the entries of an exported log: trees, roots, form, and the books.

The walk knows the checkpoints before it starts. It extends one tree per hash suite, compares the
root at the size of every checkpoint, reads every entry strictly, and books the journals between
two checkpoints in the order of their ``seq``: the log is cut only where the books are closed
(decision 0012), so nothing that comes later can belong before.

Memory: one block of entries, the journals between two checkpoints (at most ``WINDOW_BYTES`` of
entries), 40 bytes per checkpoint, 16 bytes per entry and transfer, and the accounts.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.entries import JOURNAL_TYPE, Malformed, decode
from ledger.journal_bytes import QuickReader
from ledger.merkle import HASH_BYTES
from ledger.replay import Ids, Replay, ReplayError, Stated, id_text, is_moment, moment
from ledger.schemas import ENVELOPE, PUBLISH_TYPE, SchemaBook
from ledger.signing import TreeHead
from ledger.suites import SHA256, Suite

#: Most bytes of journals that may lie between two checkpoints.
WINDOW_BYTES = 256 * 1_024 * 1_024
MOST_ENVELOPES = 10_000
MOST_SIGNERS = 1_000
ABOUT_KEYS = "key."
MOST_ABOUT_KEYS = 10_000
_RUN = 256
_RUN_LEVEL = 8


class NotOk(ValueError):  # noqa: N818 - the answer of the verifier, in its own words
    """The file does not hold, and where."""


@dataclass
class GrowingTree:
    """The roots of the perfect subtrees of a tree that grows leaf by leaf."""

    suite: Suite = SHA256
    size: int = 0
    _edge: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self._push(leaf, 0)

    def _push(self, root: bytes, level: int) -> None:
        """Add a perfect subtree of 2**level leaves; the size is a multiple of that."""
        self._edge.append(root)
        size, node = self.size >> level, self.suite.node
        while size & 1:
            right = self._edge.pop()
            self._edge[-1] = node(self._edge[-1], right)
            size >>= 1
        self.size += 1 << level

    def extend(self, leaves: list[bytes]) -> None:
        """Add leaf hashes, whole runs of 256 at once where they fit."""
        digest, place = self.suite.digest, 0
        while place < len(leaves):
            if self.size % _RUN or len(leaves) - place < _RUN:
                self._push(leaves[place], 0)
                place += 1
                continue
            row = leaves[place : place + _RUN]
            while len(row) > 1:
                pairs = zip(row[::2], row[1::2], strict=True)
                row = [digest(b"\x01" + left + right) for left, right in pairs]
            self._push(row[0], _RUN_LEVEL)
            place += _RUN

    def root(self) -> bytes:
        """Return the root over all leaves so far (at least one)."""
        root = self._edge[-1]
        for each in reversed(self._edge[:-1]):
            root = self.suite.node(each, root)
        return root


class Heads:
    """What was signed of one tree: rising sizes with their roots, 40 bytes each."""

    def __init__(self, suite: Suite, origin: str) -> None:
        self.suite = suite
        self.origin = suite.origin(origin)
        self._sizes = array("Q")
        self._roots = bytearray()
        self._signers: dict[frozenset[str], int] = {}
        self._signed = array("H")

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._sizes)

    def add(self, head: TreeHead, signers: frozenset[str] = frozenset()) -> None:
        """Take the next signed head with the keys (as text) that signed it.

        Raises:
            NotOk: another log, a size that does not rise, or no end of different signers.
        """
        if head.origin != self.origin:
            raise NotOk("检查点属于另一份日志。")
        if head.size < 1 or (self._sizes and head.size <= self._sizes[-1]):
            raise NotOk("检查点的大小没有逐个增大。")
        if signers not in self._signers and len(self._signers) >= MOST_SIGNERS:
            raise NotOk("检查点的签名组合过多。")
        self._signed.append(self._signers.setdefault(signers, len(self._signers)))
        self._sizes.append(head.size)
        self._roots += head.root

    @property
    def signed(self) -> set[str]:
        """Return the keys that signed at least one of them."""
        return {key for each in self._signers for key in each}

    def last_signers(self) -> frozenset[str]:
        """Return the keys that signed the newest head."""
        return list(self._signers)[self._signed[-1]] if self._signed else frozenset()

    def signings(self) -> Iterator[tuple[int, frozenset[str]]]:
        """Yield every size with the keys that signed it."""
        known = list(self._signers)
        for size, number in zip(self._sizes, self._signed, strict=True):
            yield size, known[number]

    def size(self, place: int) -> int:
        """Return the size of the head at a place; 0 behind the last."""
        return self._sizes[place] if place < len(self._sizes) else 0

    def root(self, place: int) -> bytes:
        """Return the root of the head at a place."""
        return bytes(self._roots[place * HASH_BYTES : (place + 1) * HASH_BYTES])

    def last(self) -> TreeHead | None:
        """Return the newest head."""
        place = len(self) - 1
        return TreeHead(self.origin, self.size(place), self.root(place)) if len(self) else None


class _Line:
    """One tree of the log on its way from head to head."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads
        self.tree = GrowingTree(heads.suite)
        self.place = 0
        self.sound = 0

    def due(self) -> int:
        """Return the size of the next head, 0 when there is none."""
        return self.heads.size(self.place)

    def extend(self, leaves: list[bytes]) -> None:
        self.tree.extend(leaves)
        if self.tree.size != self.due():
            return
        if self.tree.root() != self.heads.root(self.place):
            last = self.tree.size - 1
            name = self.heads.suite.name
            raise NotOk(
                f"第 {self.sound} 至 {last} 条之间有条目被改动：树根与检查点不一致（{name}）。"
            )
        self.sound = self.tree.size
        self.place += 1


@dataclass
class Watch:
    """What the walk is asked to look out for on its way.

    Args:
        kinds: entry types, journals apart, whose entries are handed on.
        told: called with the type and the body of each of these.
        contains: a size and root that this log must have passed through.
    """

    kinds: frozenset[str] = frozenset()
    told: Callable[[str, dict[str, Any]], None] = lambda _kind, _body: None
    contains: TreeHead | None = None


class Walk:
    """Takes the blocks of entries of one log, in order.

    Args:
        origin: name of the log.
        heads: what was signed, one per tree; the first is the SHA-256 tree.
        schemas: what each entry type holds.
    """

    def __init__(
        self, origin: str, heads: list[Heads], schemas: SchemaBook, watch: Watch | None = None
    ) -> None:
        self.origin = origin
        self.books = Replay()
        self.schemas = schemas
        #: Entries about keys, whole, with their index.
        self.about_keys: list[tuple[int, dict[str, Any]]] = []
        self.backwards = 0
        self._watch = watch or Watch()
        self._lines = [_Line(each) for each in heads]
        self._quick = QuickReader(origin, self.books)
        self._ids = Ids()
        self._window: list[Stated] = []
        self._window_bytes = 0
        self._latest = b""
        self._envelopes: set[tuple[Any, ...]] = set()
        self.size = 0
        self._look_at_schemas()

    def take(self, leaves: list[bytes], entries: list[bytes]) -> None:
        """Take the next entries with their SHA-256 leaf hashes.

        Raises:
            NotOk: something does not hold.
        """
        begin = 0
        while begin < len(entries):
            end = self._next_cut(begin, len(entries))
            first, *others = self._lines
            first.extend(leaves[begin:end])
            for each in others:
                each.extend([each.heads.suite.leaf(entry) for entry in entries[begin:end]])
            self._read(entries[begin:end])
            self.size += end - begin
            if self.size == first.sound:
                self._book_window()
            self._check_contained()
            begin = end

    def _next_cut(self, begin: int, end: int) -> int:
        wanted = self._watch.contains.size if self._watch.contains else 0
        sizes = [each.due() for each in self._lines] + [wanted]
        return min([begin + each - self.size for each in sizes if each > self.size] + [end])

    def _check_contained(self) -> None:
        wanted = self._watch.contains
        if wanted is None or (self.size, self.origin) != (wanted.size, wanted.origin):
            return
        if self._lines[0].tree.root() != wanted.root:
            raise NotOk(
                f"前 {wanted.size} 条与先前的文件不同：两份文件都经签名而内容相互矛盾，"
                "请保存两份文件作为证据。"
            )

    def _read(self, entries: Iterable[bytes]) -> None:
        ids = self._ids
        for index, raw in enumerate(entries, start=self.size):
            read = self._quick.read(raw) if self._quick_journals else None
            if read is None:
                stated = self._read_other(index, raw)
                if stated is None:
                    continue
            else:
                known, stated = read
                ids.add(known)
            stated.index = index
            self._window.append(stated)
            self._window_bytes += len(raw)
        if self._window_bytes > WINDOW_BYTES:
            raise NotOk("两个检查点之间的凭证过多，不能在有限的内存中重算。")

    def _read_other(self, index: int, raw: bytes) -> Stated | None:
        """Check what is no plain journal; return its journal if it is one after all."""
        read = self._quick.event(raw) if self._quick_events else None
        if read is not None and not read[1].startswith(ABOUT_KEYS):
            known, kind, body = read
            self._ids.add(known)
            self.schemas.take(index, kind, body)
        else:
            entry = self._decoded(index, raw)
            self._check_envelope(index, entry)
            kind, body = entry["type"], entry["body"]
            self.schemas.take(index, kind, body)
            if kind == JOURNAL_TYPE:
                return self._journal(index, entry)
            if kind.startswith(ABOUT_KEYS):
                self.about_keys.append((index, entry))
                if len(self.about_keys) > MOST_ABOUT_KEYS:
                    raise NotOk("关于密钥的条目过多。")
        if kind in self._watch.kinds:
            self._watch.told(kind, body)
        if kind == PUBLISH_TYPE:
            self._publish(index, body)
        return None

    def _publish(self, index: int, body: dict[str, Any]) -> None:
        if not all(isinstance(body.get(each), str) for each in ("type", "version", "digest")):
            raise NotOk(f"第 {index} 条公布的格式不成形。")
        self.schemas.publish(body)
        self._envelopes.clear()
        self._look_at_schemas()

    def _look_at_schemas(self) -> None:
        """The quick patterns stand for the schemas of this program and for no others."""
        self._quick_events = self.schemas.is_house(ENVELOPE)
        self._quick_journals = self._quick_events and self.schemas.is_house(JOURNAL_TYPE)

    def _check_envelope(self, index: int, entry: dict[str, Any]) -> None:
        """Check what stands around a body; of plain ones each kind of actor and type once.

        The id, the log and the version have been checked before, the moment is checked here.
        """
        actor, plain = entry["actor"], False
        shape: tuple[Any, ...] = ()
        if type(actor) is dict and (entry["auth"], entry["links"], entry["pii"]) == (None, [], {}):
            shape = (entry["type"], *actor, *actor.values())
            plain = all(type(each) is str for each in shape) and is_moment(entry["at"])
        if plain and shape in self._envelopes:
            return
        self.schemas.take(index, ENVELOPE, entry)
        if plain and len(self._envelopes) < MOST_ENVELOPES:
            self._envelopes.add(shape)

    def _decoded(self, index: int, raw: bytes) -> dict[str, Any]:
        try:
            entry = decode(raw)
        except Malformed as error:
            raise NotOk(f"第 {index} 条不是规范的日志条目：{error}") from error
        if not isinstance(entry["body"], dict) or not isinstance(entry["type"], str):
            raise NotOk(f"第 {index} 条的内容不成形，或不属于这份日志。")
        if entry["log"] != self.origin or entry["v"] != "1":
            raise NotOk(f"第 {index} 条不属于这份日志。")
        try:
            self._ids.add(id_text(entry["id"]))
        except ReplayError as error:
            raise NotOk(f"第 {index} 条的编号不成形。") from error
        return entry

    def _journal(self, index: int, entry: dict[str, Any]) -> Stated:
        if entry["body"].get("journal") != entry["id"]:
            raise NotOk(f"第 {index} 条的凭证编号与条目编号不一致。")
        try:
            return self.books.read(entry["body"], moment(entry["at"]))
        except ReplayError as error:
            raise NotOk(f"第 {index} 条凭证不能成立：{error}") from error

    def _book_window(self) -> None:
        """Book the journals since the last checkpoint in the order of booking."""
        self._window.sort(key=lambda each: each.seq)
        for stated in self._window:
            try:
                self.books.apply(stated)
            except ReplayError as error:
                raise NotOk(f"第 {stated.index} 条凭证不能成立：{error}") from error
            if stated.recorded_at < self._latest:
                self.backwards += 1
            else:
                self._latest = stated.recorded_at
        self._window.clear()
        self._window_bytes = 0

    def finish(self) -> None:
        """Judge what can be judged only at the end.

        Raises:
            NotOk: a checkpoint is left over, or an id came twice.
        """
        for each in self._lines:
            if each.due():
                raise NotOk(f"检查点的大小 {each.due()} 超过日志的条目数 {self.size}。")
        if twice := self._ids.twice():
            raise NotOk(f"条目编号 {twice} 出现两次。")
        try:
            self.books.finish()
        except ReplayError as error:
            raise NotOk(f"凭证不能成立：{error}") from error
