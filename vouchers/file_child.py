"""Open a file that was handed in, in a process of its own that may use little and reach nothing.

Run as a program by ``evidence`` with four words: the file, its kind, where a cleaned picture goes,
the limits as JSON. It bounds itself before it looks, and writes one line of JSON: ``{"pages": N}``
or ``{"code": ...}``. It imports nothing of the house: whatever takes it over finds no setting, no
key and no database.
"""

import contextlib
import ctypes
import json
import resource
import sys
from typing import Any

import pikepdf
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000  # of unshare(2)
DEEPEST = 8  # of things within things; what is shared is an object of its own
#: What makes a PDF do something, or carry something, beside showing pages.
ACTIVE_KEYS = frozenset(
    {"/JavaScript", "/JS", "/OpenAction", "/AA", "/EmbeddedFiles", "/EmbeddedFile", "/EF", "/XFA"}
)
ACTIVE_ACTIONS = frozenset(
    {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/GoToE", "/Rendition"}
)
ACTIVE_KINDS = frozenset({"/EmbeddedFile", "/RichMedia", "/FileAttachment", "/Screen", "/Movie"})


class Unfit(Exception):  # noqa: N818 - says why a file will not do
    """The file will not do; its text is the code."""


def bind(limits: dict[str, int]) -> None:
    """Bound this process for good, and cut it off from every network where the system lets it."""
    for kind, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_FSIZE, limits["bytes"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)


def look_at_pdf(path: str, limits: dict[str, int]) -> int:
    """Return the number of pages of a PDF that is open and quiet."""
    try:
        with pikepdf.open(path) as document:
            if document.is_encrypted:
                raise Unfit("file_locked")
            if len(document.objects) > limits["objects"]:
                raise Unfit("file_broken")
            pages = len(document.pages)
            if not 0 < pages <= limits["pages"]:
                raise Unfit("file_pages")
            if any(is_active(each) for each in document.objects):
                raise Unfit("file_active")
    except pikepdf.PasswordError as error:
        raise Unfit("file_locked") from error
    except (pikepdf.PdfError, RecursionError, ValueError, TypeError) as error:
        raise Unfit("file_broken") from error
    return pages


def is_active(thing: Any, depth: int = 0) -> bool:
    """Say whether an object of a PDF acts, carries a file, or points at one of the reader."""
    if isinstance(thing, pikepdf.Array):
        return depth < DEEPEST and any(is_active(each, depth + 1) for each in thing)
    if isinstance(thing, pikepdf.Stream):
        thing = thing.stream_dict
    if not isinstance(thing, pikepdf.Dictionary):
        return False
    for key, value in thing.items():
        if key in ACTIVE_KEYS or _names_something_active(key, value):
            return True
        direct = isinstance(value, pikepdf.Dictionary | pikepdf.Array) and not value.is_indirect
        if direct and depth < DEEPEST and is_active(value, depth + 1):
            return True
    return False


def _names_something_active(key: str, value: Any) -> bool:
    if key == "/URI" and isinstance(value, pikepdf.String):
        return not str(value).strip().lower().startswith(("http://", "https://", "mailto:", "tel:"))
    if not isinstance(value, pikepdf.Name):
        return False
    word = str(value)
    return (key == "/S" and word in ACTIVE_ACTIONS) or (
        key in {"/Type", "/Subtype"} and word in ACTIVE_KINDS
    )


def clean_picture(path: str, kind: str, target: str, limits: dict[str, int]) -> int:
    """Write a picture anew: upright, without camera data and without anything behind it."""
    Image.MAX_IMAGE_PIXELS = limits["pixels"]
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as picture:
            if picture.width * picture.height > limits["pixels"]:
                raise Unfit("file_pixels")
            upright = ImageOps.exif_transpose(picture)
            if kind == "jpg":
                upright.convert("RGB").save(target, "JPEG", quality=92)
            else:
                upright.info = {}
                upright.save(target, "PNG")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise Unfit("file_pixels") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Unfit("file_broken") from error
    return 1


def main(path: str, kind: str, target: str, limits: dict[str, int]) -> dict[str, Any]:
    """Look at one file and say what it is."""
    bind(limits)
    try:
        if kind == "pdf":
            return {"pages": look_at_pdf(path, limits)}
        return {"pages": clean_picture(path, kind, target, limits)}
    except Unfit as unfit:
        return {"code": str(unfit)}
    except MemoryError:
        return {"code": "file_broken"}


if __name__ == "__main__":
    _path, _kind, _target, _limits = sys.argv[1:]
    sys.stdout.write(json.dumps(main(_path, _kind, _target, json.loads(_limits))))
