"""Two web processes and a restart: a nonce, a revocation and a limit count in all of them."""

import base64
import contextlib
import secrets
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection, transaction

from ledger.identifiers import new_id
from providers import keying
from providers.client import MeteringClient
from providers.key_forms import pinned
from providers.models import ProviderKey, UsageBatch, UsageNonce
from providers.signatures import MOST_SKEW, SignatureRefused, SignedRequest, check_signature
from providers.uploads import NONCE_LIFE, claim_nonce, forget_nonces
from tests.providers import world
from tests.providers.line import BATCHES, JSON
from tests.providers.web_process import WebProcess
from tests.providers.world import CLERK, ENGINEER, World

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "http://127.0.0.1:8000"
BODY = b'{"records": [{"record_id": "r-1", "order_no": "none"}]}'


class Machine:
    """A provider's machine with a live key that counts now, and the servers it reaches."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.there, self.private = World(), Ed25519PrivateKey.generate()
        new = keying.propose_key(
            self.there.provider, "live", public_key=world.public_pem(self.private),
            actor=ENGINEER, at=now,
        )  # fmt: skip
        proof = base64.b64encode(self.private.sign(new.key.challenge.encode())).decode()
        keying.prove_possession(new.key, proof, actor=ENGINEER, at=now)
        self.key, self.token = keying.confirm_key(new.key, actor=CLERK, at=now), new.token

    def client(self, url: str) -> MeteringClient:
        return MeteringClient(url, self.token, self.key.key_id, self.private, public_origin=ORIGIN)

    def request(self, url: str, key: str = "", body: bytes = BODY) -> httpx.Request:
        path = f"{BATCHES}?on_error=accept_valid"
        return self.client(url).prepare(path, body, JSON, key=key or str(new_id()))

    def send(self, url: str, request: httpx.Request):
        """Send the very same bytes to some server."""
        again = httpx.Request(
            "POST", url + request.url.raw_path.decode(), headers=request.headers,
            content=request.content,
        )  # fmt: skip
        again.headers["Host"] = url.removeprefix("http://")
        with self.client(url) as client:
            return client.send(again)


@contextlib.contextmanager
def servers(count: int, **variables: str):
    made = [WebProcess(PUBLIC_ORIGIN=ORIGIN, **variables) for _ in range(count)]
    try:
        for each in made:
            each.start()
        yield made
    finally:
        for each in made:
            each.kill()


def test_a_replay_is_refused_in_another_process_and_after_a_restart():
    machine = Machine()
    with servers(2) as (one, two):
        key = str(new_id())
        request = machine.request(one.url, key)
        first = machine.send(one.url, request)
        assert first.status == 207, first.body
        for url in (one.url, two.url):
            again = machine.send(url, request)
            assert (again.status, again.body["code"]) == (401, "replay")
        fresh = machine.send(two.url, machine.request(two.url, key))
        assert (fresh.status, fresh.replayed) == (207, True)
        assert fresh.body == first.body
        one.kill()
        one.start()
        assert machine.send(one.url, request).body["code"] == "replay"
        fresh = machine.send(one.url, machine.request(one.url, key))
        assert (fresh.replayed, fresh.body) == (True, first.body)
        keying.revoke_key(machine.key, reason="丢失", actor=CLERK, at=datetime.now(UTC))
        for url in (one.url, two.url):
            refused = machine.send(url, machine.request(url))
            assert (refused.status, refused.body["code"]) == (401, "key_revoked")
    assert UsageBatch.objects.count() == 1
    assert UsageNonce.objects.count() == 3


def test_two_processes_share_one_count_of_requests():
    machine = Machine()
    with servers(2, RATE_REQUESTS="6", RATE_WINDOW_SECONDS="100000000") as (one, two):
        outcomes = [
            machine.send(url, machine.request(url)).status
            for _ in range(4)
            for url in (one.url, two.url)
        ]
    assert outcomes == [207] * 6 + [429] * 2
    assert UsageBatch.objects.count() == 6


def signed(created: datetime):
    private = Ed25519PrivateKey.generate()
    client = MeteringClient(ORIGIN, "pk_live_x.token", "pk_live_x", private)
    made = client.prepare(BATCHES, BODY, JSON, created=created, nonce=secrets.token_hex(8))
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    request = SignedRequest("POST", str(made.url), dict(made.headers))
    return request, pinned("pk_live_x", ProviderKey.Algorithm.ED25519, public)


@pytest.mark.parametrize("seconds", [-301, -300, -299, -1, 0, 1, 299, 300, 301])
def test_a_signature_is_fresh_for_three_hundred_seconds_either_way_the_last_included(seconds):
    created = datetime.now(UTC).replace(microsecond=0)
    request, key = signed(created)
    now = created + timedelta(seconds=seconds)
    if abs(seconds) <= MOST_SKEW.total_seconds():
        assert check_signature(request, BODY, key=key, now=now).created == created
        return
    with pytest.raises(SignatureRefused) as refused:
        check_signature(request, BODY, key=key, now=now)
    assert refused.value.code == "signature_time"


def test_a_nonce_is_forgotten_only_when_nobody_could_replay_it():
    key, _, _ = world.a_live_key(world.a_provider())
    assert NONCE_LIFE > 2 * MOST_SKEW, "made ahead of us, sent at once, replayed at the very end"
    now = datetime.now(UTC)
    claim_nonce(key, "still-good", now=now)
    claim_nonce(key, "long-over", now=now - NONCE_LIFE - timedelta(seconds=1))
    with pytest.raises(DatabaseError, match="replayed"), transaction.atomic():
        UsageNonce.objects.filter(nonce="still-good").delete()
    assert forget_nonces() == 1
    assert UsageNonce.objects.get().nonce == "still-good"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE providers_usagenonce SET expires_at = now() - interval '1 day'")
