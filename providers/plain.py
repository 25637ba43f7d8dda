"""Take the packing off an upload: gzip and Parquet to a file of plain text, held to its limits.

The text is never held whole: what is unpacked goes to a file without a name, which vanishes with
its last user whatever becomes of the process.

Source: metering specification, section 2; reliability paper 4.1 (A34, A35), 4.2 (B50, B51).
"""

import codecs
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from providers.parquet import rows_as_csv
from providers.wire import (
    CSV,
    HIGHEST_RATIO,
    LARGEST_BODY,
    LONGEST_LINE,
    PARQUET,
    READ_AT_ONCE,
    BadBatch,
)

_BOM = codecs.BOM_UTF8
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKED_AT = 64 << 10
_SLACK = 1024  # a few bytes of text may shrink by more than the ratio


@contextmanager
def unpacked(
    body: BinaryIO, content_type: str, encoding: str, folder: Path | None = None
) -> Iterator[tuple[BinaryIO, str]]:
    """Hand out the body as a file of text, and of which kind the text is.

    Args:
        folder: where large files may lie meanwhile; the system's own place if not given.

    Raises:
        BadBatch: it is packed otherwise than it says, or beyond the limits.
    """
    if encoding not in ("", "identity", "gzip"):
        raise BadBatch("unsupported_encoding", value=encoding)
    with ExitStack() as rooms:
        if encoding == "gzip":
            inflated = cast("BinaryIO", rooms.enter_context(tempfile.TemporaryFile(dir=folder)))
            _inflate(body, inflated)
            body = inflated
        if size_of(body) > LARGEST_BODY:
            raise BadBatch("too_large")
        body.seek(0)
        if content_type == PARQUET:
            body, content_type = rooms.enter_context(rows_as_csv(body, folder)), CSV
        yield body, content_type


def size_of(file: BinaryIO) -> int:
    """Return the size of a file, and go to its end."""
    return file.seek(0, os.SEEK_END)


def _inflate(body: BinaryIO, into: BinaryIO) -> None:
    """Undo gzip piece by piece, guarding against bombs."""
    packed = size_of(body)
    body.seek(0)
    most = min(LARGEST_BODY, HIGHEST_RATIO * packed + _SLACK)
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    written = 0
    try:
        while not inflater.eof and (piece := body.read(READ_AT_ONCE)):
            while piece and not inflater.eof:
                plain = inflater.decompress(piece, READ_AT_ONCE)
                piece = inflater.unconsumed_tail
                written += into.write(plain)
                if written > most:
                    raise BadBatch("too_large" if most == LARGEST_BODY else "compression_ratio")
    except zlib.error as error:
        raise BadBatch("unsupported_encoding", value="gzip") from error
    if not inflater.eof or inflater.unused_data or body.read(1):
        raise BadBatch("unsupported_encoding", value="gzip")


def insist_on_text(file: BinaryIO) -> None:
    """Refuse what is empty or not UTF-8, naming the likely encoding; stand behind a BOM after."""
    file.seek(0)
    head = file.read(len(_BOM))
    begin = len(_BOM) if head == _BOM else 0
    file.seek(begin)
    decoder = codecs.getincrementaldecoder("utf-8")()
    blank, at = True, begin
    while True:
        piece = file.read(READ_AT_ONCE)
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise _other_encoding(file, at - pending + error.start) from error
        if at == begin and b"\x00" in piece[:4]:
            raise BadBatch("encoding", value="UTF-16")
        if not piece:
            break
        blank = blank and piece.isspace()
        at += len(piece)
    if blank:
        raise BadBatch("empty_body")
    file.seek(begin)


def _other_encoding(file: BinaryIO, at: int) -> BadBatch:
    """Return the refusal of text that stops being UTF-8 at a byte, naming what it likely is."""
    file.seek(0)
    line, begin, left = 1, 0, at
    while left and (piece := file.read(min(left, READ_AT_ONCE))):
        line += piece.count(b"\n")
        end = piece.rfind(b"\n")
        begin = at - left + end + 1 if end >= 0 else begin
        left -= len(piece)
    file.seek(0)
    head = file.read(_LOOKED_AT)
    file.seek(max(begin, at - _LOOKED_AT))
    near = file.read(2 * _LOOKED_AT)
    return BadBatch("encoding", row=line, value=_likely_encoding(head, near))


def _likely_encoding(head: bytes, near: bytes) -> str:
    """Name the encoding of text that is not UTF-8, from its beginning and around the fault."""
    if head.startswith(_WIDE_BOMS) or head.count(b"\x00") > len(head) // 4:
        return "UTF-16"
    try:
        codecs.getincrementaldecoder("gb18030")().decode(near)
    except UnicodeDecodeError:
        return "unknown"
    return "GBK"


def lines_of(file: BinaryIO, size: int = READ_AT_ONCE) -> Iterator[bytes]:
    """Yield the rest of a file in pieces of whole lines.

    A line that is too long is replaced by one of the same fate: as much too long, and no more.
    """
    while piece := file.read(size):
        if not piece.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE)
            piece += rest
            if rest and not rest.endswith(b"\n") and len(rest) == LONGEST_LINE:
                piece = piece[: piece.rfind(b"\n") + 1] + b"-" * (LONGEST_LINE + 1) + b"\n"
                while rest and not rest.endswith(b"\n"):
                    rest = file.readline(READ_AT_ONCE)
        yield piece
