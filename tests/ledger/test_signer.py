"""The signer process, for real: started, asked, fed garbage, killed, run over."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ledger.merkle import consistency_proof, leaf_hash, perfect_root, root_of
from ledger.refusals import Broken
from ledger.signing import Algorithm, Growth, TreeHead, VerificationKey, open_note
from ledger.suites import SM3
from ledger.wire import MAX_FRAME_BYTES, SocketKeys, receive, send
from tests.ledger.making import AT

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "here/log"


LEAVES = [leaf_hash(bytes([each])) for each in range(201)]
SM3_LEAVES = [leaf_hash(bytes([each]), SM3) for each in range(20)]


def read(level: int, index: int) -> bytes:
    return perfect_root(LEAVES[index << level : (index + 1) << level])


def read_sm3(level: int, index: int) -> bytes:
    return perfect_root(SM3_LEAVES[index << level : (index + 1) << level], SM3)


def head(size: int, root: int = 0, origin: str = ORIGIN) -> str:
    """Return the head of the one honest tree, or one with a root from nowhere."""
    return TreeHead(origin, size, bytes([root]) * 32 if root else root_of(size, read)).text


def growth(size: int) -> Growth:
    return lambda old: consistency_proof(old, size, read)


class Running:
    """A signer process in a folder of its own."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.path = folder / "signer.socket"
        self.keys = folder / "keys"
        self.more = more
        self.client = SocketKeys(self.path)
        self.process: subprocess.Popen | None = None

    def start(self, *more: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "ledger.signer", "--socket", str(self.path)]
        process = subprocess.Popen(
            [*command, "--keys", str(self.keys), *self.more, *more], cwd=ROOT, text=True,
            stderr=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        self.process = process
        for line in process.stderr:
            if line.startswith("signing at"):
                return process
        process.wait(20)
        return process

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def signer(tmp_path) -> Iterator[Running]:
    running = Running(tmp_path)
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


def key_of(signer: Running, kind: Algorithm = Algorithm.ED25519) -> VerificationKey:
    publics = signer.client.publics(kind) or [signer.client.make(kind)]
    return VerificationKey(ORIGIN, publics[0], kind)


def connected(signer: Running) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(signer.path))
    return connection


@pytest.mark.parametrize("kind", [Algorithm.ED25519, Algorithm.COSIGN_MLDSA44, Algorithm.SM2_SM3])
def test_a_line_is_signed_without_the_key_ever_coming_over(signer, kind):
    key = key_of(signer, kind)
    assert kind in signer.client.makes
    if kind is Algorithm.SM2_SM3:
        key = VerificationKey(f"{ORIGIN}/sm3", key.public, kind)
    text = head(5, root=1, origin=key.name)
    note = f"{text}\n{signer.client.line(key, text, AT)}"
    assert open_note(note, key, alone=True) == text
    assert signer.path.stat().st_mode & 0o777 == 0o600
    assert all(each.stat().st_mode & 0o077 == 0 for each in signer.keys.iterdir())


def test_a_smaller_or_another_tree_is_never_signed(signer):
    key = key_of(signer)
    signer.client.line(key, head(5), AT)
    signer.client.line(key, head(5), AT)
    with pytest.raises(Broken, match="size 4 is smaller than 5"):
        signer.client.line(key, head(4), AT)
    with pytest.raises(Broken, match="another root was signed before at size 5"):
        signer.client.line(key, head(5, root=1), AT)


def test_a_larger_tree_needs_the_proof_that_it_grew(signer):
    key = key_of(signer)
    signer.client.line(key, head(5), AT)
    with pytest.raises(Broken, match=r"proof is missing .* of size 5"):
        signer.client.line(key, head(9), AT)
    for text, proof in (
        (head(9, root=1), growth(9)),
        (head(9), growth(8)),
        (head(9), lambda old: []),
        (head(9), lambda old: [bytes(31)]),
        (head(9), lambda old: [bytes(32)] * 128),
    ):
        with pytest.raises(Broken, match="did not grow out of the one of size 5"):
            signer.client.line(key, text, AT, growth=proof)
    with pytest.raises(Broken, match="short list of hashes"):
        signer.client.line(key, head(9), AT, growth=lambda old: [bytes(32)] * 129)
    signer.client.line(key, head(9), AT, growth=growth(9))
    signer.client.line(key, head(9), AT)
    with pytest.raises(Broken, match="smaller"):
        signer.client.line(key, head(5), AT)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_signed_is_remembered_over_a_restart(signer, how):
    key = key_of(signer)
    signer.client.line(key, head(5), AT)
    status = signer.stop(how)
    assert (status == 0) == (how == signal.SIGTERM)
    assert signer.path.exists() == (how == signal.SIGKILL)
    signer.start()
    with pytest.raises(Broken, match="another root"):
        signer.client.line(key, head(5, root=1), AT)
    signer.client.line(key, head(5), AT)


