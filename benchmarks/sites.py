"""The house's server program on a free port, for benchmarks that go over real sockets."""

import http.client
import os
import socket
import subprocess
import sys
import time
from typing import Self

HOST = "127.0.0.1"
_PATIENCE_SECONDS = 60.0


class Site:
    """One server program with a WSGI application, up from the start to ``stop``."""

    def __init__(self, module: str, **variables: str) -> None:
        """Start it and wait until it answers."""
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        words = ["--interface", "wsgi", "--host", HOST, "--port", str(self.port), "--no-ws"]
        words += ["--workers", "2", "--blocking-threads", "4"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "granian", *words, "--log-level", "warning", module],
            env=os.environ | variables,
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{module} does not answer")
            time.sleep(0.1)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://{HOST}:{self.port}"

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/livez")
            connection.getresponse().read()
        except OSError:
            return False
        finally:
            connection.close()
        return True

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.stop()
