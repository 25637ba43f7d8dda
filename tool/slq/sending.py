"""Send with patience, and read every answer for what it means.

408, 429 and 5xx and broken lines are tried again with the same idempotency key (and a fresh
nonce) after growing pauses, or after what ``Retry-After`` asks. Nothing else is repeated.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from slq.client import Answer
from slq.outcomes import Exit, Stopped
from slq.signatures import MOST_SKEW
from slq.words import Speech

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
NO_ENTRY = frozenset({401, 403})
NOT_FOUND, LATER = 404, 202


@dataclass(frozen=True)
class Patience:
    """How often and how long to wait.

    Units: seconds. A service that asks for more than ``longest_asked`` is left for a later run.
    """

    tries: int = 6
    first: float = 1.0
    longest: float = 60.0
    longest_asked: float = 300.0

    def pause(self, failed: int, asked: float | None) -> float | None:
        """Return how long to wait after some failures, nothing when it is not worth waiting."""
        if failed >= self.tries:
            return None
        if asked is not None:
            return asked if asked <= self.longest_asked else None
        spread = 0.5 + secrets.randbelow(1000) / 1000
        return min(self.longest, self.first * (1 << (failed - 1))) * spread


def asked_pause(answer: Answer) -> float | None:
    """Read ``Retry-After``: seconds or a date."""
    given = answer.headers.get("retry-after", "").strip()
    if not given:
        return None
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def patiently(ask: Callable[[], Answer], patience: Patience, speech: Speech) -> Answer:
    """Ask until there is an answer that means something.

    Raises:
        Stopped: the service does not answer, or does not let this key in.
    """
    failed = 0
    while True:
        answer, why = _ask(ask)
        if answer is not None and answer.status not in AGAIN:
            return _let_in(answer, speech)
        failed += 1
        pause = patience.pause(failed, asked_pause(answer) if answer else None)
        if pause is None:
            raise Stopped(Exit.LATER, speech("later", why=why))
        speech.tell("again", why=why, seconds=f"{pause:.1f}")
        time.sleep(pause)


def _ask(ask: Callable[[], Answer]) -> tuple[Answer | None, str]:
    """Return the answer, or why there is none."""
    try:
        answer = ask()
    except httpx.TransportError as error:
        return None, f"{type(error).__name__}: {error}"
    except ValueError:  # a middle box that answers with something else than it says
        return None, "unreadable answer"
    return answer, f"{answer.status} {answer.body.get('code', '')}".strip()


def _let_in(answer: Answer, speech: Speech) -> Answer:
    if answer.status in NO_ENTRY:
        why = speech("no_entry", status=answer.status, why=sentence(answer))
        offset, most = clock_offset(answer), int(MOST_SKEW.total_seconds())
        if offset is not None and abs(offset) > most:
            why += "\n" + speech("skewed", seconds=offset, most=most)
        raise Stopped(Exit.AUTH, why)
    return answer


def clock_offset(answer: Answer) -> int | None:
    """Return by how many seconds this machine is ahead of the service, if it tells its time."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
        return int((datetime.now(UTC) - told).total_seconds())
    except (ValueError, TypeError):
        return None


def sentence(answer: Answer) -> str:
    """Return what a problem says, with its code and what to do."""
    body = answer.body
    parts = (str(body.get(name, "")) for name in ("code", "detail", "hint"))
    return " · ".join(part for part in parts if part) or f"HTTP {answer.status}"
