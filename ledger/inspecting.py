"""Check the log in the house against its own rows, and name the row that does not fit.

Every entry is hashed again and compared with its leaf; the tree is built again and compared
with every checkpoint and every stored tile; every journal is written out again from its rows
and compared with the bytes of its entry. The invariants of the books are checked as well.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, transaction

from ledger import models
from ledger.entries import JOURNAL_TYPE, Malformed, canonical, decode, moment_text
from ledger.exploring import verification_keys
from ledger.invariants import Finding, findings
from ledger.marks import Mark, read_mark
from ledger.merkle import leaf_hash, perfect_root
from ledger.receipts import promise_faults
from ledger.refusals import Broken
from ledger.signing import NoteError, TreeHead, VerificationKey, open_note
from ledger.tiles import WIDTH
from ledger.verifying import GrowingTree

Progress = Callable[[int, int], None]
_AT_ONCE = 2_000
_REPORT_EVERY = 20_000

_ENTRIES = """
SELECT e.seq, e.id, e.type, e.at, e.journal_seq, e.body, l.index, l.hash
FROM ledger_logentry e LEFT JOIN ledger_logleaf l ON l.entry_id = e.seq
ORDER BY l.index NULLS LAST, e.seq
"""
_JOURNALS = """
SELECT j.seq, j.id, j.kind, j.effective_at, j.recorded_at, j.actor::text, j.approvals::text,
    j.refs::text, j.request_hash, e.body,
    (SELECT coalesce(json_agg(json_build_array(t.id, t.ordinal, t.code, t.phase,
            d.unit, d.code, d.programme, d.subject, c.code, c.programme, c.subject,
            t.amount::text, t.pending_id, to_char(t.expires_at AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), t.reason) ORDER BY t.ordinal), '[]')::text
        FROM ledger_transfer t
        LEFT JOIN ledger_account d ON d.id = t.debit_id
        LEFT JOIN ledger_account c ON c.id = t.credit_id
        WHERE t.journal_id = j.seq)
