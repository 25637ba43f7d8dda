"""A line that breaks: passes requests on to the real service, except when told otherwise."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

import httpx

HOP = {"connection", "transfer-encoding", "content-encoding", "content-length", "server"}
LOSE_THE_ANSWER = 0


class Unsteady:
    """Answers POSTs with what is planned, then passes on.

    ``planned`` holds (status, headers); the status ``LOSE_THE_ANSWER`` passes the request on and
    hangs up before the answer. ``seen`` holds the headers of every POST.
    """

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.planned: list[tuple[int, dict[str, str]]] = []
        self.seen: list[dict[str, str]] = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.line = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.pass_on(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.line.seen.append({name.lower(): said for name, said in self.headers.items()})
        planned = self.server.line.planned
        status, headers = planned.pop(0) if planned else (None, {})
        if status is None or status == LOSE_THE_ANSWER:
            self.pass_on(body, lose=status == LOSE_THE_ANSWER)
        else:
            self.answer(status, headers, b"")

    def pass_on(self, body: bytes, *, lose: bool = False) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        url = self.server.line.behind + self.path
        got = httpx.request(self.command, url, content=body, headers=headers, timeout=60)
        if lose:
            self.close_connection = True
            self.connection.close()
            return
        kept = {k: v for k, v in got.headers.items() if k.lower() not in HOP}
        self.answer(got.status_code, kept, got.content)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """A server that knows its line."""

    line: Unsteady
