"""The witness as a program: over real sockets, killed at its worst moment, fed with rubbish."""

import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from ledger.cosigning import signature_of, witness_key
from ledger.signing import split_note
from ledger.witness import server as serving
from ledger.witness.__main__ import main
from ledger.witness.judging import Witness
from ledger.witness.keyfile import read_key
from ledger.witness.memory import Memory
from ledger.witness.server import Server
from tests.ledger.small_log import AUDIT, SECONDS, SmallLog

ROOT = Path(__file__).resolve().parents[2]
LOG = SmallLog()
FORK = SmallLog(fork_at=3)
PLAIN = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}


class Program:
    """A witness in a process of its own, without the environment of the house."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.child: subprocess.Popen[str] | None = None
        self.address = ""

    def words(self, *more: str) -> list[str]:
        return [sys.executable, "-m", "ledger.witness", *more]

    def tell(self, *more: str) -> tuple[int, str]:
        done = subprocess.run(self.words(*more), env=PLAIN, cwd=self.folder, text=True,
                              capture_output=True, timeout=60)  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    def start(self) -> None:
        files = ("--database", "w.sqlite", "--key", "w.key")
        words = self.words("--listen", "127.0.0.1:0", *files, "--log", LOG.key.text)
        self.child = subprocess.Popen(words, env=PLAIN, cwd=self.folder, text=True,
                                      stdout=subprocess.PIPE,
                                      stderr=(self.folder / "err").open("a"))  # fmt: skip
        self.address = self.child.stdout.readline().rpartition("：")[2].strip().rstrip("/")

    def send(self, body: bytes) -> httpx.Response:
        return httpx.post(f"{self.address}/add-checkpoint", content=body, trust_env=False)

    def kill(self) -> None:
        if self.child:
            self.child.kill()
            self.child.communicate()
        self.child = None


@pytest.fixture
def program(tmp_path):
    found = Program(tmp_path)
    assert found.tell("keygen", "--name", "audit.test/w", "--key", "w.key")[0] == 0
    yield found
    found.kill()


def test_a_witness_runs_answers_and_stops_when_told(program, tmp_path):
    program.start()
    answer = program.send(LOG.body(0, 5))
    assert answer.status_code == 200
    text, lines = split_note(LOG.note(5) + answer.text)
    for key in read_key(tmp_path / "w.key").keys:
        key.check(text, signature_of(lines, key))
    conflict = program.send(LOG.body(3, 5))
    assert (conflict.status_code, conflict.text) == (409, "5\n")
    assert conflict.headers["content-type"] == "text/x.tlog.size"
    program.child.send_signal(signal.SIGTERM)
    assert program.child.wait(20) == 0
    assert "Traceback" not in (tmp_path / "err").read_text()


def test_a_witness_killed_at_any_moment_never_forgets_what_it_signed(program):
    """Kill -9 while it is asked without pause: what it answered, it still holds."""
    rolls = random.Random(5)
    known = 0
    for _ in range(4):
        program.start()
        timer = threading.Timer(0.2 + rolls.random() / 4, program.child.kill)
        timer.start()
        with contextlib.suppress(httpx.TransportError):
            while True:
                answer = program.send(LOG.body(known, known + 1))
                if answer.status_code == 409:  # stored before the last kill, answer lost
                    known = int(answer.text)
                    continue
                assert answer.status_code == 200
                known += 1
        timer.join()
        program.kill()
        program.start()
        held = httpx.get(f"{program.address}/?format=json", trust_env=False).json()["logs"]
        size = held[0]["size"] if held else 0
        assert size in {known, known + 1}
        assert program.send(FORK.body(size, size)).status_code == (409 if size > 3 else 200)
        program.kill()
    assert known > 3


def test_the_program_without_django_tells_what_it_holds(program, tmp_path):
    program.start()
    program.send(LOG.body(0, 5))
    program.send(FORK.body(5, 5))
    status, told = program.tell("--database", "w.sqlite", "--evidence")
    assert status == 0
    assert "分叉" in told
    assert LOG.note(5) in told
    assert FORK.note(5) in told
    assert "共 1 份证据，其中分叉 1 份" in told
    assert f"{LOG.key.name} 5 " in program.tell("--database", "w.sqlite", "--signed")[1]
    page = httpx.get(program.address, trust_env=False)
    assert "已留存 1 份分叉证据" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    found = httpx.get(f"{program.address}/evidence", trust_env=False).json()
    assert found[0]["held"] == LOG.note(5)
    told = httpx.get(program.address, headers={"Accept": "application/json"}, trust_env=False)
    place = hashlib.sha256(LOG.key.name.encode()).hexdigest()
    monitored = httpx.get(f"{program.address}/{place}/checkpoint", trust_env=False).text
    assert monitored == told.json()["logs"][0]["checkpoint"]
    assert monitored.startswith(LOG.note(5) + "— audit.test/w ")
    assert [witness_key(each).name for each in told.json()["keys"]] == ["audit.test/w"] * 2
    loaded = "import ledger.witness.__main__, sys; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], env=PLAIN, text=True, capture_output=True)
    assert done.stdout == "False\n"


def test_a_key_whose_memory_is_gone_signs_nothing(program, tmp_path):
    program.start()
    program.send(LOG.body(0, 5))
    program.kill()
    for each in tmp_path.glob("w.sqlite*"):
        each.unlink()
    words = ("--listen", "127.0.0.1:0", "--database", "w.sqlite", "--key", "w.key")
    status, told = program.tell(*words, "--log", LOG.key.text)
    assert status == 1
    assert "could cosign a fork" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["keygen", "--name", "other", "--key", "w.key"], "is the key of"),
        (["keygen", "--name", "a b", "--key", "new.key"], "cannot be the name"),
        (["--database", "none.sqlite", "--evidence"], "没有这个文件"),
        (["--listen", "127.0.0.1:0", "--database", "d", "--key", "w.key"], "--log"),
        (["--listen", "127.0.0.1:0", "--database", "d", "--key", "no.key", "--log", LOG.key.text],
         "cannot be read"),
        (["--listen", "127.0.0.1:0", "--database", "d", "--key", "rubbish", "--log", LOG.key.text],
         "not the key file"),
        (["--listen", "127.0.0.1:0", "--database", "d", "--key", "w.key", "--log", "x"],
         "不能运行"),
        (["--listen", "127.0.0.1:0", "--database", "rubbish", "--key", "w.key", "--log",
          LOG.key.text], "不能运行"),
        (["--database", "rubbish", "--signed"], "不能运行"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_told_in_one_line(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    Path("rubbish").write_text("rubbish\n" * 400)
    assert main(["keygen", "--name", "audit.test/w", "--key", "w.key"]) == 0
    assert Path("w.key").stat().st_mode & 0o777 == 0o600
    assert main(words) == 1
    assert told in capsys.readouterr().out


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give the address of a witness in this process, with short deadlines."""
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(serving.Handler, "timeout", 1)
    memory = Memory(tmp_path / "w.sqlite")
    with Server(("127.0.0.1", 0), Witness(AUDIT, [LOG.key], memory), lambda: SECONDS) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join()
    memory.close()


