"""Corrections of settled months: adjustments that name the old month, and sums that tie."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from billing import figures, settling
from billing.models import MonthClose, StatementLine
from billing.pdf import render_report
from billing.reporting import make_report
from ledger.balances import balance
from ledger.chart import redeemed, unmatched, used_self, used_voucher
from ledger.periods import Month
from ledger.refusals import Refused
from providers import deciding
from providers.models import UsageRecord
from tests.billing.test_pdf import text_of
from tests.billing.world import CLOSE_AT, OCTOBER, World
from tests.providers import world as uploads
from vouchers.models import Redemption

pytestmark = pytest.mark.django_db

NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
NOVEMBER_AT, DECEMBER_AT = CLOSE_AT + timedelta(days=30), CLOSE_AT + timedelta(days=61)
SENT_AT = datetime(2026, 11, 20, tzinfo=UTC)


class Reporting(uploads.World):
    """An order of the billing world whose usage comes by real uploads."""

    def __init__(self, world: World, order) -> None:
        self.world, self.provider, self.order = world, order.provider, order
        self.number = 0

    def use(self, hours: int, day: int = 2, month: int = 10, **more) -> str:
        """Report eight devices for some hours from one day on; return the record's id."""
        self.number += 1
        start = datetime(2026, month, day, tzinfo=UTC)
        record = {
            "record_id": f"u-{self.number}",
            "order_no": self.order.order_no,
            "device_model": self.order.offering.model.key,
            "device_count": 8,
            "started_at": start.isoformat(),
            "ended_at": (start + timedelta(hours=hours)).isoformat(),
        } | more
        batch = self.send(record, at=SENT_AT if month < 12 else DECEMBER_AT)
        assert batch.counts["rejected"] == 0, batch.left_out.first().faults
        return record["record_id"]

    def correct(self, old: str, hours: int, **more) -> str:
        """Correct a record of a shut month; two people of the bureau agree."""
        new = self.use(hours, corrects=old, reason="时长有误", **more)
        request = deciding.propose_request(
            self.provider, "correct", new, reason="已核", actor=self.world.finance, at=SENT_AT
        )
        deciding.decide_request(request, agree=True, actor=self.world.approver, at=SENT_AT)
        return new


def told(months: int = 3, price_fen: int = 550):
    """Return a world with one order over some months that reports by uploads."""
    world = World()
    world.make_programme()
    provider = world.make_provider()
    voucher = world.make_voucher(world.make_enterprise())
    made = world.make_order(
        voucher, world.make_offering(provider, price_fen=price_fen), months=months
    )
    return world, Reporting(world, made)


def lines_of(close: MonthClose):
    return [
        (line.usage_month, line.device_milli_seconds / 28_800_000, line.gross_fen, line.public_fen)
        for line in StatementLine.objects.filter(statement__close=close).order_by("ordinal")
    ]


def test_a_correction_downwards_takes_back_price_and_share_of_the_old_month():
    world, reports = told()
    old = reports.use(100)
    reports.use(40, day=20)
    world.close()
    reports.use(60, month=11)
    reports.correct(old, 90)
    close = world.close(NOVEMBER, at=NOVEMBER_AT)
    # 8 cards x 5.50 yuan = 44.00 an hour; domestic 40 %: 17.60. By hand, apart from ``rating``.
    assert lines_of(close) == [
        ("2026-11", 60, 60 * 4400, 60 * 1760),
        ("2026-10", -10, -10 * 4400, -10 * 1760),
    ]
    statement = close.statements.get()
    assert (statement.gross_fen, statement.public_fen) == (50 * 4400, 50 * 1760)
    assert Redemption.objects.get(month="2026-11").amount_fen == 50 * 1760
    assert figures.recomputed_gross_fen(NOVEMBER) == close.gross_fen
    assert [each["code"] for each in statement.terms][-2:] == ["taken_back", "net"]


def test_both_months_together_cost_what_the_corrected_usage_costs():
    world, reports = told()
    old = reports.use(97, share_milli=333)
    first = world.close()
    reports.use(60, month=11)
    reports.correct(old, 55, share_milli=331)
    second = world.close(NOVEMBER, at=NOVEMBER_AT)
    seconds = 8 * 3600
    exact = [
        Fraction(sum(share * hours for share, hours in used) * seconds * 550, 3_600_000)
        for used in ([(331, 55)], [(1000, 60)])
    ]
    assert abs(first.gross_fen + second.gross_fen - sum(exact)) <= 2
    assert abs(first.public_fen + second.public_fen - sum(exact) * Fraction(4, 10)) <= 2


def test_the_computing_books_follow_the_correction():
    world, reports = told()
    old = reports.use(100)
    world.close()
    reports.use(60, month=11)
    reports.correct(old, 90)
    world.close(NOVEMBER, at=NOVEMBER_AT)
    slug, order = world.programme.slug, reports.order
    work = (90 + 60) * 8 * 3600 * 313_000
    assert balance(used_voucher(slug, str(order.voucher_id))).posted == work
    for month in (OCTOBER, NOVEMBER):
        assert balance(unmatched(str(order.provider_id), str(month))).posted == 0
    assert balance(redeemed(slug, str(order.provider_id))).posted == (100 + 50) * 1760


