"""The HTTP side of a witness: bounded sizes, bounded times, never a traceback to anybody.

One thread a connection, a bounded number of them; a connection that trickles is cut off at a
deadline, whatever it sends in between.
"""

import io
import logging
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from ledger.witness import pages
from ledger.witness.judging import TEXT, Answer, Witness
from ledger.witness.submissions import MAX_BODY_BYTES

MOST_CONNECTIONS = 64
REQUEST_SECONDS = 20
HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
_MOST_DIGITS = 9

logger = logging.getLogger(__name__)


class _Deadlined(io.RawIOBase):
    """Reads a socket up to a moment, however slowly the other side sends."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.until = monotonic() + REQUEST_SECONDS

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait until the deadline.

        Raises:
            TimeoutError: the deadline has come.
        """
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self.line.settimeout(left)
        try:
            return self.line.recv_into(buffer)
        finally:
            self.line.settimeout(REQUEST_SECONDS)


class Server(ThreadingHTTPServer):
    """Listens for a witness."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, place: tuple[str, int], witness: Witness, clock: Callable[[], int]) -> None:
        self.witness = witness
        self.clock = clock
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(place, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or hang up when too many are open."""
        if not self._free.acquire(blocking=False):
            logger.warning("too many connections: one of %s refused", client_address[0])
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Tell of a connection that broke, in one line."""
        fault = sys.exc_info()[1]
        logger.warning("connection of %s: %s: %s", client_address[0], type(fault).__name__, fault)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "witness"
    sys_version = ""
    timeout = REQUEST_SECONDS
    # Headers and body leave in one packet; in two, each answer would wait for a late receipt.
    wbufsize = 65_536
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Read through a deadline."""
        super().setup()
        self.rfile.close()
        self._raw = _Deadlined(self.connection)
        self.rfile = io.BufferedReader(self._raw)

    def handle_one_request(self) -> None:
        """Answer one request within its time."""
        self._raw.until = monotonic() + REQUEST_SECONDS
        super().handle_one_request()

    def do_GET(self) -> None:
        """Show the state of the witness."""
        path, _, query = self.path.partition("?")
        if path == "/evidence":
            found = self.server.witness.memory.evidence(pages.MOST_SHOWN)
            told = pages.as_json([pages.evidence_as_dict(each) for each in found])
            self._answer(Answer(200, told, JSON))
        elif path == "/":
            if query == "format=json" or "application/json" in self.headers.get("Accept", ""):
                told = pages.as_json(pages.state(self.server.witness))
                self._answer(Answer(200, told, JSON))
            else:
                self._answer(Answer(200, pages.page(self.server.witness), HTML))
        elif path == "/add-checkpoint":
            self._answer(Answer(405, "POST only\n"), {"Allow": "POST"})
        else:
            origin_hash = path.removeprefix("/").removesuffix("/checkpoint")
            note = pages.cosigned_checkpoint(self.server.witness, origin_hash)
            self._answer(Answer(200, note) if note else Answer(404, "nothing here\n"))

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def do_POST(self) -> None:
        """Take a checkpoint."""
        if self.path != "/add-checkpoint":
            self._refuse(404, "nothing here\n")
            return
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            self._refuse(411, "a plain Content-Length is needed\n")
            return
        if len(length) > _MOST_DIGITS or int(length) > MAX_BODY_BYTES:
            self._refuse(413, f"a submission has at most {MAX_BODY_BYTES} bytes\n")
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self._refuse(400, "the body ended early\n")
            return
        try:
            answer = self.server.witness.add_checkpoint(body, self.server.clock())
        except sqlite3.Error as fault:
            logger.critical("the memory cannot be used: %s", fault)
            answer = Answer(503, "the witness cannot store anything now\n")
        self._answer(answer)

    def _refuse(self, status: int, sentence: str) -> None:
        """Refuse without having read the body, so this connection ends."""
        self.close_connection = True
        self._answer(Answer(status, sentence), {"Connection": "close"})

    def _answer(self, answer: Answer, more: dict[str, str] | None = None) -> None:
        raw = answer.body.encode()
        self.send_response(answer.status)
        headers = {
            "Content-Type": answer.kind,
            "Content-Length": str(len(raw)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            **(more or {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses: a line that is no request, a method unknown."""
        self.close_connection = True
        self.log_message("refused %s: %s", code, message or explain or "")
        if self.request_version == "HTTP/0.9":  # a line that could not be read
            self.request_version = "HTTP/1.0"
        self._answer(Answer(int(code), "this is not a request for a witness\n", TEXT))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's word
        """Log one line; what a stranger sent is shown as escapes."""
        logger.info("%s %s", self.client_address[0], ascii(format % args)[1:-1][:300])
