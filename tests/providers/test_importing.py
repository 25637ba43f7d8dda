"""Real traces through the real interface; totals against arithmetic of this file's own."""

import csv
import gzip
import io
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from providers import deciding, metering
from providers.management.commands import import_usage
from providers.models import Provider, UsageRecord
from tests.providers import world

TRACES = Path(settings.SHARED_DATA_DIR) / "traces"
SHANGHAI = ZoneInfo("Asia/Shanghai")
pytestmark = pytest.mark.django_db


def trace(name: str) -> Path:
    path = TRACES / name
    if not path.exists():
        pytest.skip(f"trace {name} is not on this machine")
    return path


@pytest.fixture(autouse=True)
def _inside_the_test(monkeypatch):
    """Keep the test's own database connection open between requests."""
    monkeypatch.setattr(import_usage.httpx, "WSGITransport", lambda app: world.in_process())


def imported(path: Path, profile: str, **options) -> dict:
    out = io.StringIO()
    call_command(
        "import_usage", str(path), profile=profile, setup=True, json=True, stdout=out, **options
    )
    return json.loads(out.getvalue())


def by_month(rows) -> Counter:
    """Sum (start, end, devices x share) by Shanghai month, cutting second by second's worth."""
    sums: Counter = Counter()
    for start, end, milli in rows:
        here = start
        while here < end:
            local = here.astimezone(SHANGHAI)
            first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = (first + timedelta(days=32)).replace(day=1)
            until = min(end, following)
            seconds = int(until.timestamp()) - int(here.timestamp())
            sums[f"{local.year}-{local.month:02d}"] += seconds * milli
            here = until
    return sums


def told(answer: dict, outcome: str) -> dict:
    return {
        month: int(sums[outcome])
        for month, sums in answer["by_month"].items()
        if int(sums.get(outcome, 0))
    }


@pytest.mark.slow
def test_all_of_philly_is_counted_exactly_and_once():
    path = trace("philly_jobs_flat.csv.gz")
    with gzip.open(path, "rt") as file:
        lines = list(csv.DictReader(file))
    seen, plain, repeats = set(), [], []
    for line in lines:
        start = datetime.fromisoformat(line["timestamp"]).replace(
            tzinfo=ZoneInfo("America/Los_Angeles")
        )
        start = datetime.fromtimestamp(start.timestamp(), tz=SHANGHAI)
        end = start + timedelta(seconds=int(line["duration"].removesuffix(".0")))
        group = repeats if tuple(line.values()) in seen else plain
        group.append((start, end, int(line["num_gpus"]) * 1000))
        seen.add(tuple(line.values()))
    answer = imported(path, "philly")
    assert answer["rows"] == len(lines) == 82_247
    assert answer["counts"]["accepted"] == len(plain)
    assert answer["counts"]["held"] == len(repeats) == 65
    assert told(answer, "accepted") == by_month(plain)
    assert told(answer, "held") == by_month(repeats)
    assert answer["device_milli_seconds"]["held"] == "23480000"
    stored = UsageRecord.objects.count()
    again = imported(path, "philly")
    assert again["replayed_chunks"] == again["chunks"]
    assert UsageRecord.objects.count() == stored
    provider = Provider.objects.get()
    assert metering.release_held(provider, actor=world.CLERK, at=datetime.now(SHANGHAI)) == 0
    for batch in provider.batches.filter(held__gt=0):
        request = deciding.propose_request(
            provider, "release", str(batch.pk), reason="各自属实", actor=world.CLERK,
            at=datetime.now(SHANGHAI),
        )  # fmt: skip
        deciding.decide_request(request, agree=True, actor=world.CHIEF, at=datetime.now(SHANGHAI))
    assert not provider.usage.filter(state="held").exists()


