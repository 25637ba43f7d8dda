"""Look into a file that was handed in: what it really is, whether it is safe, where it is kept.

The name of a file and what the browser says of it are never believed. Pictures are stored
re-encoded, without camera data; a PDF that is locked or does something by itself is refused.
"""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import pikepdf
from django.conf import settings
from PIL import Image, UnidentifiedImageError

from ledger.refusals import Refused

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
MOST_PAGES = 500
MOST_FILES = 100
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
ACTIVE_KEYS = ("/JavaScript", "/OpenAction", "/Launch", "/EmbeddedFiles", "/XFA", "/AA")
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


def look_into(content: bytes, file_name: str) -> Looked:
    """Judge a file by its bytes.

    Raises:
        Refused: empty, too large, of another type than allowed or named, locked, or active.
    """
    if not content:
        raise Refused("file_empty", "文件是空的，请重新选择文件。", field="file")
    if len(content) > MOST_BYTES:
        raise Refused(
            "file_too_large",
            f"文件不能超过 {MOST_BYTES // 1024 // 1024} MB，请压缩或分开上传。",
            field="file",
        )
    ending = Path(file_name).suffix.lower().lstrip(".")
    kind = next((k for magic, k in MAGIC.items() if content.startswith(magic)), "")
    if not kind:
        hint = HINTS.get(ending, "请上传 PDF、JPG 或 PNG 文件")
        raise Refused("file_type", f"文件须为 PDF、JPG 或 PNG。{hint}。", field="file")
    if ending not in ENDINGS[kind]:
        raise Refused(
            "file_mismatch",
            f"文件内容是 {kind.upper()}，但扩展名是“.{ending}”，请用正确的文件重新上传。",
            field="file",
        )
    digest = hashlib.sha256(content).hexdigest()
    if kind == "pdf":
        return Looked(kind, _pdf_pages(content), digest, content)
    return Looked(kind, 1, digest, _clean_picture(content, kind))


def keep(content: bytes) -> str:
    """Write bytes under a random name below the attachments folder and return that name."""
    name = os.urandom(16).hex()
    path = _folder() / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
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


def _pdf_pages(content: bytes) -> int:
    """Return the number of pages of a PDF that is open, quiet and alone in its file."""
    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            encrypted, pages = document.is_encrypted, len(document.pages)
            active = _active(document)
    except pikepdf.PasswordError as error:
        raise Refused(
            "file_locked", "文件有密码保护，请去除密码后再上传。", field="file"
        ) from error
    except (pikepdf.PdfError, RecursionError, ValueError) as error:
        raise Refused(
            "file_broken", "PDF 文件已损坏或不完整，请重新导出后上传。", field="file"
        ) from error
    if encrypted:
        raise Refused("file_locked", "文件有密码或权限保护，请去除保护后再上传。", field="file")
    if active:
        raise Refused(
            "file_active",
            "PDF 含有脚本、自动动作或内嵌文件，出于安全不能接收，请“打印为 PDF”后上传。",
            field="file",
        )
    if content.rfind(b"%%EOF") < len(content) - TAIL or b"PK\x05\x06" in content[-TAIL:]:
        raise Refused("file_mismatch", "PDF 文件末尾附有其他内容，请重新导出后上传。", field="file")
    if not 0 < pages <= MOST_PAGES:
        raise Refused("file_pages", f"PDF 页数须为 1 到 {MOST_PAGES} 页。", field="file")
    return pages


def _active(document: pikepdf.Pdf) -> bool:
    """Tell whether a PDF does something by itself or carries other files."""
    root = document.Root
    names = root.get("/Names", pikepdf.Dictionary())
    form = root.get("/AcroForm", pikepdf.Dictionary())
    places = (root, names, form)
    if any(key in place for place in places for key in ACTIVE_KEYS):
        return True
    return any("/AA" in page for page in document.pages)


def _clean_picture(content: bytes, kind: str) -> bytes:
    """Return a picture encoded anew: without camera data and without anything behind it."""
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise _too_many_pixels()
            out = io.BytesIO()
            if kind == "jpg":
                picture.convert("RGB").save(out, "JPEG", quality=92)
            else:
                picture.save(out, "PNG")
            return out.getvalue()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise Refused(
            "file_broken", "图片已损坏或不完整，请重新拍照或导出后上传。", field="file"
        ) from error


def _too_many_pixels() -> Refused:
    return Refused("file_pixels", "图片尺寸过大，请缩小到 5000 万像素以内再上传。", field="file")
