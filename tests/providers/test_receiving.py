"""Bodies come in piece by piece over real sockets: whole or not at all, never held in memory."""

import gzip
import hashlib
import json
import re
import socket
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.digests import ContentDigest

from ledger import audit, clock
from ledger.identifiers import new_id
from ledger.refusals import Broken
from providers.bodies import bodies_folder, body_path, kept_body, receive_body
from providers.client import MeteringClient
from providers.models import BatchRow, UsageBatch, UsageRecord
from providers.signatures import sign_request
from providers.wire import CSV, JSON, PARQUET
from tests.providers import world
from tests.providers.test_parquet import made

BATCHES = "/api/v1/metering/batches"


class Line:
    """One provider with a live and a test key, at a real server."""

    def __init__(self, url: str) -> None:
        self.there = world.World()
        key, self.token, private = world.a_live_key(self.there.provider)
        self.client = MeteringClient(url, self.token, key.key_id, private)
        _, self.test_token = world.a_test_key(self.there.provider)
        self.host, self.port = url.removeprefix("http://").split(":")

    def raw(self, head: dict[str, str], body: bytes, *, token: str = "") -> tuple[int, str]:
        """Send bytes as they are and close; return status and code of the answer."""
        lines = {
            "Host": f"{self.host}:{self.port}",
            "Authorization": f"Bearer {token or self.test_token}",
            "Content-Type": CSV,
            "Idempotency-Key": str(new_id()),
            "Connection": "close",
        } | head
        text = f"POST {BATCHES} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        with socket.create_connection((self.host, int(self.port)), timeout=20) as line:
            line.sendall(text.encode() + b"\r\n" + body)
            line.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
        if not answer:
            return 0, ""
        found = re.search(r'"code":\s*"(\w+)"', answer)
        return int(answer.split()[1]), found[1] if found else ""


@pytest.fixture
def line(live_server, settings, transactional_db) -> Iterator[Line]:
    settings.PUBLIC_ORIGIN = live_server.url
    with clock.set_to(world.LATER):
        audit.ensure_key(world.AT)
        yield Line(live_server.url)


def files() -> list[Path]:
    return sorted(path for path in bodies_folder().rglob("*") if path.is_file())


def table(line: Line, rows: int, changes: str = "") -> bytes:
    record = line.there.record()
    lines = [",".join(record)]
    for number in range(rows):
        cells = record | {"record_id": f"{changes}r-{number:06d}", "device_count": 0}
        lines.append(",".join(str(value) for value in cells.values()))
    return "\n".join([*lines, ""]).encode()


def test_an_upload_cut_at_any_place_leaves_nothing_behind(line):
    body = table(line, 1_000)
    cuts = [0, 1, 100, len(body) // 2, 1 << 16, len(body) - 1]
    for cut in cuts:
        answer = line.raw({"Content-Length": str(len(body))}, body[:cut])
        assert answer in {(400, "length_mismatch"), (0, "")}
    assert files() == []
    assert not UsageBatch.objects.exists()


def test_a_body_that_is_whole_json_but_shorter_than_declared_is_refused(line):
    body = json.dumps({"records": [line.there.record()]}).encode()
    answer = line.raw({"Content-Length": str(len(body) + 10), "Content-Type": JSON}, body)
    assert answer == (400, "length_mismatch")
    assert files() == []


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        ({"Content-Length": str((256 << 20) + 1)}, 413, "too_large"),
        ({"Content-Length": "1" * 30}, 400, "length_mismatch"),
        ({"Transfer-Encoding": "chunked"}, 411, "length_required"),
        ({"Content-Length": "5", "Content-Type": "text/csv; charset=utf-16"}, 415,
         "unsupported_media_type"),
        ({"Content-Length": "5", "Content-Encoding": "br"}, 415, "unsupported_encoding"),
    ],
)  # fmt: skip
def test_what_the_headers_show_is_refused_before_the_body_is_read(line, head, status, code):
    assert line.raw(head, b"") == (status, code)
    assert files() == []


def test_small_and_large_bodies_are_kept_by_digest_as_they_came(line):
    for body in (table(line, 2), table(line, 6_000, "more-")):
        answer = line.client.upload(body, CSV)
        assert answer.status in {201, 202}, answer.body
        assert body_path(hashlib.sha256(body).hexdigest()).read_bytes() == body
    packed = gzip.compress(table(line, 2))
    answer = line.client.upload(packed, CSV, headers={"Content-Encoding": "gzip"})
    assert answer.body["counts"]["duplicate"] == 2
    assert body_path(hashlib.sha256(packed).hexdigest()).read_bytes() == packed
    assert len(files()) == 3
    world.do_work()
    assert UsageRecord.objects.count() == 6_002


def test_what_is_refused_validated_or_sent_again_keeps_no_file(line):
    good, bad = table(line, 2), table(line, 2).replace(b"device_count", b"amount")
    assert line.client.upload(bad, CSV).body["code"] == "header_unknown"
    assert line.client.upload(good, CSV, dry_run=True).status == 200
    forged = line.client.prepare(BATCHES, good, CSV)
    forged.headers["Content-Digest"] = "sha-256=:" + "A" * 43 + "=:"
    assert line.client.send(forged).status == 401
    assert files() == []
    assert line.client.upload(good, CSV).status == 201
    assert line.client.upload(good, CSV).replayed
    assert len(files()) == 1


