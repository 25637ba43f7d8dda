"""Push a file: chunk after chunk, each under a key of its own, so that nothing counts twice.

The key of a chunk follows from the file's digest and the chunk's number. A chunk that the service
refused for good gets another key in the next run, because the old one would only repeat the old
answer. Rows that were taken before are told as duplicates, which is no fault.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slq import cutting
from slq.client import Answer, MeteringClient
from slq.cutting import Chunk
from slq.journal import Journal, state_path
from slq.outcomes import OUTCOMES, Exit, Stopped, judge
from slq.sending import LATER, NOT_FOUND, Patience, asked_pause, patiently, sentence
from slq.words import Speech

_NAMESPACE = uuid.UUID("0b0f6f1c-5a3e-5c57-8f0e-5b8e0c4b7a21")
_MOST_ATTEMPTS = 100
_MOST_LISTED = 1_000
_TAKEN = frozenset({200, 201, 207})
_LONGEST_WAIT_ROUNDS = 900
_CONFLICTS = frozenset({"record_conflict"})
HOLD = "suspect_repeat"
Progress = Callable[[Chunk], None]


@dataclass(frozen=True)
class Order:
    """How a file is to be sent."""

    on_error: str = "reject_batch"
    hold: bool = False
    dry_run: bool = False
    patience: Patience = field(default_factory=Patience)

    @property
    def headers(self) -> dict[str, str]:
        """Return what goes beside every chunk."""
        return {"Batch-Hold": HOLD} if self.hold else {}


@dataclass
class Report:
    """What became of a file, over all of its chunks."""

    file: str
    sha256: str
    chunks: int = 0
    skipped: int = 0
    refused_rows: int = 0
    device_milli_seconds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    batches: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def code(self) -> Exit:
        """Return how the run ends."""
        return judge(self.counts, self.refused_rows)

    def add(self, number: int, said: dict[str, Any]) -> None:
        """Add what became of one chunk."""
        self.chunks += 1
        counts: dict[str, int] = said["counts"]
        if said["refused"]:
            self.refused_rows += said["rows"]
        self.counts.update({name: counts.get(name, 0) for name in OUTCOMES})
        self.device_milli_seconds += int(said["device_milli_seconds"])
        kept = ("batch_id", "status", "rows", "counts")
        self.batches.append({"chunk": number} | {name: said[name] for name in kept})
        self.errors += said["errors"]


def key_for(sha256: str, chunk: Chunk, order: Order, attempt: int) -> str:
    """Return the idempotency key of a chunk: the same file and order, the same key."""
    said = (sha256, chunk.number, cutting.CHUNK_ROWS, order.on_error, order.hold, attempt)
    return str(uuid.uuid5(_NAMESPACE, "\n".join(map(str, said))))


def push_file(
    client: MeteringClient, path: Path, order: Order, speech: Speech, progress: Progress
) -> Report:
    """Send a file, going on where an earlier run of the same file stopped.

    Writes: the state beside the file, after every chunk.

    Raises:
        Stopped: the service cannot be reached or does not let us in; run again later.
    """
    seen = _look(path)
    sha256, _ = cutting.measure(path)
    head = {"file": sha256, "endpoint": client.public_origin, "key": client.key_id}
    head |= {"on_error": order.on_error, "hold": str(order.hold)}
    journal = Journal(state_path(path), head)
    if journal.other_run:
        speech.tell("other_run")
    report = Report(str(path), sha256)
    try:
        for chunk in cutting.cut(path, speech):
            if _look(path) != seen:
                raise Stopped(Exit.LATER, speech("changed", name=path.name))
            if journal.is_done(chunk.number):
                report.skipped += 1
            else:
                attempt = journal.attempt(chunk.number)
                journal.note(chunk.number, _send(client, chunk, order, (sha256, attempt), speech))
            report.add(chunk.number, journal.chunks[chunk.number])
            progress(chunk)
    finally:
        journal.close()
    if report.skipped:
        speech.tell("resumed", chunks=report.skipped)
    return report


def _look(path: Path) -> tuple[int, int]:
    """Return what changes when somebody writes to a file."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def validate_file(
    client: MeteringClient, path: Path, order: Order, speech: Speech, progress: Progress
) -> Report:
    """Ask what a file would come to; nothing is stored, neither here nor there."""
    sha256, _ = cutting.measure(path)
    report = Report(str(path), sha256)
    for chunk in cutting.cut(path, speech):
        answer = _ask(client, chunk, order, str(uuid.uuid4()), speech)
        report.add(chunk.number, _said(client, chunk, answer, order, (0, speech)))
        progress(chunk)
    return report


