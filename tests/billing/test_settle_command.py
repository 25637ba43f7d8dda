"""Every step after the close can be taken from the command line, by whom the page would let."""

import io

import pytest
from django.core.management import CommandError, call_command

from ledger import clock
from tests.billing.test_doors import APPROVER, FINANCE, closed_month, staff
from tests.billing.world import CLOSE_AT, fresh

pytestmark = pytest.mark.django_db


def step(*words: str) -> str:
    """Run one step of October and return what it says."""
    told = io.StringIO()
    with clock.set_to(CLOSE_AT):
        call_command("settle_month", "2026-10", *words, stdout=told)
    return told.getvalue()


def test_a_month_is_settled_step_by_step_and_only_by_the_right_people() -> None:
    world, close, _ = closed_month()
    staff("周会计", *FINANCE, "approve_settlement")
    staff("陈科长", *APPROVER)
    staff("吴出纳", *FINANCE)
    for words, said in (
        (("prepare", "--as", "陈科长"), "没有办理这一步的权限"),
        (("prepare", "--as", "没有这个人"), "不存在"),
        (("prepare", "--as", "周会计"), "未经双方答复"),
        (("pay", "--as", "吴出纳"), "--reference"),
        (("pay", "--as", "吴出纳", "--reference", "R", "--paid-on", "昨天"), "付款日期"),
    ):
        with pytest.raises(CommandError, match=said):
            step(*words)
    with pytest.raises(CommandError, match="还没有结算"):
        call_command("settle_month", "2026-09", "prepare", "--as", "周会计")
    with pytest.raises(CommandError):
        call_command("settle_month", "十月", "prepare", "--as", "周会计")
    world.confirm_all(close)
    assert "已提请签发" in step("prepare", "--as", "周会计")
    with pytest.raises(CommandError, match="您是提请人"):
        step("approve", "--as", "周会计")
    with pytest.raises(CommandError, match="内容有变化"):
        step("approve", "--as", "陈科长", "--digest", "0" * 64)
    assert "8,800.00" in step("approve", "--as", "陈科长")
    assert "付款清单" in step("export", "--as", "吴出纳")
    for name, rights in (
        ("陈科长", ()), ("副局长", APPROVER), ("赵复核", FINANCE), ("郑国库", FINANCE)
    ):  # fmt: skip
        if rights:
            staff(name, *rights)
        assert "已签署" in step("sign", "--as", name)
    assert "已送国库" in step("send", "--as", "吴出纳")
    assert "1 笔" in step("pay", "--as", "吴出纳", "--reference", "回单")
    assert "已办结" in step("finish", "--as", "周会计")
    assert fresh(close).state == "paid"
