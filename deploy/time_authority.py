"""A test authority for time stamps (RFC 3161): OpenSSL makes the keys and every token.

    python -m deploy.time_authority --folder var/tsa --listen 127.0.0.1:8791

For trying things out and for tests. What it stamps proves nothing to anybody else; a real
authority is asked by setting LOG_TSA_URL.
"""

import argparse
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MOST_BYTES = 8_192
OPENSSL_SECONDS = 20
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8")
_SETTINGS = """
[ tsa ]
default_tsa = test
[ test ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ stamping ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


class TimeAuthority:
    """A certificate authority and a time stamp key in one folder."""

    def __init__(self, folder: Path, name: str = "测试时间戳机构") -> None:
        self.folder = folder
        self.name = name
        self._lock = threading.Lock()  # the file of serial numbers has one writer

    @property
    def root(self) -> Path:
        """Return the file of the certificate that everything else hangs on."""
        return self.folder / "ca.pem"

    def make(self, days: int = 3_650) -> None:
        """Make keys and certificates unless they are there."""
        if self.root.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = self.folder / "tsa.cnf"
        settings.write_text(_SETTINGS.format(folder=self.folder.resolve()), encoding="utf-8")
        (self.folder / "serial").write_text("01\n")
        file = {each: str(self.folder / each) for each in ("ca.key", "tsa.key", "tsa.csr")}
        subject = ("-subj", f"/C=CN/O=测试/CN={self.name}根证书")
        fresh = str(self.folder / "ca.new")
        openssl("req", "-x509", *_CURVE, "-keyout", file["ca.key"], "-out", fresh,
                "-days", str(days), *subject)  # fmt: skip
        openssl("req", "-new", *_CURVE, "-keyout", file["tsa.key"], "-out", file["tsa.csr"],
                "-subj", f"/C=CN/O=测试/CN={self.name}")  # fmt: skip
        openssl("x509", "-req", "-in", file["tsa.csr"], "-CA", fresh, "-CAkey", file["ca.key"],
                "-set_serial", "2", "-days", str(days), "-extfile", str(settings),
                "-extensions", "stamping", "-out", str(self.folder / "tsa.pem"))  # fmt: skip
        Path(fresh).rename(self.root)

    def answer(self, request: bytes) -> bytes:
        """Return the response to a request; OpenSSL also says no in this form.

        Raises:
            subprocess.CalledProcessError: OpenSSL made no response at all.
        """
        with self._lock:
            query = self.folder / "request.tsq"
            query.write_bytes(request)
            return openssl("ts", "-reply", "-config", str(self.folder / "tsa.cnf"),
                           "-queryfile", str(query))  # fmt: skip


def openssl(*words: str) -> bytes:
    """Run OpenSSL and return what it printed."""
    done = subprocess.run(
        ["openssl", *words], check=True, capture_output=True, timeout=OPENSSL_SECONDS
    )
    return done.stdout


class Server(ThreadingHTTPServer):
    """Answers time stamp requests over HTTP."""

    daemon_threads = True

    def __init__(self, place: tuple[str, int], authority: TimeAuthority) -> None:
        self.authority = authority
        super().__init__(place, Handler)


class Handler(BaseHTTPRequestHandler):
    """Takes one request, gives one response (RFC 3161, section 3.4)."""

    server: Server
    timeout = 10

    def do_POST(self) -> None:
        """Stamp what was sent."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST_BYTES:
            self._answer(413, b"")
            return
        try:
            made = self.server.authority.answer(self.rfile.read(int(length)))
        except subprocess.SubprocessError:
            self._answer(400, b"")
        else:
            self._answer(200, made)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's word
        """Say nothing."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the test authority until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m deploy.time_authority", description=__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="证书和密钥的目录")
    parser.add_argument("--listen", default="127.0.0.1:8791", help="地址:端口")
    chosen = parser.parse_args(words)
    authority = TimeAuthority(chosen.folder)
    authority.make()
    host, _, port = chosen.listen.rpartition(":")
    with Server((host, int(port)), authority) as server:
        print(f"测试时间戳机构已启动：http://{chosen.listen}/，根证书 {authority.root}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
