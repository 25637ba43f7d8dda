"""Upload of NDJSON records, signed: as the CSV benchmark, another form of the same batch."""

import json

from benchmarks.p1_upload import (
    Finished,
    Sending,
    finished_rows,
    floor,
    records,
    send,
    warm_up,
    world_and_client,
)

__all__ = ["floor"]

UNIT = "records"
GOAL = ">= 0.4"
SIZES = (100_000,)
CONTENT_TYPE = "application/x-ndjson"
FIELDS = ("record_id", "order_no", "device_model", "device_count", "started_at", "ended_at")


def prepare(size: int) -> Sending:
    """Make the world and the body."""
    world, client = world_and_client()
    warm_up(client)
    rows = (dict(zip(FIELDS, each, strict=True)) for each in records(size, world.order.order_no))
    body = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return Sending(client, body.encode(), size)


def ours(sending: Sending) -> int:
    """Send the NDJSON batch."""
    return send(sending, CONTENT_TYPE)


def prepare_floor(size: int) -> Finished:
    """Do ours once for its rows."""
    ours(prepare(size))
    return finished_rows(size)
