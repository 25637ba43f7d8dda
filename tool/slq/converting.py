"""Turn an export of another system into a file that can be pushed, and say what was odd.

Nothing is guessed: a missing offset, order or slice is asked for. Nothing is dropped in silence:
every line ends in the file, in the file of suspected repeats, or in the list of what is missing.
"""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO, Self
from zoneinfo import ZoneInfo

from slq import dcgm, openstack, plain, slurm
from slq.mapping import FIELDS, Mapping
from slq.outcomes import Exit, Stopped
from slq.profiles import KEEP, PROFILES, UNDECLARED_MODEL, Declared, Mapped
from slq.slurm import Aside, Line
from slq.times import Unclear, zone_of
from slq.words import Speech

KINDS = ("sacct", "dcgm", "openstack", "openb", "philly", "eagle", "csv")
_FORM_FAULTS = (csv.Error, gzip.BadGzipFile, zlib.error)
_REPORTED = ("line", "what", "why")
_CLOCK_CHANGE = "本地时间在重复的一小时内，按先一次计"


@dataclass(frozen=True)
class Request:
    """What is to be converted, and what its owner declares."""

    kind: str
    source: Path
    target: Path
    mapping: Mapping
    zone: str = ""
    epoch: datetime | None = None
    model: str = ""
    step_s: int = 0
    name: str = ""
    keep_open: bool = False


@dataclass
class Converted:
    """What became of the lines."""

    lines: int = 0
    rows: int = 0
    repeats: int = 0
    left_open: int = 0
    no_model: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[int, str]] = field(default_factory=list)
    findings: Counter[str] = field(default_factory=Counter)

    @property
    def code(self) -> Exit:
        """Return how the run ends."""
        if not self.problems:
            return Exit.OK
        return Exit.PARTIAL if self.rows else Exit.REJECTED


def convert(request: Request, repeats: Path, report: Path, speech: Speech) -> Converted:
    """Write the records of a file; repeats, and why a line gave no record, into files beside it.

    Writes: the target, ``repeats`` if there are any, ``report`` if a line gave no record.

    Raises:
        Stopped: the file is of another kind, or a declaration is missing.
    """
    done = Converted()
    line = 0
    for each in (repeats, report):
        each.unlink(missing_ok=True)
    try:
        with _lines(request) as lines, _Table(request.target, FIELDS) as out:
            out.begin()
            with _Table(repeats, FIELDS) as apart, _Table(report, _REPORTED) as told:
                for line, found in _read(request, lines, speech):
                    record = _sort(found, line, request, done, speech)
                    into = apart if isinstance(found, Mapped) and found.repeat else out
                    if record is not None:
                        into.write(record)
                    if record is None or into is apart:
                        told.write(_explained(found, line, done, speech))
                done.rows, done.repeats = out.rows, apart.rows
    except (ValueError, KeyError, IndexError, StopIteration, EOFError, *_FORM_FAULTS) as error:
        why = speech("file_form", kind=request.kind, line=line + 1, why=_said(error))
        raise Stopped(Exit.REJECTED, why) from error
    return done


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _explained(found: Line, line: int, done: Converted, speech: Speech) -> dict[str, str]:
    """Say why a line gave no record that is sent as it is."""
    if isinstance(found, Aside):
        word, why = found.word, speech(f"report_{found.word}")
    elif isinstance(found, Mapped) and found.repeat:
        word, why = "repeats_apart", speech("report_repeat")
    elif done.problems and done.problems[-1][0] == line:
        word, why = "unmapped", done.problems[-1][1]
    else:
        word, why = "left_open", speech("report_open")
    return {"line": str(line), "what": word, "why": why}


