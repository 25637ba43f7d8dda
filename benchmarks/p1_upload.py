"""Upload of CSV records, signed: from the request to rows that are stored, judged and booked.

Ours sends one batch through the upload API by the provider's own client: signature and digest
verified, each field decoded strictly, orders, rates and capacity matched, ids compared, rows
stored, usage posted and logged; what is too large for an answer at once is done by the job's
handler in the same process. The floor is ``COPY`` of the very rows that ours stored into tables
of the same columns, parts and indexes, and nothing else. The process has answered a request before,
as a server has.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from ledger import work
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
TABLES = """
CREATE TABLE finished (LIKE providers_usagerecord INCLUDING ALL)
    PARTITION BY RANGE (livemode, settle_month);
CREATE TABLE finished_part PARTITION OF finished
    FOR VALUES FROM (true, MINVALUE) TO (true, MAXVALUE);
CREATE TABLE finished_identity (LIKE providers_usageidentity INCLUDING ALL);
"""


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
    warm_up(client)
    return Sending(client, csv_body(size, world.order.order_no), size)


def warm_up(client: MeteringClient) -> None:
    """Have the process answer once, so that its code is loaded."""
    if client.get("/api/v1/metering/limits").status != 200:
        raise SystemExit("the site does not answer")
    work.ring()


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


class Finished(NamedTuple):
    """What ours stored, as COPY takes it: usage by month, and that each record counts once."""

    usage: list[bytes]
    identities: list[bytes]


def finished_rows(size: int) -> Finished:
    """Return the rows that ours stores, in order, and make the tables for them."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        usage = _rows(cursor, "SELECT * FROM providers_usagerecord ORDER BY id")
        listed = "SELECT k.* FROM providers_usagerecord u JOIN providers_usageidentity k USING"
        keys = "(provider_id, livemode, record_id, segment)"
        identities = _rows(cursor, f"{listed} {keys} ORDER BY u.id")
    assert len(usage) == len(identities) == size
    return Finished(usage, identities)


def _rows(cursor: Any, query: str) -> list[bytes]:
    with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        return [bytes(piece) for piece in copy]


def prepare_floor(size: int) -> Finished:
    """Do ours once for its rows."""
    ours(prepare(size))
    return finished_rows(size)


def floor(rows: Finished) -> int:
    """Copy the finished rows in, large pieces at a time, as one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table, lines in (("finished", rows.usage), ("finished_identity", rows.identities)):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for piece in _pieces(lines):
                    copy.write(piece)
    return len(rows.usage)


def _pieces(rows: list[bytes]) -> Iterator[bytes]:
    piece: list[bytes] = []
    held = 0
    for row in rows:
        piece.append(row)
        held += len(row)
        if held >= PIECE:
            yield b"".join(piece)
            piece, held = [], 0
    yield b"".join(piece)
