"""More use than there is: the readable sweep, the set-based one, and figures too good."""

import csv
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from providers.listing import REGISTRY_FILE
from providers.models import UsageRecord
from providers.plausibility import Claim, rate_caution, rate_doubt, sweep
from tests.providers import world
from tests.providers.world import World

START = datetime(2026, 10, 3, tzinfo=UTC)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def test_use_within_capacity_is_never_excess():
    assert sweep([(at(0), at(1), 1000), (at(1), at(2), 1000)], [(at(-9), None, 1000)]) == []


def test_the_stretch_of_excess_is_named_to_the_moment():
    (found,) = sweep([(at(0), at(2), 1000), (at(1), at(3), 500)], [(at(-9), None, 1000)])
    assert (found.started_at, found.ended_at, found.excess_milli) == (at(1), at(2), 500)


def test_capacity_that_ends_makes_use_excessive():
    (found,) = sweep([(at(0), at(4), 1000)], [(at(-9), at(2), 1000)])
    assert (found.started_at, found.ended_at) == (at(2), at(4))


USES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6), st.integers(1, 5)), min_size=1, max_size=12
)


@given(uses=USES, capacity=st.integers(1, 8))
def test_the_sweep_agrees_with_counting_hour_by_hour(uses, capacity):
    intervals = [(at(start), at(start + length), count * 1000) for start, length, count in uses]
    excess = {
        hour
        for hour in range(30)
        if sum(count for start, length, count in uses if start <= hour < start + length) > capacity
    }
    found = sweep(intervals, [(at(-9), None, capacity * 1000)])
    covered = {
        hour for hour in range(30) for each in found if each.started_at <= at(hour) < each.ended_at
    }
    assert covered == excess


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_the_set_based_sweep_holds_exactly_the_records_that_touch_an_excess(seed):
    uses = [((seed * 7 + n * 5) % 20, n % 4 + 1, (n * seed) % 5 + 1) for n in range(14)]
    there = World(devices=6)
    there.send(
        *(
            there.record(
                f"r-{number}",
                device_count=count,
                started_at=at(start).isoformat(),
                ended_at=at(start + length).isoformat(),
            )
            for number, (start, length, count) in enumerate(uses)
        )
    )
    found = sweep(
        [(at(start), at(start + length), count * 1000) for start, length, count in uses],
        [(world.REGISTRY_FROM, None, 6000)],
    )
    touching = {
        f"r-{number}"
        for number, (start, length, _) in enumerate(uses)
        if any(each.started_at < at(start + length) and each.ended_at > at(start) for each in found)
    }
    held = set(UsageRecord.objects.filter(state="held").values_list("record_id", flat=True))
    assert held == touching


H100 = {"FP32_DENSE": 67_000, "INT8_DENSE": 1_979_000}


@pytest.mark.parametrize(
    ("claim", "doubt"),
    [
        (Claim(312_000, "白皮书"), ""),
        (Claim(320_000, "白皮书", standing=313_000), ""),
        (Claim(0, "白皮书"), "峰值"),
        (Claim(20_000_001, "白皮书"), "峰值"),
        (Claim(312_000, "  "), "依据"),
        (Claim(624_000, "with sparsity"), "稀疏"),
        (Claim(624_000, "白皮书", standing=312_000), "两倍"),
        (Claim(1_979_000, "白皮书", standing=989_000), "两倍"),
        (Claim(1_979_000, "白皮书", known=H100), "INT8"),
        (Claim(1_979_000, "白皮书", "INT8_DENSE", known={"FP16_DENSE": 989_000}), ""),
        (Claim(67_000, "白皮书", known=H100), "通用单元"),
        (Claim(67_000, "白皮书", "FP32_DENSE"), ""),
        (Claim(133_800, "白皮书", standing=989_000, known=H100), "整倍数"),
        (Claim(78_000, "白皮书", standing=312_000, known={"FP32_DENSE": 19_500}), "整倍数"),
        (Claim(82_600, "8960 CUDA cores x 2.5 GHz x 2"), "着色"),
        (Claim(165_000, "白皮书", standing=165_000, known={"FP32_DENSE": 82_600}), ""),
        (Claim(119_500, "白皮书", known={"FP32_DENSE": 59_800}), ""),
    ],
)
def test_a_peak_that_looks_sparse_or_shader_based_is_doubted(claim, doubt):
    answer = rate_doubt(claim)
    assert (doubt in answer) if doubt else answer == ""


def test_what_is_only_strange_is_put_before_the_second_person():
    assert "两倍" in rate_caution(Claim(119_500, "白皮书", known={"FP32_DENSE": 59_800}))
    assert "1.02" in rate_caution(Claim(320_000, "白皮书", standing=313_000))
    assert rate_caution(Claim(313_000, "白皮书", standing=313_000, known=H100)) == ""


def test_every_figure_of_the_seed_would_be_taken_and_its_sparse_double_would_not():
    with REGISTRY_FILE.open("rb") as file:
        entries = tomllib.load(file)["model"]
    assert len(entries) > 20
    for entry in entries:
        named = {"FP32_DENSE": entry.get("fp32"), "INT8_DENSE": entry.get("int8")}
        known = {form: figure for form, figure in named.items() if figure}
        honest, source = entry["gflops"], entry["source"]
        assert rate_doubt(Claim(honest, source, known=known)) == "", entry["key"]
        assert rate_doubt(Claim(2 * honest, source, standing=honest, known=known)), entry["key"]


PUBLIC_TABLE = settings.SHARED_DATA_DIR / "accelerators" / "mlco2_gpus.csv"


@pytest.mark.skipif(not PUBLIC_TABLE.is_file(), reason="no public table beside the tree")
def test_sparse_and_shader_figures_of_a_public_table_are_refused_and_dense_ones_are_not():
    """A widely copied table carries the sparse H100 and the general units of the V100 as FP16."""
    with REGISTRY_FILE.open("rb") as file:
        seed = {entry["key"]: entry for entry in tomllib.load(file)["model"]}
    with PUBLIC_TABLE.open(encoding="utf-8", newline="") as file:
        table = {row[0]: row for row in csv.reader(file)}
    named = {
        "H100 SXM": ("nvidia-h100-sxm", "两倍"),
        "Tesla V100-PCIE-16GB": ("nvidia-v100-sxm2", "整倍数"),
        "Tesla V100-SXM2-16GB": ("nvidia-v100-sxm2", "整倍数"),
        "Tesla V100-SXM2-32GB": ("nvidia-v100-sxm2", "整倍数"),
        "A100 SXM4 80 GB": ("nvidia-a100", ""),
        "T4": ("nvidia-t4", ""),
    }
    for name, (key, doubt) in named.items():
        gflops = int(Decimal(table[name][4]) * 1000)
        known = {"FP32_DENSE": seed[key]["fp32"]}
        answer = rate_doubt(Claim(gflops, "公开表", standing=seed[key]["gflops"], known=known))
        assert (doubt in answer) if doubt else answer == "", (name, answer)