def test_each_origin_has_its_own_mark_and_key_name(signer):
    key = key_of(signer)
    signer.client.line(key, head(5), AT)
    public = key_of(signer, Algorithm.SM2_SM3).public
    other = VerificationKey("here/log/sm3", public, Algorithm.SM2_SM3)
    for size in (2, 11):
        text = TreeHead(other.name, size, root_of(size, read_sm3, SM3)).text
        grown = partial(consistency_proof, new=size, read=read_sm3, suite=SM3)
        line = signer.client.line(other, text, AT, growth=grown)
        assert open_note(f"{text}\n{line}", other) == text
    stranger = VerificationKey(ORIGIN, public, Algorithm.SM2_SM3)
    for one, origin in ((key, "else/log"), (stranger, ORIGIN)):
        with pytest.raises(Broken, match="under its own origin, by a key of its own tree"):
            signer.client.line(one, head(9, origin=origin), AT, growth=growth(9))


def test_a_text_is_signed_but_never_one_that_could_pass_for_a_tree(signer):
    key = key_of(signer)
    receipt = f"{ORIGIN}/receipt\n{{}}\n"
    assert open_note(f"{receipt}\n{signer.client.line(key, receipt, AT)}", key) == receipt
    signer.client.line(key, head(5), AT)
    for text in (head(3) + "extension\n", f"{ORIGIN}\n3\nx\n", "cosignature/v1\nx\n",
                 f"{ORIGIN}\n03\n{'A' * 43}=\n"):  # fmt: skip
        with pytest.raises(Broken, match="the signer refuses"):
            signer.client.line(key, text, AT)


