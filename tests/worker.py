"""A real Celery worker beside a test: its own process, its own queue, the test's database."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from config.celery import app
from tests.roles import address_of

PATIENCE_SECONDS = 90.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def database_url(role: str = "app") -> str:
    """Return the address of the test database, for programs started by a test."""
    return address_of(role)


def environment() -> dict[str, str]:
    """Return the environment of a program of the house that works on the test's data."""
    return os.environ | {
        "DATABASE_URL": database_url(),
        "DATABASE_ROLE_PREFIX": settings.DATABASE_ROLE_PREFIX,
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "CELERY_QUEUE": app.conf.task_default_queue,
        "SECRET_KEY": settings.SECRET_KEY,
        "VAR_DIR": str(settings.VAR_DIR),
        "PYTHONUNBUFFERED": "1",
    }


def _die_with_the_test_run() -> None:
    """Ask the system to kill this child when the test run is killed (between fork and exec)."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class RealWorker:
    """Start, kill and stop ``celery worker`` on the queue that this test run rings."""

    def __init__(self) -> None:
        self.log = Path(settings.VAR_DIR) / "worker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, beat: bool = False) -> None:
        """Start it and wait until it takes messages; ``beat`` adds the clock-driven jobs."""
        words = ["worker", "--concurrency", "1", "--loglevel", "INFO"]
        words += ["--without-gossip", "--without-mingle"]
        if beat:
            words += ["--beat", "--schedule", str(Path(settings.VAR_DIR) / "beat-schedule")]
        self.log.unlink(missing_ok=True)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", *words],
                cwd=settings.BASE_DIR,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=_die_with_the_test_run,
            )
        wait_for(lambda: " ready." in self.told(), self.told)

    def kill(self) -> None:
        """End the worker and its children as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Ask it to end, then make sure."""
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.kill()

    def told(self) -> str:
        """Return what it wrote so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def wait_for(ready, why=lambda: "") -> None:
    """Wait until ``ready`` says yes; fail with what ``why`` tells."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < until, f"waited {PATIENCE_SECONDS:.0f} s in vain\n{why()}"
        time.sleep(0.1)
