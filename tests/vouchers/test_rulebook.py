"""An edition file: every parameter typed, every fault named with its place, a stable digest."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ledger.refusals import Refused
from vouchers.edition_diff import edition_diff
from vouchers.edition_writer import edition_text
from vouchers.rulebook_reader import digest_of, parse_edition, read_rules

FILE = Path(__file__).resolve().parents[2] / "vouchers" / "editions" / "putuo-demo-2026.toml"
TEXT = FILE.read_text()


def edition():
    return read_rules(parse_edition(TEXT))


def test_the_demonstration_edition_reads():
    e = edition()
    assert (e.slug, e.edition_no, e.kind) == ("putuo-demo-2026", 1, "COMPUTE")
    assert e.demonstration is True
    assert e.caps.enterprise_year_fen == 50_000_000
    assert (e.ratio.base_bp, e.ratio.max_bp) == (3000, 4000)
    assert e.budget.total_fen == 1_000_000_000
    assert e.review.notice_working_days == 5
    assert e.settlement.mode == "INSTANT"
    assert e.stacking.cap_bp == 5000
    assert e.validity.cut_off == date(2027, 11, 30)
    assert (e.caps.group_year_fen, e.caps.contract_fen) == (100_000_000, None)
    assert (e.allocation.rule, e.allocation.waitlist, e.allocation.scores) == (
        "FIRST_COME",
        True,
        (),
    )
    assert (e.validity.form, e.validity.denominations_fen) == ("FLEX", ())
    assert e.validity.reminder_days == (30, 7, 1)
    assert (e.review.joint_departments, e.review.second_approver_from_fen) == ((), None)
    assert (e.review.objection_working_days, e.review.reconsider_working_days) == (15, 10)


def test_every_rule_names_its_clause():
    e = edition()
    for part in (
        e.windows, e.ratio, e.caps, e.budget, e.allocation, e.validity, e.contract,
        e.settlement, e.stacking,
        e.review, *e.criteria, *e.declarations,
    ):  # fmt: skip
        assert part.clause.startswith("演示方案第"), part


def test_what_old_editions_do_not_say_stands_as_it_was():
    e = edition()
    assert e.settlement.payable.everything
    assert (e.caps.min_contract_for, e.ratio.bonuses[0].ground) == ("APPLICATION", "DOMESTIC")
    text = TEXT.replace(
        "price_cap_bp = 12000",
        'price_cap_bp = 12000\nfailed_most_bp = 500\npayable_bases = ["allocated"]\n'
        'payable_clause = "第九条"',
    ).replace("add_bp = 1000", 'add_bp = 1000\nground = "YOUNG"\nmonths = 12')
    rules = parse_edition(text)
    e = read_rules(rules)
    assert e.settlement.payable.bases == ("allocated",)
    assert (e.settlement.payable.failed_most_bp, e.settlement.payable.cancelled_most_bp) == (
        500, 10_000,
    )  # fmt: skip
    assert (e.ratio.bonuses[0].ground, e.ratio.bonuses[0].months) == ("YOUNG", 12)
    assert parse_edition(edition_text(rules)) == rules
    told = {
        (each.title, each.before, each.after) for each in edition_diff(parse_edition(TEXT), rules)
    }
    assert ("失败作业最多支持（%）", "不设", "5%") in told
    assert ("不满几个月", "不设", "12") in told
    assert ("加成条件", "不设", "申请时成立不满规定月数") in told


def test_the_same_rules_give_the_same_digest_whatever_the_layout():
    spaced = "# 另一行注释\n\n" + TEXT.replace("base_bp = 3000", "base_bp   =   3_000")
    assert digest_of(parse_edition(spaced)) == digest_of(parse_edition(TEXT))


def test_another_number_gives_another_digest():
    changed = TEXT.replace("base_bp = 3000", "base_bp = 3001")
    assert digest_of(parse_edition(changed)) != digest_of(parse_edition(TEXT))


WINDOWS = [
    ("2026-06-30T23:59:59+08:00", "before", None),
    ("2026-07-01T08:59:59+08:00", "before", None),
    ("2026-07-01T09:00:00+08:00", "open", 1),
    ("2026-12-31T16:59:59+08:00", "open", 1),
    ("2026-12-31T17:00:00+08:00", "between", None),
    ("2027-01-04T08:59:59+08:00", "between", None),
    ("2027-01-04T09:00:00+08:00", "open", 2),
    ("2027-09-30T17:00:00+08:00", "after", None),
]


@pytest.mark.parametrize(("moment", "state", "no"), WINDOWS)
def test_windows_open_and_close_to_the_second(moment, state, no):
    windows = edition().windows
    at = datetime.fromisoformat(moment)
    assert windows.state_at(at) == state
    assert (windows.at(at).no if windows.at(at) else None) == no


def test_a_voucher_lives_half_a_year_but_not_beyond_the_cut_off():
    validity = edition().validity
    early = validity.until(datetime(2026, 9, 1, 4, tzinfo=UTC))
    assert early == datetime(2027, 2, 28, 16, tzinfo=UTC)
    late = validity.until(datetime(2027, 9, 1, 4, tzinfo=UTC))
    assert late == datetime(2027, 11, 30, 16, tzinfo=UTC)


FAULTS = [
    ("base_bp = 3000", "base_bp = 10001", "ratio.base_bp", "0 到 10000"),
    ("base_bp = 3000", 'base_bp = "30%"', "ratio.base_bp", "整数"),
    ("base_bp = 3000", "base_bp = true", "ratio.base_bp", "整数"),
    ("base_bp = 3000", "base_bp = 4100", "ratio.base_bp", "不能高于最高比例"),
    ("base_bp = 3000", "basis_bp = 3000", "ratio.base_bp", "缺少"),
    ("max_bp = 4000", "max_bp = 4000\nmaximum = 1", "ratio.maximum", "不认识"),
    ('enterprise_year = "500000.00"', "enterprise_year = 500000", "caps.enterprise_year", "文字"),
    (
        'enterprise_year = "500000.00"',
        'enterprise_year = "50万"',
        "caps.enterprise_year",
        "以元为单位",
    ),
    ("COMPUTE = 7000", "COMPUTE = 7001", "budget.shares_bp", "相加须为"),
    ("warn_bp = 8000", "warn_bp = 10000\nx = 1", "budget.x", "不认识"),
    ("cut_off = 2027-11-30", "cut_off = 2027-09-29", "validity.cut_off", "截止日"),
    ("cut_off = 2027-11-30", 'cut_off = "明年底"', "validity.cut_off", "日期"),
    ("2026-12-31T17:00:00+08:00", "2026-06-30T17:00:00+08:00", "windows", "先后排列"),
    ("2026-12-31T17:00:00+08:00", "2027-01-05T17:00:00+08:00", "windows", "互不重叠"),
    ("2026-12-31T17:00:00+08:00", "2026-12-31T17:00:00", "windows.window[1].closes_at", "时区"),
    ('bonus_rule = "HIGHER_ONLY"', 'bonus_rule = "ANY"', "ratio.bonus_rule", "可选范围"),
    ('rule = "CUMULATIVE_CAP"', 'rule = "MAYBE"', "stacking.rule", "可选范围"),
    ('code = "C02"', 'code = "C01"', "criterion.code", "不能重复"),
    ('test = "is_false"', 'test = "guess"', "criterion[5].test", "可选范围"),
    ('title = "营业执照"', 'title = ""', "evidence[1].title", "非空"),
    ("levels = 2", "levels = 1", "review.levels", "2 到 2"),
    ('eligible_skus = ["ACCELERATOR"]', "eligible_skus = []", "contract.eligible_skus", "非空"),
    ("hard = false", "hard = 0", "criterion[1].hard", "true 或 false"),
    ('kind = "COMPUTE"', 'kind = "GOLD"', "edition.kind", "可选范围"),
    ("[stacking]", "[stack]", "stacking", "缺少"),
    ('enterprise_year = "500000.00"', 'enterprise_year = "0"', "caps.enterprise_year", "大于零"),
    ('total = "10000000.00"', 'total = "99999999999999"', "budget.total", "一万亿"),
    ('group_year = "1000000.00"', 'group_year = "499999.99"', "caps.group_year", "不能低于单家"),
    ("batch_size = 200", "batch_size = 0", "allocation.batch_size", "1 到 10000"),
    ("batch_size = 200", "batch_size = 10001", "allocation.batch_size", "1 到 10000"),
    ('rule = "FIRST_COME"', 'rule = "BY_TASTE"', "allocation.rule", "可选范围"),
    ('rule = "FIRST_COME"', 'rule = "SCORED"', "allocation.score", "须列出评分项"),
    ("min_score = 0", "min_score = 60", "allocation.min_score", "只有评分分配"),
    ('form = "FLEX"', 'form = "FIXED"', "validity.denominations", "须列出面额"),
    ("denominations = []", 'denominations = ["10000"]', "validity.denominations", "不能列面额"),
    ("denominations = []", 'denominations = ["一万"]', "validity.denominations", "以元为单位"),
    ("denominations = []", "", "validity.denominations", "缺少"),
    ("[30, 7, 1]", "[1, 7, 30]", "validity.reminder_days", "由大到小"),
    ("[30, 7, 1]", "[30, 7, 0]", "validity.reminder_days", "1 到 366"),
    ("[30, 7, 1]", "[30, true]", "validity.reminder_days", "整数列表"),
    ("joint_departments = []", 'joint_departments = [""]', "review.joint_departments", "文字列表"),
    (
        "joint_departments = []",
        'joint_departments = ["甲", "甲"]',
        "review.joint_departments",
        "重复",
    ),
    (
        "price_cap_bp = 12000",
        "price_cap_bp = 12000\nfailed_most_bp = 10001",
        "settlement.failed_most_bp",
        "0 到 10000",
    ),
    (
        "price_cap_bp = 12000",
        "price_cap_bp = 12000\nfailed_most_bp = 0",
        "settlement.payable_clause",
        "依据条款",
    ),
    (
        "price_cap_bp = 12000",
        'price_cap_bp = 12000\npayable_bases = ["busy"]',
        "settlement.payable_bases",
        "计量口径",
    ),
    (
        'min_contract = "10000.00"',
        'min_contract = "10000.00"\nmin_contract_for = "ALL"',
        "caps.min_contract_for",
        "可选范围",
    ),
    ("add_bp = 1000", 'add_bp = 1000\nground = "YOUNG"', "ratio.bonus[1].months", "须填写月数"),
    ("add_bp = 1000", "add_bp = 1000\nmonths = 12", "ratio.bonus[1].months", "不能填写月数"),
    ("joint_working_days = 10", "joint_working_days = 61", "review.joint_working_days", "1 到 60"),
    ("objection_working_days = 15", "", "review.objection_working_days", "缺少"),
    ("reconsider_working_days = 10", "", "review.reconsider_working_days", "缺少"),
    ("draft_days = 60", "draft_days = 367", "review.draft_days", "1 到 366"),
    (
        "draft_days = 60",
        "draft_days = 60\nsecond_approver_from = 5",
        "review.second_approver_from",
        "文字",
    ),
    ('code = "finance"', 'code = "licence"', "evidence.code", "不能重复"),
    ('code = "NOT_RELATED"', 'code = "NO_DOUBLE_FUNDING"', "declaration.code", "不能重复"),
    ('code = "SCIENCE"', 'code = "TRAINING"', "purpose.code", "不能重复"),
]
SHEET = """
[[allocation.score]]
code = "S1"
title = "企业规模"
fact = "sme_class"
points = 40
clause = "演示方案第三条第三款"
[allocation.score.table]
micro = 40
small = 30
[[allocation.score]]
code = "S2"
title = "合同金额"
fact = "planned_total_fen"
points = 60
clause = "演示方案第三条第三款"
[[allocation.score.band]]
at_least = 1000000
points = 20
[[allocation.score.band]]
at_least = 10000000
points = 60