def test_pods_never_scheduled_are_zero_and_unclear_models_wait():
    path = trace("openb_pod_list_gpuspec33.csv.gz")
    with gzip.open(path, "rt") as file:
        lines = list(csv.DictReader(file))
    epoch = datetime(2023, 1, 1, tzinfo=SHANGHAI)
    known, waiting, zero = [], [], 0
    for line in lines:
        count = int(line["num_gpu"])
        if not line["scheduled_time"] or not count:
            zero += 1
            continue
        share = int(line["gpu_milli"]) if count == 1 else 1000
        start = epoch + timedelta(seconds=int(line["scheduled_time"]))
        end = epoch + timedelta(seconds=int(line["deletion_time"]))
        zero += start == end
        if start == end:
            continue
        sure = line["gpu_spec"] in ("T4", "P100", "V100M16", "V100M32")
        (known if sure else waiting).append((start, end, count * share))
    answer = imported(path, "openb")
    assert answer["rows"] == len(lines) == 8_152
    counts = answer["counts"]
    assert (counts["zero"], counts["accepted"], counts["held"]) == (
        zero,
        len(known),
        len(waiting),
    )
    assert told(answer, "accepted") == by_month(known)
    assert told(answer, "held") == by_month(waiting)
    assert answer["findings"]["从未调度"] == 897
    assert set(answer["reasons"]) == {"held: unknown_model"}


def test_eagle_jobs_of_one_id_are_all_kept():
    answer = imported(trace("nrel_eagle_sample_1000.csv"), "eagle")
    assert answer["rows"] == 1_000
    assert answer["counts"]["zero"] == 996
    assert answer["counts"]["held"] == 4
    assert len(answer["repeat_lines"]) == 41
    assert answer["counts"]["duplicate"] == answer["counts"]["conflict"] == 0


def test_slurm_accounting_bills_the_allocated_devices():
    path = trace("slurm_sacct_phillips.log.gz")
    with gzip.open(path, "rt") as file:
        lines = [line.rstrip("\n").split("|") for line in file]
    zone = ZoneInfo("America/New_York")

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=zone)

    used = [
        (at(line[12]), at(line[13]), 2000)
        for line in lines
        if "gres/gpu=2" in line[22] and line[12] != line[13]
    ]
    answer = imported(path, "sacct")
    assert answer["rows"] == len(lines) == 4_285
    assert answer["counts"]["accepted"] == len(used)
    assert told(answer, "accepted") == by_month(used)
    assert answer["counts"]["zero"] == len(lines) - len(used)


def test_a_file_without_a_zone_asks_for_one(tmp_path):
    file = tmp_path / "jobs.csv"
    file.write_text("timestamp,duration,num_gpus,gpu_time,cluster\n")
    with pytest.raises(CommandError, match="--zone"):
        call_command("import_usage", str(file), profile="philly")


def test_a_file_of_another_form_is_named(tmp_path):
    file = tmp_path / "jobs.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError, match="格式不符"):
        call_command("import_usage", str(file), profile="philly", setup=True)


def test_without_setup_the_provider_names_its_key_and_orders(tmp_path):
    there = world.World()
    _, token, private = world.a_live_key(there.provider)
    (tmp_path / "token").write_text(token)
    (tmp_path / "key.pem").write_bytes(world.private_pem(private))
    (tmp_path / "orders.csv").write_text(f"group,order_no\nc1,{there.order.order_no}\n")
    file = tmp_path / "jobs.csv"
    file.write_text(
        "timestamp,duration,num_gpus,gpu_time,cluster\n2026-10-05 08:00:00,3600.0,4,14400.0,c1\n"
    )
    out = io.StringIO()
    call_command(
        "import_usage",
        str(file),
        profile="philly",
        zone="Asia/Shanghai",
        model="nvidia-a100",
        token_file=tmp_path / "token",
        key_file=tmp_path / "key.pem",
        orders=tmp_path / "orders.csv",
        stdout=out,
    )
    assert "14,400,000" in out.getvalue()
    assert UsageRecord.objects.get().order == there.order
