"""Check a batch again from what was kept: its bytes, its signature, its receipt.

A provider's engineer presses a button and sees that the evidence still holds, today.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from django.conf import settings

from ledger.signing import VerificationKey, open_note
from providers.bodies import body_path
from providers.models import UploadAnswer, UsageBatch
from providers.receipts import receipt_of
from providers.signatures import SignatureRefused, SignedRequest, check_signature

_CREATED = re.compile(r";created=([0-9]{1,12})")
_PATH = "/api/v1/metering/batches"
#: What a signed request may have carried beside what is kept of it.
_QUERIES = ("?on_error={0}", "")
_CHARSETS = ("", "; charset=utf-8", ";charset=utf-8")


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
    path = body_path(batch.body_sha256)
    body = path.read_bytes() if path.is_file() else None
    return [_bytes(batch, body), _signature(batch, body), _receipt(batch, at)]


def _bytes(batch: UsageBatch, body: bytes | None) -> Checked:
    title = "正文摘要"
    if body is None:
        return Checked(title, "open", "原始正文没有留存或已过保存期；摘要仍在日志和回执中。")
    same = hashlib.sha256(body).hexdigest() == batch.body_sha256
    text = "留存的字节重新计算 SHA-256，与入账时" + ("一致。" if same else "不一致。")
    return Checked(title, "good" if same else "bad", text)


def _signature(batch: UsageBatch, body: bytes | None) -> Checked:
    title = "请求签名"
    if not batch.signature or batch.key is None or not batch.key.public_key:
        return Checked(title, "open", "这一批没有签名（网页上传或测试密钥）。")
    if body is None:
        return Checked(title, "open", "原始正文没有留存，不能重算签名；签名头仍原样保存。")
    claim = UploadAnswer.objects.filter(batch=batch).first()
    created = _CREATED.search(batch.signature_input)
    if claim is None or created is None:
        return Checked(title, "open", "缺少重建请求所需的内容；签名头仍原样保存。")
    now = datetime.fromtimestamp(int(created[1]), tz=UTC)
    for query, charset in product(_QUERIES, _CHARSETS):
        headers = {
            "Content-Type": batch.content_type + charset,
            "Content-Digest": f"sha-256=:{_digest(body)}:",
            "Idempotency-Key": str(claim.idempotency_key),
            "Signature-Input": batch.signature_input,
            "Signature": batch.signature,
        }
        url = settings.PUBLIC_ORIGIN + _PATH + query.format(batch.on_error)
        if _holds(SignedRequest("POST", url, headers), body, batch.key, now):
            return Checked(title, "good", f"用登记的公钥（{batch.key.key_id}）重新核验通过。")
    return Checked(title, "open", "请求带有没有留存的参数，不能逐字重建；签名头原样保存在下面。")


def _holds(request: SignedRequest, body: bytes, key: Any, now: datetime) -> bool:
    try:
        check_signature(request, body, key_id=key.key_id, public_key=key.public_key, now=now)
    except SignatureRefused:
        return False
    return True


def _digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


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
