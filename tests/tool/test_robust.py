"""What goes wrong on a provider's machine: full disks, two runs, Ctrl-C, clocks, odd files."""

import gzip
import json
import os
import signal
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.tool.conftest import HEAD
from tests.tool.test_resume import wait_for_chunk

pytestmark = pytest.mark.django_db(transaction=True)
MEBIBYTE = 1 << 20


NO_ROOM = """
import os, resource
if os.environ.get("FULL"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""


def test_a_full_disk_stops_before_anything_is_sent_and_the_same_command_goes_on(line, program):
    name = line.file("usage.csv", line.row(1))
    with (program.folder / "python" / "sitecustomize.py").open("a") as file:
        file.write(NO_ROOM)
    ran = program.run("push", name, FULL="1")
    assert (ran.code, len(line.server.seen)) == (6, 0)
    assert "File too large" in ran.err
    assert program.run("push", name).code == 0
    assert line.stored() == 1


@pytest.mark.parametrize("how", ["file", "spool"])
def test_two_runs_never_work_on_one_file_or_one_spool(line, program, how):
    (program.folder / "spool" / "outgoing").mkdir(parents=True)
    name = line.file("spool/outgoing/a.csv", *(line.row(n) for n in range(12_500)))
    words = ("push", "--spool", "spool") if how == "spool" else ("push", name)
    first = program.start(*words)
    wait_for_chunk(program.folder / "spool" / "outgoing" / "a.csv.slq-state", 1)
    second = program.run(*words, "--json")
    first.communicate(timeout=120)
    assert (first.returncode, second.code, second.json["exit"]) == (0, 6, 6)
    assert "另一个 slq" in second.err
    assert line.stored() == 12_500


def test_an_interrupted_run_says_how_to_go_on(line, program):
    name = line.file("usage.csv", *(line.row(n) for n in range(12_500)))
    process = program.start("push", name)
    wait_for_chunk(program.folder / "usage.csv.slq-state", 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "重新执行同一命令" in err
    assert "Traceback" not in err
    assert program.run("push", name).code == 0
    assert line.stored() == 12_500


def test_a_clock_that_is_wrong_is_told_as_such(line, program):
    (program.folder / "python" / "late.py").write_text(
        "import datetime\n"
        "class Late(datetime.datetime):\n"
        "    @classmethod\n"
        "    def now(cls, tz=None):\n"
        "        return super().now(tz) - datetime.timedelta(hours=1)\n"
        "datetime.datetime = Late\n"
    )
    with (program.folder / "python" / "sitecustomize.py").open("a") as file:
        file.write("import os\nif os.environ.get('LATE'): import late\n")
    ran = program.run("push", line.file("usage.csv", line.row(1)), LATE="1")
    assert ran.code == 5
    assert "signature_time" in ran.err
    assert "时钟与服务相差" in ran.err
    doctor = program.run("doctor", "--json", LATE="1")
    assert doctor.code == 5
    assert not {each["what"]: each["fine"] for each in doctor.json}["时钟"]


def test_packed_files_go_and_torn_ones_are_named(line, program):
    whole = gzip.compress((HEAD + line.row(1)).encode())
    (program.folder / "a.csv.gz").write_bytes(whole)
    (program.folder / "torn.csv.gz").write_bytes(whole[:-9])
    (program.folder / "none.csv.gz").write_bytes(b"not packed at all")
    assert program.run("push", "a.csv.gz").code == 0
    for name in ("torn.csv.gz", "none.csv.gz"):
        ran = program.run("push", name)
        assert (ran.code, ran.out) == (3, ""), ran.err
        assert "gzip" in ran.err
    assert line.stored() == 1


@pytest.mark.parametrize("name", ["long.csv", "long.ndjson"])
def test_a_line_without_end_is_named_and_not_read_whole(line, program, name):
    (program.folder / name).write_bytes(HEAD.encode() + b"x" * (3 * MEBIBYTE))
    ran = program.run("push", name)
    assert (ran.code, len(line.server.seen)) == (3, 0)
    assert "第 2 行" in ran.err


def test_a_long_json_file_that_is_not_whole_is_not_sent_at_all(line, program):
    record = json.dumps({"record_id": "a", "note": "x" * 900})
    good = '{"records": [' + ",\n".join([record] * 6_000)
    for number, bad in enumerate((good, good + ",]}", good + ",,{}]}", good + "]} more")):
        program.write(f"{number}.json", bad)
        ran = program.run("push", f"{number}.json")
        assert (ran.code, len(line.server.seen)) == (3, 0), number


def test_memory_does_not_grow_with_the_file(program):
    program.write("script.py", MEASURE)
    with (program.folder / "big.json").open("w") as file:
        file.write('{"records": [')
        for number in range(150_000):
            file.write(
                ("," if number else "") + json.dumps({"record_id": str(number), "x": "y" * 400})
            )
        file.write("]}")
    assert (program.folder / "big.json").stat().st_size > 60 * MEBIBYTE
    told = program.python(MEASURE)
    assert told["rows"] == 150_000
    assert told["grown_kib"] < 40 * 1024


MEASURE = """
import json, resource
from pathlib import Path
from slq import cutting
from slq.words import Speech
usage = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = usage()
rows = sum(chunk.rows for chunk in cutting.cut(Path("big.json"), Speech()))
print(json.dumps({"rows": rows, "grown_kib": usage() - before}))
"""


def test_a_file_that_is_still_being_written_is_not_taken_for_whole(line, program):
    name = line.file("usage.csv", *(line.row(n) for n in range(12_500)))
    process = program.start("push", name)
    wait_for_chunk(program.folder / "usage.csv.slq-state", 1)
    os.utime(program.folder / name, (time.time() + 5, time.time() + 5))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 6
    assert "被改动" in err


def test_new_keys_of_the_log_are_told_and_not_trusted_by_themselves(line, program):
    config = json.loads(program.read("config.json"))
    (published,) = config["live"]["vkeys"].split()
    stranger = "other.example/log+7b2b1b1f+AQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF"
    config["live"]["vkeys"] = stranger
    program.write("config.json", json.dumps(config))
    words = ("login", "--endpoint", line.url, "--token-file", "token", "--key", "key.pem")
    told = program.run(*words)
    assert told.code == 0
    assert published in told.err
    assert json.loads(program.read("config.json"))["live"]["vkeys"] == stranger
    assert program.run(*words, "--trust-new-keys").code == 0
    assert published in json.loads(program.read("config.json"))["live"]["vkeys"]


def test_a_config_file_that_is_none_is_named(program):
    program.write("config.json", "{")
    ran = program.run("status", "x")
    assert ran.code == 2
    assert "slq login" in ran.err


class _Patient(HTTPServer):
    """A server to which a client that hangs up is no error: it is what is wanted here."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@pytest.fixture
def stranger(tmp_path) -> Iterator[str]:
    """Somebody who answers at an https address with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(today).not_valid_after(today + timedelta(days=1))
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signed = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (tmp_path / "one.pem").write_bytes(key.private_bytes(*plain) + signed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "one.pem")
    with _Patient(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_certificate_that_nobody_vouches_for_is_found_and_nothing_is_sent(
    line, program, stranger
):
    doctor = program.run("doctor", "--json", SLQ_ENDPOINT=stranger)
    found = {each["what"]: each for each in doctor.json}
    assert (doctor.code, found["加密连接"]["fine"]) == (5, False)
    ran = program.run(
        "push", line.file("usage.csv", line.row(1)), "--tries", "1", SLQ_ENDPOINT=stranger
    )
    assert (ran.code, line.stored()) == (6, 0)
