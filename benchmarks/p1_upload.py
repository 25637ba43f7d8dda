"""Upload of CSV records, signed: from the request to rows that are stored, judged and booked.

Ours sends one batch through the upload API by the provider's own client: signature and digest
verified, each field decoded strictly, orders, rates and capacity matched, ids compared, rows
stored, usage posted and logged; what is too large for an answer at once is done by the job's
handler in the same process. The floor is ``COPY`` of the very rows that ours stored into a table
of the same columns with the same indexes, and nothing else.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from providers.client import MeteringClient
from providers.models import UsageBatch
from tests.providers.world import World, a_live_key, do_work, in_process

UNIT = "records"
GOAL = ">= 0.5"
SIZES = (100_000,)
CONTENT_TYPE = "text/csv"
DEVICES = 64
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
STEP = timedelta(seconds=60)
PIECE = 1 << 20


class Sending(NamedTuple):
    """A provider's client and the batch it is about to send."""

    client: MeteringClient
    body: bytes
    size: int


def records(size: int, order_no: str) -> Iterator[tuple[str, str, str, int, str, str]]:
    """Yield honest records that fill the provider's devices and never overlap on one."""
    for number in range(size):
        begin = BEGIN + STEP * (number // DEVICES)
        end = begin + STEP
        yield (
            f"rec-{number:09d}",
            order_no,
            "nvidia-a100",
            1,
            f"{begin:%Y-%m-%dT%H:%M:%SZ}",
            f"{end:%Y-%m-%dT%H:%M:%SZ}",
        )


def csv_body(size: int, order_no: str) -> bytes:
    """Return the batch as CSV."""
    lines = [",".join(map(str, each)) for each in records(size, order_no)]
    head = "record_id,order_no,device_model,device_count,started_at,ended_at"
    return "\n".join([head, *lines, ""]).encode()


def world_and_client() -> tuple[World, MeteringClient]:
    """Make a provider with capacity, rate, offering, order and a confirmed key, by the acts."""
    world = World(devices=DEVICES, device_count=DEVICES)
    key, token, private = a_live_key(world.provider)
    client = MeteringClient(
        settings.PUBLIC_ORIGIN, token, key.key_id, private, transport=in_process()
    )
    return world, client


def prepare(size: int) -> Sending:
    """Make the world and the body."""
    world, client = world_and_client()
    return Sending(client, csv_body(size, world.order.order_no), size)


def send(sending: Sending, content_type: str) -> int:
    """Upload, let the worker's handler finish, and make sure that every record counts."""
    answer = sending.client.upload(sending.body, content_type)
    if answer.status not in {201, 202}:
        raise SystemExit(f"the upload was answered {answer.status}: {answer.body}")
    do_work()
    batch = UsageBatch.objects.get()
    counts: dict[str, Any] = {"accepted": batch.accepted, "state": batch.status}
    if batch.accepted != sending.size:
        raise SystemExit(f"not every record was accepted: {counts}")
    return sending.size


def ours(sending: Sending) -> int:
    """Send the CSV batch."""
    return send(sending, CONTENT_TYPE)


def finished_rows(size: int) -> list[bytes]:
    """Return the rows that ours stores, as COPY takes them, and make the table for them."""
    rows: list[bytes] = []
    with connection.cursor() as cursor:
        with cursor.copy("COPY providers_usagerecord TO STDOUT") as copy:
            rows.extend(bytes(piece) for piece in copy)
        cursor.execute("CREATE TABLE finished (LIKE providers_usagerecord INCLUDING ALL)")
    assert len(rows) >= size
    return rows


def prepare_floor(size: int) -> list[bytes]:
    """Do ours once for its rows."""
    ours(prepare(size))
    return finished_rows(size)


def floor(rows: list[bytes]) -> int:
    """Copy the finished rows in, large pieces at a time."""
    with connection.cursor() as cursor, cursor.copy("COPY finished FROM STDIN") as copy:
        piece: list[bytes] = []
        held = 0
        for row in rows:
            piece.append(row)
            held += len(row)
            if held >= PIECE:
                copy.write(b"".join(piece))
                piece, held = [], 0
        copy.write(b"".join(piece))
    return len(rows)