def _send(
    client: MeteringClient, chunk: Chunk, order: Order, begun: tuple[str, int], speech: Speech
) -> dict[str, Any]:
    """Send a chunk; an old refusal that only repeats itself is asked again under a new key."""
    sha256, attempt = begun
    while True:
        key = key_for(sha256, chunk, order, attempt)
        answer = _ask(client, chunk, order, key, speech)
        replayed = answer.replayed
        if answer.status == LATER:
            answer = _await(client, answer, order, speech)
        said = _said(client, chunk, answer, order, (attempt, speech))
        if said["clean"] or not replayed or attempt >= _MOST_ATTEMPTS:
            return said
        attempt += 1


def _ask(client: MeteringClient, chunk: Chunk, order: Order, key: str, speech: Speech) -> Answer:
    headers = order.headers | {"Batch-Row-Count": str(chunk.rows)}
    answer = patiently(
        lambda: client.upload(
            chunk.body,
            chunk.content_type,
            on_error=order.on_error,
            idempotency_key=key,
            headers=headers,
            dry_run=order.dry_run,
        ),
        order.patience,
        speech,
    )
    if answer.status == NOT_FOUND:
        raise Stopped(Exit.USAGE, speech("no_interface", url=client.public_origin))
    return answer


def _await(client: MeteringClient, first: Answer, order: Order, speech: Speech) -> Answer:
    """Wait until a batch that is done later is done."""
    answer = first
    for _ in range(_LONGEST_WAIT_ROUNDS):
        if answer.body.get("status") != "processing":
            return answer
        patience = Patience(tries=2, longest_asked=order.patience.longest_asked)
        pause = patience.pause(1, asked_pause(answer)) or patience.first
        time.sleep(pause)
        batch_id = first.body["batch_id"]
        answer = patiently(lambda: client.status(batch_id), order.patience, speech)  # noqa: B023
    raise Stopped(Exit.LATER, speech("still_processing", batch=first.body["batch_id"]))


def _said(
    client: MeteringClient,
    chunk: Chunk,
    answer: Answer,
    order: Order,
    begun: tuple[int, Speech],
) -> dict[str, Any]:
    """Return what an answer says about a chunk, its faults by rows of the whole file."""
    body, (attempt, speech) = answer.body, begun
    status = body.get("status") if isinstance(body.get("status"), str) else "rejected"
    refused = answer.status not in _TAKEN or status == "rejected"
    errors = body.get("errors")
    if errors is None and status in ("partial", "rejected") and body.get("batch_id"):
        errors = _listed(client, str(body["batch_id"]), order, speech)
    counts = {name: int(count) for name, count in body.get("counts", {}).items()}
    if refused:
        counts = _faulty(errors or [], int(body.get("error_rows") or 0))
    if not errors and refused:
        errors = [{"row": 0, "code": body.get("code", ""), "detail": sentence(answer)}]
    return {
        "attempt": attempt,
        "clean": not refused and not counts.get("rejected") and not counts.get("conflict"),
        "refused": refused,
        "status": status,
        "batch_id": "" if order.dry_run else str(body.get("batch_id", "")),
        "rows": chunk.rows,
        "counts": counts,
        "device_milli_seconds": "0" if refused else str(body.get("device_milli_seconds", "0")),
        "errors": [_placed(each, chunk) for each in errors or []],
    }


def _faulty(errors: list[dict[str, Any]], rows: int) -> dict[str, int]:
    """Count the rows at fault in a refused batch, whose own counts say that all were refused."""
    conflicts = {each["row"] for each in errors if each.get("code") in _CONFLICTS}
    others = {each["row"] for each in errors} - conflicts
    return {"conflict": len(conflicts), "rejected": max(len(others), rows - len(conflicts))}


def _listed(
    client: MeteringClient, batch_id: str, order: Order, speech: Speech
) -> list[dict[str, Any]]:
    """Return the faults of a batch that was judged later, page by page."""
    found: list[dict[str, Any]] = []
    for status in ("rejected", "conflict"):
        cursor: str | None = ""
        while cursor is not None and len(found) < _MOST_LISTED:
            page = patiently(
                lambda: client.results(batch_id, status=status, cursor=cursor or ""),  # noqa: B023
                order.patience,
                speech,
            ).body
            found += [fault for row in page.get("results", []) for fault in row["errors"]]
            cursor = page.get("next_cursor")
    return found


def _placed(fault: dict[str, Any], chunk: Chunk) -> dict[str, Any]:
    """Count a fault's row from the begin of the file; a fault of the whole chunk has no row."""
    row = int(fault.get("row") or 0)
    place = row + chunk.first_row - 1 if row else 0
    detail = str(fault.get("detail", ""))
    for word in ("第 {} 行", "row {}", "Row {}"):
        if detail.startswith(word.format(row)):
            detail = word.format(place) + detail.removeprefix(word.format(row))
    return fault | {"row": place, "chunk": chunk.number, "detail": detail}
