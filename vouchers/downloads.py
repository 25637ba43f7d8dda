"""Give out a file so that a browser only saves it: safe headers, one range at most."""

import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header

from vouchers.evidence import path_of, safe_name
from vouchers.models.kept_file import KeptFile

_ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_LONGEST_HEADER = 64
PARTIAL, HELD, NOT_SATISFIABLE = 206, 409, 416
#: A saved file runs nothing and loads nothing; the last three do not follow from the default.
_POLICY = "; ".join(
    (
        "sandbox",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


@dataclass(frozen=True)
class Part:
    """The bytes from ``start`` up to, not including, ``stop``."""

    start: int
    stop: int


def asked_part(header: str, size: int) -> Part | None:
    """Return the part a Range header asks for, or nothing when it cannot be given.

    Several ranges in one request are not given: nobody who saves a file asks for them.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if len(header) <= _LONGEST_HEADER else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
        return Part(start, stop) if int(last) and size else None
    start, stop = int(first), min(int(last) + 1 if last else size, size)
    return Part(start, stop) if start < stop else None


def file_response(
    request: HttpRequest, content: bytes, file_name: str, content_type: str
) -> HttpResponse:
    """Return a file to be saved, never shown: whatever is in it runs nowhere."""
    header = request.headers.get("Range", "")
    part = asked_part(header, len(content)) if header else Part(0, len(content))
    if part is None:
        response = HttpResponse(status=NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{len(content)}"
        return response
    response = HttpResponse(content[part.start : part.stop], content_type=content_type)
    if header:
        response.status_code = PARTIAL
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    disposition = content_disposition_header(True, safe_name(file_name))
    response["Content-Disposition"] = disposition or "attachment"
    response["Content-Security-Policy"] = _POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    response["Accept-Ranges"] = "bytes"
    return response


def attachment_response(request: HttpRequest, attachment: KeptFile) -> HttpResponse:
    """Return a file that was handed in; what is not known to be clean stays where it is."""
    if attachment.scan != KeptFile.Scan.CLEAN:
        return render(request, "portal/file_held.html", {"file": attachment}, status=HELD)
    content = path_of(attachment.stored_path).read_bytes()
    return file_response(request, content, attachment.file_name, attachment.content_type)
