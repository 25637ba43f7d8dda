"""The upload interface by HTTP with the real client: fixed names, envelopes, pages, limits."""

import json

import httpx
import pytest
from django.conf import settings

from ledger.signing import VerificationKey, open_note
from providers.models import UsageBatch, UsageRecord
from tests.providers import world
from tests.providers.line import BATCHES, JSON, Line, client
from tests.providers.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


def test_a_signed_upload_is_taken_and_told_under_the_fixed_names():
    line = Line()
    answer = line.client.upload(line.body(), JSON)
    assert answer.status == 201
    assert answer.body["status"] == "accepted"
    assert answer.body["counts"] == {
        "rows": 1,
        "accepted": 1,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 0,
        "held": 0,
        "open": 0,
        "zero": 0,
    }
    assert answer.body["device_milli_seconds"] == str(8 * 1000 * 3600)
    assert answer.body["pflops_hours"] == "2.496000"
    assert answer.body["rated"]["gross_fen"] == "4800"
    batch_id = answer.body["batch_id"]
    assert answer.headers["location"] == f"{BATCHES}/{batch_id}"
    assert line.client.status(batch_id).body == answer.body
    (row,) = line.client.results(batch_id).body["results"]
    assert (row["row"], row["record_id"], row["status"]) == (1, "r-1", "accepted")
    stored = UsageBatch.objects.get(pk=batch_id)
    assert stored.signature
    assert 'tag="metering"' in stored.signature_input


def test_the_receipt_can_be_checked_with_the_log_key_alone():
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    receipt = line.client.receipt(batch_id).body
    text = open_note(receipt["note"], VerificationKey.parse(receipt["vkey"]))
    said = json.loads(text.split("\n")[1])
    assert said == receipt["receipt"]
    assert said["counts"]["accepted"] == "1"
    assert line.client.receipt(batch_id).body == receipt


def test_the_same_key_again_gives_the_first_answer_and_says_so():
    line = Line()
    first = line.client.upload(line.body(), JSON)
    again = line.client.upload(line.body(), JSON)
    assert again.replayed
    assert not first.replayed
    assert (again.status, again.body) == (first.status, first.body)
    other = line.client.upload(
        line.body(line.there.record("x")),
        JSON,
        idempotency_key=first_key(line.body()),
    )
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert UsageRecord.objects.count() == 1


def first_key(body: bytes) -> str:
    from providers.client import idempotency_key_for  # noqa: PLC0415

    return idempotency_key_for(body, JSON, "reject_batch")


def test_a_bad_row_refuses_the_batch_with_every_error_listed():
    line = Line()
    bad = line.there.record("bad one", device_count=-1)
    answer = line.client.upload(line.body(line.there.record(), bad), JSON)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["code"] == "batch_refused"
    assert answer.body["type"] == "/api/v1/problems/batch_refused"
    assert [(e["row"], e["column"], e["code"], e["value"]) for e in answer.body["errors"]] == [
        (2, "record_id", "id_format", "bad one"),
        (2, "device_count", "out_of_range", "-1"),
    ]
    assert answer.body["errors"][0]["pointer"] == "/records/1/record_id"
    assert not UsageRecord.objects.exists()
    assert line.client.upload(line.body(line.there.record(), bad), JSON).replayed


def test_the_good_rows_of_a_mixed_batch_are_taken_and_the_rest_can_be_mended_and_sent_back():
    line = Line()
    bad = line.there.record("r-2", device_count=-1)
    answer = line.client.upload(line.body(line.there.record(), bad), JSON, on_error="accept_valid")
    assert (answer.status, answer.body["status"]) == (207, "partial")
    assert answer.body["counts"]["accepted"] == answer.body["counts"]["rejected"] == 1
    assert answer.body["errors"][0]["hint"]
    table = line.client.errors_csv(answer.body["batch_id"]).decode("utf-8")
    assert table.splitlines()[0].endswith("error_code,error_detail,error_hint")
    mended = table.replace(",-1,", ",1,").encode()
    assert line.client.upload(mended, "text/csv").body["counts"]["accepted"] == 1


