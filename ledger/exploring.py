"""Looking into the log: newest entries, one entry with its proof, and whether all is well."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models as orm

from ledger import models
from ledger.chart import POOLS, Code, TransferCode, Unit
from ledger.entries import JOURNAL_TYPE
from ledger.keys import key_history
from ledger.merkle import ProofError, leaf_hash, verify_inclusion
from ledger.sealing import Proof, entry_index, latest_checkpoint, proof
from ledger.signing import NoteError, TreeHead, VerificationKey, open_all, split_note
from ledger.trees import StoredTree

PAGE = 20


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
class Shown:
    """One entry with its proof, ready to be shown."""

    proof: Proof
    entry: dict[str, Any]
    text: str
    transfers: list[dict[str, Any]]
    health: Health


def verification_keys() -> list[VerificationKey]:
    """Return the keys that the log itself introduced, oldest first."""
    return [each.key for each in key_history().spans]


def lines(*, kind: str = "", before: int | None = None) -> list[Line]:
    """Return sealed entries, newest first, at most ``PAGE``.

    Args:
        kind: only this type of entry; a prefix such as ``ledger`` will do.
        before: only entries with a smaller index.
    """
    leaves = models.LogLeaf.objects.select_related("entry").order_by("-index")
    if before is not None:
        leaves = leaves.filter(index__lt=before)
    if kind:
        leaves = leaves.filter(orm.Q(entry__type=kind) | orm.Q(entry__type__startswith=f"{kind}."))
    return [_line(each) for each in leaves[:PAGE]]


def _line(leaf: models.LogLeaf) -> Line:
    body = bytes(leaf.entry.body)
    kind = ""
    if leaf.entry.type == JOURNAL_TYPE:
        kind = str(json.loads(body)["body"].get("kind", ""))
    return Line(
        index=leaf.index,
        id=leaf.entry.id,
        type=leaf.entry.type,
        at=leaf.entry.at,
        hash_hex=bytes(leaf.hash).hex(),
        kind=kind,
        sound=leaf_hash(body) == bytes(leaf.hash),
    )


def types() -> list[str]:
    """Return the types of entries that occur."""
    events = models.LogEntry.objects.exclude(type=JOURNAL_TYPE)
    names = set(events.order_by().values_list("type", flat=True).distinct())
    return sorted({*names, JOURNAL_TYPE} if models.Journal.objects.exists() else names)


def find(words: str) -> int | None:
    """Return the index of the entry that somebody looks for by index or id."""
    text = words.strip()
    if text.isascii() and text.isdigit() and len(text) < len(str(2**63)):
        index = int(text)
        return index if models.LogLeaf.objects.filter(index=index).exists() else None
    try:
        return entry_index(UUID(text))
    except ValueError:
        return None


def health(shown: list[Line]) -> Health:
    """Check the newest checkpoint: its signature, its root over the leaves, the lines shown."""
    checkpoint = latest_checkpoint()
    if checkpoint is None:
        return Health(True, "日志刚刚启用，尚未签发第一个检查点。")
    fault = _checkpoint_fault(checkpoint.note)
    if fault:
        return Health(False, f"核验未通过：{fault}请联系数据局，并保留本页截图。")
    wrong = [str(each.index) for each in shown if not each.sound]
    if wrong:
        return Health(False, f"核验未通过：第 {'、'.join(wrong)} 条的内容与已封存的摘要不一致。")
    return Health(
        True,
        f"核验通过：最新检查点签名有效，由全部 {checkpoint.size} 条叶子重算的树根与之一致，"
        "本页所列条目的内容与其摘要一致。",
    )


def _checkpoint_fault(note: str) -> str:
    try:
        text, _ = split_note(note)
        head = TreeHead.parse(text)
        open_all(note, key_history().active(head.size))
    except NoteError:
        return "检查点的签名无效。"
    if StoredTree().root(head.size) != head.root:
        return "由现存叶子重算的树根与已签名的树根不一致。"
    return ""


def show(index: int) -> Shown | None:
    """Return one entry with its proof, checked just now; None when there is no such entry."""
    proven = proof(index)
    if proven is None:
        return None
    entry = json.loads(proven.entry)
    return Shown(
        proof=proven,
        entry=entry,
        text=json.dumps(entry, ensure_ascii=False, indent=2),
        transfers=_transfers(entry) if entry.get("type") == JOURNAL_TYPE else [],
        health=_entry_health(proven),
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
    fault = _checkpoint_fault(checkpoint.note)
    if fault:
        return Health(False, f"核验未通过：{fault}")
    return Health(
        True,
        f"核验通过：本条是已签名日志（共 {proven.size} 条）中的第 {proven.index} 条，未被改动。",
    )


_CODES = {
    TransferCode.GRANT: "预算下达",
    TransferCode.RETURN: "预算退回",
    TransferCode.ISSUE: "发放算力券",
    TransferCode.REVOKE: "收回未用",
    TransferCode.RESERVE: "冻结",
    TransferCode.POST_RESERVED: "核销（从冻结）",
    TransferCode.VOID_RESERVED: "释放冻结",
    TransferCode.EXPIRE_RESERVED: "冻结到期",
    TransferCode.REDEEM: "核销",
    TransferCode.SETTLE: "列入结算单",
    TransferCode.DISPUTE: "异议暂扣",
    TransferCode.UNDISPUTE: "解除暂扣",
    TransferCode.PAY: "付款",
    TransferCode.BOUNCE: "付款退回",
    TransferCode.LAPSE: "失效",
    TransferCode.REBUDGET_LAPSED: "失效额度收回",
    TransferCode.METER: "用量上报",
    TransferCode.MATCH_VOUCHER: "用量匹配到券",
    TransferCode.MATCH_SELF: "用量自付",
    TransferCode.REJECT: "用量不予认可",
    TransferCode.OWN_SHARE: "企业自付",
    TransferCode.CORRECT: "更正",
}


def _transfers(entry: dict[str, Any]) -> list[dict[str, Any]]:
    shown = []
    for each in entry["body"]["transfers"]:
        code = TransferCode(int(each["code"]))
        shown.append(
            {
                "code": _CODES.get(code, f"追回（{int(code)}）"),
                "debit": _pool(each["debit"]),
                "credit": _pool(each["credit"]),
                "amount": int(each["amount"]),
                "money": each["unit"] != Unit.COMPUTE.value,
            }
        )
    return shown


def _pool(account: list[str]) -> dict[str, str]:
    return {"title": POOLS[Code(account[0])].title, "subject": account[2] or account[1]}
