"""The signer process: holds the log's keys and signs for local programs, nothing else.

    python -m ledger.signer --socket PATH --keys FOLDER [--allow-uid N ...] [--mode 660]

Runs under an operating-system user of its own, so that web, worker and sealer need no access to
any key. It knows no database and no Django. Who may ask is decided by the user id that the
kernel reports for the other side. For each origin it remembers the largest tree it signed. It
refuses a smaller one and another root of the same size, and signs a larger one only with the
proof that it grew out of the one before: a program that was taken over cannot make it sign a
second history.
"""

import argparse
import fcntl
import json
import os
import signal
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger.epochs import suite_of
from ledger.keyfiles import STEMS, FileKeys, sync_folder
from ledger.merkle import ProofError, verify_growth
from ledger.notes import NoteError, TreeHead, from_base64, speaks_for_a_tree, to_base64
from ledger.refusals import Broken
from ledger.signing import Algorithm, VerificationKey
from ledger.suites import SHA256, SM3, Suite
from ledger.wire import TIMEOUT_SECONDS, Message, WireError, receive, send

MOST_KEYS = 64
MOST_HASHES = 128
MOST_CONVERSATIONS = 64
_WAITING = 256  # a full queue would turn a program away before anybody looked at it
_CREDENTIALS = struct.Struct("3i")  # process, user and group of the other side
_SHARED_MODES = (0o600, 0o660)


class Declined(ValueError):  # noqa: N818 - the answer of the signer, in its own words
    """What the signer will not do, and why."""


