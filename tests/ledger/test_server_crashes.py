"""PostgreSQL killed outright, children and all, while six write and a sealer seals.

A cluster of its own, with fsync as in the house. After each start: every journal that was
acknowledged is there, all relations of the books hold, and the very same sealer process goes on.
``CRASH_ROUNDS`` says how often it is killed (5 unless told otherwise).
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from deploy.servers import Postgres
from tests.ledger.sealers import ROOT

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
pytestmark = pytest.mark.slow


class Server:
    """The cluster, and what runs on it."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(folder, "secret")

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.postgres.url("house"),
            "SECRET_KEY": settings.SECRET_KEY,
            "VAR_DIR": str(settings.VAR_DIR),
            "PYTHONUNBUFFERED": "1",
        }

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment(),
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def rows(self, sql: str) -> list[tuple]:
        with psycopg.connect(self.postgres.url("house")) as connection:
            return connection.execute(sql).fetchall()

    def kill(self) -> None:
        """Kill the postmaster and every child at once, and wait until all are gone."""
        leader = self.postgres.child.process
        family = [leader.pid, *children_of(leader.pid)]
        for each in family:
            os.kill(each, signal.SIGKILL)
        leader.wait()
        until = time.monotonic() + 30
        while any(runs(each) for each in family):
            assert time.monotonic() < until, "a child of the killed server lives on"
            time.sleep(0.02)


def children_of(parent: int) -> list[int]:
    """Return the children of a process, from the system's table."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def runs(number: int) -> bool:
    """Say whether a process lives; one that nobody has waited for yet is dead."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@contextmanager
def running(server: Server, *words: str):
    """Run a program on the server beside the test; collect what it prints."""
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=server.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(each.strip() for each in process.stdout))
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        reader.join(30)


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path)
    made.postgres.start()
    try:
        made.postgres.create("house")
        made.manage("migrate", "--verbosity", "0")
        made.manage("make_log_key")
        yield made
    finally:
        made.postgres.stop()


def wait_for_more(lines: list[str], count: int) -> None:
    target, until = len(lines) + count, time.monotonic() + 90
    while len(lines) < target:
        assert time.monotonic() < until, f"{len(lines)} of {target} lines after 90 seconds"
        time.sleep(0.02)


def test_a_killed_server_loses_nothing_acknowledged_and_the_sealer_goes_on(server):
    dice = random.Random(11)
    with (
        running(server, "manage.py", "seal_log") as (sealer, sealed),
        running(server, "-m", "tests.ledger.steady_writer") as (_, acknowledged),
    ):
        for _ in range(ROUNDS):
            wait_for_more(acknowledged, 30)
            wait_for_more(sealed, 1)
            time.sleep(dice.random())
            server.kill()
            known, tops = set(acknowledged), list(sealed)
            server.postgres.start()
            stored = {str(each[0]) for each in server.rows("SELECT id FROM ledger_journal")}
            assert known - stored == set()
            assert "账簿无误" in server.manage("check_books")
            notes = {f"检查点 {size} {root.hex()}" for size, root in server.rows(
                "SELECT size, root FROM ledger_checkpoint WHERE suite = 'sha256'")}  # fmt: skip
            assert set(tops) - notes == set()
            assert sealer.poll() is None
        wait_for_more(sealed, 1)
    assert len(acknowledged) >= 30 * ROUNDS
    while "检查点" in server.manage("seal_log", "--once"):
        pass
    assert server.rows("SELECT count(*) FROM ledger_logentry") == server.rows(
        "SELECT count(*) FROM ledger_logleaf"
    )
    assert "日志无误" in server.manage("verify_log")
