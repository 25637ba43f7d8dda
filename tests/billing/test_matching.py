"""The three-way match: files, pairing, tolerances, what a difference is worth; and inspections."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing import matching
from billing.inspecting import (
    commit_inspection,
    draw_inspection,
    inspection_data,
    record_finding,
)
from billing.matching import Piece, match
from billing.models import InspectionItem, MatchRun
from billing.reconciling import record_total, run_match
from billing.scheduler_files import read_jobs
from billing.settling.closing import month_of_text
from ledger.periods import Month
from ledger.refusals import Refused
from tests.billing.world import CLOSE_AT, START, World, fresh, small_world
from vouchers.evidence import Upload
from vouchers.sampling import rank, seed_digest

T0 = datetime(2026, 10, 2, tzinfo=UTC)
HEAD = "JobIDRaw|Cluster|State|Start|End|AllocTRES\n"
JOB = "1001|hpc|COMPLETED|2026-10-02T00:00:00|2026-10-02T08:00:00|cpu=64,gres/gpu=8\n"
HOUR_MS = 3_600_000


def piece(key: str = "", *, start: int = 0, minutes: int = 60, devices: int = 8) -> Piece:
    begin = T0 + timedelta(seconds=start)
    used = minutes * 60_000 * devices
    return Piece(key, key or "r", begin, begin + timedelta(minutes=minutes), devices, used)


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ([piece("1")], [piece("1")], ["matched"]),
        ([piece("1")], [piece("1", start=120)], ["matched"]),
        ([piece("1")], [piece("1", start=121)], ["differs"]),
        ([piece("1")], [piece("1", devices=4)], ["differs"]),
        ([piece("1", minutes=600)], [piece("1", minutes=540)], ["differs"]),
        ([piece("1")], [], ["only_provider"]),
        ([], [piece("1")], ["only_scheduler"]),
        # a provider that names no job is paired by time and devices, once
        ([piece()], [piece("9", start=60)], ["matched"]),
        ([piece(), piece()], [piece("9")], ["matched", "only_provider"]),
        ([piece()], [piece("9", devices=4)], ["only_provider", "only_scheduler"]),
        # a job cut by days into two records is one job
        ([piece("1", minutes=30), piece("1", start=1800, minutes=30)], [piece("1")], ["matched"]),
    ],
)
def test_pairs_and_their_results(
    mine: list[Piece], theirs: list[Piece], expected: list[str]
) -> None:
    pairs = match(mine, theirs)
    assert sorted(each.result for each in pairs) == sorted(expected)
    said = sum(each.milli_seconds for each in mine) - sum(each.milli_seconds for each in theirs)
    assert sum(each.over for each in pairs) == said, "nothing is lost on either side"
    assert matching.job_key("", "sacct:hpc:7") == "7"


BAD_FILES = [
    (b"", "file_empty"),
    (b"\x00\x01\x02", "file_type"),
    (b"x" * (5 * 1024 * 1024 + 1), "file_too_large"),
    (b"a|b\n1|2\n", "columns_missing"),
    (b"JobIDRaw|Start|End|AllocTRES|Start\n", "columns_doubled"),
    (HEAD.encode(), "no_jobs"),
    ((HEAD + "1|c|C|yesterday|2026-10-02T08:00:00|gres/gpu=8\n").encode(), "no_jobs"),
    (b'JobIDRaw,Start,End,Devices\n1,"2026-10-02T00:00:00,2026-10-02T01:00:00,8\n', "file_broken"),
]


@pytest.mark.parametrize(("content", "code"), BAD_FILES)
def test_a_file_that_cannot_be_read_is_told(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_jobs(content)
    assert refused.value.code == code
    assert refused.value.field == "file"


def test_lines_that_are_no_use_are_told_and_the_rest_counts() -> None:
    lines = [
        JOB, JOB,  # identical: once
        "1001.batch|hpc|COMPLETED|2026-10-02T00:00:00|2026-10-02T08:00:00|gres/gpu=8\n",
        "1002|hpc|RUNNING|2026-10-02T00:00:00|Unknown|gres/gpu=8\n",
        "1003|hpc|COMPLETED|2026-10-02T08:00:00|2026-10-02T00:00:00|gres/gpu=8\n",
        "1004|hpc|COMPLETED|2026-10-02T00:00:00|2026-10-02T08:00:00|cpu=64\n",
        "1005|hpc|COMPLETED\n",
        "=cmd()|hpc|COMPLETED|2026-10-02T00:00:00|2026-10-02T08:00:00|gres/gpu=8\n",
        "1006|hpc|C|2026-10-02T00:00:00Z|2026-10-02T08:00:00+08:00|gres/gpu:h800=4\n",
        "１００７|hpc|C|2026-10-02T00:00:00|2026-10-02T08:00:00|gres/gpu=8\n",
        "1008|hpc|C|2026-10-02T00:00:00Z|2026-10-02T08:00:00Z|gres/gpu=8,gres/gpu:h800=8\n",
    ]  # fmt: skip
    read = read_jobs((HEAD + "".join(lines)).encode("gb18030"))
    assert [(each.ref, each.devices) for each in read.jobs] == [("1001", 8), ("1008", 8)]
    assert read.jobs[0].started_at == datetime(2026, 10, 1, 16, tzinfo=UTC)  # Shanghai's time
    assert [each.line for each in read.left_out] == [3, 5, 6, 7, 8, 9, 10, 11]


def a_statement() -> tuple[World, Any, Any]:
    world, order = small_world()
    world.use(order, hours=40, records=4, at=START + timedelta(days=1))
    clerk = world.seated(world.seat("王敏", enterprise=order.enterprise))
    return world, world.close().statements.get(), clerk


@pytest.mark.django_db
def test_a_run_is_kept_with_its_worth_and_leads_to_an_objection() -> None:
    world, statement, clerk = a_statement()
    # Four records of ten hours on eight cards; the scheduler knows two of them, one shorter,
    # and one job that the provider does not.
    text = HEAD + "".join(
        f"{job}|hpc|C|{start}|{end}|gres/gpu=8\n"
        for job, start, end in (
            ("11", "2026-10-02T00:00:00", "2026-10-02T10:00:00"),
            ("r-2", "2026-10-02T10:00:00", "2026-10-02T18:00:00"),
            ("12", "2026-10-20T00:00:00", "2026-10-20T01:00:00"),
            ("13", "2026-11-20T00:00:00", "2026-11-20T01:00:00"),
        )
    )
    upload = Upload("十月.txt", text.encode(), "text/plain")
    told = {"from_bureau": False, "actor": clerk, "at": CLOSE_AT}
    run = run_match(statement, upload, **told)
    assert run.counts == {
        "matched": 1, "differs": 1, "only_provider": 2, "only_scheduler": 1,
    }  # fmt: skip
    # By hand, at 5.50 yuan a card-hour: 16 card-hours, twice 80, and minus 8.
    assert run.stake_fen == 16 * 550 + 2 * 80 * 550 - 8 * 550
    assert (run.jobs, run.records, run.enterprise_said) == (3, 4, "尚未答复")
    assert run.provider_milli_seconds == 320 * HOUR_MS
    assert {each.line_ordinal for each in run.rows.all()} == {1}
    _other_files(world, statement, upload, told)


def _other_files(world: World, statement: Any, upload: Upload, told: dict[str, Any]) -> None:
    """What is refused writes nothing; a later run and a provider's own total stand beside."""
    other = world.seated(world.seat("别家", enterprise=world.make_enterprise()))
    for bad, code in (
        ({**told, "actor": other}, "not_your_statement"),
        (told, "no_jobs"),
    ):
        late = Upload("x", (HEAD + JOB.replace("-10-", "-08-")).encode())
        with pytest.raises(Refused) as refused:
            run_match(statement, late, **bad)
        assert refused.value.code == code
    assert MatchRun.objects.count() == 1, "nothing half written"
    run_match(statement, upload, from_bureau=True, actor=world.clerk, at=CLOSE_AT)
    assert statement.matches.count() == 2, "a later run stands beside the earlier"
    engineer = world.seated(world.seat("李强", provider=statement.provider))
    said = {"actor": engineer, "at": CLOSE_AT}
    total = record_total(statement, 180_000, None, "我方账", **said)
    assert record_total(statement, 180_000, None, "我方账", **said) == total
    assert total.difference_fen == 180_000 - statement.gross_fen
    with pytest.raises(Refused):
        record_total(statement, -1, None, "", **said)