[validity]
"""
SCORED = TEXT.replace('rule = "FIRST_COME"', 'rule = "SCORED"').replace("[validity]\n", SHEET)
SCORE_FAULTS = [
    ("min_score = 0", "min_score = 101", "allocation.min_score", "满分之和"),
    ("micro = 40", "micro = 41", "allocation.score[1].table.micro", "0 到 40"),
    ('code = "S2"', 'code = "S1"', "allocation.score.code", "不能重复"),
    ("at_least = 10000000", "at_least = 1000000", "allocation.score[2].band", "由小到大"),
    ("[allocation.score.table]\nmicro = 40\nsmall = 30\n", "", "allocation.score[1]", "之一"),
    ('rule = "SCORED"', 'rule = "DRAW"', "allocation.score", "不能列评分项"),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), SCORE_FAULTS)
def test_a_faulty_scoring_sheet_is_refused_with_its_place(old, new, place, words):
    assert old in SCORED
    with pytest.raises(Refused) as refusal:
        parse_edition(SCORED.replace(old, new, 1))
    assert (refusal.value.code, refusal.value.field) == ("edition_invalid", place)
    assert words in refusal.value.message


def test_points_follow_the_bands_and_the_table():
    size, amount = read_rules(parse_edition(SCORED)).allocation.scores
    assert [size.score(v) for v in ("micro", "small", "medium", None, True)] == [40, 30, 0, 0, 0]
    assert [amount.score(v) for v in (999_999, 1_000_000, 9_999_999, 10_000_000)] == [0, 20, 20, 60]
    assert [amount.score(v) for v in (None, "10000000", True)] == [0, 0, 0]


def test_fixed_faces_and_an_amount_tier_read_as_fen():
    text = TEXT.replace('form = "FLEX"', 'form = "FIXED"')
    text = text.replace("denominations = []", 'denominations = ["10000.00", "50000.00"]')
    text = text.replace("draft_days = 60", 'draft_days = 60\nsecond_approver_from = "300000.00"')
    e = read_rules(parse_edition(text))
    assert e.validity.denominations_fen == (1_000_000, 5_000_000)
    assert e.review.second_approver_from_fen == 30_000_000


@pytest.mark.parametrize(("old", "new", "place", "words"), FAULTS)
def test_a_faulty_edition_is_refused_with_its_place(old, new, place, words):
    assert old in TEXT
    with pytest.raises(Refused) as refusal:
        parse_edition(TEXT.replace(old, new, 1))
    assert refusal.value.code == "edition_invalid"
    assert refusal.value.field == place
    assert words in refusal.value.message


@pytest.mark.parametrize("mode", ["CLAIM_AFTER", "DIRECT_AFTER_USE"])
def test_an_edition_may_pay_after_payment(mode):
    rules = parse_edition(TEXT.replace('mode = "INSTANT"', f'mode = "{mode}"'))
    assert read_rules(rules).settlement.mode == mode


def test_a_text_that_is_no_toml_is_told():
    with pytest.raises(Refused) as refusal:
        parse_edition("[edition\n")
    assert refusal.value.code == "edition_unreadable"


def test_stored_rules_read_back_to_the_same_edition():
    rules = parse_edition(TEXT)
    assert read_rules(rules) == read_rules(rules)
    assert read_rules(rules).digest == digest_of(rules)
