"""Look into a file that was handed in: what it really is, whether it is safe, where it is kept.

The name of a file and what the browser says of it are never believed: name, declared type, first
bytes and a real parse must agree. The parse happens in a child (``file_child``) that has little
memory and time and no network. Pictures are stored re-encoded, without camera data; a PDF that is
locked or does something by itself is refused. Viruses are looked for afterwards (``scanning``).

Source: reliability.md 2.6.
"""

import errno
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from ledger.refusals import Refused

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_PAGES = 200
MOST_FILES = 20  # that stand in one application
MOST_UPLOADS = 100  # of one application, those replaced or removed too
MOST_BYTES_OF_ENTERPRISE = 200 * 1024 * 1024
LIMITS = {
    "memory": 1 << 30, "seconds": 20, "bytes": 64 << 20, "files": 32,
    "objects": 100_000, "pages": MOST_PAGES, "pixels": MOST_PIXELS,
}  # fmt: skip
PATIENCE_SECONDS = 40  # by the clock on the wall
_CHILD = Path(__file__).with_name("file_child.py")
_SECTION = 66_000  # how far from its end an archive may announce itself
TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}
MAGIC = {
    b"%PDF-": "pdf",
    b"\xff\xd8\xff": "jpg",
    b"\x89PNG\r\n\x1a\n": "png",
}
ENDINGS = {"pdf": ("pdf",), "jpg": ("jpg", "jpeg"), "png": ("png",)}
HINTS = {
    "ofd": "OFD 暂不支持，请导出为 PDF 后上传",
    "heic": "HEIC 照片暂不支持，请在手机上另存为 JPG 后上传",
    "docx": "Word 文件请另存为 PDF 后上传",
    "doc": "Word 文件请另存为 PDF 后上传",
    "xlsx": "Excel 文件请另存为 PDF 后上传",
    "zip": "压缩包不能上传，请解压后逐个上传",
    "rar": "压缩包不能上传，请解压后逐个上传",
}
#: What a browser may say of each kind; no word at all is fine, another word is not.
DECLARED = {
    "pdf": ("application/pdf", "application/x-pdf"),
    "jpg": ("image/jpeg", "image/jpg", "image/pjpeg"),
    "png": ("image/png", "image/x-png"),
}
SAYS_NOTHING = ("", "application/octet-stream", "binary/octet-stream")
SENTENCES = {
    "file_locked": "文件有密码或权限保护，请去除保护后再上传。",
    "file_active": "PDF 含有脚本、自动动作、内嵌文件或指向本机的链接，出于安全不能接收，"
    "请“打印为 PDF”后上传。",
    "file_pages": f"PDF 页数须为 1 到 {MOST_PAGES} 页，请拆分后上传。",
    "file_pixels": f"图片尺寸过大，请缩小到 {MOST_PIXELS // 10_000} 万像素以内再上传。",
}
BROKEN = {
    "pdf": "PDF 文件已损坏或不完整，请重新导出后上传。",
    "picture": "图片已损坏或不完整，请重新拍照或导出后上传。",
}
TAIL = 2048  # bytes after the last %%EOF that a clean PDF may carry


@dataclass(frozen=True)
class Looked:
    """A file that was looked into: its true type, pages, digests, the bytes to keep."""

    kind: str
    pages: int
    sha256: str
    content: bytes

    @property
    def content_type(self) -> str:
        """Return the media type."""
        return TYPES[self.kind]


@dataclass(frozen=True)
class Upload:
    """A file as a browser sent it."""

    name: str
    content: bytes
    declared: str = ""


def keep_upload(upload: Upload, at: datetime) -> dict[str, Any]:
    """Look into a file, keep its bytes and return the columns of a ``KeptFile``.

    It stays in quarantine until a scanner has seen it; where nothing is looked for, that is said.

    Raises:
        Refused: as ``look_into``.
    """
    looked = look_into(upload.content, upload.name, upload.declared)
    known: dict[str, Any] = {"scan": "quarantined"}
    if settings.FILE_SCANNER == "none":
        known = {"scan": "clean", "scanner": "none", "scanned_at": at}
    return {
        "file_name": safe_name(upload.name),
        "size": len(looked.content),
        "sha256": looked.sha256,
        "content_type": looked.content_type,
        "pages": looked.pages,
        "stored_path": keep(looked.content),
        **known,
    }


