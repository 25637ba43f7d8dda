"""An edition file: every parameter typed, every fault named with its place, a stable digest."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ledger.refusals import Refused
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


def test_every_rule_names_its_clause():
    e = edition()
    for part in (
        e.windows, e.ratio, e.caps, e.budget, e.validity, e.contract, e.settlement, e.stacking,
        e.review, *e.criteria, *e.declarations,
    ):  # fmt: skip
        assert part.clause.startswith("演示方案第"), part


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
]


@pytest.mark.parametrize(("old", "new", "place", "words"), FAULTS)
def test_a_faulty_edition_is_refused_with_its_place(old, new, place, words):
    assert old in TEXT
    with pytest.raises(Refused) as refusal:
        parse_edition(TEXT.replace(old, new, 1))
    assert refusal.value.code == "edition_invalid"
    assert refusal.value.field == place
    assert words in refusal.value.message


@pytest.mark.parametrize(
    ("mode", "word"), [("CLAIM_AFTER", "先用后补"), ("DIRECT_AFTER_USE", "使用后直补")]
)
def test_a_known_settlement_mode_that_is_not_carried_out_yet_is_refused_by_name(mode, word):
    with pytest.raises(Refused) as refusal:
        parse_edition(TEXT.replace('mode = "INSTANT"', f'mode = "{mode}"'))
    assert refusal.value.code == "mode_not_ready"
    assert word in refusal.value.message
    assert "INSTANT" in refusal.value.message


def test_a_text_that_is_no_toml_is_told():
    with pytest.raises(Refused) as refusal:
        parse_edition("[edition\n")
    assert refusal.value.code == "edition_unreadable"


def test_stored_rules_read_back_to_the_same_edition():
    rules = parse_edition(TEXT)
    assert read_rules(rules) == read_rules(rules)
    assert read_rules(rules).digest == digest_of(rules)
