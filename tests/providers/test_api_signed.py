"""Signed requests by HTTP: what was altered, replayed or signed with a wrong key is refused."""

import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from ledger.identifiers import new_id
from providers import admitting
from providers.models import UsageBatch, UsageNonce
from tests.providers import world
from tests.providers.line import JSON, Line, client
from tests.providers.world import CLERK

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


def altered_body(line):
    request = line.prepared()
    changed = line.body().replace(b'"device_count": 8', b'"device_count": 9')
    return httpx.Request(request.method, request.url, headers=request.headers, content=changed)


def altered_url(line):
    request = line.prepared()
    request.url = request.url.copy_merge_params({"on_error": "accept_valid"})
    return request


def altered_method_target(line):
    request = line.prepared()
    request.url = httpx.URL(settings.PUBLIC_ORIGIN + "/api/v1/metering/validate")
    return request


def altered_key_header(line):
    request = line.prepared()
    request.headers["Idempotency-Key"] = str(new_id())
    return request


def altered_type(line):
    request = line.prepared()
    request.headers["Content-Type"] = "application/x-ndjson"
    return request


def wrong_key(line):
    line.client.private_key = Ed25519PrivateKey.generate()
    return line.prepared()


def other_key_id(line):
    line.client.key_id = "pk_live_0000000000000000"
    return line.prepared()


def too_old(line):
    return line.prepared(created=datetime.now(UTC) - timedelta(seconds=302))


def too_early(line):
    return line.prepared(created=datetime.now(UTC) + timedelta(seconds=302))


def short_nonce(line):
    return line.prepared(nonce="abc")


def long_nonce(line):
    return line.prepared(nonce="x" * 4096)


def other_site(line):
    line.client.public_origin = "https://staging.example"
    return line.prepared()


def no_digest(line):
    request = line.prepared()
    del request.headers["Content-Digest"]
    return request


def two_digests(line):
    request = line.prepared()
    wrong = base64.b64encode(bytes(32)).decode()
    request.headers["Content-Digest"] += f", sha-256=:{wrong}:"
    return request


def other_label(line):
    request = line.prepared()
    request.headers["Signature"] = request.headers["Signature"].replace("sig1", "sig2")
    return request


def other_tag(line):
    request = line.prepared()
    request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(
        'tag="metering"', 'tag="other"'
    )
    return request


def uncovered_component(line):
    request = line.prepared()
    request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(
        ' "content-digest"', ""
    )
    return request


def expired_before_made(line):
    request = line.prepared()
    request.headers["Signature-Input"] += ";expires=1"
    return request


def weak_algorithm(line):
    request = line.prepared()
    request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(
        'alg="ed25519"', 'alg="rsa-v1_5-sha256"'
    )
    return request


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (altered_body, "signature_digest"),
        (altered_url, "signature_invalid"),
        (altered_method_target, "signature_invalid"),
        (altered_key_header, "signature_invalid"),
        (altered_type, "signature_invalid"),
        (wrong_key, "signature_invalid"),
        (other_key_id, "signature_invalid"),
        (too_old, "signature_time"),
        (too_early, "signature_time"),
        (short_nonce, "signature_nonce"),
        (long_nonce, "signature_nonce"),
        (other_site, "signature_invalid"),
        (no_digest, "signature_coverage"),
        (two_digests, None),
        (other_label, "signature_malformed"),
        (other_tag, None),
        (uncovered_component, None),
        (expired_before_made, None),
        (weak_algorithm, "signature_algorithm"),
    ],
)
def test_a_tampered_request_is_refused_and_leaves_no_trace(tamper, code):
    line = Line()
    answer = line.client.send(tamper(line))
    assert answer.status == 401, answer.body
    assert code in (None, answer.body["code"]), answer.body
    assert not UsageBatch.objects.exists()
    assert not UsageNonce.objects.exists()


def test_a_request_replayed_byte_for_byte_is_refused():
    line = Line()
    request = line.prepared()
    assert line.client.send(request).status == 201
    again = line.client.send(request)
    assert (again.status, again.body["code"]) == (401, "replay")


def test_a_nonce_is_used_once_for_other_content_too():
    line = Line()
    assert line.client.send(line.prepared(nonce="once-only-1")).status == 201
    other = line.prepared(line.body(line.there.record("x")), nonce="once-only-1")
    assert line.client.send(other).body["code"] == "replay"


def test_a_revoked_an_expired_and_an_unconfirmed_key_are_refused():
    line = Line()
    pending = admitting.propose_key(
        line.there.provider,
        "live",
        public_key=world.public_pem(Ed25519PrivateKey.generate()),
        actor=world.ENGINEER,
        at=world.AT,
    )
    assert client(pending.token).upload(line.body(), JSON).body["code"] == "key_not_valid"
    admitting.revoke_key(line.key, reason="丢失", actor=CLERK, at=world.LATER)
    assert line.client.upload(line.body(), JSON).body["code"] == "key_revoked"
    answer = client("pk_live_0000000000000000.abcdefghijklmnop").upload(line.body(), JSON)
    assert (answer.status, answer.body["code"]) == (401, "key_unknown")
    assert answer.headers["www-authenticate"].startswith("Bearer")