FROM ledger_journal j
LEFT JOIN ledger_logentry e ON e.id = j.id
ORDER BY j.seq
"""


def inspect_log(progress: Progress | None = None) -> list[Finding]:
    """Return everything in log and books that does not fit together."""
    report = progress or (lambda _done, _total: None)
    total = models.LogEntry.objects.count() + models.Journal.objects.count()
    with transaction.atomic():
        found = findings() + promise_faults()
        found += _Inspection(report, total).entries()
        found += _journals(report, total)
    return found


def _stream(name: str, sql: str) -> Iterator[tuple[Any, ...]]:
    with psycopg.ServerCursor(connection.connection, name) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(sql)
        yield from cursor


class _Inspection:
    """One walk over all entries in the order of the log."""

    def __init__(self, report: Progress, total: int) -> None:
        self.report = report
        self.total = total
        self.tree = GrowingTree()
        self.block: list[bytes] = []
        self.tiles = {
            (each.level, each.number): (bytes(each.hashes), bytes(each.root))
            for each in models.LogTile.objects.all().iterator()
        }
        self.keys = {each.key_id.hex(): each for each in _keys()}
        self.heads = {each.size: each for each in models.Checkpoint.objects.order_by("size")}
        self.marked_root = b""
        self.roots: dict[int, list[bytes]] = {}

    def entries(self) -> Iterator[Finding]:
        mark, fault = _mark()
        if fault:
            yield fault
        for done, row in enumerate(_stream("inspect_entries", _ENTRIES)):
            if done % _REPORT_EVERY == 0:
                self.report(done, self.total)
            yield from _entry_faults(row)
            if row[6] is not None:
                yield from self._leaf(row[6], bytes(row[5]), bytes(row[7]))
            if mark and self.tree.size == mark.size:
                self.marked_root = self.tree.root()
        if mark and self.marked_root != mark.root:
            yield Finding("mark", "seal.mark", f"大小 {mark.size} 的树根与封存标记不一致")
        yield from self._left_over()

    def _left_over(self) -> Iterator[Finding]:
        for size in self.heads:
            yield Finding("checkpoint", f"ledger_checkpoint {size}", "签发的大小超过现存条目")
        for level, number in self.tiles:
            yield Finding("tile", f"ledger_logtile {level}/{number}", "现存条目还不足以填满")

    def _leaf(self, index: int, body: bytes, stored: bytes) -> Iterator[Finding]:
        leaf = leaf_hash(body)
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
        root = perfect_root(hashes)
        stored = self.tiles.pop((level, number), None)
        if stored != (b"".join(hashes), root):
            yield Finding("tile", f"ledger_logtile {level}/{number}", "瓦片缺失或与重算不一致")
        above = self.roots.setdefault(level + 1, [])
        above.append(root)
        if len(above) == WIDTH:
            self.roots[level + 1] = []
            yield from self._tile(level + 1, number // WIDTH, above)

    def _checkpoint(self, head: models.Checkpoint) -> Iterator[Finding]:
        subject = f"ledger_checkpoint {head.size}"
        key = self.keys.get(head.key_id)
        stated = TreeHead(settings.LOG_ORIGIN, head.size, bytes(head.root))
        if stated.root != self.tree.root():
            yield Finding("checkpoint", subject, "树根与重算不一致")
        try:
            if key is None or open_note(head.note, key, alone=True) != stated.text:
                yield Finding("checkpoint", subject, "签名文本与本行不一致，或密钥未引入")
        except NoteError as error:
            yield Finding("checkpoint", subject, f"签名无效：{error}")


def _keys() -> list[VerificationKey]:
    try:
        return verification_keys()
    except (Malformed, NoteError, KeyError, TypeError):
        return []


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


def _journals(report: Progress, total: int) -> list[Finding]:
    found: list[Finding] = []
    counted = models.LogEntry.objects.count()
    for done, row in enumerate(_stream("inspect_journals", _JOURNALS)):
        if done % _REPORT_EVERY == 0:
            report(counted + done, total)
        found += _journal_faults(row)
    return found


def _journal_faults(row: tuple[Any, ...]) -> Iterator[Finding]:
    subject = f"ledger_journal {row[0]}"
    if row[9] is None:
        yield Finding("journal", subject, "没有对应的日志条目")
        return
    try:
        entry = decode(bytes(row[9]))
    except Malformed:
        return  # Told already with the entry itself.
    stated = entry["body"]
    stored = _journal_body(row)
    legs = stated.get("transfers")
    yield from _transfer_faults(
        row, stored.pop("transfers"), legs if isinstance(legs, list) else []
    )
    for name, value in stored.items():
        if stated.get(name) != value:
            yield Finding("journal", f"{subject}.{name}", f"与日志条目 {entry['id']} 不一致")
    if (moment_text(row[4]), json.loads(row[5])) != (entry["at"], entry["actor"]):
        yield Finding("journal", f"{subject}.recorded_at/actor", "与日志条目不一致")
    asked = {name: each for name, each in stated.items() if name != "seq"}
    if bytes(row[8]) != hashlib.sha256(canonical(asked)).digest():
        yield Finding("journal", f"{subject}.request_hash", "与日志条目不一致")


def _journal_body(row: tuple[Any, ...]) -> dict[str, Any]:
    seq, journal_id, kind, effective_at = row[:4]
    return {
        "seq": str(seq),
        "journal": str(journal_id),
        "kind": kind,
        "effective_at": moment_text(effective_at),
        "approvals": json.loads(row[6]),
        "refs": json.loads(row[7]),
        "transfers": json.loads(row[10]),
    }


def _transfer_faults(
    row: tuple[Any, ...], stored: list[list[Any]], stated: list[Any]
) -> Iterator[Finding]:
    if len(stored) != len(stated):
        yield Finding(
            "transfer",
            f"ledger_journal {row[0]}",
            f"有 {len(stored)} 笔分录，日志为 {len(stated)} 笔",
        )
    for place, (columns, leg) in enumerate(zip(stored, stated, strict=False)):
        expected = _leg(columns)
        subject = f"ledger_transfer {UUID(columns[0])}"
        wrong = [name for name in {*expected, *leg} if expected.get(name) != leg.get(name)]
        for name in sorted(wrong):
            yield Finding(
                "transfer",
                f"{subject}.{name}",
                f"行内为 {expected.get(name)}，日志为 {leg.get(name)}",
            )
        if columns[1] != place:
            yield Finding("transfer", f"{subject}.ordinal", f"应为 {place}")


def _leg(columns: list[Any]) -> dict[str, Any]:
    leg = {
        "id": columns[0],
        "code": str(columns[2]),
        "phase": columns[3],
        "unit": columns[4],
        "debit": columns[5:8],
        "credit": columns[8:11],
        "amount": columns[11],
        "pending_id": columns[12],
        "expires_at": columns[13],
        "reason": columns[14],
    }
    return {name: value for name, value in leg.items() if value}