class _Table:
    """A CSV file that comes into being with its first row."""

    def __init__(self, path: Path, fields: tuple[str, ...]) -> None:
        self.path, self.fields, self.rows = path, fields, 0
        self.file: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()

    def begin(self) -> "csv.DictWriter[str]":
        """Open the file and write its header."""
        self.file = self.path.open("w", encoding="utf-8", newline="")
        self.writer = csv.DictWriter(self.file, self.fields, lineterminator="\n")
        self.writer.writeheader()
        return self.writer

    def write(self, row: dict[str, str]) -> None:
        """Write a row."""
        writer = self.writer if self.file is not None else self.begin()
        writer.writerow(row)
        self.rows += 1


def _sort(
    found: Line, line: int, request: Request, done: Converted, speech: Speech
) -> dict[str, str] | None:
    """Return what is to be written of a line, or count why nothing is."""
    done.lines += 1
    if isinstance(found, Aside):
        done.aside[found.word] += 1
        return None
    if isinstance(found, Unclear):
        done.problems.append((line, speech(found.word, **found.values)))
        return None
    if found.ended_at is None and not request.keep_open:
        done.left_open += 1
        return None
    record = dict(found.record)
    record["device_model"] = request.mapping.model_of(record["device_model"])
    try:
        record.setdefault("order_no", request.mapping.order_of(found.group))
    except Unclear as unclear:
        if "order_no" not in record:
            done.problems.append((line, speech(unclear.word, **unclear.values)))
            return None
    done.findings.update(found.findings)
    done.no_model += record["device_model"] == UNDECLARED_MODEL
    return record


@contextmanager
def _lines(request: Request) -> Iterator[Iterator[str]]:
    """Open the file in the encoding that is declared."""
    encoding = request.mapping.file.get("encoding", "utf-8")
    opener = gzip.open if request.source.suffix == ".gz" else open
    with opener(request.source, "rt", encoding=encoding, newline="") as file:
        yield iter(file)


def _read(request: Request, lines: Iterator[str], speech: Speech) -> Iterator[tuple[int, Line]]:
    zone = zone_of(request.zone, speech)
    if request.kind == "csv":
        return plain.read_plain(lines, zone, request.mapping, request.name, request.model)
    if request.kind == "openstack":
        return openstack.read_events("".join(lines), zone, request.mapping)
    if request.kind == "dcgm":
        return _read_dcgm(request, lines, zone, speech)
    if request.kind == "sacct":
        return _read_sacct(request, lines, zone, speech)
    return _by_profile(request, lines, speech)


def _read_dcgm(
    request: Request, lines: Iterator[str], zone: tzinfo | None, speech: Speech
) -> Iterator[tuple[int, Line]]:
    name = request.source.name.removesuffix(".gz")
    if not name.endswith(".json"):
        return dcgm.read_windows(lines, zone, request.mapping)
    if request.step_s <= 0:
        raise Stopped(Exit.USAGE, speech("needs_step"))
    return dcgm.read_matrix("".join(lines), request.step_s, request.mapping)


def _read_sacct(
    request: Request, lines: Iterator[str], zone: tzinfo | None, speech: Speech
) -> Iterator[tuple[int, Line]]:
    first = next(lines)
    again = _with_first(first, lines)
    if slurm.has_header(first):
        return slurm.read_slurm(again, zone, request.model)
    return _by_profile(request, again, speech)


def _with_first(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _by_profile(
    request: Request, lines: Iterator[str], speech: Speech
) -> Iterator[tuple[int, Line]]:
    """Read by a profile shared with the service; what it would assume must be declared here."""
    profile = PROFILES[request.kind]
    if request.kind == "openb" and request.epoch is None:
        raise Stopped(Exit.USAGE, speech("needs_epoch"))
    zone = zone_of(request.zone, speech)
    if request.kind != "openb" and not isinstance(zone, ZoneInfo):
        raise Stopped(Exit.USAGE, speech("needs_zone"))
    declared = Declared(request.zone, request.epoch, request.model)
    for found in profile.read(lines, declared):
        if isinstance(zone, ZoneInfo):
            local = found.started_at.astimezone(zone)
            if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
                found.findings.append(_CLOCK_CHANGE)
        found.repeat = found.repeat and profile.repeats != KEEP
        yield found.line, found
