"""Check the log in the house against its own rows, and name the row that does not fit.

Every entry is hashed again and compared with its leaf; the tree is built again and compared
with every checkpoint and every stored tile; every journal is written out again from its rows
and compared with the bytes of its entry. The invariants of the books are checked as well.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction

from ledger import models
from ledger.attested import attestation_findings
from ledger.entries import JOURNAL_TYPE, Malformed, decode, moment_text
from ledger.epochs import KeyHistory
from ledger.invariants import Finding, findings
from ledger.journal_bytes import QuickReader
from ledger.keys import key_history
from ledger.marks import Mark, read_mark
from ledger.merkle import MAX_SIZE, perfect_root
from ledger.receipts import promise_faults
from ledger.refusals import Broken
from ledger.replay import Replay
from ledger.rewriting import REPORT_EVERY, Progress, journal_findings, stream
from ledger.signing import NoteError, TreeHead, open_all
from ledger.suites import SHA256, SUITES, Suite
from ledger.tiles import HEIGHT, WIDTH
from ledger.walks import GrowingTree

_ENTRIES = """
SELECT e.seq, e.id, e.type, e.at, e.journal_seq, e.body, l.index, l.hash, l.sm3
FROM ledger_logentry e LEFT JOIN ledger_logleaf l ON l.entry_id = e.seq
ORDER BY l.index NULLS LAST, e.seq
"""


def inspect_log(progress: Progress | None = None) -> list[Finding]:
    """Return everything in log and books that does not fit together."""
    report = progress or (lambda _done, _total: None)
    total = models.LogEntry.objects.count() + models.Journal.objects.count()
    with transaction.atomic():
        found = findings() + promise_faults()
        found += _Inspection(report, total).entries()
        found += journal_findings(report, total)
        found += attestation_findings()
    return found


class _Inspection:
    """One walk over all entries in the order of the log, building every tree again."""

    def __init__(self, report: Progress, total: int) -> None:
        self.report = report
        self.total = total
        self.keys = key_history()
        self.trees = [_TreeInspection(each, self.keys) for each in SUITES.values()]
        self.quick = QuickReader(settings.LOG_ORIGIN, Replay())

    def entries(self) -> Iterator[Finding]:
        mark, fault = _mark()
        if fault:
            yield fault
        yield from _key_faults(self.keys)
        for done, row in enumerate(stream("inspect_entries", _ENTRIES)):
            if done % REPORT_EVERY == 0:
                self.report(done, self.total)
            yield from self._entry(row)
            if row[6] is not None:
                index, body, *stored = row[6], bytes(row[5]), row[7], row[8]
                for tree, hashed in zip(self.trees, stored, strict=True):
                    yield from tree.leaf(index, body, hashed)
            for tree in self.trees:
                tree.remember(mark)
        for tree in self.trees:
            yield from tree.left_over(mark)
        yield from _of_no_tree()

    def _entry(self, row: tuple[Any, ...]) -> Iterator[Finding]:
        if row[2] != JOURNAL_TYPE or not self._fits(row):
            yield from _entry_faults(row)

    def _fits(self, row: tuple[Any, ...]) -> bool:
        """Say at speed whether the columns of a journal's entry are those of its bytes."""
        read = self.quick.read(bytes(row[5]))
        if read is None:
            return False
        known, stated = read
        told = (known, stated.recorded_at, stated.seq)
        return told == (str(row[1]).encode(), moment_text(row[3]).encode(), row[4])


