"""Anchoring: hand checkpoints to another chain as files, and take its receipts back as files.

No interface of 浦江数链 is public, so none is invented here. What goes out is a folder that
explains itself; whoever has access puts the digests on the chain, and brings back what the chain
answers. That answer is kept as it is, known by its digest, and logged.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from ledger import audit, models
from ledger.actors import Actor
from ledger.entries import moment_text
from ledger.refusals import Refused
from ledger.sealing import Checkpoint, checkpoint_at
from ledger.suites import SM3

FORMAT = "checkpoint-anchor/v1"
MAX_RECEIPT_BYTES = 1_048_576
LONGEST_SOURCE = 100
_README = """\
本目录是一份日志检查点的锚定材料，供有权限的人员把摘要写入外部链（如浦江数链）。

checkpoint.note   检查点原文（C2SP signed note，UTF-8）
checkpoint.tsr    检查点的可信时间戳（RFC 3161），没有时间戳时不含此文件
anchor.json       检查点的长度、树根，以及上面两个文件的摘要

上链内容：anchor.json 中的 note_sha256 与 note_sm3（均为十六进制小写）。
自行核对：sha256sum checkpoint.note；openssl dgst -sm3 checkpoint.note。
取回凭证：把链上返回的凭证文件原样放入相邻的 in 目录，然后由管理员执行
    python manage.py anchor_import 文件 --size {size} --source 来源名称
本目录不含个人信息。
"""


@dataclass(frozen=True)
class Anchored:
    """One receipt, as pages and exports show it."""

    size: int
    source: str
    at: datetime
    sha256: bytes
    sm3: bytes
    receipt_sha256: bytes
    receipt: bytes
    entry_id: str


class AnchorSink:
    """Folders for what goes out to another chain and what comes back from it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(settings.VAR_DIR) / "anchors"

    @property
    def incoming(self) -> Path:
        """Return the folder where receipts are put."""
        return self.folder / "in"

    def export(self, checkpoint: Checkpoint, token: bytes | None, at: datetime) -> list[Path]:
        """Write the files for one checkpoint and return them; writing again changes nothing.

        Args:
            token: the time stamp over the checkpoint, where there is one.
        """
        note = checkpoint.note.encode()
        told = {
            "format": FORMAT,
            "origin": settings.LOG_ORIGIN,
            "size": str(checkpoint.size),
            "root": checkpoint.root_hex,
            "sealed_at": moment_text(checkpoint.sealed_at),
            "exported_at": moment_text(at),
            "note_sha256": hashlib.sha256(note).hexdigest(),
            "note_sm3": SM3.digest(note).hex(),
        }
        files = {
            "checkpoint.note": note,
            "README.txt": _README.format(size=checkpoint.size).encode(),
        }
        if token is not None:
            told["token_sha256"] = hashlib.sha256(token).hexdigest()
            files["checkpoint.tsr"] = token
        text = json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        files["anchor.json"] = text.encode()
        self.incoming.mkdir(parents=True, exist_ok=True)
        # With a time stamp it is another hand-out: what lies in a folder always fits together.
        stamp = f"-{told['token_sha256'][:16]}" if token is not None else ""
        name = f"{checkpoint.size:012d}-{told['note_sha256'][:16]}{stamp}"
        folder = self.folder / "out" / name
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, content) for name, content in sorted(files.items())]


def _written(path: Path, content: bytes) -> Path:
    """Write a file whole; one that is there stays, so that what was handed out does not change."""
    if not path.exists():
        fresh = path.with_name(path.name + ".part")
        fresh.write_bytes(content)
        fresh.replace(path)
    return path


def read_receipt(path: Path) -> bytes:
    """Read a receipt file, bounded.

    Raises:
        Refused: there is no such file, or it may not be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_RECEIPT_BYTES + 1)  # one more tells that it is too large
    except OSError as error:
        raise Refused("receipt_unreadable", f"不能读取凭证文件：{path}") from error


def import_receipt(
    content: bytes, *, size: int, source: str, actor: Actor, at: datetime
) -> tuple[Anchored, bool]:
    """Keep a receipt for the checkpoint of a size; say whether it is new.

    The same receipt for the same checkpoint is answered as the first time.

    Writes: one row and one ``anchor.receipt`` entry.

    Raises:
        Refused: empty or too large, no such checkpoint, no source, or kept for another size.
    """
    checkpoint = _checkpoint_for(content, size, source)
    digest = hashlib.sha256(content).digest()
    try:
        with transaction.atomic():
            known = models.Anchor.objects.filter(receipt_sha256=digest).first()
            if known is None:
                return _keep(checkpoint, content, source, actor=actor, at=at), True
    except IntegrityError:  # somebody imports the same file at this moment
        known = models.Anchor.objects.get(receipt_sha256=digest)
    if known.size != size:
        raise Refused("receipt_of_other_size", f"这份凭证已登记在长度 {known.size} 的检查点下。")
    return _stated(known), False


def _checkpoint_for(content: bytes, size: int, source: str) -> Checkpoint:
    if not content:
        raise Refused("receipt_empty", "凭证文件是空的。")
    if len(content) > MAX_RECEIPT_BYTES:
        raise Refused("receipt_too_large", f"凭证文件超过 {MAX_RECEIPT_BYTES} 字节。")
    if not source.strip() or len(source) > LONGEST_SOURCE or not source.isprintable():
        raise Refused("source_missing", f"请写明来源名称，不超过 {LONGEST_SOURCE} 字。")
    checkpoint = checkpoint_at(size) if size > 0 else None
    if checkpoint is None:
        raise Refused(
            "no_such_checkpoint", f"没有长度为 {size} 的检查点；请核对 anchor.json 中的 size。"
        )
    return checkpoint


def _keep(
    checkpoint: Checkpoint, content: bytes, source: str, *, actor: Actor, at: datetime
) -> Anchored:
    note = checkpoint.note.encode()
    digests = {
        "sha256": hashlib.sha256(note).digest(),
        "sm3": SM3.digest(note),
        "receipt_sha256": hashlib.sha256(content).digest(),
    }
    entry = audit.record(
        "anchor.receipt",
        {
            "size": str(checkpoint.size),
            "root": checkpoint.root_hex,
            "source": source,
            **{name: each.hex() for name, each in digests.items()},
        },
        actor=actor,
        at=at,
    )
    row = models.Anchor.objects.create(
        size=checkpoint.size,
        root=checkpoint.root,
        receipt=content,
        source=source,
        entry_id=entry.id,
        at=at,
        **digests,
    )
    return _stated(row)


def _stated(row: models.Anchor) -> Anchored:
    return Anchored(
        size=row.size,
        source=row.source,
        at=row.at,
        sha256=bytes(row.sha256),
        sm3=bytes(row.sm3),
        receipt_sha256=bytes(row.receipt_sha256),
        receipt=bytes(row.receipt),
        entry_id=str(row.entry_id),
    )


def anchored(size: int) -> list[Anchored]:
    """Return the receipts for the checkpoint of a size, oldest first."""
    return [_stated(each) for each in models.Anchor.objects.filter(size=size).order_by("id")]
