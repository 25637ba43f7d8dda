"""Cut a JSON batch into its records while it is read, without ever holding the whole.

Only the outer brackets are judged here: keys of the root, commas, ends. A run of plain objects is
cut by one regular expression (native code); what is not plain is walked token by token, within
narrow limits. Whether a record is JSON is asked of each record afterwards.

Source: reliability paper 4.2 (B2, B3, B53, B54, B61).
"""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from providers.records import shown
from providers.wire import (
    DEEPEST,
    LONGEST_ELEMENT,
    MOST_STRANGE,
    READ_AT_ONCE,
    BadBatch,
)

# Possessive and atomic throughout: no input makes these patterns go back over what they read.
_BLANK = rb"[ \t\r\n]*+"
_PLAIN = rb'[^{}\[\]"]*+'
_STRING = rb'"[^"\\\x00-\x1f]*+(?>\\[^\x00-\x1f][^"\\\x00-\x1f]*+)*+"'
_FLAT = rb"\{" + _PLAIN + rb"(?>" + _STRING + _PLAIN + rb")*+\}"
_OBJECT = rb"\{" + _PLAIN + rb"(?>(?>" + _STRING + rb"|" + _FLAT + rb")" + _PLAIN + rb")*+\}"
_ONE_OBJECT = re.compile(_OBJECT)
_RUN = re.compile(rb"(?>" + _OBJECT + _BLANK + rb"," + _BLANK + rb")++")
_SPACES = re.compile(_BLANK)
_KEY = re.compile(_STRING)
_TOKEN = re.compile(_STRING + rb'|[{}\[\],]|[^"{}\[\],]++|"')
# Line ends stand only between tokens (strings hold none), so a space says the same.
_ONE_LINE = bytes.maketrans(b"\t\r\n", b"   ")


def records_in(
    file: BinaryIO, senders: frozenset[str] = frozenset(), *, piece: int = READ_AT_ONCE
) -> Iterator[list[bytes]]:
    """Yield the records of a ``{"records": [...]}`` document, some at a time, one line each.

    Args:
        senders: what ``provider`` in the document may be; anything if empty.
        piece: about how many bytes of records are yielded at once.

    Raises:
        BadBatch: this is no such document. May come after some records.
    """
    text = _Scanner(file, piece)
    text.expect(b"{")
    seen: set[str] = set()
    while True:
        key = text.string()
        text.expect(b":")
        if key in seen:
            raise BadBatch("duplicate_key", column=shown(key))
        seen.add(key)
        if key == "records":
            text.expect(b"[")
            yield from text.elements()
        elif key == "provider":
            if (claim := text.string()) not in senders and senders and claim:
                raise BadBatch("provider_mismatch", column="provider", value=shown(claim))
        else:
            raise BadBatch("malformed_json", column=shown(key))
        if text.expect(b",}") == b"}":
            break
    text.end()
    if "records" not in seen:
        raise BadBatch("malformed_json", value="records")


def elements_of(file: BinaryIO, *, piece: int = READ_AT_ONCE) -> Iterator[list[bytes]]:
    """Yield the elements of a document that is one list, as ``records_in``."""
    text = _Scanner(file, piece)
    text.expect(b"[")
    yield from text.elements()
    text.end()


class _Scanner:
    """The document as far as it is read; ``at`` is where its unread rest begins."""

    def __init__(self, file: BinaryIO, piece: int) -> None:
        """Begin before the first byte."""
        self.file, self.piece = file, piece
        self.text, self.at, self.row, self.strange = b"", 0, 0, 0
        self.ended = False

    def _ahead(self, wanted: int) -> None:
        """Read on until some bytes lie ahead, or the end is known."""
        while not self.ended and len(self.text) - self.at < wanted:
            more = self.file.read(max(self.piece, wanted))
            self.ended = not more
            self.text, self.at = self.text[self.at :] + more, 0

    def _peek(self) -> bytes:
        """Return the next byte that is no blank; nothing at the end."""
        while True:
            self._ahead(1)
            found = _SPACES.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]

    def expect(self, one_of: bytes) -> bytes:
        """Take the next byte, which must be one of some."""
        byte = self._peek()
        if not byte or byte not in one_of:
            raise BadBatch("malformed_json", row=self.row, value=self._near())
        self.at += 1
        return byte

    def end(self) -> None:
        """Insist that nothing but blanks follows."""
        if self._peek():
            raise BadBatch("malformed_json", value=self._near())

    def string(self) -> str:
        """Take a text."""
        self._peek()
        self._ahead(LONGEST_ELEMENT)
        found = _KEY.match(self.text, self.at, self.at + LONGEST_ELEMENT)
        if not found:
            raise BadBatch("malformed_json", value=self._near())
        self.at = found.end()
        try:
            said: str = json.loads(found.group())
        except ValueError as error:
            raise BadBatch("malformed_json", value=shown(found.group().decode())) from error
        return said

    def _near(self) -> str:
        return shown(self.text[self.at : self.at + 20].decode("utf-8", "replace"))

    def elements(self) -> Iterator[list[bytes]]:
        """Take what stands behind an opening bracket, up to the closing one."""
        found: list[bytes] = []
        size = 0
        closing = self._peek()
        if closing == b"]":
            self.at += 1
        while closing != b"]":
            self._ahead(LONGEST_ELEMENT)
            run = _RUN.match(self.text, self.at)
            if run:
                lines = run.group().translate(_ONE_LINE)
                cut = _ONE_OBJECT.findall(lines)
                self.at = run.end()
            else:
                try:
                    element, closing = self._one()
                except BadBatch:
                    yield found  # what came before may have a fault of its own
                    raise
                cut = [element]
            found += cut
            self.row += len(cut)
            size += sum(map(len, cut))
            if size >= self.piece:
                yield found
                found, size = [], 0
        if found:
            yield found

    def _one(self) -> tuple[bytes, bytes]:
        """Take one element of any kind, and the comma or bracket behind it."""
        row, depth = self.row + 1, 0
        for token in _TOKEN.finditer(self.text, self.at, self.at + LONGEST_ELEMENT):
            word = token.group()
            if word in (b"{", b"["):
                depth += 1
                if depth > DEEPEST:
                    raise BadBatch("too_deep", row=row)
            elif depth == 0 and word in (b",", b"]"):
                return self._cut(token.start(), row), word
            elif word in (b"}", b"]"):
                depth -= 1
            elif word == b'"' or depth < 0:
                break
        whole = len(self.text) - self.at <= LONGEST_ELEMENT
        raise BadBatch("malformed_json" if whole else "line_too_long", row=row, value=self._near())

    def _cut(self, end: int, row: int) -> bytes:
        """Cut the element that ends here; a crowd of elements that are no objects is refused."""
        element = self.text[self.at : end].translate(_ONE_LINE).strip()
        if not element:
            raise BadBatch("malformed_json", row=row, value=self._near())
        if element[:1] != b"{":
            self.strange += 1
            if self.strange > MOST_STRANGE:
                raise BadBatch("not_an_object", row=row, value=self._near())
        self.at = end + 1
        return element
