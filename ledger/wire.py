"""How the signer process is spoken to: small framed messages over a local socket.

A frame is four bytes of length and a JSON object. One side asks, the other answers; a frame
that is too large, no JSON or no object ends the conversation.
"""

import json
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ledger.notes import from_base64, to_base64
from ledger.refusals import Broken
from ledger.signing import Algorithm, Growth, VerificationKey

MAX_FRAME_BYTES = 262_144
TIMEOUT_SECONDS = 10
_LENGTH_BYTES = 4
_TRIES = 2
_PAUSE_MILLISECONDS = 200
_PROOFS = 8  # another program may have moved the mark while this one looked up its proof

Message = dict[str, Any]


class WireError(ValueError):
    """Bytes that are no message of this line."""


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one message.

    Raises:
        WireError: it is too large for a frame.
        OSError: nobody takes it.
    """
    encoded = json.dumps(message, ensure_ascii=True).encode("ascii")
    if len(encoded) > MAX_FRAME_BYTES:
        raise WireError("the message is too large")
    connection.sendall(len(encoded).to_bytes(_LENGTH_BYTES) + encoded)


def receive(connection: socket.socket) -> Message | None:
    """Read one message, or None where the other side has ended the conversation.

    Raises:
        WireError: no message, or one that breaks off.
        OSError: nothing came in time.
    """
    head = _exactly(connection, _LENGTH_BYTES)
    if not head:
        return None
    length = int.from_bytes(head)
    if not 0 < length <= MAX_FRAME_BYTES:
        raise WireError("a frame of impossible length")
    try:
        message = json.loads(_exactly(connection, length).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("a frame that is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a frame that is not an object")
    return message


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = connection.recv(count - len(found))
        if not part:
            if found:
                raise WireError("a frame that breaks off")
            return b""
        found += part
    return bytes(found)


class SocketKeys:
    """The keys that a signer process holds; none of them ever comes into this one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """Return where the keys lie, for messages."""
        return f"the signer at {self.path}"

    @property
    def makes(self) -> frozenset[Algorithm]:
        """Return the kinds of which keys can be made there.

        Raises:
            Broken: the signer is not there.
        """
        return frozenset(Algorithm(each) for each in self._ask({"do": "kinds"})["kinds"])

    def publics(self, algorithm: Algorithm) -> list[bytes]:
        """Return the public halves of a kind, the first made first.

        Raises:
            Broken: the signer is not there, or refuses.
        """
        answer = self._ask({"do": "publics", "kind": algorithm.value})
        return [from_base64(each) for each in answer["publics"]]

    def make(self, algorithm: Algorithm) -> bytes:
        """Have another key made and return its public half.

        Raises:
            Broken: the signer is not there, or refuses.
        """
        return from_base64(self._ask({"do": "make", "kind": algorithm.value})["public"])

    def line(
        self,
        key: VerificationKey,
        text: str,
        at: datetime,
        *,
        growth: Growth | None = None,
    ) -> str:
        """Return the signature line of a key over a text.

        Args:
            growth: proves that a tree grew out of the one the signer remembers.

        Raises:
            Broken: the signer is not there, or refuses to sign this.
        """
        asked: Message = {"do": "line", "vkey": key.text, "text": text, "at": at.isoformat()}
        answer = self._asked(asked)
        for _ in range(_PROOFS):
            old = answer.get("grown_from")
            if growth is None or not isinstance(old, int):
                break
            hashes = [to_base64(each) for each in growth(old)]
            answer = self._asked(asked | {"proof": hashes, "proof_from": old})
        return str(_granted(answer)["line"])

    def _ask(self, message: Message) -> Message:
        return _granted(self._asked(message))

    def _asked(self, message: Message) -> Message:
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._answer(message)
            except (OSError, WireError) as error:
                # A key that may have been made already is not asked for a second time.
                if attempt == _TRIES or message["do"] == "make":
                    raise Broken(
                        f"the signer process does not answer at {self.path} ({error});"
                        " start it with python -m ledger.signer"
                    ) from error
                time.sleep(_PAUSE_MILLISECONDS / 1000)
            else:
                break
        return answer

    def _answer(self, message: Message) -> Message:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.connect(str(self.path))
            send(connection, message)
            answer = receive(connection)
        if answer is None:
            raise WireError("it hung up")
        return answer


def _granted(answer: Message) -> Message:
    if answer.get("ok") is not True:
        raise Broken(f"the signer refuses: {answer.get('why', 'no reason given')}")
    return answer
