"""A provider with the tool on one side, the real interface on a real socket on the other."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ledger import audit, clock
from providers.models import UsageRecord
from tests.providers import world
from tests.providers.world import World
from tests.tool.program import Program
from tests.tool.unsteady import Unsteady

FIRST = datetime(2026, 10, 3, tzinfo=UTC)
HEAD = "record_id,order_no,device_model,device_count,started_at,ended_at\n"


@pytest.fixture
def program(tmp_path) -> Program:
    return Program(tmp_path / "provider")


class Line:
    """A provider whose tool is logged in with a live key."""

    def __init__(self, program: Program, url: str, server: Unsteady) -> None:
        self.program, self.url, self.server = program, url, server
        self.there = World()
        self.key, self.token, private = world.a_live_key(self.there.provider)
        (program.folder / "key.pem").write_bytes(world.private_pem(private))
        (program.folder / "key.pem").chmod(0o600)
        program.write("token", self.token)
        self.logged_in = program.run(
            "login", "--endpoint", url, "--token-file", "token", "--key", "key.pem"
        )
        assert self.logged_in.code == 0, self.logged_in.err

    def row(self, number: int, **changes: str) -> str:
        """Return one row: one device for one second, each row in a second of its own."""
        started_at = FIRST + timedelta(seconds=number)
        cells = {
            "record_id": f"r-{number}",
            "order_no": self.there.order.order_no,
            "device_model": "nvidia-a100",
            "device_count": "1",
            "started_at": started_at.isoformat(),
            "ended_at": (started_at + timedelta(seconds=1)).isoformat(),
        }
        return ",".join((cells | changes).values()) + "\n"

    def file(self, name: str, *rows: str) -> str:
        self.program.write(name, HEAD + "".join(rows))
        return name

    def stored(self) -> int:
        return UsageRecord.objects.count()


@pytest.fixture
def line(program, live_server, settings, transactional_db) -> Iterator[Line]:
    """The records lie in October 2026; the house is told that it is November."""
    with Unsteady(live_server.url) as server, clock.set_to(world.LATER):
        settings.PUBLIC_ORIGIN = server.url
        audit.ensure_key(world.AT)
        yield Line(program, server.url, server)
