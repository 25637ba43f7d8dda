"""A trial posts nothing, a second computation stops a run, and the pages tell what is odd."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import planning, settling
from billing.anomalies import anomalies
from billing.models import MonthClose, Statement, StatementLine, Trial
from billing.recomputing import amounts, recheck
from ledger import clock, work
from ledger.models import Journal, LogEntry
from ledger.periods import Month
from ledger.refusals import Refused
from providers.models import Finding, MeteringMonth, OfferingPrice
from tests.billing.reported import let_gaps_stand
from tests.billing.test_doors import APPROVER, FINANCE, rendered, staff, text_of
from tests.billing.world import CLOSE_AT, OCTOBER, START, World, fresh, small_world
from tests.guards import guards_off
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db
HANDLERS = {
    "billing.try_month": settling.run_trial_work,
    "billing.close_month": settling.run_close_work,
}


@pytest.fixture(autouse=True)
def _story_time() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


def trial(world: World, month: Month = OCTOBER) -> Trial:
    """Ask for a trial and do it as a worker would."""
    settling.ask_trial(month, actor=world.clerk, at=clock.now())
    work.run_due(HANDLERS, now=clock.now, worker="t")
    return Trial.objects.of_month(month)[0]


def test_a_trial_posts_nothing_and_tells_what_changed_since_the_last() -> None:
    world, order = small_world()
    world.use(order, hours=100)
    journals = Journal.objects.count()
    first = trial(world)
    again = trial(world)
    assert (first.number, again.number) == (1, 2)
    assert first.digest == again.digest
    assert settling.changes_between(first, again) == []
    assert (first.gross_fen, first.public_fen, first.lines) == (440_000, 176_000, 1)
    assert (first.recomputed_lines, first.recomputed_difference_fen) == (1, 0)
    assert Journal.objects.count() == journals
    assert not Statement.objects.exists()
    assert not MeteringMonth.objects.exists()
    assert MonthClose.objects.get().state == "open"
    assert LogEntry.objects.filter(type="month.tried").count() == 2

    other = world.make_order(order.voucher, world.make_offering(order.provider), held_fen=1_000_000)
    world.use(other, hours=10)
    world.use(order, hours=10, at=START + timedelta(days=9))
    third = trial(world)
    changes = settling.changes_between(again, third)
    assert [(each.order_no, each.word) for each in changes] == [
        (order.order_no, "金额变化"),
        (other.order_no, "新增"),
    ]
    assert [each.word for each in settling.changes_between(third, first)] == ["金额变化", "消失"]

    close = world.close()
    assert close.digest == third.digest  # a trial after which nothing came is the month
    assert (close.recomputed_lines, close.recomputed_difference_fen) == (2, 0)
    (entry,) = LogEntry.objects.filter(type="month.recomputed")
    assert b'"difference_fen":"0"' in bytes(entry.body)
    with pytest.raises(Refused, match="已截止"):
        settling.ask_trial(OCTOBER, actor=world.clerk, at=CLOSE_AT)
    refused = pytest.raises(DatabaseError, match="kept as written")
    with as_role(SUPERUSER), refused, transaction.atomic():
        Trial.objects.update(gross_fen=0)


def test_asking_while_a_trial_waits_gives_the_same_work() -> None:
    world, order = small_world()
    world.use(order, hours=1)
    jobs = [settling.ask_trial(OCTOBER, actor=world.clerk, at=CLOSE_AT) for _ in range(2)]
    assert jobs[0].pk == jobs[1].pk
    for _ in range(2):  # a handler that is started again finds its trial
        settling.run_trial_work(jobs[0], lambda *_: None)
    assert Trial.objects.count() == 1


def a_month_of_everything() -> tuple[World, list[Any]]:
    """Return orders with caps, both units, late use and corrections of a settled month."""
    world, order = small_world()
    order.ends_at += timedelta(days=31)
    order.save()
    for price_fen in (300, 400):  # a market of three: median 4.00, cap 4.80
        price = world.make_offering(world.make_provider(), price_fen=price_fen)
        price.offering.model = order.offering.model
        price.offering.save()
    by_work = world.make_offering(
        order.provider, unit="PFLOPS_HOUR", gflops=77_777, price_fen=1_999
    )
    foreign = world.make_offering(order.provider, domestic=False, price_fen=333)
    others = [
        world.make_order(order.voucher, each, held_fen=900_000) for each in (by_work, foreign)
    ]
    for number, each in enumerate([order, *others], start=1):
        world.use(each, hours=7 * number, devices=number, records=3)
    return world, [order, *others]


def test_the_plan_asks_the_same_number_of_questions_however_many_orders() -> None:
    world, (order, *_) = a_month_of_everything()
    close = MonthClose(month=str(OCTOBER))

    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            planning.plan_month(close, at=CLOSE_AT)
        return len(asked)

    before = questions()
    for number in range(5):
        price = world.make_offering(order.provider)
        more = world.make_order(order.voucher, price, held_fen=10_000)
        world.use(more, hours=number + 1)
    assert questions() == before


def test_both_computations_agree_on_every_amount_and_any_change_is_found() -> None:
    _, orders = a_month_of_everything()
    close = MonthClose(month=str(OCTOBER))
    plan = planning.plan_month(close, at=CLOSE_AT)
    checked = recheck(OCTOBER, plan.pairs, plan.unstated, at=CLOSE_AT)
    assert (checked.lines, checked.statements, checked.difference_fen) == (3, 3, 0)
    found = {each.order_id: each for each in amounts(OCTOBER, [], [], at=CLOSE_AT)}
    # 7 card-hours x 5.50 = 38.50; capped 4.80: 33.60; domestic 40 %
    first = found[orders[0].pk]
    assert (first.gross_fen, first.metered_fen, first.weighted_bp) == (3_850, 3_360, 13_440_000)
    # 28 card-hours x 77,777 GFLOPS = 2.177756 PFLOPS-hours x 19.99 = 43.53
    assert found[orders[1].pk].gross_fen == 4_353
    # 63 card-hours x 3.33 = 209.79; 30 %
    assert found[orders[2].pk].weighted_bp == 20_979 * 3_000
    statement, lines = plan.pairs[0]
    for thing, name in (
        (statement, "gross_fen"),
        (statement, "device_milli_seconds"),
        (statement, "public_fen"),
        (lines[0], "metered_fen"),
        (lines[0], "ratio_bp"),
    ):
        kept = getattr(thing, name)
        setattr(thing, name, kept + 1)
        with pytest.raises(Refused, match="独立重算与计价结果不一致"):
            recheck(OCTOBER, plan.pairs, plan.unstated, at=CLOSE_AT)
        setattr(thing, name, kept)
    with pytest.raises(Refused, match="计价没有这笔订单"):
        recheck(OCTOBER, plan.pairs[1:], [], at=CLOSE_AT)
    with pytest.raises(Refused, match="重算没有这笔订单"):
        recheck(Month(2026, 11), plan.pairs[:1], [], at=CLOSE_AT)


def checked_now() -> None:
    """Have the database look at its foreign keys now, so that triggers can be switched."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.unbalanced
