"""Read public traces and scheduler exports as usage records: one mapping profile per source.

Pure: lines in, records in the wire form out, with what is odd about them. A profile never
guesses: a time without an offset needs the zone that the provider declared, a missing model stays
missing, a count is the allocated one, an end is only what is written as an end.

Source: metering specification, section 5.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

UNDECLARED_MODEL = "unspecified"
HOLD, KEEP = "hold", "keep"
_OPENB_GROUPS = 4
_FULL_SHARE = 1000
_SACCT_FIELDS = 26
_GPUS = re.compile(r"(?:^|,)gres/gpu(?::[^=,]+)?=([0-9]+)")
_STATES = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "TIMEOUT": "failed",
    "NODE_FAIL": "failed",
    "OUT_OF_MEMORY": "failed",
    "CANCELLED": "cancelled",
    "PREEMPTED": "cancelled",
    "RUNNING": "running",
}
_POD_PHASES = {"Succeeded": "completed", "Failed": "failed", "Running": "running"}
_NOT_YET = frozenset({"", "Unknown", "None", "N/A"})


@dataclass(frozen=True)
class Declared:
    """What the provider declares because its file does not say it.

    Args:
        zone: zone of times without an offset.
        epoch: the moment from which a file counts its seconds.
        model: device model where the file names none; empty leaves such records waiting.
    """

    zone: str = ""
    epoch: datetime | None = None
    model: str = ""

    def moment(self, text: str) -> datetime:
        """Read a local time in the declared zone (the first of two equal hours in autumn)."""
        naive = datetime.fromisoformat(text.replace("T", " "))
        return naive.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def after(self, seconds: str) -> datetime:
        """Return the moment some seconds after the epoch."""
        if self.epoch is None:
            raise ValueError("this profile needs an epoch")
        return self.epoch.astimezone(UTC) + _seconds(seconds)


@dataclass
class Mapped:
    """One line as a usage record without its order, and what is odd about it."""

    line: int
    group: str
    record: dict[str, str]
    started_at: datetime
    ended_at: datetime | None
    repeat: bool = False
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Profile:
    """How one kind of file is read.

    Args:
        repeats: what happens to an exact repeat without a record id: ``hold`` sends it to wait
            for a person, ``keep`` counts it (array tasks look alike and are genuine).
    """

    name: str
    title: str
    declared: Declared
    repeats: str
    read: Callable[[Iterable[str], Declared], Iterator[Mapped]]


def _seconds(text: str) -> timedelta:
    """Return a duration written as decimal seconds, to the microsecond, never by a float."""
    return timedelta(microseconds=int(Decimal(text) * 1_000_000))


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _mapped(
    line: int, group: str, started_at: datetime, ended_at: datetime | None, cells: dict[str, str]
) -> Mapped:
    record = {name: value for name, value in cells.items() if value}
    record["started_at"] = _stamp(started_at)
    if ended_at is not None:
        record["ended_at"] = _stamp(ended_at)
    return Mapped(line, group, record, started_at, ended_at)


def read_openb(lines: Iterable[str], declared: Declared) -> Iterator[Mapped]:
    """Read the pod list of the GPU-sharing cluster trace.

    A pod that was never scheduled used nothing: zero, from its creation to its creation. The
    phase is no evidence of an end; the deletion is the end. Alternatives in the model column are
    passed on as they stand and will wait.
    """
    for number, row in enumerate(csv.DictReader(lines), start=2):
        scheduled = row["scheduled_time"]
        started_at = declared.after(scheduled or row["creation_time"])
        ended_at = declared.after(row["deletion_time"]) if scheduled else started_at
        count = row["num_gpu"]
        share = row["gpu_milli"] if count == "1" else str(_FULL_SHARE)
        spread = int(hashlib.sha256(row["name"].encode()).hexdigest(), 16) % _OPENB_GROUPS
        found = _mapped(
            number,
            f"项目组{spread + 1}",
            started_at,
            ended_at,
            {
                "record_id": f"openb:{row['name']}",
                "device_model": row["gpu_spec"] or declared.model or UNDECLARED_MODEL,
                "device_count": count,
                "share_milli": share if share != "0" else str(_FULL_SHARE),
                "job_state": _POD_PHASES.get(row["pod_phase"], "unknown"),
            },
        )
        if not scheduled:
            found.findings.append("从未调度")
        yield found


def read_philly(lines: Iterable[str], declared: Declared) -> Iterator[Mapped]:
    """Read the flattened Philly trace: local start, duration in seconds, devices, cluster.

    There is no record id, so the line is the id, and an exact repeat of an earlier line is a
    suspect. The total that the file supplies is checked, never taken.
    """
    seen: set[tuple[str, ...]] = set()
    for number, row in enumerate(csv.DictReader(lines), start=2):
        started_at = declared.moment(row["timestamp"])
        found = _mapped(
            number,
            row["cluster"],
            started_at,
            started_at + _seconds(row["duration"]),
            {
                "record_id": f"philly:line-{number}",
                "device_model": declared.model or UNDECLARED_MODEL,
                "device_count": row["num_gpus"],
                "device_seconds": _plain(row["gpu_time"]),
            },
        )
        if Decimal(row["duration"]) * int(row["num_gpus"]) != Decimal(row["gpu_time"]):
            found.findings.append("自报卡时与时长不符")
        yield _note_repeat(found, tuple(row.values()), seen)


def read_eagle(lines: Iterable[str], declared: Declared) -> Iterator[Mapped]:
    """Read the Eagle sample: job ids repeat over array tasks, so the line is the record id."""
    seen: set[tuple[str, ...]] = set()
    for number, row in enumerate(csv.DictReader(lines), start=2):
        started_at, ended_at = declared.moment(row["start_time"]), declared.moment(row["end_time"])
        found = _mapped(
            number,
            row["account"],
            started_at,
            ended_at,
            {
                "record_id": f"eagle:line-{number}",
                "device_model": row["partition"] or declared.model or UNDECLARED_MODEL,
                "device_count": row["gpus_req"],
                "job_state": _STATES.get(row["state"].split()[0], "unknown"),
                "job_ref": row["job_id"],
            },
        )
        if _seconds(row["run_time"]) != ended_at - started_at:
            found.findings.append("自报时长与起止不符")
        yield _note_repeat(found, tuple(row.values()), seen)


def read_sacct(lines: Iterable[str], declared: Declared) -> Iterator[Mapped]:
    """Read ``sacct --parsable2 --noheader`` output of 26 fields; devices are the allocated ones.

    "CANCELLED by 380693" is cancelled. A job that never started is zero; one without an end is
    open. The elapsed time is checked against start and end, never taken.
    """
    for number, line in enumerate(lines, start=1):
        cells = line.rstrip("\n").split("|")
        if len(cells) != _SACCT_FIELDS:
            raise ValueError(f"line {number}: {len(cells)} fields instead of {_SACCT_FIELDS}")
        started = cells[12] not in _NOT_YET
        started_at = declared.moment(cells[12] if started else cells[10])
        ended_at = declared.moment(cells[13]) if cells[13] not in _NOT_YET else None
        gpus = _GPUS.search(cells[22])
        state = cells[16].split()[0] if cells[16] else ""
        found = _mapped(
            number,
            cells[5],
            started_at,
            ended_at if started else started_at,
            {
                "record_id": f"sacct:{cells[2]}:{cells[1]}",
                "device_model": declared.model or UNDECLARED_MODEL,
                "device_count": gpus[1] if gpus else "0",
                "job_state": _STATES.get(state, "unknown"),
                "job_ref": cells[1],
            },
        )
        if started and ended_at is not None and _elapsed(cells[14]) != ended_at - started_at:
            found.findings.append("自报时长与起止不符")
        yield found


def _elapsed(text: str) -> timedelta:
    """Read ``[D-]HH:MM:SS``."""
    days, _, clock = text.rpartition("-")
    hours, minutes, seconds = (int(each) for each in clock.split(":"))
    return timedelta(days=int(days or 0), hours=hours, minutes=minutes, seconds=seconds)


def _plain(text: str) -> str:
    """Write a decimal without a useless fraction: ``66.0`` is ``66``."""
    return f"{Decimal(text).normalize():f}"


def _note_repeat(found: Mapped, cells: tuple[str, ...], seen: set[tuple[str, ...]]) -> Mapped:
    if cells in seen:
        found.repeat = True
        found.findings.append("与前面某行完全相同")
    seen.add(cells)
    return found


_OPENB_EPOCH = datetime(2023, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
PROFILES: Mapping[str, Profile] = {
    each.name: each
    for each in (
        Profile("openb", "GPU 共享集群（openb）", Declared(epoch=_OPENB_EPOCH), HOLD, read_openb),
        Profile(
            "philly",
            "深度学习集群（Philly）",
            Declared("America/Los_Angeles", model="nvidia-p100"),
            HOLD,
            read_philly,
        ),
        Profile("eagle", "高性能计算样本（Eagle）", Declared("America/Denver"), KEEP, read_eagle),
        Profile(
            "sacct",
            "Slurm 记账（sacct）",
            Declared("America/New_York", model="nvidia-p100"),
            HOLD,
            read_sacct,
        ),
    )
}
