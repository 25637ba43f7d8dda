"""The catalogue of parameters: complete, read as typed, written as a file, compared in words."""

import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.refusals import Refused
from tests.vouchers.test_rulebook import SCORED, TEXT
from vouchers.edition_diff import Change, edition_diff
from vouchers.edition_words import read, show, typed
from vouchers.edition_writer import edition_text
from vouchers.parameters import BY_CODE, CHAPTERS, Parameter
from vouchers.rulebook_reader import digest_of, parse_edition, read_rules

FOLDER = Path(__file__).resolve().parents[2] / "vouchers" / "editions"
FULL = (
    SCORED.replace("[caps]", '[caps]\ncontract = "300000.00"')
    .replace("draft_days = 60", 'draft_days = 60\nsecond_approver_from = "300000.00"')
    .replace("joint_departments = []", 'joint_departments = ["区财政局", "区税务局"]')
)
RULES = parse_edition(FULL)
IDENTITY = {"slug", "edition_no"}  # they name the edition and are no rules


def tables():
    """Return every table of the full edition with the parameters the catalogue gives it."""
    for chapter in CHAPTERS:
        rows = RULES[chapter.code]
        if chapter.listed:
            yield from ((f"{chapter.code}[1]", chapter.items.parameters, row) for row in rows[:1])
            continue
        yield chapter.code, chapter.parameters, rows
        if chapter.below:
            yield chapter.code, chapter.below[1], rows[chapter.below[0]]
        for row in (rows[chapter.items.name] if chapter.items else [])[:2]:
            yield chapter.code, chapter.items.parameters, row


def test_the_catalogue_names_what_an_edition_holds_and_nothing_else():
    assert {each.code for each in CHAPTERS} == set(RULES)
    for place, parameters, table in tables():
        chapter = BY_CODE.get(place)
        lists = {chapter.items.name} if chapter and chapter.items and "clause" in table else set()
        lists |= {chapter.below[0]} if chapter and chapter.below else set()
        known = {each.name for each in parameters}
        optional = {each.name for each in parameters if each.optional}
        assert set(table) - lists - known <= IDENTITY, place
        assert known - optional <= set(table), place


def test_what_is_missing_is_refused_by_its_place_unless_it_is_optional():
    for chapter in CHAPTERS:
        for each in () if chapter.listed else chapter.parameters:
            rules = copy.deepcopy(RULES)
            rules[chapter.code].pop(each.name, None)
            if each.optional:
                assert read_rules(rules)
                continue
            with pytest.raises(Refused) as refusal:
                read_rules(rules)
            assert refusal.value.field == f"{chapter.code}.{each.name}"


def test_every_kind_of_value_is_refused_by_its_place_when_it_is_nonsense():
    nonsense = {"yes": "x", "whole": -1, "bp": 10_000_000, "yuan": "一万", "day": "明天",
                "moment": "现在", "choice": "?", "words": 5, "wholes": "x", "yuans": ["x"],
                "text": "", "long": " "}  # fmt: skip
    for chapter in CHAPTERS:
        for each in () if chapter.listed else chapter.flat():
            rules = copy.deepcopy(RULES)
            below = chapter.below and each in chapter.below[1]
            table = rules[chapter.code][chapter.below[0]] if below else rules[chapter.code]
            table[each.name] = nonsense[each.kind]
            with pytest.raises(Refused) as refusal:
                read_rules(rules)
            assert refusal.value.field.endswith(each.name), each
            assert refusal.value.field.startswith(chapter.code)


def test_every_value_reads_back_as_it_is_typed():
    for place, parameters, table in tables():
        for each in parameters:
            if each.name in table:
                text = typed(each, table[each.name])
                again = read(each, text, str(table.get("test", "")))
                assert again == table[each.name], (place, each.name)
                assert show(each, table[each.name])