def test_errors_are_told_in_english_when_asked():
    line = Line()
    bad = line.body(line.there.record("r", device_count=-1))
    answer = line.client.post(BATCHES, bad, JSON, headers={"Accept-Language": "en"})
    assert answer.body["title"] == "The batch is refused, nothing stored"
    assert "Value out of range" in answer.body["errors"][0]["detail"]


def test_validation_stores_nothing_and_says_everything():
    line = Line()
    answer = line.client.upload(line.body(line.there.record("bad one")), JSON, dry_run=True)
    assert answer.status == 200
    assert (answer.body["dry_run"], answer.body["status"]) == (True, "rejected")
    assert answer.body["errors"][0]["code"] == "id_format"
    assert not UsageBatch.objects.exists()


def test_an_unsigned_live_upload_is_refused_and_an_unsigned_test_upload_is_taken_and_kept_apart():
    line = Line()
    unsigned = client(line.token).upload(line.body(), JSON)
    assert (unsigned.status, unsigned.body["code"]) == (401, "signature_missing")
    _, token = world.a_test_key(line.there.provider)
    tested = client(token).upload(line.body(), JSON)
    assert (tested.status, tested.body["livemode"]) == (201, False)
    assert not UsageRecord.objects.filter(livemode=True).exists()
    assert line.client.status(tested.body["batch_id"]).status == 404


# --- sixteen ways to tamper, none of which is taken ---------------------------------------------


def test_a_batch_of_another_provider_does_not_exist():
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    other = World(enterprise=line.there.order.enterprise)
    _, token, _ = world.a_live_key(other.provider)
    stranger = client(token)
    for path in ("", "/results", "/receipt", "/errors.csv"):
        assert stranger.get(f"{BATCHES}/{batch_id}{path}").status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", BATCHES, 405),
        ("DELETE", BATCHES, 405),
        ("TRACE", BATCHES, 405),
        ("PROPFIND", BATCHES, 405),
        ("GET", "/api/v1/nothing/here", 404),
        ("GET", "/api/v1/metering/batches/not-a-uuid", 404),
        ("GET", "/api/v1/problems/no-such-code", 404),
    ],
)
def test_wrong_addresses_and_methods_are_problems(method, path, status):
    with httpx.Client(
        base_url=settings.PUBLIC_ORIGIN,
        transport=world.in_process(),
    ) as http:
        response = http.request(method, path, headers={"Accept": "image/png"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "application/xml"}, 415, "unsupported_media_type"),
        ({"Content-Type": ""}, 415, "unsupported_media_type"),
        ({"Content-Type": "multipart/form-data"}, 415, "unsupported_media_type"),
        ({"Content-Type": "application/json; charset=utf-16"}, 415, "unsupported_media_type"),
        (
            {"Content-Type": "application/json; charset=unicode_escape"},
            415,
            "unsupported_media_type",
        ),
        ({"Content-Encoding": "br"}, 415, "unsupported_encoding"),
        ({"Content-Encoding": "deflate,gzip"}, 415, "unsupported_encoding"),
        ({"Idempotency-Key": ""}, 400, "idempotency_key_missing"),
        ({"Idempotency-Key": "x" * 300}, 400, "idempotency_key_format"),
        (
            {"Idempotency-Key": "{0191f7c0-7e2a-7000-8000-000000000001}"},
            400,
            "idempotency_key_format",
        ),
        (
            {"Idempotency-Key": "0191F7C0-7E2A-7000-8000-000000000001"},
            400,
            "idempotency_key_format",
        ),
        ({"Batch-Row-Count": "2"}, 422, "count_mismatch"),
        ({"Batch-Row-Count": "-1"}, 400, "control_total_format"),
        ({"Batch-Device-Milli-Seconds": "1"}, 422, "sum_mismatch"),
        ({"Content-Encoding": "gzip"}, 415, "unsupported_encoding"),
    ],
)
def test_a_wrong_envelope_is_a_problem_with_its_code(headers, status, code):
    line = Line()
    _, token = world.a_test_key(line.there.provider)
    answer = client(token).post(BATCHES, line.body(), JSON, headers=headers)
    assert (answer.status, answer.body["code"]) == (status, code), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert not UsageBatch.objects.exists()


