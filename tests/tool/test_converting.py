"""Exports of other systems: real traces against counts of this file's own, then each dirt alone."""

import csv
import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

TRACES = Path(settings.SHARED_DATA_DIR) / "traces"
EVERYTHING = '[orders]\n"*" = "O-1"\n'


def trace(name: str) -> Path:
    path = TRACES / name
    if not path.exists():
        pytest.skip(f"trace {name} is not on this machine")
    return path


def rows_of(program, name: str = "out.csv") -> list[dict[str, str]]:
    with (program.folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def used(rows: list[dict[str, str]]) -> int:
    """Return device_milli_seconds of converted rows, by plain arithmetic."""
    total = 0
    for row in rows:
        start, end = (datetime.fromisoformat(row[name]) for name in ("started_at", "ended_at"))
        share = int(row["share_milli"] or 1000)
        total += int(row["device_count"]) * share * ((end - start) // timedelta(seconds=1))
    return total


@pytest.fixture
def convert(program):
    program.write("map.toml", EVERYTHING)

    def run(kind: str, source: object, *words: str):
        asked = ("convert", "--from", kind, "--map", "map.toml", *words, str(source), "out.csv")
        return program.run(*asked)

    return run


def test_philly_whole_and_its_exact_repeats_apart(program, convert):
    path = trace("philly_jobs_flat.csv.gz")
    zone = ZoneInfo("America/Los_Angeles")
    with gzip.open(path, "rt") as file:
        lines = list(csv.DictReader(file))
    times = Counter(tuple(line.values()) for line in lines)
    ran = convert("philly", path, "--zone", "America/Los_Angeles", "--model", "p100", "--json")
    assert (ran.code, ran.json["rows"], ran.json["repeats"]) == (
        0,
        len(times),
        len(lines) - len(times),
    )
    expected = sum(
        int(line["num_gpus"]) * 1000 * int(line["duration"].removesuffix(".0")) for line in lines
    )
    apart = rows_of(program, "out.repeats.csv")
    assert used(rows_of(program)) + used(apart) == expected
    assert used(apart) == 23_480_000
    first = datetime.fromisoformat(rows_of(program)[0]["started_at"])
    assert first == datetime.fromisoformat(lines[0]["timestamp"]).replace(tzinfo=zone)
    assert ran.json["findings"]["本地时间在重复的一小时内，按先一次计"] == 7


def test_openb_shares_and_pods_that_never_ran(program, convert):
    path = trace("openb_pod_list_default.csv.gz")
    with gzip.open(path, "rt") as file:
        lines = list(csv.DictReader(file))
    expected = 0
    for line in lines:
        if line["scheduled_time"]:
            share = int(line["gpu_milli"]) if line["num_gpu"] == "1" else 1000
            seconds = int(line["deletion_time"]) - int(line["scheduled_time"])
            expected += int(line["num_gpu"]) * share * seconds
    ran = convert("openb", path, "--epoch", "2023-01-01T00:00:00+08:00")
    assert ran.code == 0, ran.err
    rows = rows_of(program)
    assert (len(rows), used(rows)) == (len(lines), expected)
    assert f"{sum(not line['scheduled_time'] for line in lines)} 行：从未调度" in ran.err


@pytest.mark.parametrize("name", ["phillips", "pozidriv"])
def test_slurm_of_26_fields_bills_the_allocated_devices(program, convert, name):
    path = trace(f"slurm_sacct_{name}.log.gz")
    with gzip.open(path, "rt") as file:
        lines = [line.rstrip("\n").split("|") for line in file]
    zone = ZoneInfo("America/New_York")
    expected = 0
    for line in lines:
        at = [datetime.fromisoformat(line[n]).replace(tzinfo=zone).timestamp() for n in (12, 13)]
        gpus = [part.partition("=")[2] for part in line[22].split(",") if "gres/gpu=" in part]
        expected += int(gpus[0] if gpus else 0) * 1000 * int(at[1] - at[0])
    ran = convert("sacct", path, "--zone", "America/New_York", "--model", "nvidia-p100")
    assert ran.code == 0, ran.err
    assert len(rows_of(program)) == len(lines)
    assert used(rows_of(program)) == expected


SACCT = "JobIDRaw|Cluster|Account|State|Start|End|ElapsedRaw|AllocTRES\n"


def test_slurm_with_a_header_leaves_steps_and_running_jobs_out_and_says_so(program, convert):
    program.write("map.toml", '[orders]\nlab = "O-7"\n[models]\nh800 = "nvidia-h800"\n')
    times = "2026-11-01T08:00:00|2026-11-01T09:00:00|3600"
    tres = "cpu=8,gres/gpu:h800=8,gres/gpu=8"
    program.write(
        "jobs.txt",
        SACCT
        + f"1|hpc|lab|CANCELLED by 7|{times}|{tres}\n"
        + f"1.batch|hpc|lab|COMPLETED|{times}|{tres}\n"
        + f"2|hpc|lab|RUNNING|2026-11-01T08:00:00|Unknown|3600|{tres}\n"
        + f"3|hpc|unknown-lab|COMPLETED|{times}|{tres}\n"
        + f"4|hpc|lab|COMPLETED|{times}|gres/gpu:a=1,gres/gpu:b=1,gres/gpu=2\n"
        + f"5|hpc|lab|COMPLETED|{times}|cpu=8\n",
    )
    ran = convert("sacct", "jobs.txt", "--zone", "Asia/Shanghai")
    assert ran.code == 4
    first, none = rows_of(program)
    assert first == {name: "" for name in first} | {
        "record_id": "sacct:hpc:1", "order_no": "O-7", "device_model": "nvidia-h800",
        "device_count": "8", "started_at": "2026-11-01T00:00:00Z",
        "ended_at": "2026-11-01T01:00:00Z", "job_state": "cancelled", "job_ref": "1",
    }  # fmt: skip
    assert none["device_count"] == "0"
    assert "1 行是作业步" in ran.err
    assert "1 行尚未结束" in ran.err
    assert "没有为“unknown-lab”指定订单号" in ran.err
    assert "第 6 行：一行中有多种型号" in ran.err
    kept = convert("sacct", "jobs.txt", "--zone", "Asia/Shanghai", "--open", "--json")
    assert (kept.json["rows"], kept.json["left_open"]) == (3, 0)


def test_other_spellings_of_slurm_are_read_too_and_array_tasks_are_jobs(program, convert):
    times = "2026-11-01T08:00:00|2026-11-01T09:00:00"
    program.write(
        "jobs.txt",
        "JobID|Account|State|Start|End|AllocTRES|\n"
        + f"12_3|lab|COMPLETED|{times}|gres/gpu:a100=2|\n"
        + f"12_4|lab|TIMEOUT|{times}|gres/gpu:a100=2|\n\n"
        + f"12_4.extern|lab|COMPLETED|{times}|gres/gpu:a100=2|\n"
        + "12_[5-9]|lab|PENDING|Unknown|Unknown||\n"
        + "13|lab|CANCELLED by 5|None|2026-11-01T09:00:00||\n",
    )
    ran = convert("sacct", "jobs.txt", "--zone", "Asia/Shanghai", "--json")
    assert (ran.code, ran.json["aside"]) == (0, {"steps": 1, "not_started": 1})
    rows = rows_of(program)
    assert [row["record_id"] for row in rows] == ["sacct::12_3", "sacct::12_4", "sacct::13"]
    assert [row["job_state"] for row in rows] == ["completed", "failed", "cancelled"]
    assert used(rows) == 2 * 2 * 1000 * 3600
    report = {each["line"]: each["what"] for each in rows_of(program, "out.report.csv")}
    assert report == {"5": "steps", "6": "not_started"}


EVENT = {"instance_id": "i-1", "instance_type": "g1", "vcpus": "8", "project_id": "p"}


def events(program, *changes: dict[str, str]) -> None:
    program.write("events.json", json.dumps([EVENT | each for each in changes]))


def test_a_session_lasts_from_its_launch_to_its_end_whatever_is_audited(program, convert):
    program.write("map.toml", '[orders]\np = "O-1"\n[devices]\ng1 = 4\n[models]\ng1 = "h800"\n')
    begin, end = "compute.instance.create.end", "compute.instance.delete.end"
    launch = {"event_type": begin, "launched_at": "2026-11-01T00:00:00.5"}
    events(
        program,
        {"event_type": end, "deleted_at": "2026-11-01T01:00:00"},
        launch,
        {"event_type": "compute.instance.exists"},
        launch | {"instance_id": "i-2", "vcpus": "eight", "instance_type": "g2"},
        launch | {"instance_id": "i-3"},
        launch | {"instance_id": "i-4"},
        launch | {"instance_id": "i-4"},
        {"event_type": end, "deleted_at": "2026-10-01T00:00:00", "instance_id": "i-5"},
    )
    assert convert("openstack", "events.json").code == 3  # no zone: listed, not guessed
    ran = convert("openstack", "events.json", "--zone", "UTC", "--json")
    assert (ran.code, ran.json["rows"], ran.json["left_open"]) == (4, 1, 1)
    assert [line for line, _ in ran.json["problems"]] == [4, 6, 7, 8]
    (row,) = rows_of(program)
    assert (row["record_id"], row["device_model"], row["device_count"]) == (
        "openstack:i-1", "h800", "4",
    )  # fmt: skip
    assert used([row]) == 4 * 1000 * 3599
    assert len(rows_of(program, "out.report.csv")) == 7


def test_a_mapping_file_is_begun_from_a_header(program):
    (program.folder / "site.csv").write_bytes("record_id,开始,device_count\n".encode("gb18030"))
    ran = program.run("mapping", "init", "site.csv", "--out", "m.toml")
    assert (ran.code, ran.out) == (0, "m.toml\n")
    text = program.read("m.toml")
    assert 'record_id = "record_id"' in text
    assert "其余的列 / other columns of the file: 开始" in text
    program.write("m2.toml", text.replace('# started_at = "列名"', 'started_at = "开始"'))
    program.write("in.csv", "record_id,开始,device_count\nr-1,2026-11-01T00:00:00Z,3\n")
    done = program.run("convert", "--from", "csv", "--map", "m2.toml", "--open", "in.csv", "o.csv")
    assert (done.code, "没有为“”指定订单号" in done.err) == (3, True)
    assert program.run("mapping", "init", "--out", "m.toml").code == 2


@pytest.mark.parametrize("kind", ["sacct", "philly", "csv"])
def test_no_offset_and_no_zone_is_asked_for(program, convert, kind):
    program.write("map.toml", EVERYTHING + '[columns]\nstarted_at = "t"\ndevice_count = "n"\n')
    text = {
        "sacct": SACCT + "1|c|a|FAILED|2026-11-01T08:00:00|2026-11-01T08:00:00|0|\n",
        "philly": "timestamp,duration,num_gpus,gpu_time,cluster\n2026-10-05 08:00:00,1,1,1,c\n",
        "csv": "t,n\n2026-10-05 08:00:00,1\n",
    }[kind]
    program.write("in.csv", text)
    ran = convert(kind, "in.csv", "--open")
    assert ran.code in (2, 3)
    assert "--zone" in ran.err


def test_a_local_time_that_exists_twice_is_not_guessed(program, convert):
    jobs = "".join(
        f"{n}|c|a|COMPLETED|2026-11-01T0{hour}:30:00|2026-11-01T05:00:00|1|\n"
        for n, hour in enumerate("0134")
    )
    program.write("jobs.txt", SACCT + jobs)
    ran = convert("sacct", "jobs.txt", "--zone", "America/New_York", "--json")
    assert (ran.code, ran.json["rows"]) == (4, 3)
    assert ran.json["problems"][0][0] == 3
    fixed = convert("sacct", "jobs.txt", "--zone=-05:00", "--json")
    assert (fixed.code, fixed.json["rows"]) == (0, 4)


DCGM = "window_start,window_end,UUID,modelName,namespace,pod,GPU_I_ID,GPU_I_PROFILE\n"


def test_device_windows_become_records_without_names_of_pods(program, convert):
    program.write("map.toml", EVERYTHING + '[shares]\n"1g.10gb" = 142\n')
    window = "2026-11-01T00:00:00Z,2026-11-01T01:00:00Z"
    program.write(
        "w.csv",
        DCGM
        + f"{window},GPU-1,NVIDIA H800,team,secret-name,,\n"
        + f"{window},GPU-1,NVIDIA H800,team,secret-name,,\n"
        + f"{window},GPU-2,NVIDIA H800,,,,\n"
        + f"{window},GPU-3,NVIDIA H800,team,p,7,1g.10gb\n"
        + f"{window},GPU-3,NVIDIA H800,team,p,8,2g.20gb\n",
    )
    ran = convert("dcgm", "w.csv", "--json")
    told = {name: ran.json[name] for name in ("rows", "repeats", "aside")}
    assert (ran.code, told) == (4, {"rows": 2, "repeats": 1, "aside": {"idle": 1}})
    whole, slice_ = rows_of(program)
    assert (whole["share_milli"], slice_["share_milli"]) == ("1000", "142")
    assert "secret-name" not in program.read("out.csv")


def test_samples_that_follow_each_other_are_one_use_and_a_gap_ends_it(program, convert):
    begin = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
    values = [[begin + 60 * n, "97"] for n in (0, 1, 2, 10, 11)]
    values[0][0] = float(begin)
    metric = {"UUID": "GPU-1", "modelName": "H", "namespace": "dcgm", "pod": "exporter"}
    metric |= {"exported_namespace": "team", "exported_pod": "train"}
    series = {"metric": metric, "values": values}
    told = {"status": "success", "data": {"resultType": "matrix", "result": [series]}}
    program.write("range.json", json.dumps(told))
    program.write("map.toml", '[orders]\nteam = "O-9"\n')
    assert convert("dcgm", "range.json").code == 2
    assert convert("dcgm", "range.json", "--step", "60").code == 0
    rows = rows_of(program)
    assert [used([row]) for row in rows] == [180_000, 120_000]
    assert rows[0]["started_at"] == "2026-11-01T00:00:00Z"


def test_a_plain_file_in_gbk_is_read_by_its_mapping(program, convert):
    program.write(
        "map.toml",
        """
[columns]
order_no = "订单"
started_at = "开始"
ended_at = "结束"
device_count = "卡数"
device_model = "型号"
[models]
"昇腾910B" = "huawei-ascend-910b"
[fixed]
basis = "allocated"
[file]
encoding = "gb18030"
delimiter = ";"
time_form = "%Y/%m/%d %H:%M"
""",
    )
    row = "O-1;2026/11/01 08:00;2026/11/01 09:00;8;昇腾910B\n"
    text = "订单;开始;结束;卡数;型号\n" + row + row + row.replace(";8;", ";八;")
    (program.folder / "site.csv").write_bytes(text.encode("gb18030"))
    ran = convert("csv", "site.csv", "--zone", "+08:00", "--json")
    assert (ran.code, ran.json["rows"], ran.json["repeats"]) == (4, 1, 1)
    (only,) = rows_of(program)
    assert only["record_id"] == "site:line-2"
    assert only["device_model"] == "huawei-ascend-910b"
    assert only["started_at"] == "2026-11-01T00:00:00Z"
    assert rows_of(program, "out.repeats.csv")[0]["record_id"] == "site:line-3"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--from", "philly"], "a,b\n1,2\n"),
        (["--from", "csv"], "a,b\n1\n"),
        (["--from", "dcgm"], "a,b\n1,2\n"),
        (["--from", "sacct"], "a|b\n"),
        (["--from", "openb", "--epoch", "2023-01-01T00:00:00Z"], "a\n1\n"),
        (["--from", "sacct"], ""),
    ],
)
def test_a_file_of_another_form_is_named(program, words, text):
    program.write("map.toml", EVERYTHING)
    program.write("in.csv", text)
    zone = ("--zone", "Asia/Shanghai", "--map", "map.toml")
    ran = program.run("convert", *words, *zone, "in.csv", "out.csv")
    assert ran.code == 3
    assert "不符" in ran.err


@pytest.mark.parametrize("text", ["[orders", "[colours]\na=1\n", "[columns]\nprice='x'\n", "a=1\n"])
def test_a_mapping_that_nobody_would_read_is_refused(program, convert, text):
    program.write("map.toml", text)
    program.write("in.csv", "a\n1\n")
    ran = convert("csv", "in.csv")
    assert ran.code == 2
    assert "映射文件" in ran.err
