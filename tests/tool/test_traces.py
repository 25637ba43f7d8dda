"""Real traces, raw file to stored record, against arithmetic that knows neither tool nor house.

Each trace is converted by the tool, pushed by it with a live key's signature over a real socket,
and what then lies in the database, by outcome and Shanghai month, is held against sums made here
from the raw file. By default a trace is cut to its first ``SAMPLE`` lines;
``SLQ_WHOLE_TRACES=1`` sends all of it.
"""

import csv
import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db.models import Count, Sum

from ledger import audit, clock
from providers.models import UsageRecord
from providers.tracing import TraceLine, set_up
from tests.providers import world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TRACES = Path(settings.SHARED_DATA_DIR) / "traces"
WHOLE = os.environ.get("SLQ_WHOLE_TRACES") == "1"
SAMPLE = 3_300
CHINA = timezone(timedelta(hours=8))
ZERO = datetime(2026, 1, 1, tzinfo=CHINA)
KNOWN = {"T4", "P100", "V100M16", "V100M32"}


@dataclass(frozen=True)
class Used:
    """One line of a trace as this file reads it; ``milli`` is devices times thousandths."""

    group: str
    outcome: str
    start: Fraction
    end: Fraction
    milli: int


Expected = Counter[tuple[str, str]]


def months(use: Used) -> Iterator[tuple[str, int]]:
    """Yield (month, device_milli_seconds), the odd second at the end going to the last month."""
    total = (use.end - use.start).numerator // (use.end - use.start).denominator
    here, spent = use.start, 0
    while True:
        local = datetime.fromtimestamp(here.numerator // here.denominator, CHINA)
        name = f"{local.year}-{local.month:02d}"
        turn = datetime(local.year + local.month // 12, local.month % 12 + 1, 1, tzinfo=CHINA)
        until = Fraction(int(turn.timestamp()))
        if until >= use.end:
            yield name, (total - spent) * use.milli
            return
        seconds = (until - here).numerator // (until - here).denominator
        yield name, seconds * use.milli
        here, spent = until, spent + seconds


def sums(uses: Iterable[Used]) -> tuple[Expected, Counter[str]]:
    """Return use by (outcome, month) and records by outcome."""
    found: Expected = Counter()
    records: Counter[str] = Counter()
    for use in uses:
        records[use.outcome] += 1
        for month, amount in months(use):
            found[use.outcome, month] += amount
    return Counter({key: amount for key, amount in found.items() if amount}), records


def instant(text: str, zone: str) -> Fraction:
    """Read a local time to the microsecond, the first of two equal hours in autumn."""
    naive = datetime.fromisoformat(text)
    whole = int(naive.replace(microsecond=0, tzinfo=ZoneInfo(zone)).timestamp())
    return whole + Fraction(naive.microsecond, 1_000_000)


def philly(path: Path) -> Iterator[Used]:
    seen: set[tuple[str, ...]] = set()
    for line in csv.DictReader(path.open()):
        cells = tuple(line.values())
        start = instant(line["timestamp"], "America/Los_Angeles")
        length = Fraction(line["duration"])
        outcome = "held" if cells in seen else "accepted" if length >= 1 else "zero"
        seen.add(cells)
        yield Used(line["cluster"], outcome, start, start + length, int(line["num_gpus"]) * 1000)


def openb(path: Path, known: Callable[[str], bool]) -> Iterator[Used]:
    for line in csv.DictReader(path.open()):
        begun = int(line["scheduled_time"] or line["creation_time"])
        ended = int(line["deletion_time"]) if line["scheduled_time"] else begun
        count = int(line["num_gpu"])
        milli = count * (int(line["gpu_milli"]) if count == 1 else 1000)
        used = milli and ended > begun
        outcome = "zero" if not used else "accepted" if known(line["gpu_spec"]) else "held"
        first = Fraction(int(ZERO.timestamp()))
        yield Used("*", outcome, first + begun, first + ended, milli)


def eagle(path: Path) -> Iterator[Used]:
    for line in csv.DictReader(path.open()):
        start, end = (instant(line[n], "America/Denver") for n in ("start_time", "end_time"))
        count = int(line["gpus_req"])
        outcome = "held" if count and end > start else "zero"
        yield Used(line["account"], outcome, start, end, count * 1000)


def sacct(path: Path) -> Iterator[Used]:
    for line in path.open():
        cells = line.rstrip("\n").split("|")
        begun = cells[12] if cells[12] != "Unknown" else cells[13]
        start, end = (instant(text, "America/New_York") for text in (begun, cells[13]))
        gpus = [part[9:] for part in cells[22].split(",") if part.startswith("gres/gpu=")]
        count = int(gpus[0]) if gpus else 0
        outcome = "accepted" if count and end > start else "zero"
        yield Used(cells[5], outcome, start, end, count * 1000)


def openstack(path: Path) -> Iterator[Used]:
    ends, begins = {}, []
    for event in json.loads(path.read_text()):
        if event["event_type"] == "compute.instance.delete.end":
            ends[event["instance_id"]] = event["deleted_at"]
        if event["event_type"] == "compute.instance.create.end":
            begins.append(event)
    for event in begins:
        start = instant(event["launched_at"], "UTC")
        until = ends.get(event["instance_id"])
        end = instant(until, "UTC") if until else start
        outcome = "open" if until is None else "accepted" if end - start >= 1 else "zero"
        yield Used(event["project_id"], outcome, start, end, int(event["vcpus"]) * 1000)


@dataclass(frozen=True)
class Trace:
    """A file, how the tool is told to read it, and how this file reads it."""

    file: str
    words: tuple[str, ...]
    read: Callable[[Path], Iterator[Used]]
    head: int = 1
    models: str = ""


EPOCH = ("--epoch", ZERO.isoformat())
NEW_YORK = ("--zone", "America/New_York", "--model", "nvidia-p100")
FLAVOURS = "".join(f'"c{n}" = "nvidia-p100"\n' for n in ("1.m4", "1.m1", "2.m4", "4.m16", "2.m8"))
CHOSEN = {
    "philly": Trace(
        "philly_jobs_flat.csv.gz",
        ("philly", "--zone", "America/Los_Angeles", "--model", "nvidia-p100"),
        philly,
    ),
    "openb": Trace(
        "openb_pod_list_default.csv.gz",
        ("openb", *EPOCH, "--model", "nvidia-t4"),
        lambda path: openb(path, lambda spec: True),
    ),
    "openb, models named": Trace(
        "openb_pod_list_gpuspec33.csv.gz",
        ("openb", *EPOCH),
        lambda path: openb(path, lambda spec: spec in KNOWN),
    ),
    "eagle": Trace("nrel_eagle_sample_1000.csv", ("eagle", "--zone", "America/Denver"), eagle),
    "phillips": Trace("slurm_sacct_phillips.log.gz", ("sacct", *NEW_YORK), sacct, head=0),
    "pozidriv": Trace("slurm_sacct_pozidriv.log.gz", ("sacct", *NEW_YORK), sacct, head=0),
    "openstack": Trace(
        "openstack_events_2018-04-17_30.json.gz",
        ("openstack", "--zone", "UTC", "--open"),
        openstack,
        models=FLAVOURS,
    ),
}


def raw(trace: Trace, folder: Path) -> Path:
    """Put the raw file, or the begin of it, into a folder."""
    path = TRACES / trace.file
    if not path.exists():
        pytest.skip(f"trace {trace.file} is not on this machine")
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    if not WHOLE and trace.file.split(".")[1] != "json":
        text = "".join(text.splitlines(keepends=True)[: SAMPLE + trace.head])
    there = folder / trace.file.removesuffix(".gz")
    there.write_text(text)
    return there


def provider_for(uses: list[Used]) -> TraceLine:
    """Return a provider with one order per group that covers all of it."""
    first = datetime.fromtimestamp(int(min(use.start for use in uses)), UTC)
    last = datetime.fromtimestamp(int(max(use.end for use in uses)) + 86_400, UTC)
    spans = {use.group: (first, last) for use in uses}
    models = {"nvidia-p100", *(name.lower() for name in KNOWN)}
    return set_up("轨迹", spans, models, registry_from=world.REGISTRY_FROM, at=world.AT)


def log_in(program, line: TraceLine, url: str) -> None:
    program.write("token", line.token)
    (program.folder / "key.pem").write_bytes(world.private_pem(line.private_key))
    (program.folder / "key.pem").chmod(0o600)
    ran = program.run("login", "--endpoint", url, "--token-file", "token", "--key", "key.pem")
    assert ran.code == 0, ran.err


def stored() -> tuple[Expected, Counter[str]]:
    """Return what lies in the database: use by (outcome, month), records by outcome."""
    found = UsageRecord.objects.filter(livemode=True).order_by()
    use = found.values_list("state", "month").annotate(total=Sum("device_milli_seconds"))
    records = found.filter(segment=0).values_list("state").annotate(count=Count("id"))
    return Counter({(s, m): int(total) for s, m, total in use if total}), Counter(dict(records))


@pytest.fixture
def house(live_server, settings, transactional_db) -> Iterator[str]:
    settings.PUBLIC_ORIGIN = live_server.url
    with clock.set_to(world.LATER):
        audit.ensure_key(world.AT)
        yield live_server.url


@pytest.mark.parametrize("name", CHOSEN)
def test_what_a_trace_says_is_what_is_stored(program, house, name):
    trace = CHOSEN[name]
    path = raw(trace, program.folder)
    uses = list(trace.read(path))
    line = provider_for(uses)
    log_in(program, line, house)
    orders = "".join(f'"{group}" = "{order}"\n' for group, order in line.orders.items())
    program.write("map.toml", f"[orders]\n{orders}[models]\n{trace.models}")
    kind, *words = trace.words
    made = program.run("convert", "--from", kind, *words, "--map", "map.toml", "--json",
                       path.name, "out.csv")  # fmt: skip
    assert made.code == 0, made.err
    told = made.json
    assert told["lines"] == told["rows"] + told["repeats"] + sum(told["aside"].values())
    pushed = program.run("push", "out.csv", "--on-error", "accept_valid", "--json")
    assert pushed.code == 0, pushed.err
    if told["repeats"]:
        assert program.run("push", "out.repeats.csv", "--hold").code == 0
    expected, records = sums(uses)
    assert stored() == (expected, records)
    rows = sum(1 for _ in csv.DictReader((program.folder / "out.csv").open())) + told["repeats"]
    assert rows == sum(records.values()) == len(uses)


def test_ends_without_a_begin_are_listed_and_not_sent(program):
    path = TRACES / "openstack_error_sessions_2018-04-18.json"
    if not path.exists():
        pytest.skip(f"trace {path.name} is not on this machine")
    program.write("map.toml", '[orders]\n"*" = "O"\n')
    ran = program.run("convert", "--from", "openstack", "--zone", "UTC", "--map", "map.toml",
                      "--json", str(path), "out.csv")  # fmt: skip
    assert (ran.code, ran.json["rows"], len(ran.json["problems"])) == (3, 0, 2)
    assert ran.json["aside"] == {"events": 9}
    report = list(csv.DictReader((program.folder / "out.report.csv").open()))
    assert [each["what"] for each in report].count("unmapped") == 2
    assert len(report) == len(json.loads(path.read_text())) == 11