def test_a_difference_stops_the_run_and_nothing_is_written() -> None:
    world, order = small_world()
    world.use(order, hours=10)
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    settling.close_month(OCTOBER, actor=world.clerk, at=CLOSE_AT)
    entries, real = LogEntry.objects.count(), order.price.price_fen

    def a_rate_changes() -> None:
        """Give the rate another value behind the records that carry the old one."""
        checked_now()
        tables = ["providers_offeringprice", "providers_acceleratorrate"]
        with guards_off(connection, tables) as cursor:
            cursor.execute("UPDATE providers_offeringprice SET pricing_unit = 'PFLOPS_HOUR'")
            cursor.execute("UPDATE providers_acceleratorrate SET gflops = gflops + 1000")

    a_rate_changes()
    work.run_due(HANDLERS, now=clock.now, worker="t")
    job = work.find("billing.close_month", "2026-10")
    assert job is not None
    assert job.state == "dead"
    assert "独立重算与计价结果不一致" in job.error
    assert OfferingPrice.objects.get().price_fen == real
    assert LogEntry.objects.count() == entries
    assert not StatementLine.objects.exists()
    assert not MeteringMonth.objects.exists()
    text = text_of(staff("周会计", *FINANCE).get(reverse("office_progress", args=["2026-10"])))
    for words in ("重试此步", "已全部撤回", "没有写入任何内容"):
        assert words in text


