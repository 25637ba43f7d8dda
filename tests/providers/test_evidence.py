"""A signature is kept as it came and holds whenever somebody asks again; algorithms stay pinned."""

import base64
import dataclasses
import secrets
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from ledger import sm2
from ledger.identifiers import new_id
from providers import keying, restricting
from providers.bodies import body_path
from providers.evidence import verify_again
from providers.key_forms import FORMS
from providers.models import UsageBatch
from providers.signatures import sign_request
from tests.guards import guards_off
from tests.providers import world
from tests.providers.line import BATCHES, JSON, Line, client
from tests.providers.world import CLERK, ENGINEER, LATER

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("november")]


def made(kind: str) -> tuple[Any, str]:
    """Return a private key of a kind and its public half in PEM."""
    if kind == "sm2-sm3":
        national = sm2.Sm2PrivateKey.generate()
        return national, sm2.public_pem(national.public)
    is_curve = kind.startswith("ecdsa")
    key: Any = generate_private_key(SECP256R1()) if is_curve else Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key, pem.decode()


class Signer:
    """A provider's machine with a key of some kind."""

    def __init__(self, line: Line, kind: str) -> None:
        self.line, self.kind = line, kind
        self.private, pem = made(kind)
        new = keying.propose_key(
            line.there.provider, "live", public_key=pem, actor=ENGINEER, at=LATER
        )
        self.key, self.token = new.key, new.token
        form = FORMS[kind](private_key=self.private)
        proof = base64.b64encode(form.sign(new.key.challenge.encode())).decode()
        keying.prove_possession(new.key, proof, actor=ENGINEER, at=LATER)
        keying.confirm_key(new.key, actor=CLERK, at=LATER)

    def request(self, body: bytes, form=None, private=None):
        request = client(self.token).prepare(BATCHES, body, JSON, key=str(new_id()))
        sign_request(
            request, body, key_id=self.key.key_id, private_key=private or self.private,
            nonce=secrets.token_urlsafe(12), created=datetime.now(UTC),
            form=form or FORMS[self.kind],
        )  # fmt: skip
        return request

    def send(self, request):
        return client(self.token).send(request)


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_each_kind_signs_uploads_and_its_evidence_holds_later(kind):
    line = Line()
    signer = Signer(line, kind)
    answer = signer.send(signer.request(line.body()))
    assert answer.status == 201, answer.body
    batch = UsageBatch.objects.get(pk=answer.body["batch_id"])
    assert f'alg="{kind}"' in batch.signature_input
    keying.revoke_key(signer.key, reason="更换", actor=CLERK, at=LATER)
    batch.refresh_from_db()
    found = verify_again(batch)
    assert (found.outcome, found.with_body) == ("holds", True)
    body_path(batch.body_sha256).unlink()
    found = verify_again(batch)
    assert (found.outcome, found.with_body) == ("holds", False)


@pytest.mark.parametrize("other", sorted(FORMS))
def test_no_key_is_used_with_another_algorithm_than_its_own(other):
    line = Line()
    signer = Signer(line, "ed25519" if other != "ed25519" else "sm2-sm3")
    strange, _ = made(other)
    answer = signer.send(signer.request(line.body(), FORMS[other], strange))
    assert (answer.status, answer.body["code"]) == (401, "signature_algorithm")
    request = signer.request(line.body(), FORMS[other], strange)
    field = request.headers["Signature-Input"]
    request.headers["Signature-Input"] = field.replace(f';alg="{other}"', "")
    assert signer.send(request).status == 401
    assert not UsageBatch.objects.exists()


def test_the_second_spelling_of_a_signature_is_refused():
    line = Line()
    signer = Signer(line, "ecdsa-p256-sha256")
    request = signer.request(line.body())
    name, _, encoded = request.headers["Signature"].partition("=")
    raw = base64.b64decode(encoded.strip(":"))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    high = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    request.headers["Signature"] = f"{name}=:{base64.b64encode(high).decode()}:"
    answer = signer.send(request)
    assert (answer.status, answer.body["code"]) == (401, "signature_invalid")


def test_a_component_narrowed_by_a_parameter_does_not_count_as_covered():
    line = Line()
    request = line.prepared()
    field = request.headers["Signature-Input"]
    request.headers["Signature-Input"] = field.replace('"content-digest"', '"content-digest";bs')
    assert line.client.send(request).status == 401


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("signature", "sig1=:AAAA:"),
        ("body_sha256", "0" * 64),
        ("signed_components", '{"\\"@method\\"": "GET"}'),
    ],
)
def test_evidence_that_was_altered_does_not_hold(column, value):
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    with pytest.raises(DatabaseError), transaction.atomic():
        UsageBatch.objects.filter(pk=batch_id).update(signed_components={})
    with guards_off(connection, ["providers_usagebatch"]) as cursor:
        cursor.execute(f"UPDATE providers_usagebatch SET {column} = %s", [value])
    assert verify_again(UsageBatch.objects.get(pk=batch_id)).outcome == "broken"


def test_an_unsigned_test_batch_says_so():
    line = Line()
    _, token = world.a_test_key(line.there.provider)
    batch_id = client(token).upload(line.body(), JSON).body["batch_id"]
    assert verify_again(UsageBatch.objects.get(pk=batch_id)).outcome == "unsigned"


def test_a_key_is_not_used_from_a_strange_address_and_the_reason_is_told(monkeypatch):
    line = Line()
    filing = restricting.file_networks(line.key, ["203.0.113.0/24"], actor=ENGINEER, at=LATER)
    restricting.confirm_networks(filing, actor=CLERK, at=LATER)
    answer = line.client.upload(line.body(), JSON)
    assert (answer.status, answer.body["code"]) == (403, "address_not_allowed")
    assert "127.0.0.1" in answer.body["detail"]
    spoken = {"X-Forwarded-For": "203.0.113.7"}
    forged = line.client.post(BATCHES, line.body(), JSON, headers=spoken)
    assert forged.status == 403
    assert not UsageBatch.objects.exists()
    trusted = dataclasses.replace(settings.ACCESS, trusted_proxies=(ip_network("127.0.0.0/8"),))
    monkeypatch.setattr(settings, "ACCESS", trusted)
    assert line.client.post(BATCHES, line.body(), JSON, headers=spoken).status == 201
