"""Signing keys as files: one PEM for each key, in a folder that only its owner may read."""

import os
import secrets
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.refusals import Broken
from ledger.signing import Algorithm, Growth, PrivateKey, Signer, VerificationKey
from ledger.sm2 import Sm2Error, Sm2PrivateKey

#: The first key of a kind lies in ``STEM.pem``, later ones in ``STEM-xxxxxxxx.pem``.
STEMS = {
    Algorithm.ED25519: "log-ed25519",
    Algorithm.COSIGN_MLDSA44: "log-ml-dsa-44",
    Algorithm.SM2_SM3: "log-sm2",
}
OTHERS = 0o077  # the bits of a mode that let in anybody but the owner
_LARGEST_PEM = 16_384

_Stamp = tuple[int, int, int, int]


def generate(algorithm: Algorithm) -> PrivateKey:
    """Make a private key of a kind.

    Raises:
        Broken: no key of this kind is kept as a file, or OpenSSL lacks it.
    """
    if algorithm is Algorithm.ED25519:
        return Ed25519PrivateKey.generate()
    if algorithm is Algorithm.COSIGN_MLDSA44:
        return MLDSA44PrivateKey.generate()
    if algorithm is Algorithm.SM2_SM3:
        return Sm2PrivateKey.generate()
    raise Broken(f"the log does not sign with {algorithm.title}")


def encoded(private: PrivateKey) -> bytes:
    """Return a private key as PKCS#8 PEM."""
    if isinstance(private, Sm2PrivateKey):
        return private.to_pem()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def decoded(pem: bytes, algorithm: Algorithm) -> PrivateKey | None:
    """Return the private key of a kind that a PEM text holds, None where it holds none."""
    try:
        if algorithm is Algorithm.SM2_SM3:
            return Sm2PrivateKey.from_pem(pem)
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, Sm2Error):
        return None
    wanted = Ed25519PrivateKey if algorithm is Algorithm.ED25519 else MLDSA44PrivateKey
    return private if isinstance(private, wanted) else None


class FileKeys:
    """The keys of a folder; a key read once is kept in memory until its file changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[_Stamp, PrivateKey]] = {}

    @property
    def place(self) -> str:
        """Return where the keys lie, for messages."""
        return str(self.folder)

    @property
    def makes(self) -> frozenset[Algorithm]:
        """Return the kinds of which keys can be made here."""
        return frozenset(STEMS)

    def publics(self, algorithm: Algorithm) -> list[bytes]:
        """Return the public halves of a kind, the first made first.

        Raises:
            Broken: a file that is no such key, or that others may read.
        """
        return [_public(self._load(path, algorithm), algorithm) for path in self._paths(algorithm)]

    def make(self, algorithm: Algorithm) -> bytes:
        """Make another key and return its public half.

        Writes: one file, complete from the moment it appears under its name.
        """
        private = generate(algorithm)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stem = STEMS[algorithm]
        fresh = self.folder / f".{stem}-{secrets.token_hex(8)}.part"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(encoded(private))
            file.flush()
            os.fsync(file.fileno())
        names = (f"{stem}.pem", f"{stem}-{secrets.token_hex(4)}.pem")
        try:
            # A link never replaces a file: no key is ever lost to another one.
            (self.folder / names[0]).hardlink_to(fresh)
        except FileExistsError:
            (self.folder / names[1]).hardlink_to(fresh)
        fresh.unlink()
        sync_folder(self.folder)
        return _public(private, algorithm)

    def line(
        self,
        key: VerificationKey,
        text: str,
        at: datetime,
        *,
        growth: Growth | None = None,  # noqa: ARG002 - files keep no mark
    ) -> str:
        """Return the signature line of a key over a text.

        Raises:
            Broken: the key does not lie here.
        """
        for path in self._paths(key.algorithm):
            private = self._load(path, key.algorithm)
            if _public(private, key.algorithm) == key.public:
                return Signer(key.name, private, key.algorithm).line(text, at)
        raise Broken(
            f"the signing key {key.key_id.hex()} ({key.algorithm.title}) is not in {self.folder}"
        )

    def _paths(self, algorithm: Algorithm) -> list[Path]:
        stem = STEMS.get(algorithm)
        if stem is None:
            return []
        first = self.folder / f"{stem}.pem"
        later = sorted(self.folder.glob(f"{stem}-????????.pem"))
        return ([first] if first.exists() else []) + later

    def _load(self, path: Path, algorithm: Algorithm) -> PrivateKey:
        found = path.stat()
        if found.st_mode & OTHERS:
            raise Broken(f"{path} may be read by others than its owner: chmod 600 {path}")
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)
        known = self._read.get(path)
        if known and known[0] == stamp:
            return known[1]
        private = decoded(path.read_bytes()[:_LARGEST_PEM], algorithm)
        if private is None:
            raise Broken(f"{path} is not an {algorithm.title} key")
        self._read[path] = (stamp, private)
        return private


def _public(private: PrivateKey, algorithm: Algorithm) -> bytes:
    return Signer("key", private, algorithm).verification.public


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