class _TreeInspection:
    """One tree as it grows again from the entries, against what is stored of it."""

    def __init__(self, suite: Suite, keys: KeyHistory) -> None:
        self.suite = suite
        self.tree = GrowingTree(suite)
        self.block: list[bytes] = []
        self.tiles = {
            (each.level, each.number): (bytes(each.hashes), bytes(each.root))
            for each in models.LogTile.objects.filter(suite=suite.name).iterator()
        }
        self.keys = keys
        heads = models.Checkpoint.objects.of(suite).order_by("size")
        self.heads = {each.size: each for each in heads}
        self.newest = max(self.heads, default=0)
        # A second tree may have begun late; the first always covers all leaves.
        self.built = self.newest if suite != SHA256 else MAX_SIZE
        self.marked_root = b""
        self.roots: dict[int, list[bytes]] = {}

    def remember(self, mark: Mark | None) -> None:
        if mark and self.tree.size == mark.peak(self.suite).size and not self.marked_root:
            self.marked_root = self.tree.root() if self.tree.size else b""

    def left_over(self, mark: Mark | None) -> Iterator[Finding]:
        if mark and self.marked_root != mark.peak(self.suite).root:
            size = mark.peak(self.suite).size
            yield Finding("mark", "seal.mark", f"大小 {size} 的树根与封存标记不一致")
        if mark and self.newest < mark.peak(self.suite).size:
            yield Finding("mark", "seal.mark", f"{self.suite.name} 的最新检查点缺失")
        for size in self.heads:
            yield Finding(
                "checkpoint",
                f"ledger_checkpoint {self.suite.name} {size}",
                "签发的大小超过现存条目",
            )
        for level, number in self.tiles:
            yield Finding("tile", self._place(level, number), "现存条目还不足以填满")

    def _place(self, level: int, number: int) -> str:
        return f"ledger_logtile {self.suite.name} {level}/{number}"

    def leaf(self, index: int, body: bytes, stored: bytes | None) -> Iterator[Finding]:
        leaf = self.suite.leaf(body)
        if stored is None and self.suite != SHA256:
            stored = leaf
        if leaf != stored:
            yield Finding("leaf", f"ledger_logleaf {index}", "条目内容与叶子摘要不一致")
        if index != self.tree.size:
            yield Finding("leaf", f"ledger_logleaf {index}", f"应为第 {self.tree.size} 条")
        self.tree.append(leaf)
        self.block.append(leaf)
        if len(self.block) == WIDTH:
            yield from self._tile(0, index // WIDTH, self.block)
            self.block = []
        head = self.heads.pop(self.tree.size, None)
        if head:
            yield from self._checkpoint(head)

    def _tile(self, level: int, number: int, hashes: list[bytes]) -> Iterator[Finding]:
        root = perfect_root(hashes, self.suite)
        stored = self.tiles.pop((level, number), None)
        due = (number + 1) << HEIGHT * (level + 1) <= self.built
        if (due or stored) and stored != (b"".join(hashes), root):
            yield Finding("tile", self._place(level, number), "瓦片缺失或与重算不一致")
        above = self.roots.setdefault(level + 1, [])
        above.append(root)
        if len(above) == WIDTH:
            self.roots[level + 1] = []
            yield from self._tile(level + 1, number // WIDTH, above)

    def _checkpoint(self, head: models.Checkpoint) -> Iterator[Finding]:
        subject = f"ledger_checkpoint {self.suite.name} {head.size}"
        stated = TreeHead(self.suite.origin(settings.LOG_ORIGIN), head.size, bytes(head.root))
        keys = self.keys.active(head.size, self.suite.name)
        if stated.root != self.tree.root():
            yield Finding("checkpoint", subject, "树根与重算不一致")
        try:
            if open_all(head.note, keys, strict=True) != stated.text:
                yield Finding("checkpoint", subject, "签名文本与本行不一致")
        except NoteError as error:
            yield Finding("checkpoint", subject, f"签名无效，或不是当时生效的密钥：{error}")
        if keys and head.key_id != keys[0].key_id.hex():
            yield Finding("checkpoint", f"{subject}.key_id", "与第一行签名的密钥不一致")


def _key_faults(keys: KeyHistory) -> Iterator[Finding]:
    for each in keys.faults:
        yield Finding("key", f"ledger_logleaf {each.index}", each.sentence)


def _of_no_tree() -> Iterator[Finding]:
    """Name rows that say they belong to a tree nobody knows."""
    for head in models.Checkpoint.objects.exclude(suite__in=SUITES):
        yield Finding("checkpoint", f"ledger_checkpoint {head}", "没有这一棵树")
    for tile in models.LogTile.objects.exclude(suite__in=SUITES):
        yield Finding("tile", f"ledger_logtile {tile}", "没有这一棵树")


def _mark() -> tuple[Mark | None, Finding | None]:
    try:
        return read_mark(), None
    except Broken as error:
        return None, Finding("mark", "seal.mark", str(error))


def _entry_faults(row: tuple[Any, ...]) -> Iterator[Finding]:
    seq, entry_id, kind, at, journal_seq, body = row[:6]
    subject = f"ledger_logentry {seq}"
    try:
        entry = decode(bytes(body))
    except Malformed as error:
        yield Finding("entry", subject, f"不是规范的日志条目：{error}")
        return
    columns = {
        "id": (str(entry_id), entry["id"]),
        "type": (kind, entry["type"]),
        "at": (moment_text(at), entry["at"]),
        "log": (settings.LOG_ORIGIN, entry["log"]),
    }
    if kind == JOURNAL_TYPE:
        columns["journal_seq"] = (str(journal_seq), entry["body"].get("seq"))
    for name, (stored, stated) in columns.items():
        if stored != stated:
            yield Finding("entry", f"{subject}.{name}", f"行内为 {stored}，条目为 {stated}")
