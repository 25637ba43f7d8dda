"""A zip file in the only byte form it can have: stored, plain, in the order of its names.

Any program that knows zip can open it. The reader here accepts nothing but what the writer here
writes: fixed times and attributes, no compression, no extra fields, no comment, no encryption, no
gap, names that rise. So every byte is either a byte of a member, whose digest counts, or follows
from the members.

Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.16 (without zip64: below 4 GiB).
"""

import hashlib
import io
import re
import struct
import zlib
from dataclasses import dataclass
from typing import IO

MAX_MEMBERS = 4_096
MAX_BYTES = 0xFFFF_FFFE
MAX_NAME = 120
FIRST_BYTES = b"PK\x03\x04"
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
NAME = re.compile(rf"{_PART}(?:/{_PART}){{0,2}}", re.ASCII)
_VERSION = 20
_DAY = 0x21  # 1 January 1980, the first day zip knows
_MADE_BY = 3 << 8 | _VERSION
_REGULAR_FILE = 0o100644 << 16
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_CHUNK = 1 << 20


class ArchiveError(ValueError):
    """A file that is not an archive in its one form."""


@dataclass(frozen=True)
class Member:
    """One file inside: where its bytes lie and what they must add up to."""

    name: str
    size: int
    crc: int
    header_at: int

    @property
    def local(self) -> bytes:
        """Return the header that stands before the bytes."""
        name = self.name.encode("ascii")
        return (
            _LOCAL.pack(
                FIRST_BYTES, _VERSION, 0, 0, 0, _DAY, self.crc, self.size, self.size, len(name), 0
            )
            + name
        )

    @property
    def central(self) -> bytes:
        """Return its line in the directory at the end."""
        name = self.name.encode("ascii")
        return (
            _CENTRAL.pack(
                b"PK\x01\x02", _MADE_BY, _VERSION, 0, 0, 0, _DAY, self.crc, self.size, self.size,
                len(name), 0, 0, 0, 0, _REGULAR_FILE, self.header_at,
            )
            + name
        )  # fmt: skip

    @property
    def data_at(self) -> int:
        """Return where the bytes begin."""
        return self.header_at + _LOCAL.size + len(self.name)


