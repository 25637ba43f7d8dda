"""Check what others said about the log against the log: cosignatures, time stamps, receipts.

Each row is compared with the signed thing in it: the line of the witness, the token of the
authority, the entry that logged the receipt. A row that was changed is named.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings

from ledger import models
from ledger.cosigning import KINDS
from ledger.entries import Malformed, decode, moment_text
from ledger.invariants import Finding
from ledger.signing import KEY_ID_BYTES, NoteError, VerificationKey, second_of, split_note
from ledger.stamping import trusted_roots
from ledger.suites import SHA256, SM3
from ledger.tokens import NationalToken, Token, TokenError, digest_of, verify_token
from ledger.witnessing import setting


def attestation_findings() -> list[Finding]:
    """Return every row about the log that does not fit what was signed.

    A cosignature by a key that is no longer set up is compared with its own line only, and time
    stamps are checked as far as LOG_TSA_ROOTS is set.

    Raises:
        Broken: a setting cannot be read.
    """
    return [*_cosignatures(), *_time_stamps(), *_anchors()]


def _cosignatures() -> Iterator[Finding]:
    known = {(each.key.name, each.key.key_id): each.key for each in setting().witnesses}
    for row in models.Cosignature.objects.order_by("id").iterator():
        try:
            fault = _cosignature_fault(row, known)
        except NoteError as error:
            fault = str(error)
        if fault:
            yield Finding("cosignature", f"ledger_cosignature {row.pk}", fault)


def _cosignature_fault(
    row: models.Cosignature, known: dict[tuple[str, bytes], VerificationKey]
) -> str:
    checkpoint = models.Checkpoint.objects.of(SHA256).filter(size=row.size).first()
    if checkpoint is None:
        return "没有这个长度的检查点"
    text, _ = split_note(checkpoint.note)
    _, lines = split_note(f"{text}\n{row.line}")
    (name, blob) = lines[0]
    key_id, signature = blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:]
    stated = datetime.fromtimestamp(second_of(signature), UTC)
    if len(lines) != 1 or (name, key_id.hex(), stated) != (row.witness, row.key_id, row.at):
        return "名称、公钥标识或时间与签名行不一致"
    key = known.get((name, key_id))
    if key is None:
        return ""
    if row.algorithm != KINDS[key.algorithm]:
        return "算法与公钥不一致"
    key.check(text, signature)
    return ""


def _time_stamps() -> Iterator[Finding]:
    roots = trusted_roots() if settings.LOG_TSA_ROOTS else None
    for row in models.TimeStamp.objects.order_by("id").iterator():
        subject = f"ledger_timestamp {row.pk}"
        checkpoint = models.Checkpoint.objects.of(SHA256).filter(size=row.size).first()
        note = checkpoint.note.encode() if checkpoint else b""
        if checkpoint is None or bytes(row.digest) != digest_of(note):
            yield Finding("time_stamp", subject, "摘要与检查点不一致")
            continue
        if roots is None:
            continue
        told: Token | None
        try:
            told = verify_token(bytes(row.token), note, roots)
        except NationalToken:
            told = None  # an opaque file; its serial is the digest of the file
        except TokenError as error:
            yield Finding("time_stamp", subject, str(error))
            continue
        if not _fits(row, told):
            yield Finding("time_stamp", subject, "机构、序号或时间与时间戳不一致")


def _fits(row: models.TimeStamp, told: Token | None) -> bool:
    if told is None:
        return row.national and row.serial == digest_of(bytes(row.token)).hex()
    stated = (told.authority, told.serial, told.at, False)
    return stated == (row.tsa, row.serial, row.at, row.national)


def _anchors() -> Iterator[Finding]:
    for row in models.Anchor.objects.order_by("id").iterator():
        entry = models.LogEntry.objects.filter(id=row.entry_id, type="anchor.receipt").first()
        checkpoint = models.Checkpoint.objects.of(SHA256).filter(size=row.size).first()
        if entry is None or checkpoint is None:
            fault = "没有对应的日志条目或检查点"
        else:
            fault = _anchor_fault(row, bytes(entry.body), checkpoint)
        if fault:
            yield Finding("anchor", f"ledger_anchor {row.pk}", fault)


def _anchor_fault(row: models.Anchor, body: bytes, checkpoint: models.Checkpoint) -> str:
    note = checkpoint.note.encode()
    try:
        logged = decode(body)
    except Malformed as error:
        return str(error)
    stated = {
        "size": str(row.size),
        "root": bytes(row.root).hex(),
        "source": row.source,
        "sha256": bytes(row.sha256).hex(),
        "sm3": bytes(row.sm3).hex(),
        "receipt_sha256": bytes(row.receipt_sha256).hex(),
    }
    if stated != logged["body"] or moment_text(row.at) != logged["at"]:
        return "登记内容与日志条目不一致"
    counted = (hashlib.sha256(note).digest(), SM3.digest(note), bytes(checkpoint.root))
    if counted != (bytes(row.sha256), bytes(row.sm3), bytes(row.root)):
        return "摘要与检查点不一致"
    if hashlib.sha256(bytes(row.receipt)).digest() != bytes(row.receipt_sha256):
        return "凭证文件与其摘要不一致"
    return ""
