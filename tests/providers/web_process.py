"""The site as people run it: a web server process of its own on a real socket, beside a test."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
from django.conf import settings

from tests.worker import _die_with_the_test_run, environment, wait_for


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


class WebProcess:
    """One web server on the test's database."""

    def __init__(self, **variables: str) -> None:
        self.port, self.variables = free_port(), variables
        self.log = Path(settings.VAR_DIR) / f"web-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["--interface", "wsgi", "--host", "127.0.0.1", "--no-ws", "--port", str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "granian"), *words, "config.wsgi:application"],
                cwd=settings.BASE_DIR,
                env=environment() | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=_die_with_the_test_run,
            )
        wait_for(self._answers, lambda: self.log.read_text(errors="replace"))

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/livez", timeout=5).status_code == 200
        return False

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
