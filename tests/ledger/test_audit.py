from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction

from ledger import audit, models
from ledger.entries import decode
from ledger.merkle import leaf_hash
from ledger.refusals import Broken
from tests.ledger.making import ACTOR, AT, CLERK

pytestmark = pytest.mark.django_db


def test_an_entry_is_written_in_its_one_form():
    earlier = audit.record("test.first", {}, actor=ACTOR, at=AT)
    entry = audit.record(
        "test.decision",
        {"award_fen": 500, "passed": True, "application": UUID(int=7)},
        actor=CLERK,
        at=AT,
        auth={"approvals": [CLERK.for_log()]},
        links=(earlier.id,),
        pii={"contact": "sha256:00"},
    )
    row = models.LogEntry.objects.get(id=entry.id)
    body = bytes(row.body)
    assert leaf_hash(body).hex() == entry.hash_hex
    assert decode(body) == {
        "v": "1",
        "log": settings.LOG_ORIGIN,
        "id": str(entry.id),
        "type": "test.decision",
        "at": "2026-10-01T01:02:03.456789Z",
        "actor": {"kind": "user", "id": "u-1", "role": "finance"},
        "auth": {"approvals": [{"kind": "user", "id": "u-1", "role": "finance"}]},
        "body": {
            "award_fen": "500",
            "passed": True,
            "application": "00000000-0000-0000-0000-000000000007",
        },
        "links": [str(earlier.id)],
        "pii": {"contact": "sha256:00"},
    }
    assert (row.type, row.at, row.journal_seq) == ("test.decision", AT, None)


def test_neither_name_nor_person_of_the_actor_enters_the_log():
    entry = audit.record("test.event", {}, actor=CLERK, at=AT)
    body = bytes(models.LogEntry.objects.get(id=entry.id).body).decode()
    assert CLERK.name not in body
    assert CLERK.person not in body


def test_an_entry_goes_with_the_act_that_wrote_it():
    with transaction.atomic():
        audit.record("test.event", {}, actor=ACTOR, at=AT)
        transaction.set_rollback(True)
    assert models.LogEntry.objects.count() == 0


@pytest.mark.parametrize("body", [{"share": 0.5}, {"键": "v"}, {"k": "x" * 70_000}])
def test_what_may_not_enter_stops_the_act(body):
    with pytest.raises(Broken):
        audit.record("test.event", body, actor=ACTOR, at=AT)
    assert models.LogEntry.objects.count() == 0


def test_a_key_that_lies_there_already_is_introduced_when_the_log_does_not_know_it():
    first = audit.ensure_key(AT)
    second = audit.ensure_key(AT)
    assert first == second
    entry = models.LogEntry.objects.filter(type="key.introduce").earliest("seq")
    assert decode(bytes(entry.body))["body"] == {
        "vkey": first.text,
        "algorithm": "Ed25519",
        "key_id": first.key_id.hex(),
        "suite": "sha256",
    }


def test_a_file_that_is_no_key_is_told():
    path = settings.VAR_DIR / "keys" / "log-ed25519.pem"
    audit.ensure_key(AT)
    rsa = (
        "-----BEGIN PRIVATE KEY-----\nMEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCAB"
        "AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fIA==\n-----END PRIVATE KEY-----\n"
    )
    path.write_text(rsa)
    with pytest.raises(Broken, match="not an Ed25519 key"):
        audit.ensure_key(AT)
