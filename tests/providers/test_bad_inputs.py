"""The corpus of bad uploads, case by case, through the act and through the interface.

Goal: every case has its one code, nothing is stored but what is honest, nothing breaks.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from ledger import clock
from ledger.identifiers import new_id
from ledger.refusals import Refused
from providers.batches import CSV, JSON, NDJSON
from providers.models import BatchRow, UsageBatch, UsageRecord
from providers.problems import CATALOGUE
from tests.providers import world
from tests.providers.world import World

pytestmark = pytest.mark.django_db
CASES = tomllib.loads((Path(__file__).parent / "bad_inputs.toml").read_text(encoding="utf-8"))
TYPES = {"json": JSON, "ndjson": NDJSON, "csv": CSV}


@pytest.fixture
def there():
    with clock.set_to(world.LATER):
        yield World()


def outcome(there: World, body: bytes, content_type: str) -> str:
    """Return the first code that a body comes to; "accepted" if nothing was refused."""
    try:
        batch = there.send(body=body, content_type=content_type)
    except Refused as refused:
        assert not UsageBatch.objects.exists()
        return refused.code
    assert sum(batch.counts.values()) - batch.rows == batch.rows
    row = BatchRow.objects.filter(batch=batch).order_by("row_no").first()
    return row.faults[0]["code"] if row else "accepted"


@pytest.mark.parametrize("case", CASES["record"], ids=lambda case: case["id"])
def test_one_changed_record(there, case: dict[str, Any]):
    changes = case.get("change", {}) | {
        name: "x" * count for name, count in case.get("repeat", {}).items()
    }
    body = json.dumps({"records": [there.record("r-1") | changes]}).encode()
    assert outcome(there, body, JSON) == case["code"]


@pytest.mark.parametrize("case", CASES["body"], ids=lambda case: case["id"])
def test_one_body(there, case: dict[str, Any]):
    kind = next(name for name in TYPES if name in case)
    record = there.record("honest-1")
    text = (
        case[kind]
        .replace("{R}", json.dumps(record))
        .replace("{H}", ",".join(record))
        .replace("{C}", ",".join(str(value) for value in record.values()))
        .replace("{O}", there.order.order_no)
    )
    assert outcome(there, text.encode(), TYPES[kind]) == case["code"]


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b'{"records":' + b"[" * 5_000, JSON, "too_deep"),
        (b'{"records":[' + b'{"a":' * 100_000, JSON, "too_deep"),
        (b'{"records":[{"device_count":' + b"9" * 5_000 + b"}]}", JSON, "out_of_range"),
        (b'{"records":[' + b"[]," * 1_000_000 + b"[]]}", JSON, "not_an_object"),
        ("记录".encode("gbk") * 4, CSV, "encoding"),
        ("record_id".encode("utf-16"), CSV, "encoding"),
        (b"\xff\xfe{\x00}\x00", JSON, "encoding"),
        (b'{"record_id":"' + b"x" * (1 << 20) + b'"}\n', NDJSON, "line_too_long"),
        (b"record_id," * 10_000 + b"x\n", CSV, "header_unknown"),
        (b"record_id,order_no,device_model,device_count,started_at\n" + b"x" * 140_000 + b"\n",
         CSV, "field_length"),
        (b"{" + b",".join(b'"k%d":1' % number for number in range(60_000)) + b"}", NDJSON,
         "unknown_field"),
    ],
)  # fmt: skip
def test_bodies_made_to_hurt(there, body, content_type, code):
    assert outcome(there, body, content_type) == code
    assert not UsageRecord.objects.exists()


def test_the_likely_encoding_is_named(there):
    with pytest.raises(Refused, match="GBK"):
        there.send(body="记录编号,数量\n".encode("gbk"), content_type=CSV)


def test_every_code_of_the_corpus_is_in_the_catalogue():
    codes = {case["code"] for case in CASES["record"] + CASES["body"]} - {"accepted"}
    assert codes <= set(CATALOGUE)


def test_the_interface_answers_every_case_with_a_problem_and_never_fails(there):
    _, token = world.a_test_key(there.provider)
    client = Client(raise_request_exception=False)
    record = json.dumps(there.record())
    for case in CASES["body"]:
        kind = next(name for name in TYPES if name in case)
        answer = client.post(
            "/api/v1/metering/batches",
            case[kind].replace("{R}", record).encode(),
            content_type=TYPES[kind],
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())},
        )
        assert answer.status_code in (201, 400, 415, 422), (case["id"], answer.content)
        if answer.status_code != 201:
            problem = answer.json()
            assert answer["Content-Type"] == "application/problem+json"
            assert problem["type"] == f"/api/v1/problems/{problem['code']}"
            assert problem["detail"]
    assert settings.PUBLIC_ORIGIN