@pytest.mark.parametrize(
    "message",
    [
        {}, {"do": None}, {"do": "sign"}, {"do": ["line"]}, {"do": "line"},
        {"do": "publics", "kind": "rsa"}, {"do": "publics", "kind": "cosign-ed25519"},
        {"do": "make", "kind": 7}, {"do": "line", "vkey": 5, "text": "x\n", "at": "x"},
        {"do": "line", "vkey": "x", "text": "x\n", "at": "x"},
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_answered_with_words(signer, message):
    with connected(signer) as connection:
        for _ in range(2):
            send(connection, message)
            answer = receive(connection)
            assert answer["ok"] is False
            assert answer["why"]


def test_a_line_needs_a_key_that_lies_there_and_a_moment(signer):
    key = key_of(signer)
    stranger = VerificationKey(ORIGIN, bytes(32))
    with pytest.raises(Broken, match="does not lie here"):
        signer.client.line(stranger, head(1), AT)
    with connected(signer) as connection:
        send(connection, {"do": "line", "vkey": key.text, "text": head(1), "at": "noon"})
        assert receive(connection) == {"ok": False, "why": "the moment is not a time"}


def _end_of(connection: socket.socket) -> None:
    """Read to the end of a conversation whose other side was killed."""
    try:
        assert receive(connection) is None
    except OSError:
        return


GARBAGE = {
    "nothing": b"",
    "half a length": b"\x00\x00",
    "length zero": bytes(4),
    "length too large": (MAX_FRAME_BYTES + 1).to_bytes(4) + b"x",
    "length of four gigabytes": b"\xff" * 4 + b"x" * 1000,
    "breaks off": (100).to_bytes(4) + b"{",
    "no JSON": (4).to_bytes(4) + b"\xff\xfe{}",
    "no object": (2).to_bytes(4) + b"[]",
    "deep": (60_000).to_bytes(4) + b"[" * 60_000,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_ends_the_conversation_and_nothing_else(signer, name):
    with connected(signer) as connection:
        connection.sendall(GARBAGE[name])
        connection.shutdown(socket.SHUT_WR)
        answer = receive(connection)
        assert answer is None or answer["ok"] is False
    assert signer.client.publics(Algorithm.SM2_SM3) == []


def test_a_program_under_another_user_is_turned_away(tmp_path):
    running = Running(tmp_path, "--allow-uid", str(os.geteuid() + 1))
    running.start()
    try:
        with pytest.raises(Broken, match=f"user id {os.geteuid()} may not ask"):
            running.client.publics(Algorithm.ED25519)
    finally:
        running.stop()


def test_without_a_signer_it_is_told_how_to_start_one(tmp_path):
    begun = time.monotonic()
    with pytest.raises(Broken, match=r"does not answer at .* python -m ledger\.signer"):
        SocketKeys(tmp_path / "nobody").publics(Algorithm.ED25519)
    assert time.monotonic() - begun < 5


def test_a_signer_that_is_killed_in_the_middle_is_told_and_comes_back(signer):
    key = key_of(signer)
    with connected(signer) as connection:
        connection.sendall((500).to_bytes(4) + b"{")
        signer.stop(signal.SIGKILL)
        assert _end_of(connection) is None
    with pytest.raises(Broken, match="does not answer"):
        signer.client.line(key, head(1), AT)
    signer.start()
    signer.client.line(key, head(1), AT)


def test_the_client_asks_once_more_when_the_signer_is_just_starting(signer):
    key = key_of(signer)
    signer.stop(signal.SIGKILL)
    late = threading.Timer(0.05, signer.start)
    until = time.monotonic() + 20
    late.start()
    while True:
        try:
            assert "here/log" in signer.client.line(key, head(1), AT)
            break
        except Broken:
            assert time.monotonic() < until
    late.join()


def test_two_signers_do_not_share_a_folder(signer, tmp_path):
    second = Running(tmp_path)
    second.path = tmp_path / "second.socket"
    assert second.start().wait(20) == 1
    assert not second.path.exists()
    assert signer.client.publics(Algorithm.ED25519) == []


@pytest.mark.parametrize("text", ["", "{}", '["x"]', "[7]", "x"])
def test_damaged_marks_stop_the_signer(tmp_path, text):
    running = Running(tmp_path)
    running.keys.mkdir()
    (running.keys / "signer.marks").write_text(text)
    assert running.start().wait(20) == 1


def test_eight_programs_at_once_get_their_lines_and_the_order_holds(signer):
    key = key_of(signer)
    refused, signed = [], []

    def work(number: int) -> None:
        client = SocketKeys(signer.path)
        for turn in range(25):
            text = head(1 + turn * 8 + number)
            try:
                line = client.line(key, text, AT, growth=growth(1 + turn * 8 + number))
            except Broken as told:
                refused.append(str(told))
            else:
                assert open_note(f"{text}\n{line}", key) == text
                signed.append(text)

    workers = [threading.Thread(target=work, args=(each,)) for each in range(8)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert len(refused) + len(signed) == 200
    assert all("smaller" in each or "proof is missing" in each for each in refused)
    stored = json.loads((signer.keys / "signer.marks").read_text())
    assert stored == [max(signed, key=lambda each: int(each.split("\n")[1]))]


def test_more_programs_than_seats_wait_or_are_turned_away(signer):
    silent = [connected(signer) for _ in range(70)]
    try:
        with pytest.raises(Broken, match="does not answer"):
            signer.client.publics(Algorithm.ED25519)
    finally:
        for each in silent:
            each.close()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            assert signer.client.publics(Algorithm.ED25519) == []
            break
        except Broken:
            time.sleep(0.1)
    else:
        pytest.fail("the seats were not given back")


def test_keys_are_made_up_to_a_number(signer):
    for _ in range(64):
        signer.client.make(Algorithm.ED25519)
    with pytest.raises(Broken, match="too many keys"):
        signer.client.make(Algorithm.ED25519)


def test_a_message_too_large_is_not_even_sent(signer):
    key = key_of(signer)
    with pytest.raises(Broken, match="too large"):
        signer.client.line(key, "x" * MAX_FRAME_BYTES + "\n", AT)


def test_the_signer_needs_no_django():
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c",
         "import sys; sys.modules['django'] = sys.modules['psycopg'] = None;"
         "import ledger.signer; print('ledger.models' in sys.modules)"],
        capture_output=True, text=True, cwd=ROOT, check=True, timeout=60,
    )  # fmt: skip
    assert told.stdout.strip() == "False"
