"""Small batches over real HTTP: 100 records a request, signed, eight clients at once.

Ours is the whole site: signature, nonce, limits, strict decoding, judging, storing, booking, log
entry, receipt. The floor is a bare signed POST with one insert on the same server program. All
requests are signed before the clock starts, so the clients cost both sides the same little.
"""

import http.client
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import psycopg
from django.conf import settings

from benchmarks.p1_upload import CONTENT_TYPE, DEVICES
from benchmarks.sites import HOST, Site
from providers.client import MeteringClient
from providers.models import UsageRecord
from tests.providers.world import World, a_live_key

UNIT = "requests"
GOAL = ">= 0.4"
SIZES = (1_000,)
CLIENTS, RECORDS = 8, 100
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
HEAD = "record_id,order_no,device_model,device_count,started_at,ended_at"


Request = tuple[str, bytes, dict[str, str]]


class Rush(NamedTuple):
    """A site that is up, and the requests to be sent to it."""

    site: Site
    requests: list[Request]
    is_ours: bool


def body_of(number: int, order_no: str) -> bytes:
    """Return one batch: records of a minute each that fill the devices and never overlap."""
    lines = [HEAD]
    for place in range(number * RECORDS, (number + 1) * RECORDS):
        begin = BEGIN + timedelta(minutes=place // DEVICES)
        end = begin + timedelta(minutes=1)
        lines.append(
            f"rec-{place:09d},{order_no},nvidia-a100,1,"
            f"{begin:%Y-%m-%dT%H:%M:%SZ},{end:%Y-%m-%dT%H:%M:%SZ}"
        )
    return "\n".join([*lines, ""]).encode()


def signed(
    size: int, client: MeteringClient, order_no: str
) -> list[tuple[str, bytes, dict[str, str]]]:
    """Return requests ready to be sent."""
    made = []
    for number in range(size):
        body = body_of(number, order_no)
        path = "/api/v1/metering/batches?on_error=reject_batch"
        request = client.prepare(path, body, CONTENT_TYPE, key=str(uuid4()))
        made.append((path, body, dict(request.headers)))
    return made


def prepare(size: int) -> Rush:
    """Make the world, sign everything, start the site and wake it."""
    world = World(devices=DEVICES, device_count=DEVICES)
    key, token, private = a_live_key(world.provider)
    client = MeteringClient(
        settings.PUBLIC_ORIGIN, token, key.key_id, private, public_origin=settings.PUBLIC_ORIGIN
    )
    requests = signed(size, client, world.order.order_no)
    site = Site(
        "config.wsgi:application", RATE_REQUESTS="1000000000", RATE_RECORDS="1000000000000",
        DJANGO_SETTINGS_MODULE="config.settings",
    )  # fmt: skip
    return Rush(site, requests, is_ours=True)


def prepare_floor(size: int) -> Rush:
    """Start the bare site with a key of its own."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, body bytea)")
    world = World()
    key, token, private = a_live_key(world.provider)
    client = MeteringClient(settings.PUBLIC_ORIGIN, token, key.key_id, private)
    site = Site(
        "benchmarks.bare_upload:application", BARE_ORIGIN=settings.PUBLIC_ORIGIN,
        BARE_KEY_ID=key.key_id, BARE_KEY=key.public_key, DJANGO_SETTINGS_MODULE="config.settings",
    )  # fmt: skip
    return Rush(site, signed(size, client, world.order.order_no), is_ours=False)


def ours(rush: Rush) -> int:
    """Send everything over eight connections; every request must have been taken."""
    with rush.site:
        answers = send(rush)
    if answers.count(201) != len(rush.requests):
        raise SystemExit(f"not every request was taken: {sorted(set(answers))}")
    if rush.is_ours and UsageRecord.objects.count() != RECORDS * len(rush.requests):
        raise SystemExit("not every record was stored")
    return len(rush.requests)


floor = ours


def send(rush: Rush) -> list[int]:
    """Return the statuses of the answers."""
    waiting, answers, lock = iter(rush.requests), [], threading.Lock()

    def client() -> None:
        connection = http.client.HTTPConnection(HOST, rush.site.port, timeout=120)
        while True:
            with lock:
                asked = next(waiting, None)
            if asked is None:
                return
            connection.request("POST", asked[0], asked[1], asked[2])
            response = connection.getresponse()
            response.read()
            answers.append(response.status)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return answers
