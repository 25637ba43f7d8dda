"""Checks on the way from a fen to the bytes: each recomputed now, none copied from a row.

An entry of the log counts when it is the one that was hashed, lies under the signed root, and
says the same as the row that points to it.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger import audit
from ledger.exploring import Search, checkpoint_fault, lines
from ledger.merkle import ProofError, leaf_hash, verify_inclusion
from providers.rechecking import Checked

#: How many entries one trace proves; each costs a handful of queries.
MOST_PROVEN = 40

Says = Callable[[dict[str, Any]], str]


def good(title: str, text: str) -> Checked:
    """Return a check that came out well."""
    return Checked(title, "good", text)


def bad(title: str, text: str) -> Checked:
    """Return a check that names where the chain breaks."""
    return Checked(title, "bad", text)


def unsaid(title: str, text: str) -> Checked:
    """Return a check that cannot be made, and why."""
    return Checked(title, "open", text)


def same(title: str, stored: object, computed: object) -> Checked:
    """Return whether what is stored is what comes out when it is computed again."""
    if stored == computed:
        return good(title, f"{_shown(computed)}，重算一致。")
    return bad(title, f"登记为 {_shown(stored)}，重算为 {_shown(computed)}，不一致。")


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Logged:
    """An entry of the log as found: its place, and whether it holds and says the same."""

    index: int | None
    check: Checked


class Proofs:
    """Entries of the log with their proofs; every checkpoint is checked once, entries are few."""

    def __init__(self, most: int = MOST_PROVEN) -> None:
        self._left = most
        self._notes: dict[str, str] = {}

    def entry(self, title: str, entry_id: UUID | None, says: Says) -> Logged:
        """Prove one entry by its id, and hold its body against the row that points to it.

        Args:
            says: given the body, returns what differs in a sentence, or nothing.
        """
        if entry_id is None:
            return Logged(None, unsaid(title, "没有对应的日志条目。"))
        index = audit.entry_index(entry_id)
        if index is None:
            return Logged(None, unsaid(title, "条目已写入，尚未封存进日志树，请稍后再核。"))
        return self.at(title, index, says)

    def about(self, title: str, kind: str, thing: UUID, says: Says) -> Logged:
        """Prove the newest entry of a type that names a thing."""
        found = lines(Search(reference=f"ref:{thing}", kind=kind))
        if not found:
            return Logged(None, unsaid(title, "日志中还没有找到这一条。"))
        return self.at(title, found[0].index, says)

    def at(self, title: str, index: int, says: Says) -> Logged:
        """Prove the entry at a place."""
        if self._left <= 0:
            return Logged(index, unsaid(title, "本页核验的条目已达上限，请打开该条目单独核验。"))
        self._left -= 1
        proven = audit.proof(index)
        if proven is None or proven.checkpoint is None:
            return Logged(index, unsaid(title, "最新检查点还没有覆盖这一条。"))
        checkpoint = proven.checkpoint
        leaf = leaf_hash(proven.entry)
        try:
            verify_inclusion(index, proven.size, leaf, proven.hashes, checkpoint.root)
        except ProofError:
            return Logged(index, bad(title, f"第 {index} 条的内容与已签名的日志不一致。"))
        fault = self._notes.get(checkpoint.note)
        if fault is None:
            fault = self._notes[checkpoint.note] = checkpoint_fault(checkpoint.note)
        differs = fault or says(json.loads(proven.entry)["body"])
        if differs:
            return Logged(index, bad(title, differs))
        return Logged(index, good(title, f"第 {index} 条，在共 {proven.size} 条的已签名日志中。"))


def says_the_same(pairs: Iterable[tuple[str, object]]) -> Says:
    """Return a comparison of named values of a body with those of a row."""
    wanted = [(name, str(value)) for name, value in pairs]

    def differs(body: dict[str, Any]) -> str:
        for name, value in wanted:
            if str(body.get(name)) != value:
                return f"日志记载的 {name} 是 {body.get(name)}，数据库登记为 {value}。"
        return ""

    return differs


def says_amount(code: int, amount_fen: int) -> Says:
    """Return a comparison of what a journal moved under one code with an amount in fen."""

    def differs(body: dict[str, Any]) -> str:
        moved = sum(int(each["amount"]) for each in body["transfers"] if each["code"] == str(code))
        if moved != amount_fen:
            return f"日志分录记载 {moved:,} 分，数据库登记为 {amount_fen:,} 分。"
        return ""

    return differs
