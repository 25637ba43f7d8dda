"""A provider's machine room, in place of mocks: it makes records, signs them and sends them.

Characters: *honest* sends each hour once; *late* sends an hour weeks afterwards; *repeating* sends
everything again, cut otherwise; *inflating* reports more devices than it has; *altering* sends the
same ids with other content; *forging* changes bytes after signing; *skewed* has a wrong clock.
"""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from providers.client import Answer, MeteringClient

UPLOAD = "/api/v1/metering/batches?on_error=accept_valid"
JSON = "application/json"
Record = dict[str, Any]


class Simulator:
    """One provider's machine room with a key of its own."""

    def __init__(
        self,
        client: MeteringClient,
        order_no: str,
        *,
        model: str = "nvidia-a100",
        devices: int = 8,
        seed: int = 1,
    ) -> None:
        """Take a client that signs, and the order that is being served."""
        self.client, self.order_no, self.model, self.devices = client, order_no, model, devices
        self.chance = random.Random(seed)

    def hours(self, start: datetime, count: int, *, devices: int | None = None) -> list[Record]:
        """Return one record an hour, ids that say which hour it was."""
        return [
            {
                "record_id": f"{self.model}:{(start + timedelta(hours=hour)):%Y%m%dT%H}",
                "order_no": self.order_no,
                "device_model": self.model,
                "device_count": self.devices if devices is None else devices,
                "started_at": (start + timedelta(hours=hour)).isoformat(),
                "ended_at": (start + timedelta(hours=hour + 1)).isoformat(),
                "job_state": "completed",
            }
            for hour in range(count)
        ]

    def send(self, records: Sequence[Record]) -> Answer:
        """Send records as one signed batch, good rows taken."""
        return self.client.upload(_body(records), JSON, on_error="accept_valid")

    def send_shuffled(self, records: Sequence[Record]) -> list[Answer]:
        """Send records in another order and in pieces of other sizes."""
        left = list(records)
        self.chance.shuffle(left)
        answers = []
        while left:
            size = self.chance.randint(1, 9)
            answers.append(self.send(left[:size]))
            left = left[size:]
        return answers

    def inflate(self, records: Iterable[Record], times: int) -> Answer:
        """Report ``times`` as many devices as there are, under new ids."""
        return self.send(
            [
                dict(each, record_id=f"{each['record_id']}x", device_count=self.devices * times)
                for each in records
            ]
        )

    def alter(self, records: Iterable[Record]) -> Answer:
        """Send the same ids with other content."""
        return self.send([dict(each, device_count=each["device_count"] + 1) for each in records])

    def correct(self, record: Record, **changes: Any) -> Answer:
        """Send a new record that replaces an old one."""
        new_id = f"{record['record_id']}-fix"
        fixed = record | changes
        return self.send(
            [fixed | {"record_id": new_id, "corrects": record["record_id"], "reason": "复核"}]
        )

    def forge(self, records: Sequence[Record]) -> Answer:
        """Sign one body and send another."""
        request = self.client.prepare(UPLOAD, _body(records), JSON)
        changed = _body([dict(each, device_count=1) for each in records])
        forged = httpx.Request("POST", request.url, headers=request.headers, content=changed)
        del forged.headers["Content-Length"]
        forged.headers["Content-Length"] = str(len(changed))
        return self.client.send(forged)

    def send_skewed(self, records: Sequence[Record], skew: timedelta) -> Answer:
        """Send with a clock that is wrong by ``skew``."""
        request = self.client.prepare(
            UPLOAD, _body(records), JSON, created=datetime.now(UTC) + skew
        )
        return self.client.send(request)

    def replay(self, records: Sequence[Record]) -> tuple[Answer, Answer]:
        """Send one request twice, byte for byte."""
        request = self.client.prepare(UPLOAD, _body(records), JSON)
        return self.client.send(request), self.client.send(request)


def _body(records: Sequence[Record]) -> bytes:
    return json.dumps({"records": list(records)}).encode()