@pytest.mark.django_db
def test_an_inspection_is_committed_before_the_list_and_can_be_drawn_again_by_anybody() -> None:
    world, order = small_world()
    world.use(order, hours=40)
    close = month_of_text("2026-10")
    told = {"actor": world.approver, "at": CLOSE_AT}
    assert inspection_data(close) is None
    made = commit_inspection(close, **told)
    assert commit_inspection(close, **told) == made
    assert inspection_data(close)["seed"] == ""
    with pytest.raises(Refused) as refused:
        draw_inspection(made, **told)
    assert refused.value.code == "list_unknown"
    statement = world.close().statements.get()
    drawn = draw_inspection(fresh(made), **told)
    assert draw_inspection(drawn, **told).drawn_at == drawn.drawn_at
    item = InspectionItem.objects.get()
    assert (item.statement, item.rank) == (statement, rank(made.seed, str(statement.pk)))
    for finding, text, code in (("fine", "x", "finding_unknown"), ("sound", " ", "text_missing")):
        with pytest.raises(Refused) as refused:
            record_finding(item, finding, text, **told)
        assert refused.value.code == code
    record_finding(item, "problem", "日志缺一天", **told)
    record_finding(item, "sound", "补齐日志，相符", **told)
    data = inspection_data(fresh(close))
    assert data is not None
    assert seed_digest(data["seed"]) == data["seed_digest"]
    assert (data["chosen"], data["found"], data["problems"]) == (1, 1, 0)
    november = world.close(Month(2026, 11), at=CLOSE_AT + timedelta(days=30))
    with pytest.raises(Refused) as refused:
        commit_inspection(november, **told)
    assert refused.value.code == "list_known"
