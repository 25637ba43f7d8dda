"""Read which pod had which device when, from a DCGM exporter's series in Prometheus.

Two forms. CSV, one row a window, with the exporter's own names of labels:

    window_start,window_end,UUID,modelName,namespace,pod[,GPU_I_PROFILE]

JSON as ``/api/v1/query_range`` answers for ``DCGM_FI_DEV_GPU_UTIL`` (any series of the exporter
will do: that there is a sample with a pod is what counts, not its value). Each sample stands for
the step after it; samples exactly one step apart are one use, a gap ends it.

A series without a pod is an idle device. The record id follows from device, pod and start, so a
second export of the same time gives the same ids.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from slq.mapping import Mapping
from slq.profiles import UNDECLARED_MODEL, Mapped
from slq.slurm import Aside, Line
from slq.times import EPOCH, Unclear, micro_seconds, moment, stamp

NEEDED = frozenset({"window_start", "window_end", "UUID", "modelName", "namespace", "pod"})
_LONGEST_REF = 32


def read_windows(
    lines: Iterable[str], zone: tzinfo | None, mapping: Mapping
) -> Iterator[tuple[int, Line]]:
    """Yield each row of a CSV export.

    Raises:
        ValueError: a needed column is missing.
    """
    rows = csv.DictReader(lines)
    missing = sorted(NEEDED - set(rows.fieldnames or ()))
    if missing:
        raise ValueError(", ".join(missing))
    seen: set[str] = set()
    for row in rows:
        yield rows.line_num, _window(rows.line_num, row, zone, mapping, seen)


def _window(
    line: int, row: dict[str, str], zone: tzinfo | None, mapping: Mapping, seen: set[str]
) -> Line:
    if not row["pod"]:
        return Aside("idle")
    try:
        times = moment(row["window_start"], zone), moment(row["window_end"], zone)
        return _use(line, row, times, mapping, seen)
    except Unclear as unclear:
        return unclear


def read_matrix(text: str, step_s: int, mapping: Mapping) -> Iterator[tuple[int, Line]]:
    """Yield each use in a Prometheus answer; the number is the place of its series.

    Raises:
        ValueError: not the answer to a range query.
    """
    told = json.loads(text, parse_float=Decimal)
    try:
        series = told["data"]["result"] if told["data"]["resultType"] == "matrix" else None
    except (KeyError, TypeError) as error:
        raise ValueError("data.result") from error
    if series is None:
        raise ValueError("resultType")
    seen: set[str] = set()
    for number, each in enumerate(series, start=1):
        labels = _labels(each["metric"])
        if not labels["pod"]:
            yield number, Aside("idle")
            continue
        for times in _joined(each["values"], step_s):
            yield number, _of_series(number, labels, times, mapping, seen)


def _of_series(
    number: int,
    labels: dict[str, str],
    times: tuple[datetime, datetime],
    mapping: Mapping,
    seen: set[str],
) -> Line:
    try:
        return _use(number, labels, times, mapping, seen)
    except Unclear as unclear:
        return unclear


def _labels(metric: dict[str, str]) -> dict[str, str]:
    """Return the labels of the pod, not those of the exporter's own pod."""
    own = {name: metric.get(f"exported_{name}", metric.get(name, "")) for name in _OF_THE_POD}
    return {"UUID": "", "modelName": "", **metric, **own}


_OF_THE_POD = ("namespace", "pod")


def _joined(values: list[list[Any]], step_s: int) -> Iterator[tuple[datetime, datetime]]:
    """Join samples that follow each other by exactly one step."""
    step = timedelta(seconds=step_s)
    began: datetime | None = None
    until = EPOCH
    for at, _ in values:
        instant = EPOCH + timedelta(microseconds=micro_seconds(str(at)))
        if began is not None and instant != until:
            yield began, until
            began = None
        began = began or instant
        until = instant + step
    if began is not None:
        yield began, until


def _use(
    line: int,
    row: dict[str, str],
    times: tuple[datetime, datetime],
    mapping: Mapping,
    seen: set[str],
) -> Mapped:
    started_at, ended_at = times
    pod = f"{row['namespace']}/{row['pod']}"
    ref = hashlib.sha256(pod.encode()).hexdigest()[:_LONGEST_REF]
    instance = row.get("GPU_I_ID") or ""
    device = f"{row['UUID']}:{instance}" if instance else row["UUID"]
    if not row["UUID"]:
        raise Unclear("cell_missing", name="UUID")
    record = {
        "record_id": f"dcgm:{device}:{ref[:12]}:{int(started_at.timestamp())}",
        "device_model": row["modelName"] or UNDECLARED_MODEL,
        "device_count": "1",
        "share_milli": mapping.share_of(row.get("GPU_I_PROFILE") or ""),
        "job_ref": ref,
        "started_at": stamp(started_at),
        "ended_at": stamp(ended_at),
    }
    found = Mapped(line, row["namespace"], record, started_at, ended_at)
    found.repeat = record["record_id"] in seen
    seen.add(record["record_id"])
    return found
