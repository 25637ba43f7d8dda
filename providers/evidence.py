"""The evidence of a batch: its signature as it came, verified once more whenever asked.

Kept are both signature fields, every covered component with its value, and (while they last) the
bytes. The same fields stand in the signed log, so neither side can exchange them later.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from providers.bodies import body_path
from providers.key_forms import pinned
from providers.models import UsageBatch
from providers.signatures import SignatureRefused, check_again


@dataclass(frozen=True)
class Evidence:
    """What verifying a kept signature came to.

    Args:
        outcome: ``holds``, ``unsigned`` (test or console) or ``broken``.
        with_body: whether the bytes themselves were hashed, not only their kept digest.
    """

    outcome: str
    text: str
    created: datetime | None = None
    with_body: bool = False


def verify_again(batch: UsageBatch) -> Evidence:
    """Verify the signature of a batch from what is kept, by the key it was sent with.

    A key that was revoked since is still the one that signed.
    """
    if not batch.signature:
        return Evidence("unsigned", "未签名（测试密钥或网页上传）")
    if batch.key is None or not batch.key.public_key:
        return Evidence("broken", "没有可用的公钥")
    kept = body_path(batch.body_sha256)
    hashes = _hashes(kept) if kept.is_file() else None
    key = pinned(batch.key.key_id, batch.key.algorithm, batch.key.public_key)
    try:
        said = check_again(
            batch.signed_components,
            batch.signature_input,
            batch.signature,
            key=key,
            body=hashes,
        )
    except SignatureRefused as refused:
        return Evidence("broken", f"签名不成立：{refused}")
    if hashes is not None and hashes["sha-256"].hexdigest() != batch.body_sha256:
        return Evidence("broken", "保存的正文与登记的摘要不符")
    if hashes is None and not _names(batch):
        return Evidence("broken", "签名覆盖的摘要与登记的摘要不符")
    text = "签名成立，正文一并核对" if hashes is not None else "签名成立，正文已不保存，核对了摘要"
    return Evidence("holds", text, said.created, hashes is not None)


def _hashes(path: Path) -> dict[str, Any]:
    """Hash kept bytes in the two ways a Content-Digest may name."""
    made = {}
    for name in ("sha-256", "sha-512"):
        with path.open("rb") as file:
            made[name] = hashlib.file_digest(file, name.replace("-", ""))
    return made


def _names(batch: UsageBatch) -> bool:
    """Say whether the signed Content-Digest names the digest that the batch is registered with."""
    digest = base64.b64encode(bytes.fromhex(batch.body_sha256)).decode()
    return f"sha-256=:{digest}:" in batch.signed_components.get('"content-digest"', "")
