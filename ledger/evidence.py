"""The evidence package of one entry: a zip file in the only byte form it can have.

Any program that opens zip files opens it, but the checks here take a package only if every byte is
the one this file would write: nothing compressed, no times, no spare fields, names in one order.
So no byte of a package can be changed without being found.

Source: PKWARE APPNOTE 6.3 sections 4.3.7, 4.3.12, 4.3.16 (stored entries only).
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.proofs import LogProof
from ledger.signing import NoteError, VerificationKey
from ledger.verdicts import NotProven

MAX_PACKAGE_BYTES = 1_048_576
FIRST_BYTES = b"PK\x03\x04"
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION = 10  # stored entries need no more
_MADE_BY = 3 << 8 | 20  # Unix, so that the permissions below count
_DAY = 0x21  # the first day a zip file can name; packages of one entry are alike for ever
_READABLE = 0o100644 << 16
_MOST_FILES = 8
_PROOF_NAME = re.compile(r"entry-(0|[1-9][0-9]{0,18})\.tlog-proof")

Files = Sequence[tuple[str, bytes]]


def pack(files: Files) -> bytes:
    """Return a zip file with these files, the same bytes each time."""
    body = directory = b""
    for name, content in files:
        title = name.encode("ascii")
        sizes = (zlib.crc32(content), len(content), len(content))
        directory += _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY, _VERSION, 0, 0, 0, _DAY, *sizes,
            len(title), 0, 0, 0, 0, _READABLE, len(body),
        )  # fmt: skip
        directory += title
        body += _LOCAL.pack(FIRST_BYTES, _VERSION, 0, 0, 0, _DAY, *sizes, len(title), 0)
        body += title + content
    count = len(files)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


def unpack(raw: bytes) -> list[tuple[str, bytes]]:
    """Read a zip file of ``pack``; any other byte form is refused.

    Raises:
        NotProven: ``malformed.package`` or ``too_large``.
    """
    if len(raw) > MAX_PACKAGE_BYTES:
        raise NotProven("too_large", limit=MAX_PACKAGE_BYTES)
    files: list[tuple[str, bytes]] = []
    place = 0
    while raw.startswith(FIRST_BYTES, place) and len(files) < _MOST_FILES:
        if place + _LOCAL.size > len(raw):
            break
        fields = _LOCAL.unpack_from(raw, place)
        begin = place + _LOCAL.size + fields[9]
        title = raw[place + _LOCAL.size : begin]
        if not title.isascii():
            break
        files.append((title.decode("ascii"), raw[begin : begin + fields[7]]))
        place = begin + fields[7]
    if not files or pack(files) != raw:
        raise NotProven("malformed.package")
    return files


@dataclass(frozen=True)
class Package:
    """What a package holds: an entry, its proof, and what a stranger needs to check them."""

    entry: bytes
    proof: LogProof
    keys: tuple[str, ...]
    policy: str
    readme: str

    def files(self) -> list[tuple[str, bytes]]:
        """Return the files in their one order."""
        name = f"entry-{self.proof.index}"
        return [
            ("README.txt", self.readme.encode("utf-8")),
            ("checkpoint", self.proof.checkpoint.encode("utf-8")),
            (f"{name}.json", self.entry),
            (f"{name}.tlog-proof", self.proof.text.encode("utf-8")),
            ("keys.txt", "".join(f"{each}\n" for each in self.keys).encode("utf-8")),
            ("policy.txt", self.policy.encode("utf-8")),
        ]

    @property
    def encoded(self) -> bytes:
        """Return the package."""
        return pack(self.files())

    @classmethod
    def parse(cls, raw: bytes) -> "Package":
        """Read a package strictly.

        Raises:
            NotProven: ``malformed.*`` or ``too_large``.
        """
        files = unpack(raw)
        held = dict(files)
        names = [match[1] for name in held if (match := _PROOF_NAME.fullmatch(name))]
        if len(names) != 1 or len(held) != len(files):
            raise NotProven("malformed.package")
        title = f"entry-{names[0]}"
        wanted = ["README.txt", "checkpoint", f"{title}.json", f"{title}.tlog-proof", "keys.txt",
                  "policy.txt"]  # fmt: skip
        if list(held) != wanted:
            raise NotProven("malformed.package")
        proof = LogProof.parse(held[f"{title}.tlog-proof"])
        if str(proof.index) != names[0]:
            raise NotProven("malformed.contents", name=f"{title}.tlog-proof")
        if held["checkpoint"] != proof.checkpoint.encode("utf-8"):
            raise NotProven("malformed.contents", name="checkpoint")
        return cls(
            held[f"{title}.json"],
            proof,
            _keys(held["keys.txt"]),
            _words(held, "policy.txt"),
            _words(held, "README.txt"),
        )


def _words(held: dict[str, bytes], name: str) -> str:
    try:
        return held[name].decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotProven("malformed.contents", name=name) from error


def _keys(raw: bytes) -> tuple[str, ...]:
    """Read the keys a package brings along; they are told, never trusted by themselves."""
    try:
        lines = raw.decode("utf-8").split("\n")
        if lines.pop() or not lines:
            raise NotProven("malformed.contents", name="keys.txt")
        for each in lines:
            VerificationKey.parse(each)
    except (UnicodeDecodeError, NoteError) as error:
        raise NotProven("malformed.contents", name="keys.txt") from error
    return tuple(lines)
