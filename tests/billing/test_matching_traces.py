"""The three-way match on real traces: whole it matches, changed it tells exactly what changed.

Method: lines of public traces become records by the importer's own profiles, and the same lines a
scheduler file in the documented form. Philly names no jobs, so it is paired by time alone, among
thousands of alike jobs; Slurm's accounting names them.
"""

import csv
import gzip
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from billing.matching import RESULTS, Pair, Piece, job_key, match
from billing.reconciling import run_match
from billing.scheduler_files import read_jobs
from ledger.periods import SHANGHAI
from providers.profiles import PROFILES, Declared, Mapped
from tests.billing.reported import store_usage, usage_rows
from tests.billing.world import CLOSE_AT, OCTOBER, World, small_world
from vouchers.evidence import Upload

TRACES = Path(settings.SHARED_DATA_DIR) / "traces"
#: The trace is of 2017: whole days later it lies in the month of the test, in the same zone rules.
NINE_YEARS = timedelta(days=3_287)
SLURM_FIELDS, RAW, START, END, TRES = 26, 1, 12, 13, 22


def opened(name: str) -> Iterable[str]:
    path = TRACES / name
    if not path.exists():
        pytest.skip(
            f"trace {name} may not lie in the repository, and is not beside it (SHARED_DATA_DIR)"
        )
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from lines


def philly(cluster: str, most: int) -> list[Mapped]:
    """Return jobs of one cluster that lie in October, moved to the year of the test."""
    lines = []
    for line in opened("philly_jobs_flat.csv.gz"):
        if line.startswith("timestamp"):
            lines.append(line)
        elif line.rstrip().endswith(cluster) and line.startswith("2017-10"):
            moved = datetime.fromisoformat(line[:19]) + NINE_YEARS
            lines.append(f"{moved:%Y-%m-%d %H:%M:%S}{line[19:]}")
    profile = PROFILES["philly"]
    found = profile.read(lines, profile.declared)
    first, last = OCTOBER.start_at, OCTOBER.end_at
    inside = (
        each for each in found
        if each.ended_at and first <= each.started_at < each.ended_at <= last and not each.repeat
    )  # fmt: skip
    return list(islice((each for each in inside if int(each.record["device_count"])), most))


def as_piece(each: Mapped) -> Piece:
    """Return a record as the match sees it."""
    count, record = int(each.record["device_count"]), each.record
    assert each.ended_at is not None
    used = (each.ended_at - each.started_at) // timedelta(milliseconds=1) * count
    key = job_key(record.get("job_ref", ""), record["record_id"])
    return Piece(key, record["record_id"], each.started_at, each.ended_at, count, used)


def scheduler_file(jobs: Iterable[Mapped]) -> list[str]:
    """Return the same jobs as a scheduler writes them, a header first; its numbers are its own."""
    rows = ["JobIDRaw|Start|End|Devices"]
    for number, each in enumerate(jobs, start=70_001):
        assert each.ended_at is not None
        told = (each.started_at, each.ended_at)
        start, end = (f"{at.astimezone(SHANGHAI):%Y-%m-%dT%H:%M:%S}" for at in told)
        rows.append(f"{number}|{start}|{end}|{each.record['device_count']}")
    return rows


def changed(rows: list[str]) -> tuple[list[str], list[int]]:
    """Drop three lines, give one more devices, end one an hour later, add one; say which."""
    head, *jobs = rows
    for place, (cell, value) in {20: (3, "64"), 30: (2, "")}.items():
        cells = jobs[place].split("|")
        later = datetime.fromisoformat(cells[2]) + timedelta(hours=1)
        cells[cell] = value or f"{later:%Y-%m-%dT%H:%M:%S}"
        jobs[place] = "|".join(cells)
    dropped = [10, 50, len(jobs) - 1]
    kept = [line for place, line in enumerate(jobs) if place not in dropped]
    added = "99999|2026-10-20T03:00:00|2026-10-20T04:00:00|16"
    return [head, *kept, added], [*dropped, 20, 30]


def jobs_of(rows: list[str]) -> list[Piece]:
    read = read_jobs("\n".join(rows).encode())
    assert read.left_out == []
    return [
        Piece(
            each.ref, each.ref, each.started_at, each.ended_at, each.devices,
            (each.ended_at - each.started_at) // timedelta(milliseconds=1) * each.devices,
        )
        for each in read.jobs
    ]  # fmt: skip


def told(pairs: list[Pair]) -> dict[str, list[str]]:
    """Return by result what the pairs are about, but for what is the same."""
    found: dict[str, list[str]] = {name: [] for name in RESULTS}
    for each in pairs:
        piece = each.provider or each.scheduler
        assert piece is not None
        found[each.result].append(piece.name)
    return found