class ArchiveWriter:
    """Writes members in the order of their names.

    Args:
        file: opened for writing bytes, at its start, and able to seek.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._members: list[Member] = []

    def add(self, name: str, content: IO[bytes] | bytes) -> str:
        """Add one file and return its SHA-256 digest.

        Raises:
            ArchiveError: the name is out of order or not allowed, or it becomes too large.
        """
        if not NAME.fullmatch(name) or len(name) > MAX_NAME:
            raise ArchiveError(f"不允许的文件名 {name[:MAX_NAME]}")
        if self._members and name <= self._members[-1].name:
            raise ArchiveError(f"文件没有按名称排列：{name}")
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        header_at = self._file.tell()
        member = Member(name, 0, 0, header_at)
        self._file.write(member.local)
        size, crc, digest = 0, 0, hashlib.sha256()
        while chunk := source.read(_CHUNK):
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
            digest.update(chunk)
            self._file.write(chunk)
        if header_at + size > MAX_BYTES - _CHUNK:
            raise ArchiveError("压缩包将超过 4 GiB")
        member = Member(name, size, crc, header_at)
        self._file.seek(header_at)
        self._file.write(member.local)
        self._file.seek(0, io.SEEK_END)
        self._members.append(member)
        return digest.hexdigest()

    def close(self) -> None:
        """Write the directory; nothing may be added afterwards."""
        self._file.write(_directory(self._members, self._file.tell()))


def _directory(members: list[Member], begin: int) -> bytes:
    lines = b"".join(each.central for each in members)
    count = len(members)
    return lines + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(lines), begin, 0)


class _Window(io.RawIOBase):
    """The bytes of one member, counted and digested as they are read, from first to last."""

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self._file = file
        self._member = member
        self._done = 0
        self._crc = 0
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        most = min(len(buffer), self._member.size - self._done)
        if not most:
            return 0
        self._file.seek(self._member.data_at + self._done)
        chunk = self._file.read(most)
        if len(chunk) != most:
            raise ArchiveError("文件在这里中断")
        buffer[:most] = chunk
        self._done += most
        self._crc = zlib.crc32(chunk, self._crc)
        self._digest.update(chunk)
        return most

    def digest(self) -> str:
        """Return the SHA-256 digest once everything was read.

        Raises:
            ArchiveError: bytes are left, or do not fit the check sum in the header.
        """
        if self._done != self._member.size or self._crc != self._member.crc:
            raise ArchiveError(f"{self._member.name} 的内容与校验和不符")
        return self._digest.hexdigest()


class Reading:
    """One member being read."""

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self._window = _Window(file, member)
        self.file: IO[bytes] = io.BufferedReader(self._window, _CHUNK)

    def digest(self) -> str:
        """Return the digest of the whole member, reading what is left."""
        while self.file.read(_CHUNK):
            pass
        return self._window.digest()


class ArchiveReader:
    """Reads an archive; its directory is checked at once, a member when it is read.

    Raises:
        ArchiveError: not in the one form.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        size = file.seek(0, io.SEEK_END)
        end = self._at(max(size - _END.size, 0), _END.size)
        if len(end) != _END.size or end[:4] != b"PK\x05\x06":
            raise ArchiveError("文件的结尾不是压缩包的结尾")
        count, length, begin = _END.unpack(end)[4:7]
        longest = MAX_MEMBERS * (_CENTRAL.size + MAX_NAME)
        if count > MAX_MEMBERS or length > longest or begin + length + _END.size != size:
            raise ArchiveError("末尾目录的大小不可能")
        stated = self._at(begin, length)
        self.members = {each.name: each for each in _members(stated, count)}
        self._check(stated + end, begin)

    def _at(self, place: int, length: int) -> bytes:
        self._file.seek(place)
        return self._file.read(length)

    def _check(self, stated: bytes, begin: int) -> None:
        place = 0
        members = list(self.members.values())
        for each in members:
            if each.header_at != place or self._at(place, len(each.local)) != each.local:
                raise ArchiveError(f"{each.name} 的文件头不合写法")
            place = each.data_at + each.size
        if place != begin or _directory(members, begin) != stated:
            raise ArchiveError("末尾目录不合写法")

    def open(self, name: str) -> Reading:
        """Begin to read one member; ``digest`` ends it.

        Raises:
            ArchiveError: there is none of that name.
        """
        if name not in self.members:
            raise ArchiveError(f"没有 {name}")
        return Reading(self._file, self.members[name])

    def read(self, name: str, most: int) -> tuple[bytes, str]:
        """Return the bytes of a small member and their digest.

        Raises:
            ArchiveError: there is none, or it is larger than ``most``.
        """
        reading = self.open(name)
        if self.members[name].size > most:
            raise ArchiveError(f"{name} 超过 {most} 字节")
        content = reading.file.read()
        return content, reading.digest()


def _members(stated: bytes, count: int) -> list[Member]:
    """Read the lines of the directory; whether they are in their form is checked by writing."""
    found: list[Member] = []
    place = 0
    for _ in range(count):
        line = stated[place : place + _CENTRAL.size]
        if len(line) != _CENTRAL.size:
            raise ArchiveError("末尾目录中断")
        fields = _CENTRAL.unpack(line)
        crc, size, name_length, header_at = fields[7], fields[9], fields[10], fields[16]
        raw = stated[place + _CENTRAL.size : place + _CENTRAL.size + name_length]
        name = raw.decode("latin-1")
        if len(name) > MAX_NAME or not NAME.fullmatch(name):
            raise ArchiveError("有不允许的文件名")
        if found and name <= found[-1].name:
            raise ArchiveError("文件名没有逐个增大")
        found.append(Member(name, size, crc, header_at))
        place += _CENTRAL.size + name_length
    return found
