"""A push that is killed goes on where it stopped; a spool sorts what it sent."""

import json
import signal
import time

import pytest

from providers.models import UsageRecord
from tests.tool.conftest import HEAD

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 12_500
PATIENCE_SECONDS = 60


def wait_for_chunk(state, number: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if state.exists() and f'{{"chunk": {number}' in state.read_text():
            return
        time.sleep(0.01)
    pytest.fail(f"chunk {number} was never noted")


def test_a_killed_push_goes_on_and_nothing_counts_twice(line, program):
    name = line.file("usage.csv", *(line.row(n) for n in range(ROWS)))
    state = program.folder / "usage.csv.slq-state"
    process = program.start("push", name)
    wait_for_chunk(state, 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(state.read_text().splitlines()) < 4
    with state.open("a") as file:
        file.write('{"chunk": 2, "torn')

    ran = program.run("push", name, "--json")
    assert ran.code == 0, ran.err
    told = ran.json
    assert (told["chunks"], told["chunks_done_before"] >= 1) == (3, True)
    assert told["counts"]["accepted"] == ROWS
    assert UsageRecord.objects.count() == ROWS
    assert len(program.read("usage.receipts.ndjson").splitlines()) == 3
    verified = program.run("receipt", "verify", "usage.receipts.ndjson", "--against", name)
    assert verified.code == 0
    assert len(verified.out.splitlines()) == 3


def test_a_spool_is_sorted_into_sent_and_rejected(line, program):
    for folder in ("outgoing", "sent"):
        (program.folder / "spool" / folder).mkdir(parents=True)
    line.file("spool/sent/a.csv", "an earlier file of that name\n")
    line.file("spool/outgoing/a.csv", line.row(1))
    line.file("spool/outgoing/b.csv", line.row(2, device_count="-1"))
    line.file("spool/outgoing/.c.csv", line.row(3))
    line.file("spool/outgoing/d.csv.part", line.row(4))
    ran = program.run("push", "--spool", "spool")
    assert ran.code == 4
    here = {
        path.relative_to(program.folder / "spool").as_posix()
        for path in (program.folder / "spool").rglob("*")
        if path.is_file()
    }
    assert here == {
        ".slq-lock",
        "outgoing/.c.csv",
        "outgoing/d.csv.part",
        "rejected/b.csv",
        "rejected/b.errors.csv",
        "sent/2-a.csv",
        "sent/2-a.receipts.ndjson",
        "sent/a.csv",
    }
    assert program.run("push", "--spool", "spool").code == 0
    assert UsageRecord.objects.count() == 1


def test_a_spool_keeps_what_can_not_be_sent_now(line, program):
    (program.folder / "spool" / "outgoing").mkdir(parents=True)
    line.file("spool/outgoing/a.csv", line.row(1))
    line.server.planned = [(503, {})]
    assert program.run("push", "--spool", "spool", "--tries", "1").code == 6
    assert (program.folder / "spool" / "outgoing" / "a.csv").exists()
    assert program.run("push", "--spool", "spool").code == 0
    assert (program.folder / "spool" / "sent" / "a.receipts.ndjson").exists()


def test_rows_are_told_by_their_place_in_the_whole_file(line, program):
    rows = [line.row(n) for n in range(5_010)]
    rows[5_003] = line.row(5_003, device_count="-1")
    ran = program.run("push", line.file("usage.csv", *rows), "--json")
    assert ran.code == 4
    (fault,) = ran.json["errors"]
    assert (fault["row"], fault["chunk"]) == (5_004, 2)
    assert fault["detail"].startswith("第 5004 行“device_count”列")
    assert UsageRecord.objects.count() == 5_000
    mended = program.run("push", line.file("usage.csv", *rows[:5_003], line.row(5_003)), "--json")
    assert (mended.code, mended.json["counts"]["duplicate"]) == (0, 5_000)
    assert UsageRecord.objects.count() == 5_004


def test_json_lines_and_packed_files_go_the_same_way(line, program):
    cells = dict(zip(HEAD.strip().split(","), line.row(1).strip().split(","), strict=True))
    record = cells | {"device_count": 1}
    program.write("a.ndjson", json.dumps(record) + "\n\n")
    program.write("b.json", json.dumps({"records": [record | {"record_id": "b"}]}))
    many = [json.dumps(record | {"record_id": f"c-{n}"}, indent=1) for n in range(5_001)]
    program.write("c.json", '{ "records" : [' + ",\n".join(many) + "]}")
    assert program.run("push", "a.ndjson").code == 0
    assert program.run("push", "b.json").code == 0
    ran = program.run("push", "c.json", "--json")
    told = ran.json["counts"]
    assert told["accepted"] + told["held"] == 5_001, ran.err
    assert ran.json["chunks"] == 2


def test_a_quote_that_never_ends_is_named_before_anything_is_sent(line, program):
    name = line.file("usage.csv", line.row(1), 'r-2,"open\n')
    ran = program.run("push", name)
    assert (ran.code, len(line.server.seen)) == (3, 0)
    assert "第 3 行" in ran.err
