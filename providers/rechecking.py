"""Check a batch or a record again from what was kept: bytes, signature, receipt, the row as sent.

A provider's engineer presses a button and sees that the evidence still holds, today.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from ledger.refusals import Refused
from ledger.signing import VerificationKey, open_note
from providers.batches import read_batch
from providers.bodies import body_path, kept_body
from providers.evidence import verify_again
from providers.measures import split_use
from providers.models import UsageBatch, UsageRecord
from providers.plain import unpacked
from providers.receipts import REVERSALS_FROM, receipt_of
from providers.records import Row
from providers.wire import BadBatch


@dataclass(frozen=True)
class Checked:
    """One check and how it came out: ``good``, ``bad`` or ``open`` when nothing can be said."""

    title: str
    outcome: str
    text: str

    @property
    def word(self) -> str:
        """Return the outcome in a word."""
        return {"good": "相符", "bad": "不符", "open": "无法复核"}[self.outcome]

    @property
    def colour(self) -> str:
        """Return the colour that goes with the word."""
        return {"good": "green", "bad": "red", "open": "grey"}[self.outcome]


def check_again(batch: UsageBatch, *, at: datetime) -> list[Checked]:
    """Return what still holds of a batch: kept bytes, request signature, signed receipt."""
    return [*check_kept(batch), _receipt(batch, at)]


def check_kept(batch: UsageBatch) -> list[Checked]:
    """Return what still holds of the evidence that needs no key of ours: bytes and signature."""
    return [_bytes(batch), _signature(batch)]


def _bytes(batch: UsageBatch) -> Checked:
    title, path = "正文摘要", body_path(batch.body_sha256)
    if not path.is_file():
        return Checked(title, "open", "原始正文没有留存或已过保存期；摘要仍在日志和回执中。")
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == batch.body_sha256
    text = "留存的字节重新计算 SHA-256，与入账时" + ("一致。" if same else "不一致。")
    return Checked(title, "good" if same else "bad", text)


def _signature(batch: UsageBatch) -> Checked:
    found = verify_again(batch)
    outcome = {"holds": "good", "unsigned": "open", "broken": "bad"}[found.outcome]
    return Checked("请求签名", outcome, f"{found.text}。")


def _receipt(batch: UsageBatch, at: datetime) -> Checked:
    title = "签名回执"
    if batch.status == UsageBatch.Status.PROCESSING:
        return Checked(title, "open", "批次还在处理。")
    receipt = receipt_of(batch, at=at)
    try:
        open_note(receipt["note"], VerificationKey.parse(receipt["vkey"]))
    except ValueError:
        return Checked(title, "bad", "回执的签名与日志公钥不符。")
    return Checked(title, "good", "回执用日志公钥核验通过；slq receipt verify 可离线再核。")


def check_record(parts: Sequence[UsageRecord]) -> list[Checked]:
    """Return whether a stored record still says what was sent, and whether its use adds up.

    Args:
        parts: all segments of one record, its reversals as well, with their batch.
    """
    return [_as_sent(parts[0]), _use(parts)]


def _as_sent(first: UsageRecord) -> Checked:
    title = "记录内容"
    row = _row_sent(first)
    if row is None:
        return Checked(title, "open", "原始正文没有留存、已过保存期或不能再读，不能逐行重读。")
    same = row.record_id == first.record_id and row.digest == bytes(first.content_digest)
    text = f"由正文第 {first.row_no:,} 行重新读出的内容摘要，与入账时一致。"
    if not same:
        text = f"由正文第 {first.row_no:,} 行重新读出的内容摘要，与入账时不一致。"
    return Checked(title, "good" if same else "bad", text)


def _row_sent(first: UsageRecord) -> Row | None:
    """Read the row a record came from once more; None when its bytes are gone or unreadable."""
    batch = first.batch
    if not body_path(batch.body_sha256).is_file():
        return None
    body = kept_body(batch.body_sha256)
    packing = (batch.content_type, batch.content_encoding)
    try:
        with body.open() as raw, unpacked(raw, *packing, body.folder) as (plain, kind):
            rows = read_batch(plain, kind, frozenset())
            found = next(islice(rows, first.row_no - 1, first.row_no), None)
    except (BadBatch, Refused, OSError, ValueError):
        return None
    return found if isinstance(found, Row) else None


def _use(parts: Sequence[UsageRecord]) -> Checked:
    """Recompute the use of every segment from the record's own times, each reversal from its twin.

    The whole is cut at month ends again, so a changed time shows as well as a changed sum.
    """
    title = "卡毫秒"
    own = [each for each in parts if each.segment < REVERSALS_FROM]
    first, last = own[0], own[-1]
    if last.ended_at is None:
        due = dict.fromkeys((each.segment for each in own), 0)
    else:
        whole = {"device_count": first.device_count, "share_milli": first.share_milli}
        cut = split_use(first.started_at, last.ended_at, **whole)
        due = {place: each.device_milli_seconds for place, each in enumerate(cut)}
    wrong = []
    for each in parts:
        twin = due.get(each.segment % REVERSALS_FROM, 0)
        wanted = -twin if each.segment >= REVERSALS_FROM else twin
        if wanted != each.device_milli_seconds:
            stored = f"{each.month} 第 {each.segment} 段登记 {each.device_milli_seconds:,}"
            wrong.append(f"{stored}，重算 {wanted:,}")
    if wrong:
        return Checked(title, "bad", "；".join(wrong) + "。")
    return Checked(title, "good", "由起止时间、数量和份额重新计算，各段一致。")