class Unproven(Declined):
    """A larger tree that came without the proof of its growth."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the proof is missing that this tree grew out of the one of size {size}")
        self.size = size


@dataclass(frozen=True)
class Proof:
    """What is said to prove that a tree grew out of the one of an old size."""

    old: int
    hashes: list[bytes]


class HighWater:
    """The largest tree signed for each origin, in a file beside the keys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.marks: dict[str, TreeHead] = {}
        if path.exists():
            try:
                stored = json.loads(path.read_text(encoding="utf-8"))
                heads = [TreeHead.parse(each) for each in _listed(stored)]
            except (ValueError, TypeError, AttributeError) as error:
                raise Broken(f"the marks of the signer in {path} are damaged") from error
            self.marks = {each.origin: each for each in heads}

    def admit(self, head: TreeHead, suite: Suite, proof: "Proof | None") -> None:
        """Remember a tree before it is signed.

        Raises:
            Declined: it is smaller than one signed before, or contradicts it.
            Unproven: it is larger, and nothing proves that it only grew.
        """
        mark = self.marks.get(head.origin)
        if mark == head:
            return
        if mark and head.size < mark.size:
            raise Declined(f"size {head.size} is smaller than {mark.size}, which was signed before")
        if mark and head.size == mark.size:
            raise Declined(f"another root was signed before at size {head.size}")
        if mark:
            # Another program may have moved the mark since this proof was looked up.
            if proof is None or proof.old != mark.size:
                raise Unproven(mark.size)
            try:
                verify_growth(mark.size, head.size, proof.hashes, mark.root, head.root, suite=suite)
            except ProofError as error:
                raise Declined(
                    f"this tree did not grow out of the one of size {mark.size}: {error}"
                ) from error
        self.marks[head.origin] = head
        self._store()

    def _store(self) -> None:
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(json.dumps([each.text for each in self.marks.values()]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        sync_folder(self.path.parent)


def _listed(stored: object) -> list[str]:
    if not isinstance(stored, list):
        raise TypeError("not a list")
    return stored


class Vault:
    """The keys and marks, and the few things that may be asked of them."""

    def __init__(self, folder: Path) -> None:
        self.keys = FileKeys(folder)
        self.high_water = HighWater(folder / "signer.marks")
        self._one_at_a_time = threading.Lock()

    def answer(self, message: Message) -> Message:
        """Do what a message asks; a refusal is an answer as well."""
        deeds = {
            "kinds": self._kinds,
            "publics": self._publics,
            "make": self._make,
            "line": self._line,
        }
        deed = deeds.get(str(message.get("do")))
        if deed is None:
            return {"ok": False, "why": "this is not among the things a signer does"}
        try:
            with self._one_at_a_time:
                return {"ok": True} | deed(message)
        except Unproven as refusal:
            return {"ok": False, "why": str(refusal), "grown_from": refusal.size}
        except (Declined, NoteError, Broken) as refusal:
            return {"ok": False, "why": str(refusal)}

    def _kinds(self, _message: Message) -> Message:
        return {"kinds": sorted(each.value for each in STEMS)}

    def _publics(self, message: Message) -> Message:
        return {"publics": [to_base64(each) for each in self.keys.publics(_kind(message))]}

    def _make(self, message: Message) -> Message:
        kind = _kind(message)
        if len(self.keys.publics(kind)) >= MOST_KEYS:
            raise Declined("there are too many keys of this kind already")
        return {"public": to_base64(self.keys.make(kind))}

    def _line(self, message: Message) -> Message:
        key = VerificationKey.parse(_text(message, "vkey"))
        text = _text(message, "text")
        try:
            at = datetime.fromisoformat(_text(message, "at"))
        except ValueError as error:
            raise Declined("the moment is not a time") from error
        if key.public not in self.keys.publics(key.algorithm):
            raise Declined(f"the key {key.key_id.hex()} does not lie here")
        if speaks_for_a_tree(text):
            self._admit(TreeHead.parse(text), key, message)
        return {"line": self.keys.line(key, text, at)}

    def _admit(self, head: TreeHead, key: VerificationKey, message: Message) -> None:
        # By the origin alone: were it by the key, a tree could be moved on under another hash.
        suite = SM3 if head.origin.endswith(SM3.suffix) else SHA256
        if head.origin != key.name or suite_of(key.algorithm) != suite.name:
            raise Declined("a checkpoint is signed under its own origin, by a key of its own tree")
        proof, old = message.get("proof", []), message.get("proof_from")
        if not isinstance(proof, list) or len(proof) > MOST_HASHES:
            raise Declined("a proof is a short list of hashes")
        hashes = [from_base64(str(each)) for each in proof]
        self.high_water.admit(head, suite, Proof(old, hashes) if isinstance(old, int) else None)


def _text(message: Message, name: str) -> str:
    found = message.get(name)
    if not isinstance(found, str):
        raise Declined(f"the message has no text named {name}")
    return found


def _kind(message: Message) -> Algorithm:
    try:
        kind = Algorithm(_text(message, "kind"))
    except ValueError as error:
        raise Declined("there is no such kind of key") from error
    if kind not in STEMS:
        raise Declined("there is no such kind of key")
    return kind


class Conversation(socketserver.BaseRequestHandler):
    """One program's questions, one after the other, until it hangs up or talks nonsense."""

    server: "Server"

    def handle(self) -> None:
        """Answer until the other side ends, is silent too long, or sends no message."""
        self.request.settimeout(TIMEOUT_SECONDS)
        try:
            while (message := receive(self.request)) is not None:
                send(self.request, self.server.vault.answer(message))
        except WireError as error:
            with_words = {"ok": False, "why": str(error)}
            try:
                send(self.request, with_words)
            except OSError:
                return
        except OSError:
            return


class Server(socketserver.ThreadingUnixStreamServer):
    """Listens on the socket and lets in the user ids of its list."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = _WAITING

    def __init__(self, path: Path, vault: Vault, *, allowed: frozenset[int], mode: int) -> None:
        self.vault = vault
        self.allowed = allowed
        self._seats = threading.BoundedSemaphore(MOST_CONVERSATIONS)
        super().__init__(str(path), Conversation)
        path.chmod(mode)

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002
        """Say whether the kernel names an allowed user on the other side."""
        if not isinstance(request, socket.socket):
            return False
        raw = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(raw)
        if uid in self.allowed:
            return True
        sys.stderr.write(f"refused: user id {uid} is not on the list\n")
        try:
            request.settimeout(1)
            send(request, {"ok": False, "why": f"user id {uid} may not ask this signer"})
        except OSError:
            return False
        return False

    def process_request(self, request: object, client_address: object) -> None:
        """Talk in a thread of its own; more than a fixed number at once are turned away."""
        if not self._seats.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[arg-type]
            return
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Give the seat back when the conversation is over."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._seats.release()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process: two signers would keep two marks."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "signer.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Broken(f"another signer already holds the keys in {folder}") from None
        yield


def serve(path: Path, folder: Path, *, allowed: frozenset[int], mode: int = 0o600) -> None:
    """Answer on a socket until told to stop.

    Raises:
        Broken: another signer holds the folder, or its marks are damaged.
    """
    os.umask(0o077)
    with _alone(folder):
        vault = Vault(folder)
        path.unlink(missing_ok=True)  # of a signer that was killed: the lock says it is gone
        with Server(path, vault, allowed=allowed, mode=mode) as server:
            for each in (signal.SIGTERM, signal.SIGINT):
                signal.signal(each, lambda *_: threading.Thread(target=server.shutdown).start())
            sys.stderr.write(f"signing at {path} for user ids {sorted(allowed)}\n")
            sys.stderr.flush()
            server.serve_forever()
        path.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the signer from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ledger.signer", description="持有日志签名密钥，经本机套接字签名。"
    )
    parser.add_argument("--socket", type=Path, required=True, help="监听的套接字路径")
    parser.add_argument("--keys", type=Path, required=True, help="密钥所在目录（仅本用户可读）")
    parser.add_argument(
        "--allow-uid", type=int, action="append", help="允许请求签名的用户编号，可多次给出"
    )
    parser.add_argument(
        "--mode",
        type=lambda text: int(text, 8),
        choices=_SHARED_MODES,
        default=0o600,
        help="套接字权限：600（默认）或 660（同组用户可连接）",
    )
    chosen = parser.parse_args(arguments)
    allowed = frozenset(chosen.allow_uid or [os.geteuid()])
    try:
        serve(chosen.socket, chosen.keys, allowed=allowed, mode=chosen.mode)
    except (Broken, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
