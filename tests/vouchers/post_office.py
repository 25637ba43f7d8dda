"""A mail server of the tests: a real socket that speaks SMTP and answers as it is told."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


class PostOffice(socketserver.ThreadingTCPServer):
    """Takes mails; ``answers`` says what RCPT is told for an address (250 unless told)."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.answers: dict[str, str] = {}
        self.taken: list[tuple[str, bytes]] = []

    @property
    def mails(self) -> list[EmailMessage]:
        """Return what was taken, parsed."""
        return [message_from_bytes(raw, policy=policy.default) for _, raw in self.taken]


class _Talk(socketserver.StreamRequestHandler):
    server: PostOffice

    def handle(self) -> None:
        self._say("220 post office")
        to = ""
        while line := self.rfile.readline():
            words = line.decode().strip()
            verb = words[:4].upper()
            if verb == "RCPT":
                to = words.partition("<")[2].partition(">")[0]
                self._say(self.server.answers.get(to, "250 fine"))
            elif verb == "DATA":
                self._say("354 go on")
                self.server.taken.append((to, self._body()))
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def open_post_office(settings: Any) -> Iterator[PostOffice]:
    """Open a mail server and let the house hand its mails in there."""
    with PostOffice() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        settings.EMAIL_TIMEOUT = 5
        yield server
        server.shutdown()
        thread.join()
