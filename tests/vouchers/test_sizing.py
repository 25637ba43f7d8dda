"""SME classes: all published boundaries, the way from class to sector, cases left to people."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from vouchers.sizing import CLASSES, FEN_PER_WAN, SECTORS, classify, sector_of, way_down

TREE = Path(settings.SHARED_DATA_DIR) / "china" / "gbt4754_2017_tree.js.gz"
INDUSTRY = {
    "01": "A0111", "02": "C3911", "03": "E4710", "04": "F5111", "05": "F5211", "06": "G5411",
    "07": "G5920", "08": "G6010", "09": "H6110", "10": "H6210", "11": "I6420", "12": "I6513",
    "13": "K7010", "14": "K7020", "15": "L7211", "16": "M7320",
}  # fmt: skip


def wan(value):
    return round(value * 100) * FEN_PER_WAN // 100


VECTORS = [  # sector, persons, revenue, assets (10,000 yuan), class
    ("12", 299, 10000, None, "medium"),
    ("12", 300, 9999, None, "medium"),
    ("12", 300, 10000, None, "large"),
    ("12", 50, 200000, None, "small"),
    ("12", 10, 50, None, "small"),
    ("12", 9, 50, None, "micro"),
    ("12", 10, 49.99, None, "micro"),
    ("12", 100, 1000, None, "medium"),
    ("12", 99, 1000, None, "small"),
    ("16", 299, None, None, "medium"),
    ("16", 300, None, None, "large"),
    ("16", 9, None, None, "micro"),
    ("15", 5000, None, 119999, "medium"),
    ("15", 300, None, 120000, "large"),
    ("13", None, 200000, 9999, "medium"),
    ("13", None, 1000, 4999, "small"),
    ("01", None, 19999.99, None, "medium"),
    ("01", None, 20000, None, "large"),
    ("01", None, 500, None, "medium"),
    ("01", None, 50, None, "small"),
    ("01", None, 49.99, None, "micro"),
    ("14", 1000, 4999, None, "medium"),
    ("11", 1999, 100000, None, "medium"),
    ("11", 2000, 100000, None, "large"),
    ("05", 9, 30000, None, "micro"),
    ("03", None, 80000, 79999, "medium"),
]


@pytest.mark.parametrize(("sector", "people", "revenue", "assets", "expected"), VECTORS)
def test_the_published_vectors_hold(sector, people, revenue, assets, expected):
    size = classify(
        INDUSTRY[sector],
        employees=people,
        revenue_fen=None if revenue is None else wan(revenue),
        assets_fen=None if assets is None else wan(assets),
    )
    assert (size.sector, size.size_class) == (sector, expected)


BOUNDARIES = [
    (sector.code, CLASSES.index(name), at)
    for sector in SECTORS.values()
    for name in CLASSES
    for at in range(len(sector.indicators))
]


@pytest.mark.parametrize(("code", "rank", "at"), BOUNDARIES)
def test_every_limit_of_every_sector_is_reached_at_its_number_and_missed_below(code, rank, at):
    """Goal: all 16 x 3 limits. Method: all indicators at the limit, then one unit below."""
    sector = SECTORS[code]
    figures = {
        indicator: limit if indicator == "X" else limit * FEN_PER_WAN
        for indicator, limit in zip(sector.indicators, sector.limits[rank], strict=True)
    }
    assert size(code, figures) == CLASSES[rank]
    below = dict(figures)
    below[sector.indicators[at]] -= 1
    assert size(code, below) == (*CLASSES, "micro")[rank + 1]
    above = dict(figures)
    above[sector.indicators[at]] += 1
    assert size(code, above) == CLASSES[rank]


def size(code, figures):
    return classify(
        INDUSTRY[code],
        employees=figures.get("X"),
        revenue_fen=figures.get("Y"),
        assets_fen=figures.get("Z"),
    ).size_class


@given(
    st.sampled_from(sorted(INDUSTRY)),
    st.integers(0, 3000),
    st.integers(0, 300_000),
    st.integers(0, 300_000),
)
def test_more_of_everything_never_makes_a_firm_smaller(code, people, revenue, assets):
    order = ("micro", "small", "medium", "large")
    figures = {"X": people, "Y": revenue * FEN_PER_WAN, "Z": assets * FEN_PER_WAN}
    more = {name: value + FEN_PER_WAN for name, value in figures.items()}
    assert order.index(size(code, figures)) <= order.index(size(code, more))


MAPPING = [
    ("A0111", "01"), ("A0511", "01"), ("B0610", "02"), ("C3911", "02"), ("D4690", "02"),
    ("E5010", "03"), ("F5199", "04"), ("F5299", "05"), ("G5411", "06"), ("G5810", "06"),
    ("G5910", "06"), ("G5920", "07"), ("G5990", "07"), ("G6020", "08"), ("H6190", "09"),
    ("H6299", "10"), ("I6311", "11"), ("I6450", "11"), ("I6513", "12"), ("K7010", "13"),
    ("K7020", "14"), ("K7030", "16"), ("K7090", "16"), ("L7111", "15"), ("L7299", "15"),
    ("M7310", "16"), ("M7590", "16"), ("N7711", "16"), ("O8290", "16"), ("Q8510", "16"),
    ("R9090", "16"), ("6513", "12"), ("i6513", "12"), ("I65", "12"),
]  # fmt: skip


@pytest.mark.parametrize(("industry", "sector"), MAPPING)
def test_a_class_of_the_industry_tree_leads_to_its_sector(industry, sector):
    found = sector_of(industry)
    assert found is not None
    assert found.code == sector


@pytest.mark.parametrize(
    "industry", ["J6610", "J6900", "P8310", "Q8411", "S9100", "T9700", "G5311", "K7040", "K70"]
)
def test_what_the_standard_leaves_out_goes_to_a_person(industry):
    size = classify(industry, employees=10, revenue_fen=1, assets_fen=1)
    assert size.size_class == "out_of_scope"
    assert "人工认定" in size.reason


@pytest.mark.parametrize("industry", ["", "软件", "I6", "65133", "ZZ65", "I6513 "])
def test_a_text_that_is_no_class_is_told(industry):
    if industry.strip() == "I6513":
        assert sector_of(industry) is not None
        return
    size = classify(industry, employees=10, revenue_fen=1, assets_fen=1)
    assert size.size_class == "unknown"


def test_a_large_firm_is_told_how_far_it_is_from_the_limit_and_others_are_not():
    assert way_down("I6513", "large") == (
        "上年度从业人员低于 300 人，或营业收入低于 10000 万元，即不属于大型企业；"
        "以新的年度数据再次申请。"
    )
    for industry in sorted(INDUSTRY.values()):
        assert way_down(industry, "large").startswith("上年度")
        assert way_down(industry, "medium") == ""
    assert way_down("J6610", "large") == ""


def test_a_new_firm_without_figures_is_rated_by_a_person():
    size = classify("I6513", employees=8, revenue_fen=None, assets_fen=None, full_year=False)
    assert size.size_class == "unrated_new"
    assert size.word == "新设企业（人工认定）"


def test_an_old_firm_without_figures_cannot_be_rated():
    size = classify("I6513", employees=8, revenue_fen=None, assets_fen=None)
    assert size.size_class == "unknown"
    assert "缺少营业收入" in size.reason


def test_the_reason_names_class_sector_figures_and_limits():
    size = classify("I6513", employees=36, revenue_fen=wan(820.5), assets_fen=None)
    assert size.reason == (
        "行业 I6513 属软件和信息技术服务业；从业人员 36 人（大／中／小型下限 300／100／10），"
        "营业收入 820.5 万元（大／中／小型下限 10000／1000／50）；"
        "各项下限须同时达到，划为小型企业。"
    )


@pytest.mark.skipif(not TREE.exists(), reason="shared data (china/gbt4754_2017_tree) is absent")
def test_every_class_of_the_tree_has_a_sector_or_is_out_of_scope():
    text = gzip.decompress(TREE.read_bytes()).decode()
    codes = re.findall(r'"value": "([A-T]\d{2,4})"', text)
    assert len(codes) > 1800
    outside = {code[:3] for code in codes if sector_of(code) is None}
    assert outside == {
        "G53", "J66", "J67", "J68", "J69", "K70", "P83", "Q84",
        "S92", "S93", "S94", "S95", "S96", "T97",
    }  # fmt: skip
