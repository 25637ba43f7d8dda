"""Closing a month: every fen accounted for, nothing twice, however often it is killed."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from billing import settling
from billing.models import MonthClose, Statement, StateRow
from ledger import clock
from ledger.balances import balance
from ledger.chart import invoice, redeemed, rejected, self_share, unmatched, used_self, used_voucher
from ledger.models import LogEntry, Transfer
from ledger.periods import Month
from ledger.refusals import Refused
from providers.models import MeteringMonth
from tests.billing.reported import let_gaps_stand
from tests.billing.world import CLOSE_AT, OCTOBER, START, World, fresh, small_world, work_of
from vouchers import barring
from vouchers.models import Redemption
from vouchers.spending import voucher_position

pytestmark = pytest.mark.django_db


def test_a_month_becomes_statements_with_every_fen_in_the_books() -> None:
    world, order = small_world()
    world.use(order, hours=500)  # 8 devices x 500 h = 4,000 card-hours
    close = world.close()
    statement = close.statements.get()
    # 4,000 x 5.50 = 22,000.00; domestic 30 % + 10 pp = 40 %: 8,800.00
    assert (statement.gross_fen, statement.public_fen) == (2_200_000, 880_000)
    assert (statement.self_fen, statement.binding) == (1_320_000, "RATIO")
    assert (close.state, close.statement_count, close.public_fen) == ("review", 1, 880_000)
    slug, provider = world.programme.slug, str(order.provider_id)
    assert balance(redeemed(slug, provider)).posted == 880_000
    assert balance(order.voucher.account).debits_pending == 5_000_000 - 880_000
    assert balance(invoice(provider, "2026-10")).posted == -1_320_000
    assert balance(self_share(str(order.enterprise_id), provider, "2026-10")).posted == 1_320_000
    assert balance(used_voucher(slug, str(order.voucher_id))).posted == 4_000 * 3600 * 313_000
    assert balance(unmatched(provider, "2026-10")).posted == 0
    position = voucher_position(order.voucher)
    assert (position.held, position.redeemed) == (4_120_000, 880_000)
    line = statement.lines.get()
    assert (str(line.card_hours), str(line.pflops_hours)) == ("4000.000000", "1252.000000")
    assert (line.ratio_bp, line.cap_price_fen, line.public_fen) == (4_000, None, 880_000)


def test_each_step_leaves_a_state_row_and_a_log_entry() -> None:
    world, order = small_world()
    world.use(order, hours=10)
    close = world.close()
    statement = close.statements.get()
    moves = [row.event for row in StateRow.objects.of(close)]
    assert moves == ["start", "put_out"]
    assert [row.event for row in StateRow.objects.of(statement)] == ["put_out"]
    types = list(LogEntry.objects.order_by("seq").values_list("type", flat=True))
    for expected in ("month.cut_off", "voucher.redeem", "statement.closed", "month.put_out"):
        assert types.count(expected) == 1
    assert statement.entry_id is not None
    assert MeteringMonth.objects.filter(month="2026-10").exists()


def test_a_second_run_changes_nothing_and_says_so() -> None:
    world, order = small_world()
    world.use(order, hours=100)
    close = world.close()
    before = (close.digest, Transfer.objects.count(), LogEntry.objects.count())
    job = settling.close_month(OCTOBER, actor=world.clerk, at=CLOSE_AT + timedelta(days=1))
    outcome = settling.run_close_work(job, lambda *news: None)
    after = (fresh(close).digest, Transfer.objects.count(), LogEntry.objects.count())
    assert outcome["unchanged"] is True
    assert before == after


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_close_killed_in_the_middle_ends_the_same(steps: int) -> None:
    world, order = small_world()
    others = [
        world.make_order(order.voucher, world.make_offering(order.provider), held_fen=500_000)
        for _ in range(3)
    ]
    for number, each in enumerate([order, *others], start=1):
        world.use(each, hours=10 * number)
    told: list[int] = []

    def until_killed(done: int, total: int, message: str) -> None:
        if done:
            told.append(done)
        if len(told) > steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.close(progress=until_killed, at_once=1)
    half = MonthClose.objects.get(month="2026-10")
    assert half.state == "closing"
    assert half.statements.filter(state="in_review").count() == steps
    late = CLOSE_AT + timedelta(hours=1)  # arrives after the cut-off
    world.use(order, hours=50, at=START + timedelta(days=20), received_at=late)
    close = world.close()
    assert (close.state, close.statement_count) == ("review", 4)
    assert Redemption.objects.count() == 4
    grosses = sorted(each.gross_fen for each in close.statements.all())
    assert grosses == [44_000, 88_000, 132_000, 176_000]
    numbers = [each.statement_no for each in close.statements.order_by("statement_no")]
    assert numbers == [f"PTSL-JS-2026-10-{number:06d}" for number in range(1, 5)]


def test_an_unfinished_month_is_not_closed() -> None:
    world, _ = small_world()
    with pytest.raises(Refused) as refused:
        settling.close_month(OCTOBER, actor=world.clerk, at=OCTOBER.end_at - timedelta(seconds=1))
    assert refused.value.code == "month_not_over"
    assert work_of() is None


def test_what_waits_blocks_the_month_until_it_is_carried_over() -> None:
    world, order = small_world()
    world.use(order, hours=10)
    world.use(order, hours=5, state="held", at=START + timedelta(days=3))
    with pytest.raises(Refused) as refused:
        settling.close_month(OCTOBER, actor=world.clerk, at=CLOSE_AT)
    assert refused.value.code == "month_blocked"
    assert "型号未登记" in refused.value.message
    assert not Statement.objects.exists()
    close = world.close(carry_held=True)
    assert close.carried[0]["count"] == 1
    assert close.statements.get().gross_fen == 44_000


def test_a_month_without_usage_is_closed_as_nil() -> None:
    world, _ = small_world()
    close = world.close()
    assert (close.state, close.statement_count, close.public_fen) == ("review", 0, 0)


def test_the_hold_binds_when_it_is_nearly_used_up() -> None:
    world, _ = small_world()
    voucher = world.make_voucher(world.make_enterprise())
    price = world.make_offering(world.providers[0])
    order = world.make_order(voucher, price, held_fen=100_000)
    world.use(order, hours=500)
    statement = world.close().statements.get()
    assert (statement.public_fen, statement.binding) == (100_000, "HELD")
    assert fresh(order.hold).state == "closed"


def test_usage_without_a_share_is_self_paid_and_leaves_the_voucher_alone() -> None:
    world, _ = small_world()
    price = world.make_offering(world.providers[0], price_fen=1)
    order = world.make_order(world.make_voucher(world.make_enterprise()), price)
    world.use(order, hours=1, devices=1)  # one fen; 40 % of it is cut down to nothing
    statement = world.close().statements.get()
    assert (statement.gross_fen, statement.public_fen) == (1, 0)
    assert balance(used_self(str(order.enterprise_id), "2026-10")).posted == 3600 * 313_000
    assert balance(rejected(str(order.provider_id), "2026-10")).posted == 0
    assert not Redemption.objects.exists()


def test_an_enterprise_that_left_pays_itself_what_it_used_from_that_day_on() -> None:
    world, order = small_world()
    world.use(order, hours=10)
    told = {"reason": "迁至外区", "actor": world.clerk, "at": CLOSE_AT}
    barring.move_out_enterprise(order.enterprise, START.date() - timedelta(days=1), **told)
    statement = world.close().statements.get()
    assert statement.gross_fen == 44_000
    assert (statement.public_fen, statement.self_fen) == (0, 44_000)


def test_an_enterprise_that_left_later_is_settled_for_what_began_before() -> None:
    world, order = small_world()
    world.use(order, hours=10)
    told = {"reason": "迁至外区", "actor": world.clerk, "at": CLOSE_AT}
    barring.move_out_enterprise(order.enterprise, CLOSE_AT.date(), **told)
    assert world.close().statements.get().public_fen == 17_600


def test_the_enterprise_cap_is_counted_down_over_its_orders() -> None:
    world = World()
    world.make_programme(caps__enterprise_year="10000.00")
    provider = world.make_provider()
    voucher = world.make_voucher(world.make_enterprise())
    orders = [world.make_order(voucher, world.make_offering(provider)) for _ in range(2)]
    for order in orders:
        world.use(order, hours=500)
    first, second = world.close().statements.order_by("statement_no")
    assert (first.public_fen, first.binding) == (880_000, "RATIO")
    assert (second.public_fen, second.binding) == (120_000, "ENTERPRISE_YEAR")


def test_a_price_above_the_market_is_supported_only_up_to_the_cap() -> None:
    world, order = small_world()
    model = order.offering.model
    for price_fen in (300, 400):
        price = world.make_offering(world.make_provider(), price_fen=price_fen)
        price.offering.model = model
        price.offering.save()
    world.use(order, hours=500)
    statement = world.close().statements.get()
    # median of 3.00, 4.00, 5.50 is 4.00; times 1.2 is 4.80; 4,000 x 4.80 x 40 % = 7,680.00
    assert (statement.gross_fen, statement.eligible_fen) == (2_200_000, 1_920_000)
    assert statement.public_fen == 768_000
    assert statement.lines.get().cap_price_fen == 480


def test_other_public_money_leaves_less_room() -> None:
    world, order = small_world()
    application = order.voucher.application
    application.answers = {"need": {"other_funding_fen": 6_000_000}}
    application.save()
    world.use(order, hours=500)
    statement = world.close().statements.get()
    # half of the planned 125,000.00 less 60,000.00 leaves 2,500.00
    assert (statement.public_fen, statement.binding) == (250_000, "STACKING")


def test_a_record_over_the_month_end_is_settled_in_both_months() -> None:
    world, order = small_world()
    order.ends_at += timedelta(days=30)
    order.save()
    end = OCTOBER.end_at
    world.use(order, hours=10, at=end - timedelta(hours=4))
    october = world.close()
    november = world.close(Month(2026, 11), at=datetime(2026, 12, 3, tzinfo=UTC))
    halves = [close.statements.get().gross_fen for close in (october, november)]
    assert halves == [4 * 8 * 550, 6 * 8 * 550]


def test_an_order_without_voucher_makes_no_statement() -> None:
    world, order = small_world()
    free = world.make_order(None, order.price, enterprise=world.enterprises[0])
    world.use(free, hours=10)
    assert world.close().statement_count == 0


def test_objections_may_be_raised_for_five_working_days() -> None:
    world, order = small_world()
    world.use(order, hours=1)
    close = world.close()  # Wednesday 4 November 2026
    last = settling.last_objection_day(close)
    assert last is not None
    assert last.date().isoformat() == "2026-11-11"


def test_the_command_closes_a_month_and_says_when_nothing_changed() -> None:
    world, order = small_world()
    world.use(order, hours=500)
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    told = io.StringIO()
    with clock.set_to(CLOSE_AT):
        call_command("close_month", "2026-10", stdout=told)
        first = told.getvalue()
        call_command("close_month", "2026-10", stdout=told)
    assert "1/1 已出具 PTSL-JS-2026-10-000001" in first
    assert "券抵扣 8,800.00 元" in first
    assert "没有改变任何内容" in told.getvalue().removeprefix(first)


def test_the_command_says_what_is_in_the_way_and_fails() -> None:
    world, order = small_world()
    world.use(order, hours=5, state="held")
    told = io.StringIO()
    with clock.set_to(CLOSE_AT), pytest.raises(SystemExit):
        call_command("close_month", "2026-10", stderr=told)
    assert "型号未登记" in told.getvalue()
    assert "上报缺口 2026-10-01 缺报" in told.getvalue()
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    with clock.set_to(CLOSE_AT):
        call_command("close_month", "2026-10", "--carry-held", stdout=told)
    assert "转入下期" in told.getvalue()


@pytest.mark.parametrize("month", ["2026-13", "October", ""])
def test_the_command_knows_what_a_month_is(month: str) -> None:
    with pytest.raises(CommandError):
        call_command("close_month", month)
