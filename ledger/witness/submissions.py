"""What a log sends to a witness: an old size, a proof, a checkpoint. Read strictly, bounded."""

from dataclasses import dataclass

from ledger.merkle import HASH_BYTES, MAX_SIZE
from ledger.notes import head_of
from ledger.signing import NoteError, TreeHead, from_base64, split_note

#: 63 hashes and a note of 16 signature lines of the longest kind fit.
MAX_BODY_BYTES = 131_072
MOST_HASHES = 63
_OLD = "old "


class Malformed(ValueError):  # noqa: N818 - says what the text is
    """A body that is not in the form of a submission."""


@dataclass(frozen=True)
class Submission:
    """A checkpoint handed in, with the proof that it grew out of the one of ``old_size``."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str
    text: str
    head: TreeHead
    lines: list[tuple[str, bytes]]


def read_submission(body: bytes) -> Submission:
    """Read the body of ``add-checkpoint``.

    Raises:
        Malformed: any other form; says which part.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Malformed("the body is too large")
    try:
        whole = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("the body is not UTF-8") from error
    before, gap, note = whole.partition("\n\n")
    if not gap:
        raise Malformed("there is no empty line before the checkpoint")
    first, *hashes = before.split("\n")
    if len(hashes) > MOST_HASHES:
        raise Malformed(f"more than {MOST_HASHES} lines of proof")
    try:
        text, lines = split_note(note)
        return Submission(
            old_size=_old_size(first),
            proof=tuple(_hash(each) for each in hashes),
            note=note,
            text=text,
            head=head_of(text),
            lines=lines,
        )
    except NoteError as error:
        raise Malformed(str(error)) from error


def _old_size(line: str) -> int:
    digits = line.removeprefix(_OLD)
    plain = line.startswith(_OLD) and digits.isascii() and digits.isdigit()
    if not plain or len(digits) > len(str(MAX_SIZE)):
        raise Malformed("the first line is not an old size")
    size = int(digits)
    if str(size) != digits or size > MAX_SIZE:
        raise Malformed("the old size is not a plain number")
    return size


def _hash(line: str) -> bytes:
    raw = from_base64(line)
    if len(raw) != HASH_BYTES:
        raise Malformed("a line of the proof is not a hash")
    return raw
