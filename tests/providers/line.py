"""A provider's line to the upload interface: a live key and the real client in this process."""

import json

import httpx
from django.conf import settings

from providers.client import MeteringClient
from tests.providers import world
from tests.providers.world import World

BATCHES = "/api/v1/metering/batches"
JSON = "application/json"


class Line:
    """A provider with a live key, and its client inside this process."""

    def __init__(self, **made) -> None:
        self.there = World(**made)
        self.key, self.token, self.private = world.a_live_key(self.there.provider)
        self.client = client(self.token, self.key.key_id, self.private)

    def body(self, *records) -> bytes:
        return json.dumps({"records": list(records) or [self.there.record()]}).encode()

    def prepared(self, body: bytes = b"", path: str = BATCHES, **how) -> httpx.Request:
        return self.client.prepare(path, body or self.body(), JSON, **how)


def client(token: str, key_id: str = "", private=None) -> MeteringClient:
    return MeteringClient(
        settings.PUBLIC_ORIGIN,
        token,
        key_id,
        private,
        transport=world.in_process(),
    )
