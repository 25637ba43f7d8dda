"""What pages show: readable facts, amounts tied to the ledger, dates still to come."""

import pytest

from tests.vouchers.story import (
    AT,
    CLERK,
    a_draft,
    a_programme,
    a_voucher,
    an_approved,
    propose,
    submit,
)
from tests.vouchers.test_rulebook import edition
from vouchers import pages, spending
from vouchers.models import StateRow
from vouchers.pages_verdict import fact_words, verdict_lines, verdict_word

FACTS = [
    ("registered_district", "310107", "", "注册地所在区：普陀区"),
    ("registered_district", "310115", "", "注册地所在区：浦东新区"),
    ("dishonest", False, "", "近三年是否有严重失信记录：否"),
    ("purpose", "FINE_TUNING", "", "用途：模型微调"),
    ("planned_total_fen", 2_200_000, "预计卡时 × 单价", "预计卡时 × 单价：22,000.00 元"),
    ("planned_months", 6, "", "6 个月"),
    ("within_award", True, "可申请额度 8,800.00 元", "可申请额度 8,800.00 元：未超过"),
    ("sme_class", "small", "划为小型企业。", "划为小型企业。"),
    ("uscc_flag", "", "", "两位校验码均通过"),
    ("uscc_flag", "pilot_code", "", "早期试点代码"),
    ("purpose", None, "", "尚未填写"),
    ("tax_district", "somewhere", "", "税收户管地所在区：somewhere"),
]


@pytest.mark.parametrize(("name", "value", "note", "words"), FACTS)
def test_a_fact_is_shown_in_words(name, value, note, words):
    assert fact_words({"name": name, "value": value, "note": note}, edition()) == words


@pytest.mark.django_db
def test_a_verdict_shows_no_codes_or_english():
    lines = verdict_lines(submit(a_draft()).verdict, edition())
    shown = "".join(line["facts"] + line["text"] + line["source"] for line in lines)
    for raw in ("False", "True", "TUNING", "310107", "RATIO", "self"):
        assert raw not in shown
    assert verdict_word({"outcome": "flagged"}) == ("有事项须人工认定", "yellow")
    assert verdict_word(None)[0] == "尚未核验"


@pytest.mark.django_db
def test_the_steps_to_come_shrink_as_the_case_moves():
    done = submit(a_draft())
    assert [each["title"] for each in pages.next_dates(done)] == ["受理", "审核", "公示", "发券"]
    done = propose(done)
    assert [each["title"] for each in pages.next_dates(done)] == ["公示", "发券"]
    assert pages.stage_of(done) == 2


@pytest.mark.django_db
def test_nothing_is_to_come_after_the_voucher():
    voucher = a_voucher()
    assert pages.next_dates(voucher.application) == []
    assert pages.stage_of(voucher.application) == 5
    assert str(voucher.last_day) == "2027-03-08"
    assert pages.days_left(voucher, voucher.valid_until) == 0
    assert pages.days_left(voucher, voucher.issued_at) == 181


@pytest.mark.django_db
def test_figures_of_the_budget_tie_to_the_ledger_at_every_step():
    programme = a_programme()
    assert pages.budget_figures(programme)["difference_fen"] == 0
    approved = an_approved(programme=programme)
    assert pages.budget_figures(programme)["approved_fen"] == 880_000
    assert approved.state == "approved"


@pytest.mark.django_db
def test_figures_of_the_budget_follow_a_voucher_through_its_life():
    voucher = a_voucher()
    hold = spending.hold_amount(
        voucher, 300_000, order_ref="o", provider_ref="p", expires_at=voucher.valid_until,
        actor=CLERK, at=voucher.issued_at,
    )  # fmt: skip
    figures = pages.budget_figures(voucher.programme)
    assert (figures["held_fen"], figures["available_fen"]) == (300_000, 580_000)
    spending.expire_voucher(voucher, actor=CLERK, at=voucher.valid_until)
    spending.release(hold, actor=CLERK, at=voucher.valid_until)
    figures = pages.budget_figures(voucher.programme)
    assert figures["expired_fen"] == 880_000
    assert figures["difference_fen"] == 0


@pytest.mark.django_db
def test_the_enterprise_reads_the_office_and_not_the_officer():
    done = propose(submit(a_draft()))
    rows = list(StateRow.objects.of(done))
    outside = {each["by"] for each in pages.timeline(rows, inside=False)}
    inside = {each["by"] for each in pages.timeline(rows, inside=True)}
    assert outside == {"管理员0195", "普陀区数据局"}
    assert {"王初审", "李复审"} <= inside


def test_a_day_is_told_with_its_weekday_or_left_open():
    assert pages.expected_day(AT.date()) == "2026年9月1日（周二）前"
    assert "节假日安排公布后" in pages.expected_day(None)