def test_a_refused_batch_that_is_written_down_keeps_its_bytes_as_evidence(line):
    body = table(line, 2).replace(b",0,", b",-1,")
    assert line.client.upload(body, CSV).status == 422
    assert UsageBatch.objects.get().status == "rejected"
    assert [path.read_bytes() for path in files()] == [body]


def test_gzip_counts_as_what_it_unpacks_to(line):
    packed = gzip.compress(table(line, 5_100))
    answer = line.client.upload(packed, CSV, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.body["status"]) == (202, "processing")
    bomb = gzip.compress(bytes(50 << 20))
    answer = line.client.upload(bomb, CSV, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.body["code"]) == (413, "compression_ratio")


def test_parquet_is_taken_small_at_once_and_large_later(line, tmp_path):
    select = (
        f"'p-' || i AS record_id, '{line.there.order.order_no}' AS order_no,"
        " 'nvidia-a100' AS device_model, 0 AS device_count,"
        " TIMESTAMPTZ '2026-10-03 00:00:00+08' AS started_at,"
        " TIMESTAMPTZ '2026-10-03 01:00:00+08' AS ended_at"
    )
    small = line.client.upload(made(tmp_path, select, rows=10), PARQUET)
    assert (small.status, small.body["counts"]["zero"]) == (201, 10)
    large = line.client.upload(made(tmp_path, select, rows=6_000), PARQUET)
    assert large.status == 202
    world.do_work()
    done = line.client.status(large.body["batch_id"]).body
    assert (done["status"], done["counts"]["duplicate"]) == ("accepted", 10)
    many = line.client.upload(made(tmp_path, select, rows=1_000_001), PARQUET)
    assert (many.status, many.body["code"]) == (413, "too_many_records")


class Sha512(ContentDigest):
    algorithm = "sha-512"


class Signer(HTTPMessageSigner):
    content_digest_class = Sha512


def test_the_digest_of_a_signed_upload_may_be_of_the_longer_kind(line):
    body = table(line, 1)
    unsigned = MeteringClient(settings.PUBLIC_ORIGIN, line.token, line.client.key_id)
    for sent, status in ((body + b"x", 401), (body, 201)):
        request = unsigned.prepare(BATCHES, sent, CSV)
        sign_request(
            request,
            body,
            key_id=line.client.key_id,
            private_key=line.client.private_key,
            nonce=new_id().hex,
            created=datetime.now(UTC),
            signer=Signer,
        )
        assert request.headers["Content-Digest"].startswith("sha-512=")
        assert unsigned.send(request).status == status


def test_the_worker_insists_that_the_kept_bytes_are_those_of_the_digest(line):
    body = table(line, 6_000)
    answer = line.client.upload(body, CSV)
    path = body_path(hashlib.sha256(body).hexdigest())
    path.write_bytes(body.replace(b",0,", b",1,"))
    world.do_work()
    assert line.client.status(answer.body["batch_id"]).body["status"] == "processing"
    assert not UsageRecord.objects.exists()
    with pytest.raises(Broken):
        kept_body("0" * 64)


def test_receiving_holds_a_piece_at_a_time(line):
    piece = b"x" * (1 << 20)
    tracemalloc.start()
    try:
        body = receive_body(piece for _ in range(64))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body.size == 64 << 20
    assert peak < 4 << 20
    body.discard()
    assert files() == []


def test_a_source_that_breaks_off_leaves_no_file():
    def breaking() -> Iterator[bytes]:
        yield b"some"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        receive_body(breaking())
    assert files() == []
    assert settings.VAR_DIR in bodies_folder().parents


def test_left_out_rows_of_a_large_batch_are_listed(line):
    body = table(line, 6_000).replace(b"r-000007", b"r 7")
    answer = line.client.upload(body, CSV, on_error="accept_valid")
    world.do_work()
    row = BatchRow.objects.get()
    assert (row.row_no, row.faults[0]["code"]) == (8, "id_format")
    assert line.client.status(answer.body["batch_id"]).body["status"] == "partial"


def test_a_fault_of_a_large_body_is_told_with_its_place_when_the_worker_finds_it(line):
    body = table(line, 6_000).replace(b"r-005900,", b'"r-005900,')
    answer = line.client.upload(body, CSV, on_error="accept_valid")
    assert answer.status == 202
    world.do_work()
    path = f"{BATCHES}/{answer.body['batch_id']}"
    done = line.client.get(path).body
    assert (done["status"], done["refused_code"]) == ("rejected", "unclosed_quote")
    (row,) = line.client.get(f"{path}/results").body["results"]
    (fault,) = row["errors"]
    assert (fault["row"], fault["code"]) == (5_902, "unclosed_quote")
    assert "第 5902 行" in fault["detail"]
    assert fault["hint"]


def test_a_control_total_that_differs_is_told_with_both_numbers_now_and_later(line):
    said = {"Batch-Row-Count": "7"}
    now = line.client.upload(table(line, 3), CSV, headers=said)
    (fault,) = now.body["errors"]
    assert (now.status, fault["code"], fault["value"]) == (422, "count_mismatch", "7 / 3")
    assert (fault["declared"], fault["found"], fault["pointer"]) == ("7", "3", "/Batch-Row-Count")
    later = line.client.upload(table(line, 6_000), CSV, headers=said)
    world.do_work()
    rows = line.client.get(f"{BATCHES}/{later.body['batch_id']}/results").body["results"]
    assert [each["errors"][0]["value"] for each in rows] == ["7 / 6000"]
    assert not UsageRecord.objects.exists()
