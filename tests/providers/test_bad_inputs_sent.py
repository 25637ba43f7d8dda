"""The same corpus of bad uploads over real sockets, signed, as a provider would send it.

Goal: the same codes as in-process, every refusal a problem with its page, never a 500, and every
row of every batch accounted for.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ledger import audit, clock
from ledger.identifiers import new_id
from providers.bodies import bodies_folder, body_path
from providers.client import Answer, MeteringClient
from providers.models import UsageBatch
from providers.problems import CATALOGUE
from providers.wire import CSV, JSON, PARQUET
from tests.providers import world
from tests.providers.test_bad_inputs import CASES, parquet_body, record_body, whole_body
from tests.providers.world import World

BATCHES = "/api/v1/metering/batches"
FIELDS_OF_A_FAULT = {"pointer", "row", "column", "code", "value", "detail", "hint"}


class Sender:
    """A provider at a real server, with a live and a test key."""

    def __init__(self, url: str) -> None:
        self.url, self.there = url, World()
        key, token, private = world.a_live_key(self.there.provider)
        self.client = MeteringClient(url, token, key.key_id, private)
        _, self.test_token = world.a_test_key(self.there.provider)

    def outcome(self, body: bytes, kind: str) -> str:
        """Send and return the first code, making sure of the form of the answer."""
        return first_code(self.client.upload(body, kind, on_error="accept_valid"))


@pytest.fixture
def sender(live_server, settings, transactional_db) -> Iterator[Sender]:
    settings.PUBLIC_ORIGIN = live_server.url
    with clock.set_to(world.LATER):
        audit.ensure_key(world.AT)
        yield Sender(live_server.url)


def first_code(answer: Answer) -> str:
    assert answer.status in {201, 207, 400, 403, 413, 415, 422}, answer.body
    if answer.status >= 400:
        insist_on_a_problem(answer.status, answer.headers["content-type"], answer.body)
        (fault,) = answer.body["errors"]
        assert set(fault) >= FIELDS_OF_A_FAULT
        return str(answer.body["code"])
    counts = dict(answer.body["counts"])
    assert counts.pop("rows") == sum(counts.values())
    faults = answer.body.get("errors", [])
    for fault in faults:
        assert set(fault) >= FIELDS_OF_A_FAULT
        assert fault["row"] >= 1
        assert fault["detail"]
        assert fault["hint"]
        assert fault["pointer"].startswith(f"/records/{fault['row'] - 1}")
    return str(faults[0]["code"]) if faults else "accepted"


def insist_on_a_problem(status: int, content_type: str, body: dict[str, Any]) -> None:
    assert content_type == "application/problem+json"
    assert body["type"] == f"/api/v1/problems/{body['code']}"
    assert body["status"] == status == CATALOGUE[body["code"]].status
    assert body["detail"]
    assert body["title"]


def insist_on_kept_bytes() -> None:
    """Every batch that was written down has its bytes, and nothing else lies there."""
    digests = set(UsageBatch.objects.values_list("body_sha256", flat=True))
    found = {path.name for path in bodies_folder().rglob("*") if path.is_file()}
    assert found == digests
    assert all(body_path(each).is_file() for each in digests)


def test_changed_records(sender):
    for number, case in enumerate(CASES["record"]):
        found = sender.outcome(record_body(sender.there, case, f"sent-{number}"), JSON)
        assert found == case["code"], case["id"]
    insist_on_kept_bytes()


def test_bodies(sender):
    for number, case in enumerate(CASES["body"]):
        found = sender.outcome(*whole_body(sender.there, case, f"sent-{number}"))
        assert found == case["code"], case["id"]
    insist_on_kept_bytes()


def test_parquet_files(sender, tmp_path):
    """Large ones would be told later; the corpus holds none whose rows are good."""
    for case in CASES["parquet"]:
        answer = sender.client.upload(
            parquet_body(sender.there, case, tmp_path), PARQUET, on_error="accept_valid"
        )
        if answer.status == 202:
            world.do_work()
            batch = UsageBatch.objects.get(pk=answer.body["batch_id"])
            assert (batch.status, batch.refused_code) == ("rejected", case["code"]), case["id"]
        else:
            assert first_code(answer) == case["code"], case["id"]
    insist_on_kept_bytes()


def test_requests(sender):
    record = sender.there.record() | {"order_no": "TEST-OK"}
    for number, case in enumerate(CASES["request"]):
        cells = [str(value) for value in (record | {"record_id": f"q-{number}"}).values()]
        headers = {
            "Authorization": f"Bearer {sender.test_token}",
            "Idempotency-Key": str(new_id()),
            "Content-Type": CSV,
        } | case.get("headers", {})
        answer = httpx.request(
            case.get("method", "POST"),
            sender.url + BATCHES + case.get("query", ""),
            content=f"{','.join(record)}\n{','.join(cells)}\n".encode(),
            headers={name: value for name, value in headers.items() if value},
        )
        assert answer.status_code == case["status"], (case["id"], answer.text)
        if case["code"]:
            insist_on_a_problem(case["status"], answer.headers["content-type"], answer.json())
            assert answer.json()["code"] == case["code"], case["id"]
    insist_on_kept_bytes()