TYPED = [
    ("bp", "30", 3000), ("bp", "30%", 3000), ("bp", "33.33", 3333), ("bp", "0", 0),
    ("bp", "三成", "三成"), ("bp", "33.333", "33.333"), ("bp", "-1", "-1"), ("whole", "07", 7),
    ("whole", "7.5", "7.5"), ("whole", "", ""), ("yuan", " 1,000.50 ", "1000.50"),
    ("yes", "yes", True), ("yes", "", ""),
    ("moment", "2026-07-01T09:00", "2026-07-01T09:00:00+08:00"),
    ("moment", "2026-07-01 09:00:59", "2026-07-01T09:00:59+08:00"), ("moment", "今天", "今天"),
    ("words", "财政局、税务局\n科委", ["财政局", "税务局", "科委"]),
    ("wholes", "30,7,x", [30, 7, "x"]),
    ("yuans", "10,000.00\n50000", ["10000.00", "50000"]),
    ("table", "micro 40\nsmall", {"micro": 40, "small": ""}),
    ("bands", "100 5\n\n200 9", [{"at_least": 100, "points": 5}, {"at_least": 200, "points": 9}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), TYPED)
def test_what_is_typed_becomes_a_value_or_stays_for_the_judge(kind, text, value):
    assert read(Parameter("x", "x", kind), text) == value


@pytest.mark.parametrize("text", [TEXT, FULL, *(f.read_text() for f in FOLDER.glob("*.toml"))])
def test_an_edition_written_and_read_again_is_the_same(text):
    rules = parse_edition(text)
    again = parse_edition(edition_text(rules))
    assert again == rules
    assert digest_of(again) == digest_of(rules)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_text_survives_the_file(words):
    rules = copy.deepcopy(RULES)
    rules["edition"]["title"] = words
    assert parse_edition(edition_text(rules)) == rules


def test_nothing_changed_is_no_change_also_when_items_only_moved():
    moved = copy.deepcopy(RULES)
    moved["criterion"].reverse()
    assert edition_diff(RULES, RULES) == ()
    assert edition_diff(RULES, moved) == ()


def test_a_comparison_tells_each_change_in_words_with_its_clause():
    new = copy.deepcopy(RULES)
    new["ratio"]["base_bp"] = 3550
    new["ratio"]["bonus"] = [
        {"code": "STARTUP", "title": "成立不满一年", "add_bp": 1000, "clause": "第四条第三款"}
    ]
    new["caps"]["enterprise_year"] = "600000.00"
    del new["caps"]["group_year"]
    new["budget"]["shares_bp"] |= {"COMPUTE": 6000, "MODEL": 3000}
    new["allocation"]["waitlist"] = False
    new["windows"]["window"][1]["closes_at"] = "2027-06-30T17:00:00+08:00"
    new["criterion"][3]["value"] = ["small", "micro"]
    told = [
        Change("changed", "申报窗口", "窗口 2", "截止", "2027-09-30 17:00", "2027-06-30 17:00", ""),
        Change("changed", "支持比例与加成", "", "基本比例（%）", "30%", "35.5%",
               "演示方案第四条（支持比例）"),
        Change("added", "支持比例与加成", "加成 STARTUP", "", "不设",
               "名称 成立不满一年；增加（百分点） 10%", "第四条第三款"),
        Change("removed", "支持比例与加成", "加成 DOMESTIC", "",
               "名称 使用国产加速卡；增加（百分点） 10%", "不设", "演示方案第四条第二款"),
        Change("changed", "支持上限", "", "单家企业年度上限（元）", "500,000.00 元",
               "600,000.00 元", "演示方案第五条（支持上限）"),
        Change("changed", "支持上限", "", "集团年度上限（元）", "1,000,000.00 元", "不设",
               "演示方案第五条（支持上限）"),
        Change("changed", "资金安排", "", "算力券占比（%）", "70%", "60%",
               "演示方案第三条（资金安排）"),
        Change("changed", "资金安排", "", "模型券占比（%）", "20%", "30%",
               "演示方案第三条（资金安排）"),
        Change("changed", "额度分配", "", "额度不足时候补", "是", "否",
               "演示方案第三条第二款（额度分配）"),
        Change("changed", "资格条件", "条件 C04", "比较值", "medium、small、micro", "small、micro",
               "演示方案第二条第三项；工信部联企业〔2011〕300号"),
    ]  # fmt: skip
    assert list(edition_diff(RULES, new)) == told