def say(place: tuple[str, int], raw: bytes) -> bytes:
    heard = b""
    with socket.create_connection(place, timeout=10) as line, contextlib.suppress(OSError):
        line.sendall(raw)
        while more := line.recv(65_536):
            heard += more
    return heard


POST = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (POST + b"\r\n", b"411"),
        (POST + b"Content-Length: -1\r\n\r\n", b"411"),
        (POST + b"Content-Length: 1e3\r\n\r\n", b"411"),
        (POST + b"Content-Length: 131073\r\n\r\n", b"413"),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n", b"413"),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\n", b"411"),
        (POST + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"404"),
        (b"GET /add-checkpoint HTTP/1.1\r\nConnection: close\r\n\r\n", b"405"),
        (b"GET /%00 HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET http://[ HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n", b"200"),
        (b"DELETE / HTTP/1.1\r\n\r\n", b"501"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_plainly(place, raw, status):
    heard = say(place, raw)
    assert status in heard.split(b"\r\n", 1)[0]
    assert b"Traceback" not in heard


def test_rubbish_never_stops_the_witness(place, caplog):
    rolls = random.Random(20_26)
    good = POST + f"Content-Length: {len(LOG.body(0, 5))}\r\n\r\n".encode() + LOG.body(0, 5)
    for _ in range(150):
        bent = bytearray(good)
        for _ in range(rolls.randrange(1, 8)):
            bent[rolls.randrange(len(bent))] = rolls.randrange(256)
        cut = rolls.randrange(len(bent)) if rolls.random() < 0.3 else len(bent)
        with socket.create_connection(place, timeout=10) as line, contextlib.suppress(OSError):
            line.sendall(bytes(bent[:cut]))
            line.shutdown(socket.SHUT_WR)
            while line.recv(65_536):
                pass
    assert "Traceback" not in caplog.text
    held = httpx.get(f"http://127.0.0.1:{place[1]}/?format=json", trust_env=False).json()["logs"]
    body = LOG.body(held[0]["size"] if held else 0, 9)
    answer = httpx.post(
        f"http://127.0.0.1:{place[1]}/add-checkpoint", content=body, trust_env=False
    )
    assert answer.status_code == 200


def test_who_trickles_is_cut_off_while_others_are_served(place):
    started = time.monotonic()
    with socket.create_connection(place, timeout=10) as slow:
        slow.sendall(POST + b"Content-Length: 100\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                slow.sendall(b"a")
                time.sleep(0.1)
                if time.monotonic() - started < 0.4:
                    assert httpx.get(f"http://127.0.0.1:{place[1]}/", trust_env=False).is_success
        assert time.monotonic() - started < 8


def test_too_many_connections_are_refused_and_the_rest_served(place, caplog):
    idle = [socket.create_connection(place, timeout=5) for _ in range(70)]
    until = time.monotonic() + 20
    while "too many connections" not in caplog.text:
        assert time.monotonic() < until
        time.sleep(0.05)
    for each in idle:
        each.close()
    time.sleep(0.3)
    assert json.loads(say(place, b"GET /evidence HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[2]) == []


def test_a_full_or_broken_disk_is_told_as_unavailable(place, tmp_path):
    with Memory(tmp_path / "w.sqlite").deciding():  # another process holds the file
        pass
    other = Memory(tmp_path / "w.sqlite")
    other._file.execute("DROP TABLE log")
    other.close()
    answer = httpx.post(
        f"http://127.0.0.1:{place[1]}/add-checkpoint", content=LOG.body(0, 5), trust_env=False
    )
    assert (answer.status_code, answer.text) == (503, "the witness cannot store anything now\n")