def look_into(content: bytes, file_name: str, declared: str = "") -> Looked:
    """Judge a file by its bytes.

    Args:
        declared: the type that the browser said.

    Raises:
        Refused: empty, too large, of another type than allowed, named or declared, locked, active,
            broken, with too many pages or points.
    """
    if not content:
        raise _refused("file_empty", "文件是空的，请重新选择文件。")
    if len(content) > MOST_BYTES:
        raise _refused(
            "file_too_large",
            f"文件不能超过 {MOST_BYTES // 1024 // 1024} MB，请压缩或分开上传。",
        )
    ending = Path(file_name).suffix.lower().lstrip(".")
    kind = _kind(content, ending)
    said = declared.partition(";")[0].strip().lower()
    if said not in SAYS_NOTHING and said not in DECLARED[kind]:
        raise _refused(
            "file_mismatch",
            f"文件内容是 {kind.upper()}，但上传时声明为“{safe_name(said)}”，请重新选择文件上传。",
        )
    if kind == "pdf" and _has_something_behind(content):
        raise _refused("file_mismatch", "PDF 文件末尾附有其他内容，请重新导出后上传。")
    digest = hashlib.sha256(content).hexdigest()
    if kind == "pdf":
        return Looked(kind, _pages(digest, _Bytes(content)), digest, content)
    pages, cleaned = _asked_child(content, kind)
    return Looked(kind, pages, digest, cleaned)


def _kind(content: bytes, ending: str) -> str:
    """Return what the first bytes say, if the name says the same."""
    kind = next((k for magic, k in MAGIC.items() if content.startswith(magic)), "")
    if not kind:
        hint = HINTS.get(ending, "请上传 PDF、JPG 或 PNG 文件")
        raise _refused("file_type", f"文件须为 PDF、JPG 或 PNG。{hint}。")
    if ending not in ENDINGS[kind]:
        raise _refused(
            "file_mismatch",
            f"文件内容是 {kind.upper()}，但扩展名是“.{ending}”，请用正确的文件重新上传。",
        )
    return kind


def _has_something_behind(content: bytes) -> bool:
    """Say whether a PDF is also something else: a page or an archive that begins at its end."""
    late = content.rfind(b"%%EOF") < len(content) - TAIL
    return late or b"PK\x05\x06" in content[-_SECTION:]


class _Bytes:
    """Bytes that a cache does not keep or compare: the digest beside them is their name."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bytes)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=256)
def _pages(digest: str, held: _Bytes) -> int:  # noqa: ARG001 - the name under which it is kept
    """Return the pages of a PDF; the same bytes are not opened again."""
    content, held.content = held.content, b""
    return _asked_child(content, "pdf")[0]


def _asked_child(content: bytes, kind: str) -> tuple[int, bytes]:
    """Let the child open a file; return its pages and, for a picture, its new bytes."""
    try:
        with tempfile.TemporaryDirectory(prefix="look-") as room:
            source, target = Path(room) / "file", Path(room) / "clean"
            source.write_bytes(content)
            told = _run_child(source, kind, target, room)
            if code := told.get("code"):
                broken = BROKEN["pdf" if kind == "pdf" else "picture"]
                raise _refused(code, SENTENCES.get(code, broken))
            return int(told["pages"]), target.read_bytes() if kind != "pdf" else b""
    except OSError as error:
        raise _no_room(error) from error


def _run_child(source: Path, kind: str, target: Path, room: str) -> dict[str, Any]:
    """Run the child; one that is killed or says nothing sensible found the file broken."""
    command = [
        sys.executable, "-I", str(_CHILD), str(source), kind, str(target), json.dumps(LIMITS),
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, cwd=room, env={}, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        told = json.loads(done.stdout) if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError):
        told = {}
    return told if isinstance(told, dict) and told else {"code": "file_broken"}


def _refused(code: str, sentence: str) -> Refused:
    return Refused(code, sentence, field="file")


def _no_room(error: OSError) -> Refused:
    """Return what is told when the disk is full; any other fault of the system goes on."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    return _refused("disk_full", "服务器存储空间暂时不足，文件没有保存，请十分钟后再试。")


def keep(content: bytes) -> str:
    """Write bytes under a random name below the attachments folder and return that name."""
    name = os.urandom(16).hex()
    path = _folder() / name[:2] / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _no_room(error) from error
    return f"{name[:2]}/{name}"


def path_of(stored_path: str) -> Path:
    """Return where a kept file lies."""
    return _folder() / stored_path


def safe_name(file_name: str) -> str:
    """Return a file name fit to be shown: no folders, no control characters, not too long."""
    name = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in name if c.isprintable() and c not in '"<>|:*?')
    return shown[-120:] or "未命名"


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "attachments"
