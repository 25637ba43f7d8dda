"""Asking other bodies over HTTP, bounded: who is slow, dead or chatty costs a few seconds.

All are asked at the same time, each has the same few seconds for its whole answer, and no more
of an answer is read than is allowed. Nothing here raises because of what the other side does.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

SECONDS = 10
MOST_BYTES = 65_536


@dataclass(frozen=True)
class Question:
    """One POST to one body."""

    url: str
    body: bytes
    kind: str


@dataclass(frozen=True)
class Reply:
    """What came back; status 0 when nothing did, and then ``fault`` says why."""

    status: int
    body: bytes
    fault: str = ""


def ask_all(
    questions: Sequence[Question], *, seconds: int = SECONDS, most: int = MOST_BYTES
) -> list[Reply]:
    """Send all questions at once and return the replies in the same order.

    Args:
        seconds: for each whole answer, from connecting to its last byte.
        most: bytes of an answer; a longer one counts as none.
    """
    if not questions:
        return []
    # A thread of its own, because the caller's may already run an event loop.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, _ask_all(questions, seconds, most)).result()


async def _ask_all(questions: Sequence[Question], seconds: int, most: int) -> list[Reply]:
    # No proxy and no credentials of this machine go out with a question.
    async with httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
        return await asyncio.gather(*(_ask(client, each, seconds, most) for each in questions))


async def _ask(client: httpx.AsyncClient, question: Question, seconds: int, most: int) -> Reply:
    try:
        async with asyncio.timeout(seconds):
            return await _read(client, question, most)
    except TimeoutError:
        return Reply(0, b"", f"no answer within {seconds} s")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Reply(0, b"", f"{type(error).__name__}: {error}"[:200])


async def _read(client: httpx.AsyncClient, question: Question, most: int) -> Reply:
    headers = {"Content-Type": question.kind, "Accept-Encoding": "identity"}
    asked = client.stream("POST", question.url, content=question.body, headers=headers)
    body = b""
    async with asked as answer:
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most:
                return Reply(0, b"", f"an answer of more than {most} bytes")
    return Reply(answer.status_code, body)