def test_h6_h7_blockers_stop_a_run_and_asking_twice_is_one_run() -> None:
    world, order = small_world()
    world.use(order, hours=5)
    world.use(order, hours=5, state="held", at=START + timedelta(days=3))
    Finding.objects.create(
        kind="month_jump", provider=order.provider, month="2026-10", subject="x", found_at=CLOSE_AT
    )
    groups = anomalies(OCTOBER, at=CLOSE_AT)
    assert [(each.kind, each.stops) for each in groups] == [
        ("gap", True), ("unknown_model", True), ("finding", False),
    ]  # fmt: skip
    browser = staff("周会计", *FINANCE)
    text = text_of(browser.get(reverse("office_anomalies", args=["2026-10"])))
    for words in ("缺报", "请服务商补报", "型号未登记", "用量环比突变", "须先处理"):
        assert words in text
    assert "去结算" not in text
    with pytest.raises(Refused) as refused:
        settling.close_month(OCTOBER, actor=world.clerk, at=CLOSE_AT)
    assert refused.value.code == "month_blocked"
    assert set(refused.value.details) == {"gap", "unknown_model"}
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    asked = [
        settling.close_month(OCTOBER, carry_held=True, actor=world.clerk, at=CLOSE_AT)
        for _ in range(2)
    ]
    assert asked[0].pk == asked[1].pk
    outcomes = [settling.run_close_work(each, lambda *_: None) for each in asked]
    assert [each["unchanged"] for each in outcomes] == [False, True]
    assert outcomes[0]["digest"] == outcomes[1]["digest"]


def test_finance_tries_a_month_through_the_pages_and_others_only_look() -> None:
    world, order = small_world()
    page, ask = (reverse(each, args=["2026-10"]) for each in ("office_trials", "office_try"))
    browser: Client = staff("周会计", *FINANCE)
    assert "还没有试算过" in text_of(browser.get(page))
    assert "可以试算" in text_of(browser.get(reverse("office_month", args=["2026-10"])))
    assert browser.get(ask).status_code == 405
    assert staff("陈科长", *APPROVER).post(ask).status_code == 403
    world.use(order, hours=10)
    waiting = text_of(browser.post(ask, follow=True))
    assert "every 2s" in waiting
    assert "可以离开本页" in waiting
    work.run_due(HANDLERS, now=clock.now, worker="t")
    text = text_of(browser.get(page))
    for words in ("440.00", "176.00", "差异 0 分，1 行", "这是本月第一次试算"):
        assert words in text
    browser.post(ask)
    work.run_due(HANDLERS, now=clock.now, worker="t")
    assert "摘要相同" in text_of(browser.get(page))
    world.use(order, hours=10, at=START + timedelta(days=5))
    browser.post(ask)
    work.run_due(HANDLERS, now=clock.now, worker="t")
    text = text_of(browser.get(page))
    assert "金额变化" in text
    assert "880.00" in text
    world.close()
    text = text_of(browser.get(page))
    assert "结算摘要与最后一次试算相同" in text
    assert "已截止" in text_of(browser.post(ask, follow=True))
    month = text_of(browser.get(reverse("office_month", args=["2026-10"])))
    for words in ("本期已锁定", "独立重算差异", "已试算 3 次", "没有异常", "8　登记付款结果"):
        assert words in month
    progress = text_of(browser.get(reverse("office_progress", args=["2026-10"])))
    assert "出具对账单 PTSL-JS-2026-10-000001" in progress


@pytest.mark.unbalanced
def test_h17_a_fund_that_changed_between_preview_and_approval_is_refused() -> None:
    world, order = small_world()
    world.use(order, hours=100)
    close = world.close()
    world.confirm_all(close)
    prepared = settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    seen = prepared.digest
    other = world.make_voucher(world.enterprises[0])
    checked_now()
    with guards_off(connection, ["billing_statement"]) as cursor:  # the application cannot
        cursor.execute(
            "UPDATE billing_statement SET voucher_id = %s, digest = %s",
            [other.pk, "f" * 64],
        )
    with pytest.raises(Refused, match="内容有变化"):
        settling.approve_settlement(fresh(close), digest=seen, actor=world.approver, at=CLOSE_AT)
    assert fresh(close).state == "review"


def test_h15_a_month_without_lines_ends_in_a_nil_report() -> None:
    world, _ = small_world()
    first = trial(world)
    assert (first.statement_count, first.lines, first.recomputed_lines) == (0, 0, 0)
    close = world.close()
    assert (close.statement_count, close.digest) == (0, first.digest)
    close = world.approve(close)
    report = rendered(close, world)
    assert (report.state, report.total_fen) == ("ready", 0)
    assert report.sha256
    assert "独立重算差异 0 分，0 行" in report.content["findings"][2]
    assert settling.finish_month(close, actor=world.finance, at=CLOSE_AT).state == "paid"
