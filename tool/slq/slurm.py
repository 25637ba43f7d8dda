r"""Read ``sacct --parsable2`` output with its header line: jobs, not their steps.

    sacct -a -X -P -S 2026-11-01 -E 2026-12-01 \
      -o JobIDRaw,Cluster,Account,State,Start,End,ElapsedRaw,AllocTRES

Devices are the allocated ones. A step (``123.batch``) is contained in its job. The elapsed time is
checked against start and end, never taken. Output of 26 fields without a header is read by the
shared profile.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from slq.profiles import UNDECLARED_MODEL, Mapped
from slq.times import Unclear, moment, stamp

NEEDED = ("JobIDRaw", "Account", "State", "Start", "End", "AllocTRES")
_GPUS = re.compile(r"(?:^|,)gres/gpu(?::([^=,]+))?=([0-9]+)")
_STATES = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "TIMEOUT": "failed",
    "NODE_FAIL": "failed",
    "BOOT_FAIL": "failed",
    "DEADLINE": "failed",
    "OUT_OF_MEMORY": "failed",
    "CANCELLED": "cancelled",
    "PREEMPTED": "cancelled",
    "RUNNING": "running",
}
_NOT_YET = frozenset({"", "Unknown", "None", "N/A"})


@dataclass(frozen=True)
class Aside:
    """A line that is no use of its own, and the catalogue's word for why."""

    word: str


Line = Mapped | Unclear | Aside


def has_header(first: str) -> bool:
    """Say whether the first line names the fields."""
    return bool({"JobIDRaw", "JobID"} & set(_cells(first)))


def read_slurm(lines: Iterable[str], zone: tzinfo | None, model: str) -> Iterator[tuple[int, Line]]:
    """Yield each line with its number: a record, why it is none, or that it is none of its own.

    Raises:
        ValueError: a needed field is missing in the header.
    """
    stream = iter(lines)
    first = next(stream)
    open_ended = first.rstrip("\r\n").endswith("|")  # sacct --parsable, not --parsable2
    header = ["JobIDRaw" if each == "JobID" else each for each in _cells(first)]
    if "JobIDRaw" in _cells(first):
        header = _cells(first)
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ValueError(", ".join(missing))
    for number, line in enumerate(stream, start=2):
        if not line.strip():
            continue
        cells = line.rstrip("\r\n").split("|")
        cells = cells[:-1] if open_ended and not cells[-1] else cells
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} / {len(header)}")
        yield number, _job(number, dict(zip(header, cells, strict=True)), zone, model)


def _cells(line: str) -> list[str]:
    """Return the names of a header, with or without a bar at its end."""
    return line.removeprefix("\ufeff").rstrip("\r\n").removesuffix("|").split("|")


def _job(number: int, job: dict[str, str], zone: tzinfo | None, model: str) -> Line:
    if "." in job["JobIDRaw"]:
        return Aside("steps")
    if job["Start"] in _NOT_YET and job["End"] in _NOT_YET:
        return Aside("not_started")
    try:
        return _mapped(number, job, zone, model)
    except Unclear as unclear:
        return unclear


def _mapped(number: int, job: dict[str, str], zone: tzinfo | None, model: str) -> Line:
    started_at = moment(job["Start"] if job["Start"] not in _NOT_YET else job["End"], zone)
    ended_at = None if job["End"] in _NOT_YET else moment(job["End"], zone)
    found, count = _devices(job["AllocTRES"])
    state = job["State"].split()[0] if job["State"] else ""
    record = {
        "record_id": f"sacct:{job.get('Cluster', '')}:{job['JobIDRaw']}",
        "device_model": found or model or UNDECLARED_MODEL,
        "device_count": str(count),
        "job_state": _STATES.get(state, "unknown"),
        "job_ref": job["JobIDRaw"],
        "started_at": stamp(started_at),
    }
    mapped = Mapped(number, job["Account"], record, started_at, ended_at)
    if ended_at is not None:
        record["ended_at"] = stamp(ended_at)
        elapsed = job.get("ElapsedRaw", "")
        if elapsed.isdigit() and timedelta(seconds=int(elapsed)) != ended_at - started_at:
            mapped.findings.append("自报时长与起止不符")
    return mapped


def _devices(text: str) -> tuple[str, int]:
    """Return model and count of the allocated devices; the typed entries are part of the total.

    Raises:
        Unclear: a job over several models, whose share of time nobody can tell from one line.
    """
    found = _GPUS.findall(text)
    typed = {name: int(count) for name, count in found if name}
    totals = {int(count) for name, count in found if not name}
    if len(typed) > 1 or (typed and totals - set(typed.values())):
        raise Unclear("several_models", text=text)
    name, count = next(iter(typed.items()), ("", next(iter(totals), 0)))
    return name, count