def test_the_provider_is_decided_by_the_key_not_by_the_body():
    line = Line()
    body = json.dumps({"provider": "91310107MAFAKE0990", "records": [line.there.record()]})
    answer = line.client.upload(body.encode(), JSON)
    assert (answer.status, answer.body["code"]) == (403, "provider_mismatch")
    own = json.dumps({"provider": line.there.provider.uscc, "records": [line.there.record()]})
    assert line.client.upload(own.encode(), JSON).status == 201


def test_results_come_in_pages_that_miss_and_repeat_nothing():
    line = Line(devices=1000)
    records = [line.there.record(f"r-{number}") for number in range(7)]
    records.insert(3, line.there.record("r-0"))
    batch_id = line.client.upload(line.body(*records), JSON).body["batch_id"]
    path = f"{BATCHES}/{batch_id}/results"
    seen, cursor = [], ""
    for _ in range(10):
        page = line.client.get(path, {"limit": "3", "cursor": cursor or "0"}).body
        seen += [(each["row"], each["status"]) for each in page["results"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [(row, "duplicate" if row == 4 else "accepted") for row in range(1, 9)]
    only = line.client.get(path, {"status": "duplicate"}).body["results"]
    assert [each["record_id"] for each in only] == ["r-0"]
    assert line.client.get(path, {"status": "lost"}).status == 400
    assert line.client.get(path, {"cursor": "-1"}).status == 400


def test_a_zero_day_is_declared_once_and_not_over_usage():
    line = Line()
    assert line.client.declare_zero("2026-10-05").status == 201
    assert line.client.declare_zero("2026-10-05").status == 201
    assert line.client.declare_zero("2026-12-05").status == 400
    assert line.client.declare_zero("5 Oct").body["code"] == "invalid_parameter"
    line.client.upload(line.body(), JSON)
    assert line.client.declare_zero("2026-10-03").status == 409


def test_a_manifest_shows_what_is_missing():
    line = Line()
    line.client.upload(line.body(), JSON)
    wrong = {"day": "2026-10-03", "record_count": 2, "sums": {}, "ids_digest": "0" * 64}
    answer = line.client.send_manifest(json.dumps(wrong).encode())
    assert (answer.status, answer.body["matches"]) == (201, False)
    right = {"day": "2026-10-03", **answer.body["held_here"]}
    again = line.client.send_manifest(json.dumps(right).encode())
    assert (again.body["matches"], again.body["version"]) == (True, 2)
    assert line.client.send_manifest(b'{"day": "2026-10-03"}').status == 400


def test_limits_problems_and_the_openapi_document_are_open_to_anybody():
    anybody = client("x" * 20)
    assert anybody.get("/api/v1/metering/limits").body["sync_rows"] == 5000
    codes = [each["code"] for each in anybody.get("/api/v1/problems").body["problems"]]
    assert {"record_conflict", "replay", "batch_refused"} <= set(codes)
    document = anybody.get("/api/v1/openapi.json").body
    if "text" in document:
        document = json.loads(document["text"])
    assert document.get("openapi", document).startswith("3.1")
    paths = document["paths"]
    assert "/api/v1/metering/batches" in paths
    assert "/api/v1/metering/batches/{batch_id}/results" in paths


def test_a_large_batch_is_promised_and_done_by_a_worker(monkeypatch):
    line = Line(devices=10**6)
    monkeypatch.setattr("providers.metering.SYNC_ROWS", 3)
    records = [line.there.record(f"r-{number}") for number in range(6)]
    answer = line.client.upload(line.body(*records), JSON)
    assert (answer.status, answer.body["status"]) == (202, "processing")
    assert answer.headers["retry-after"]
    assert line.client.receipt(answer.body["batch_id"]).status == 409
    world.do_work()
    done = line.client.status(answer.body["batch_id"]).body
    assert (done["status"], done["counts"]["accepted"]) == ("accepted", 6)
    assert line.client.receipt(answer.body["batch_id"]).status == 200


def test_a_large_batch_that_cannot_be_read_ends_as_rejected(monkeypatch):
    line = Line()
    monkeypatch.setattr("providers.metering.SYNC_BYTES", 3)
    answer = line.client.upload(b"not a header\nx\n", "text/csv")
    assert answer.status == 202
    world.do_work()
    done = line.client.status(answer.body["batch_id"]).body
    assert (done["status"], done["refused_code"]) == ("rejected", "header_unknown")
