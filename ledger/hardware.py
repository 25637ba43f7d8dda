"""Signing keys inside a PKCS#11 module: a token that signs and never gives a key away.

Tried with SoftHSM2; a certified module brings its own library file. Ed25519 only, because that
is what PKCS#11 modules agree on; a 服务器密码机 with SM2 gets an adapter of its own with the same
five members (see docs/operations.md).

Source: PKCS#11 v3.0 (CKM_EDDSA); RFC 8410 (OID of Ed25519).
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger.notes import signature_line
from ledger.refusals import Broken
from ledger.signing import Algorithm, Growth, VerificationKey

try:
    import pkcs11
except ImportError:  # the optional extra "pkcs11" is not installed
    pkcs11 = None  # type: ignore[assignment]

_LABEL = "log-ed25519"
_PUBLIC_BYTES = 32
#: DER of the OID 1.3.101.112, which names the curve.
_CURVE = bytes.fromhex("06032b6570")


class ModuleKeys:
    """The Ed25519 keys of one token."""

    def __init__(self, module: str, token: str, pin_file: Path) -> None:
        self.module = module
        self.token = token
        self.pin_file = pin_file
        # A token is logged in to once for a whole process: one conversation at a time.
        self._one_at_a_time = threading.Lock()

    @property
    def place(self) -> str:
        """Return where the keys lie, for messages."""
        return f"the token {self.token} of {self.module}"

    @property
    def makes(self) -> frozenset[Algorithm]:
        """Return the kinds of which keys can be made here."""
        return frozenset({Algorithm.ED25519})

    def publics(self, algorithm: Algorithm) -> list[bytes]:
        """Return the public halves of a kind, the first made first.

        Raises:
            Broken: the token cannot be reached.
        """
        if algorithm is not Algorithm.ED25519:
            return []
        with self._session() as session:
            return [_point(each) for each in self._publics(session)]

    def make(self, algorithm: Algorithm) -> bytes:
        """Have another key made inside the token and return its public half.

        Raises:
            Broken: another kind, or the token cannot be reached.
        """
        if algorithm is not Algorithm.ED25519:
            raise Broken(f"{self.place} makes no {algorithm.title} keys")
        with self._session(writing=True) as session:
            first = not self._publics(session)
            suffix = secrets.token_hex(4)
            curve = session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: _CURVE}, local=True
            )
            public, _ = curve.generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                store=True,
                label=_LABEL if first else f"{_LABEL}-{suffix}",
                id=suffix.encode("ascii"),
            )
            return _point(public)

    def line(
        self,
        key: VerificationKey,
        text: str,
        at: datetime,  # noqa: ARG002 - an Ed25519 line states no time
        *,
        growth: Growth | None = None,  # noqa: ARG002 - a token keeps no mark
    ) -> str:
        """Return the signature line of a key over a text.

        Raises:
            Broken: the key is not in the token.
        """
        with self._session() as session:
            for public in self._publics(session):
                if key.algorithm is Algorithm.ED25519 and _point(public) == key.public:
                    private = session.get_key(
                        object_class=pkcs11.ObjectClass.PRIVATE_KEY,
                        id=public[pkcs11.Attribute.ID],
                    )
                    signed = private.sign(text.encode(), mechanism=pkcs11.Mechanism.EDDSA)
                    return signature_line(key.name, key.key_id + signed)
        raise Broken(f"the signing key {key.key_id.hex()} is not in {self.place}")

    def _publics(self, session: Any) -> list[Any]:
        wanted = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PUBLIC_KEY,
            pkcs11.Attribute.KEY_TYPE: pkcs11.KeyType.EC_EDWARDS,
        }
        found = [each for each in session.get_objects(wanted) if each.label.startswith(_LABEL)]
        return sorted(found, key=lambda each: str(each.label))

    @contextmanager
    def _session(self, *, writing: bool = False) -> Iterator[Any]:
        if pkcs11 is None:
            raise Broken("PKCS#11 needs the optional extra: pip install compute-vouchers[pkcs11]")
        try:
            pin = self.pin_file.read_text(encoding="utf-8").strip()
            with self._one_at_a_time:
                token = pkcs11.lib(self.module).get_token(token_label=self.token)
                with token.open(rw=writing, user_pin=pin) as session:
                    yield session
        except (pkcs11.PKCS11Error, OSError) as error:
            raise Broken(f"{self.place} does not answer: {type(error).__name__}") from error


def _point(public: Any) -> bytes:
    """Return the raw public key; tokens hand it out with or without its DER frame."""
    return bytes(public[pkcs11.Attribute.EC_POINT])[-_PUBLIC_BYTES:]
