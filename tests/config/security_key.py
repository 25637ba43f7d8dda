"""A security key without a browser: answers the questions in a page as an authenticator would."""

import html
import json
import re
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from config.models import User

HOST = "localhost"
ADD = "/account/factor/keys/add/"
CONFIRM = "/account/factor/keys/confirm/"
FLAG = AuthenticatorData.FLAG


def question(answer: Any) -> dict[str, Any]:
    """Return what a page asks of a key."""
    (told,) = re.findall(r'data-options="([^"]*)"', answer.content.decode())
    (asked,) = json.loads(html.unescape(told)).values()
    return asked["publicKey"]


@dataclass
class SoftKey:
    """A key in memory. What it says of its surroundings can be told to be wrong."""

    origin: str = f"http://{HOST}"
    host: str = HOST
    number: bytes = field(default_factory=lambda: token_bytes(32))
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _answer(self, **response: bytes) -> str:
        number = websafe_encode(self.number)
        told = {name: websafe_encode(each) for name, each in response.items()}
        return json.dumps({"type": "public-key", "id": number, "rawId": number, "response": told})

    def _said(self, kind: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(kind, challenge, self.origin)

    def add(self, asked: dict[str, Any]) -> str:
        """Answer a page that takes a key into use."""
        public = ES256.from_cryptography_key(self.private.public_key())
        made = AttestedCredentialData.create(Aaguid.NONE, self.number, public)
        flags = FLAG.UP | FLAG.UV | FLAG.AT
        about = AuthenticatorData.create(sha256(self.host.encode()), flags, 0, made)
        return self._answer(
            clientDataJSON=self._said("webauthn.create", asked["challenge"]),
            attestationObject=AttestationObject.create("none", about, {}),
        )

    def show(self, asked: dict[str, Any]) -> str:
        """Answer a page that wants to see the key."""
        said = self._said("webauthn.get", asked["challenge"])
        about = AuthenticatorData.create(sha256(self.host.encode()), FLAG.UP | FLAG.UV, 1)
        signed = self.private.sign(about + sha256(said), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=said, authenticatorData=about, signature=signed)


def key_of(user: User, name: str = "常用密钥") -> tuple[SoftKey, Authenticator]:
    """Give an account a security key, past the page."""
    key = SoftKey()
    told = json.loads(key.add({"challenge": websafe_encode(token_bytes(32))}))
    kept = {"name": name, "credential": told}
    return key, Authenticator.objects.create(user=user, type="webauthn", data=kept)
