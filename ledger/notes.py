"""The form of a signed note, and the three lines of a checkpoint.

A note is a text, an empty line, and one line for each signature. This file knows the form
alone; whether a signature holds is asked in ``ledger.signing``.

Source: C2SP signed-note and tlog-checkpoint.
"""

import base64
import binascii
from dataclasses import dataclass

from ledger.merkle import HASH_BYTES, MAX_SIZE

KEY_ID_BYTES = 4
#: C2SP asks verifiers to take at least 16 signatures of nearly 5 kB each.
MAX_NOTE_CHARACTERS = 131_072
MAX_SIGNATURES = 64
DASH = "\u2014 "  # an em dash and a blank begin a signature line
_CHECKPOINT_LINES = 3


class NoteError(ValueError):
    """A text that is not a signed note, or whose signature does not hold."""


def from_base64(text: str) -> bytes:
    """Decode base64 in its one canonical spelling.

    Raises:
        NoteError: padding, alphabet or trailing bits are not canonical.
    """
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(decoded).decode("ascii") != text:
        raise NoteError("not canonical base64")
    return decoded


def to_base64(value: bytes) -> str:
    """Return the base64 text of some bytes."""
    return base64.b64encode(value).decode("ascii")


def check_name(name: str) -> None:
    """Insist that a key name fits into a signature line.

    Raises:
        NoteError: empty, a blank, a plus sign, or something that does not print.
    """
    if not name or "+" in name or any(each.isspace() for each in name) or not name.isprintable():
        raise NoteError("a key name has no blanks and no plus sign")


def signature_line(name: str, blob: bytes) -> str:
    """Return one signature line: the key's name, then its id and the signature."""
    return f"{DASH}{name} {to_base64(blob)}\n"


def note_of(text: str, lines: list[str]) -> str:
    """Return the signed note of a text and its signature lines.

    Raises:
        NoteError: no line, or the text does not end with a line end.
    """
    if not text.endswith("\n") or not lines:
        raise NoteError("a note is a text that ends with a line end, and signatures")
    return f"{text}\n{''.join(lines)}"


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a note and its signature lines as (name, key id and signature).

    Raises:
        NoteError: it is not in the form of a signed note.
    """
    if len(note) > MAX_NOTE_CHARACTERS or not note.endswith("\n"):
        raise NoteError("not a signed note")
    if any(each != "\n" and not each.isprintable() for each in note):
        raise NoteError("a signed note holds no control characters")
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not text or not tail:
        raise NoteError("a signed note is a text, an empty line and signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("a signed note with too many signatures")
    return text + "\n", [_split_line(each) for each in lines]


def _split_line(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH):
        raise NoteError("a signature line begins with an em dash")
    check_name(name)
    blob = from_base64(encoded)
    if len(blob) <= KEY_ID_BYTES:
        raise NoteError("a signature line is too short")
    return name, blob


@dataclass(frozen=True)
class TreeHead:
    """What a checkpoint says: the log's name, its size and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "TreeHead":
        """Read the three lines of a checkpoint, strictly; extension lines are refused.

        Raises:
            NoteError: another form.
        """
        lines = text.split("\n")
        if len(lines) != _CHECKPOINT_LINES + 1 or lines[-1] or not lines[0]:
            raise NoteError("a checkpoint has three lines")
        origin, size, root = lines[:_CHECKPOINT_LINES]
        if not (size.isascii() and size.isdigit()) or len(size) > len(str(MAX_SIZE)):
            raise NoteError("the size of a checkpoint is a decimal number")
        head = cls(origin, int(size), from_base64(root))
        if str(head.size) != size or head.size > MAX_SIZE or len(head.root) != HASH_BYTES:
            raise NoteError("the size or root of a checkpoint is not well formed")
        return head


def head_of(text: str) -> TreeHead:
    """Return what a checkpoint's first three lines say; later lines are passed over.

    Raises:
        NoteError: not the text of a checkpoint.
    """
    lines = text.split("\n")
    if lines.pop() or not all(lines):
        raise NoteError("a checkpoint has lines that are not empty")
    return TreeHead.parse("".join(f"{each}\n" for each in lines[:_CHECKPOINT_LINES]))


def speaks_for_a_tree(text: str) -> bool:
    """Say whether somebody could take a text for a checkpoint or for a cosigned one.

    The key that signs checkpoints signs other texts as well (receipts, promises); none of them
    may ever pass for a tree. So a second line that is a number is enough to say yes.
    """
    lines = text.split("\n")
    second = lines[1] if len(lines) > 1 else ""
    return second.isdigit() or lines[0].startswith("cosignature/")