def test_a_correction_upwards_is_new_usage_of_the_old_month():
    world, reports = told()
    old = reports.use(10)
    world.close()
    reports.correct(old, 25)
    close = world.close(NOVEMBER, at=NOVEMBER_AT)
    assert lines_of(close) == [("2026-10", 15, 15 * 4400, 15 * 1760)]


def test_what_a_month_cannot_set_off_goes_over_by_name_and_is_set_off_later():
    world, reports = told()
    old = reports.use(100)
    world.close()
    reports.use(4, month=11)
    reports.correct(old, 70)
    november = world.close(NOVEMBER, at=NOVEMBER_AT)
    assert november.statements.count() == 0
    (item,) = november.carried
    assert (item["kind"], item["order"]) == ("adjustment", str(reports.order.pk))
    assert "1,144.00" in item["text"]  # (30 - 4) x 44.00
    reports.use(50, month=12, day=1)
    december = world.close(DECEMBER, at=DECEMBER_AT)
    statement = december.statements.get()
    assert statement.also_settles == ["2026-11"]
    assert (statement.gross_fen, statement.public_fen) == (24 * 4400, 24 * 1760)
    for close in (OCTOBER, NOVEMBER, DECEMBER):
        assert balance(unmatched(str(reports.order.provider_id), str(close))).posted == 0
        assert (
            figures.recomputed_gross_fen(close)
            == MonthClose.objects.get(month=str(close)).gross_fen
        )
    assert (
        balance(used_voucher(world.programme.slug, str(reports.order.voucher_id))).posted
        == (70 + 4 + 50) * 8 * 3600 * 313_000
    )


def test_a_month_paid_by_the_enterprise_alone_is_corrected_without_a_share():
    world, reports = told(price_fen=1)
    old = reports.use(2, device_count=1)
    assert world.close().public_fen == 0
    own = used_self(str(reports.order.enterprise_id), "2026-10")
    assert balance(own).posted == 2 * 3600 * 313_000
    reports.use(60, month=11)
    reports.correct(old, 1, device_count=1)
    close = world.close(NOVEMBER, at=NOVEMBER_AT)
    assert lines_of(close)[1][2:] == (-1, 0)
    assert balance(own).posted == 0  # what is stated anew is tied by the statement of November
    assert close.gross_fen == 60 * 8 - 1


def test_a_line_that_takes_back_is_not_objected_to_and_others_hold_back_what_is_left():
    world, reports = told()
    old = reports.use(100)
    world.close()
    reports.use(60, month=11)
    reports.correct(old, 90)
    statement = world.close(NOVEMBER, at=NOVEMBER_AT).statements.get()
    user = world.seat("x", enterprise=statement.enterprise)
    side = {"side": "enterprise", "reason": "不符", "actor": world.seated(user), "at": NOVEMBER_AT}
    with pytest.raises(Refused) as refused:
        settling.object_statement(statement, ordinal=2, **side)
    assert refused.value.code == "adjustment_line"
    objection = settling.object_statement(statement, ordinal=1, **side)
    assert objection.amount_fen == 50 * 1760
    with pytest.raises(Refused) as refused:
        settling.resolve_objection(
            objection, uphold=True, resolution="属实", actor=world.approver, at=NOVEMBER_AT
        )
    assert refused.value.code == "below_zero"


def test_late_records_settle_in_the_next_month_on_a_line_that_names_the_old_one():
    world, reports = told()
    reports.use(10)
    world.close()
    reports.use(3, day=25)
    reports.use(7, month=11)
    close = world.close(NOVEMBER, at=NOVEMBER_AT)
    assert lines_of(close) == [
        ("2026-10", 3, 3 * 4400, 3 * 1760),
        ("2026-11", 7, 7 * 4400, 7 * 1760),
    ]
    assert UsageRecord.objects.filter(month="2026-10", settle_month="2026-11").count() == 1


def test_the_report_of_the_month_says_which_line_takes_back_and_of_which_month(tmp_path):
    world, reports = told()
    old = reports.use(100)
    world.close()
    reports.use(60, month=11)
    reports.correct(old, 90)
    close = world.close(NOVEMBER, at=NOVEMBER_AT)
    report = make_report(close, reports.provider, actor=world.finance, at=NOVEMBER_AT)
    read = text_of(render_report(report.content).content, tmp_path)
    assert "2026-10 冲减" in read
    assert "(440.00)" in read  # ten hours of eight cards at 5.50 yuan
    assert "2026-11 冲减" not in read
    assert "本期没有冲减" not in read
    assert "第 2 行更正 2026-10 的用" in read  # the cell goes on in its next line
    taken_back = report.content["adjustments"]
    assert [each["public_fen"] for each in taken_back] == [17_600]  # 40 % of 440.00 yuan
