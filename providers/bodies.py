"""Where the raw bytes of uploads lie: taken in piece by piece, kept by digest, checked against it.

``VAR_DIR/metering/incoming`` holds what is still being received or judged, ``metering/ab/abcd...``
what a batch stands on. A file goes from the one to the other when its batch is written, and never
changes after.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from ledger.identifiers import new_id
from ledger.refusals import Broken
from providers.wire import READ_AT_ONCE

INCOMING = "incoming"


def bodies_folder() -> Path:
    """Return the folder of all raw bytes."""
    return Path(settings.VAR_DIR) / "metering"


def body_path(body_sha256: str) -> Path:
    """Return where the raw bytes of an upload are kept, by digest."""
    return bodies_folder() / body_sha256[:2] / body_sha256


@dataclass
class Body:
    """The raw bytes of one upload in their file.

    ``hashes`` are those made while the bytes came in, by the names of RFC 9530.
    """

    path: Path
    sha256: str
    size: int
    hashes: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Return where large files may lie while this body is read."""
        return incoming_folder()

    def open(self) -> BinaryIO:
        """Open the bytes for reading."""
        return self.path.open("rb")

    def keep(self) -> None:
        """Keep the bytes by their digest, as long as their batch needs them and as evidence after.

        They are on the disk before anybody is told so.
        """
        place = body_path(self.sha256)
        if self.path == place:
            return
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
            self.path.replace(place)
            _flush_folder(place.parent)
        self.discard()
        self.path = place

    def discard(self) -> None:
        """Take away what was received and is not kept."""
        if self.path.parent.name == INCOMING:
            self.path.unlink(missing_ok=True)

    def insist_on_digest(self) -> None:
        """Read the bytes again and hold them against their digest.

        Raises:
            Broken: somebody or something changed them.
        """
        if digest_of(self.path) != self.sha256:
            raise Broken(f"the kept bytes are not those of digest {self.sha256}")


def _flush_folder(folder: Path) -> None:
    """Make sure that a new name in a folder outlives a loss of power."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def incoming_folder() -> Path:
    """Return the folder of what is still being received or judged."""
    folder = bodies_folder() / INCOMING
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def receive_body(pieces: Iterable[bytes], algorithms: Iterable[str] = ("sha-256",)) -> Body:
    """Write pieces to a file as they come and hash them on the way; on any fault nothing stays."""
    hashes = {name: hashlib.new(name.replace("-", "")) for name in {"sha-256", *algorithms}}
    path, size = incoming_folder() / str(new_id()), 0
    try:
        with path.open("xb") as file:
            for piece in pieces:
                size += file.write(piece)
                for each in hashes.values():
                    each.update(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Body(path, hashes["sha-256"].hexdigest(), size, dict(hashes))


def take_bytes(raw: bytes) -> Body:
    """Put bytes that are at hand into a file."""
    return receive_body([raw])


def kept_body(body_sha256: str) -> Body:
    """Return the kept bytes of a digest.

    Raises:
        Broken: they are not there.
    """
    path = body_path(body_sha256)
    if not path.is_file():
        raise Broken(f"the kept bytes of digest {body_sha256} are gone")
    return Body(path, body_sha256, path.stat().st_size)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def discarding(body: Body) -> Iterator[Body]:
    """Take away what was received when the request is over, unless it was kept."""
    try:
        yield body
    finally:
        with suppress(OSError):
            body.discard()


def pieces_of(file: Any) -> Iterator[bytes]:
    """Yield what a file or a request still holds."""
    while piece := file.read(READ_AT_ONCE):
        yield piece
