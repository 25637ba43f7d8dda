"""Send a mapped file through the upload interface in chunks, and add up what became of it.

The importer is a provider like any other: it signs, sends, reads the answers. Totals are its own
exact arithmetic over the outcomes that the interface told.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from providers.client import Answer, MeteringClient
from providers.measures import split_use
from providers.profiles import HOLD, Declared, Mapped, Profile
from providers.records import FIELDS

CHUNK_ROWS = 5_000
HOLD_HEADER = {"Batch-Hold": "suspect_repeat"}
_TAKEN, _PARTLY = 201, 207


class ImportStopped(RuntimeError):  # noqa: N818 - tells why the import went no further
    """The interface refused a chunk as a whole; carries its sentence."""


@dataclass
class Totals:
    """What became of a file.

    Units: ``use`` in device_milli_seconds by (outcome, Shanghai month).
    """

    rows: int = 0
    chunks: int = 0
    replayed_chunks: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    use: Counter[tuple[str, str]] = field(default_factory=Counter)
    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    repeats: list[int] = field(default_factory=list)


@contextmanager
def open_lines(path: Path) -> Iterator[Iterator[str]]:
    """Open a text file, unpacking .gz on the way."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            yield iter(file)
    else:
        with path.open(encoding="utf-8", newline="") as file:
            yield iter(file)


def mapped_lines(path: Path, profile: Profile, declared: Declared) -> Iterator[Mapped]:
    """Yield every line of a file as a record."""
    with open_lines(path) as lines:
        yield from profile.read(lines, declared)


def send_file(
    client: MeteringClient,
    path: Path,
    profile: Profile,
    declared: Declared,
    *,
    orders: dict[str, str],
    repeats: str = "",
    progress: Callable[[int], None],
) -> Totals:
    """Send a whole file; exact repeats go apart and ask to be held, unless they are to be kept.

    Sending the same file again gives the same chunks with the same keys, so nothing is stored
    twice.

    Raises:
        ImportStopped: a chunk was refused as a whole.
    """
    totals = Totals()
    apart: list[Mapped] = []
    hold = (repeats or profile.repeats) == HOLD
    stream = mapped_lines(path, profile, declared)
    while lines := list(islice(stream, CHUNK_ROWS)):
        for each in lines:
            totals.findings.update(each.findings)
            if each.repeat:
                totals.repeats.append(each.line)
        chunk = [each for each in lines if not (hold and each.repeat)]
        apart += [each for each in lines if hold and each.repeat]
        _send(client, chunk, orders, totals, {})
        progress(totals.rows)
    for first in range(0, len(apart), CHUNK_ROWS):
        _send(client, apart[first : first + CHUNK_ROWS], orders, totals, HOLD_HEADER)
    progress(totals.rows)
    return totals


def _send(
    client: MeteringClient,
    chunk: list[Mapped],
    orders: dict[str, str],
    totals: Totals,
    headers: dict[str, str],
) -> None:
    """Send one chunk and add up its outcomes."""
    if not chunk:
        return
    answer = client.upload(
        _as_csv(chunk, orders),
        "text/csv",
        on_error="accept_valid",
        headers={"Batch-Row-Count": str(len(chunk)), **headers},
    )
    if answer.status not in (_TAKEN, _PARTLY):
        raise ImportStopped(
            f"{answer.status} {answer.body.get('code')}: {answer.body.get('detail')}"
        )
    totals.chunks += 1
    totals.replayed_chunks += answer.replayed
    totals.rows += len(chunk)
    told = answer.body["counts"]
    totals.counts.update({name: count for name, count in told.items() if name != "rows"})
    outcomes = _outcomes(client, answer)
    for row, each in enumerate(chunk, start=1):
        outcome, reason = outcomes.get(row, ("accepted", ""))
        _add_up(each, outcome, totals)
        if reason:
            totals.reasons[f"{outcome}: {reason}"] += 1


def _as_csv(chunk: list[Mapped], orders: dict[str, str]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**each.record, "order_no": orders[each.group]} for each in chunk)
    return out.getvalue().encode()


def _outcomes(client: MeteringClient, answer: Answer) -> dict[int, tuple[str, str]]:
    """Ask for every row that was not simply accepted: outcome and why."""
    found: dict[int, tuple[str, str]] = {}
    for status, count in answer.body["counts"].items():
        if status in ("rows", "accepted") or not count:
            continue
        cursor = "0"
        while cursor:
            page = client.get(
                answer.body["results_url"], {"status": status, "cursor": cursor, "limit": "1000"}
            ).body
            for row in page["results"]:
                reason = row.get("hold_reason") or ", ".join(e["code"] for e in row["errors"])
                found[row["row"]] = (status, reason)
            cursor = page["next_cursor"] or ""
    return found


def _add_up(each: Mapped, outcome: str, totals: Totals) -> None:
    """Add one record's use to its outcome and to each Shanghai month it touches."""
    count = int(each.record["device_count"])
    share = int(each.record.get("share_milli", "1000"))
    ended_at = each.ended_at or each.started_at
    for part in split_use(each.started_at, ended_at, device_count=count, share_milli=share):
        totals.use[outcome, str(part.month)] += part.device_milli_seconds
    first = split_use(each.started_at, each.started_at, device_count=0, share_milli=share)[0]
    totals.records[outcome, str(first.month)] += 1
