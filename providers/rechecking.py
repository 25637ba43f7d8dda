"""Check a batch again from what was kept: its bytes, its signature, its receipt.

A provider's engineer presses a button and sees that the evidence still holds, today.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from ledger.signing import VerificationKey, open_note
from providers.bodies import body_path
from providers.evidence import verify_again
from providers.models import UsageBatch
from providers.receipts import receipt_of


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
    return [_bytes(batch), _signature(batch), _receipt(batch, at)]


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