def test_thousands_of_unnamed_jobs_match_whole_and_only_the_changed_ones_do_not() -> None:
    records = philly("11cb48", 5_000)
    assert len(records) > 4_000
    pieces, rows = [as_piece(each) for each in records], scheduler_file(records)
    whole = told(match(pieces, jobs_of(rows)))
    assert {name: len(each) for name, each in whole.items() if each} == {"matched": len(records)}
    other, places = changed(rows)
    found = told(match(pieces, jobs_of(other)))
    assert sorted(found["only_provider"]) == sorted(pieces[place].name for place in places)
    assert sorted(found["only_scheduler"]) == sorted(
        (*(rows[place + 1].split("|")[0] for place in (20, 30)), "99999")
    )
    assert found["differs"] == []
    assert len(found["matched"]) == len(records) - len(places)


def test_slurm_accounting_as_it_is_names_its_jobs_and_what_differs() -> None:
    lines = [each.rstrip("\n") for each in opened("slurm_sacct_phillips.log.gz")]
    names = [f"f{place}" for place in range(SLURM_FIELDS)]
    for place, name in ((RAW, "JobIDRaw"), (START, "Start"), (END, "End"), (TRES, "AllocTRES")):
        names[place] = name
    read = read_jobs("\n".join(["|".join(names), *lines]).encode())
    mapped = PROFILES["sacct"].read(lines, Declared(zone="Asia/Shanghai", model="m"))
    records = [each for each in mapped if each.ended_at and int(each.record["device_count"])]
    pieces = [as_piece(each) for each in records]
    used = {each.key: each for each in pieces}
    assert {each.ref for each in read.jobs} == set(used) == {"163485", "196835"}
    jobs = [
        Piece(
            each.ref, each.ref, each.started_at, each.ended_at, each.devices,
            used[each.ref].milli_seconds,
        )
        for each in read.jobs
    ]  # fmt: skip
    assert [each.result for each in match(pieces, jobs)] == ["matched", "matched"]
    halved = [lines[0].replace("gres/gpu=2", "gres/gpu=1"), *lines[1:]]
    again = read_jobs("\n".join(["|".join(names), *halved]).encode()).jobs
    assert {each.ref: each.devices for each in again} == {"163485": 1, "196835": 2}
    jobs[0] = Piece("163485", "163485", jobs[0].start, jobs[0].end, 1, jobs[0].milli_seconds // 2)
    differs, same = match(pieces, jobs)
    assert (differs.result, same.result) == ("differs", "matched")
    assert "卡数 2 与 1 不同" in differs.why


def _stored(world: World, order: Any, records: list[Mapped]) -> None:
    """Store the records of a trace under an order, as metering would have."""
    rows = []
    for number, each in enumerate(records, start=1):
        piece = as_piece(each)
        (row,) = usage_rows(
            order, first=number, count=1, at=piece.start, hours=1, devices=piece.devices,
            state="accepted", settle_month="2026-10", received_at=OCTOBER.end_at,
        )[:1]  # fmt: skip
        row.record_id, row.ended_at = piece.name, piece.end
        row.device_milli_seconds = piece.milli_seconds
        rows.append(row)
    store_usage(rows)
    world._meter(order, rows)


@pytest.mark.django_db
def test_a_statement_over_a_real_slice_tells_what_the_changed_lines_are_worth() -> None:
    records = philly("6c71a0", 200)
    world, order = small_world()
    _stored(world, order, records)
    clerk = world.seated(world.seat("王敏", enterprise=order.enterprise))
    statement = world.close().statements.get()
    asked = {"from_bureau": False, "actor": clerk, "at": CLOSE_AT}
    rows = scheduler_file(records)
    run = run_match(statement, Upload("philly.txt", "\n".join(rows).encode()), **asked)
    assert run.counts == dict.fromkeys(RESULTS, 0) | {"matched": len(records)}
    assert (run.stake_fen, run.left_out) == (0, [])
    other, places = changed(rows)
    run = run_match(statement, Upload("philly.txt", "\n".join(other).encode()), **asked)
    assert run.counts == {
        "matched": len(records) - 5, "differs": 0, "only_provider": 5, "only_scheduler": 3,
    }  # fmt: skip
    alone = {each.record_id for each in run.rows.filter(result="only_provider")}
    assert alone == {records[place].record["record_id"] for place in places}
    # By hand, at 5.50 yuan a card-hour, each difference half up to the fen.
    mine = sum(_worth(as_piece(records[place]).milli_seconds) for place in places)
    raw = list(csv.reader(other[1:], delimiter="|"))
    numbers = {rows[place + 1].split("|")[0] for place in (20, 30)} | {"99999"}
    theirs = sum(_worth(_used(cells)) for cells in raw if cells[0] in numbers)
    assert run.stake_fen == mine - theirs


def _used(cells: list[str]) -> int:
    start, end = (datetime.fromisoformat(each) for each in cells[1:3])
    return (end - start) // timedelta(milliseconds=1) * int(cells[3])


def _worth(milli_seconds: int) -> int:
    return (2 * milli_seconds * 550 + 3_600_000) // (2 * 3_600_000)
