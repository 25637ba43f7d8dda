"""The corpus of bad uploads, case by case, through the act; over HTTP: test_bad_inputs_sent.py.

Goal: every case has its one code, nothing is stored but what is honest, nothing breaks.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ledger import clock
from ledger.refusals import Refused
from providers.models import BatchRow, UsageBatch, UsageRecord
from providers.problems import CATALOGUE
from providers.records import OPTIONAL, REQUIRED
from providers.wire import CLOUDEVENTS, CSV, JSON, NDJSON, PARQUET
from tests.providers import world
from tests.providers.test_parquet import made
from tests.providers.world import World

pytestmark = pytest.mark.django_db
CASES = tomllib.loads((Path(__file__).parent / "bad_inputs.toml").read_text(encoding="utf-8"))
TYPES = {"json": JSON, "ndjson": NDJSON, "csv": CSV, "events": CLOUDEVENTS}


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
    left_out = BatchRow.objects.filter(batch=batch).exclude(outcome="duplicate")
    row = left_out.order_by("row_no").first()
    return row.faults[0]["code"] if row else "accepted"


def record_body(there: World, case: dict[str, Any], name: str) -> bytes:
    """Return a batch of one honest record with what the case changes in it."""
    changes = {"record_id": name} | case.get("change", {})
    changes |= {field: "x" * count for field, count in case.get("repeat", {}).items()}
    return json.dumps({"records": [there.record() | changes]}).encode()


def whole_body(there: World, case: dict[str, Any], name: str) -> tuple[bytes, str]:
    """Return the body of a case with its type, the honest parts filled in."""
    kind = next(word for word in TYPES if word in case)
    record = there.record(name)
    other = json.dumps(record | {"device_count": 9})
    text = (
        case[kind]
        .replace("{R:8:9}", other)
        .replace("{R}", json.dumps(record))
        .replace("{H}", ",".join(record))
        .replace("{C}", ",".join(str(value) for value in record.values()))
        .replace("{O}", there.order.order_no)
    )
    return text.encode(), TYPES[kind]


def parquet_body(there: World, case: dict[str, Any], folder: Path) -> bytes:
    """Return the Parquet file of a case."""
    select = case["select"].replace("{O}", there.order.order_no)
    return made(folder, select, case.get("rows", 3), case.get("options", ""))


@pytest.mark.parametrize("case", CASES["record"], ids=lambda case: case["id"])
def test_one_changed_record(there, case: dict[str, Any]):
    assert outcome(there, record_body(there, case, "r-1"), JSON) == case["code"]


@pytest.mark.parametrize("case", CASES["body"], ids=lambda case: case["id"])
def test_one_body(there, case: dict[str, Any]):
    assert outcome(there, *whole_body(there, case, "honest-1")) == case["code"]


@pytest.mark.parametrize("case", CASES["parquet"], ids=lambda case: case["id"])
def test_one_parquet_file(there, case: dict[str, Any], tmp_path):
    assert outcome(there, parquet_body(there, case, tmp_path), PARQUET) == case["code"]


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("kind", ["missing", "null"])
def test_each_required_field_missing_or_null(there, name, kind):
    record = there.record() | {name: None}
    if kind == "missing":
        del record[name]
    body = json.dumps({"records": [record]}).encode()
    known = {"missing_field", "wrong_type", "id_format"}
    assert outcome(there, body, JSON) in known - ({"missing_field"} if kind == "null" else set())
    fault = BatchRow.objects.get().faults[0]
    assert fault["column"] == name


@pytest.mark.parametrize("name", OPTIONAL)
def test_each_optional_field_that_is_null(there, name):
    body = json.dumps({"records": [there.record() | {name: None}]}).encode()
    assert outcome(there, body, JSON) in {"wrong_type", "id_format"}


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
    codes = {case["code"] for cases in CASES.values() for case in cases} - {"accepted", ""}
    assert codes <= set(CATALOGUE)
