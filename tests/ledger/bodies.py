"""Other bodies as the house meets them: an honest witness, and one that does as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time

from ledger.audit import ensure_key
from ledger.cosigning import Cosigner
from ledger.signing import VerificationKey
from ledger.witness.judging import Witness
from ledger.witness.memory import Memory
from ledger.witness.server import Server
from tests.ledger.making import AT

#: (status, headers, body) of an answer, from the body of a request.
Answering = Callable[[bytes], tuple[int, dict[str, str], bytes]]


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[str]:
    """Serve in a thread and yield the address."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def honest(cosigner: Cosigner, folder: Path, *logs: VerificationKey) -> Iterator[str]:
    """Run a real witness that knows this log (or others)."""
    memory = Memory(folder / f"{cosigner.name.partition('.')[0]}.sqlite")
    witness = Witness(cosigner, logs or [ensure_key(AT)], memory)
    server = Server(("127.0.0.1", 0), witness, lambda: int(time()))
    with served(server) as address:
        yield address
    memory.close()


@contextmanager
def answering(answer: Answering) -> Iterator[str]:
    """Run a server that answers every POST as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, headers, body = answer(self.rfile.read(length))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


def listing(*pairs: tuple[str, VerificationKey]) -> str:
    """Return LOG_WITNESSES for some addresses and keys."""
    return ", ".join(f"{url} {key.text}" for url, key in pairs)
