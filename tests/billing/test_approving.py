"""Approve with four eyes, on exactly what was shown; finish when all is paid."""

import pytest
from django.db import IntegrityError, transaction

from billing import settling
from billing.models import MonthClose, Statement
from ledger.actors import Actor
from ledger.balances import balance
from ledger.chart import redeemed
from ledger.models import LogEntry, Transfer
from ledger.refusals import Refused
from providers.models import Order
from tests.billing.world import CLOSE_AT, START, World, fresh, small_world
from vouchers.spending import voucher_position

pytestmark = pytest.mark.django_db


@pytest.fixture
def month() -> tuple[World, MonthClose]:
    world, order = small_world()
    world.use(order, hours=500)
    return world, world.close()


def refused_code(call: object, *args: object, **kwargs: object) -> str:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.code


def test_an_approved_month_is_owed(month: tuple[World, MonthClose]) -> None:
    world, close = month
    close = world.approve(close)
    statement = close.statements.get()
    assert (close.state, statement.state) == ("closed", "approved")
    assert balance(statement.settlement_account).posted == 880_000
    assert balance(redeemed(world.programme.slug, str(statement.provider_id))).posted == 0
    entry = LogEntry.objects.get(type="settlement.approved")
    assert world.finance.id in bytes(entry.body).decode()
    assert world.approver.id in bytes(entry.body).decode()


def test_an_unanswered_statement_keeps_the_month_from_being_prepared(
    month: tuple[World, MonthClose],
) -> None:
    world, close = month
    code = refused_code(settling.prepare_settlement, close, actor=world.finance, at=CLOSE_AT)
    assert code == "not_confirmed"
    assert fresh(close).prepared_person == ""


def test_the_preparer_does_not_approve_not_even_under_another_account(
    month: tuple[World, MonthClose],
) -> None:
    world, close = month
    world.confirm_all(close)
    prepared = settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    twin = Actor(
        kind="user", id="other", name="周会计小号", role="approver", person=world.finance.person
    )
    for actor in (world.finance, twin):
        code = refused_code(
            settling.approve_settlement, prepared, digest=prepared.digest, actor=actor, at=CLOSE_AT
        )
        assert code == "same_person"
    assert not Transfer.objects.filter(code="400").exists()


@pytest.mark.unbalanced
def test_the_database_knows_the_two_persons_too(month: tuple[World, MonthClose]) -> None:
    world, close = month
    world.confirm_all(close)
    settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    with pytest.raises(IntegrityError, match="monthclose_two_persons"), transaction.atomic():
        MonthClose.objects.filter(pk=close.pk).update(approved_person=world.finance.person)


def test_a_stale_digest_approves_nothing(month: tuple[World, MonthClose]) -> None:
    world, close = month
    world.confirm_all(close)
    prepared = settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    code = refused_code(
        settling.approve_settlement, prepared, digest="0" * 64, actor=world.approver, at=CLOSE_AT
    )
    assert code == "changed"
    assert fresh(close).state == "review"
    assert not Transfer.objects.filter(code="400").exists()


def test_a_change_behind_the_list_is_noticed(month: tuple[World, MonthClose]) -> None:
    world, close = month
    world.confirm_all(close)
    prepared = settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    Statement.objects.filter(close=close).update(version=2)
    code = refused_code(
        settling.approve_settlement,
        prepared,
        digest=prepared.digest,
        actor=world.approver,
        at=CLOSE_AT,
    )
    assert code == "changed"


def test_a_month_is_approved_once(month: tuple[World, MonthClose]) -> None:
    world, close = month
    close = world.approve(close)
    code = refused_code(
        settling.approve_settlement, close, digest=close.digest, actor=world.approver, at=CLOSE_AT
    )
    assert code == "already_approved"
    assert Transfer.objects.filter(code="400").count() == 1


def test_nothing_is_approved_before_it_is_prepared(month: tuple[World, MonthClose]) -> None:
    world, close = month
    code = refused_code(
        settling.approve_settlement, close, digest=close.digest, actor=world.approver, at=CLOSE_AT
    )
    assert code == "not_prepared"


def test_the_approver_sends_back_and_finance_prepares_again(
    month: tuple[World, MonthClose],
) -> None:
    world, close = month
    world.confirm_all(close)
    settling.prepare_settlement(close, actor=world.finance, at=CLOSE_AT)
    close = settling.return_settlement(
        close, reason="请补充说明", actor=world.approver, at=CLOSE_AT
    )
    assert (close.state, close.prepared_person) == ("review", "")
    assert close.statements.get().state == "confirmed"
    assert world.approve(close).state == "closed"


def test_a_disputed_line_is_held_back_and_the_rest_approved() -> None:
    world, order = small_world()
    quiet_one = world.make_order(order.voucher, world.make_offering(order.provider), held_fen=10**6)
    for each in (order, quiet_one):
        world.use(each, hours=100)
    close = world.close()
    loud = close.statements.get(order=order)
    clerk = world.seated(world.seat("王敏", enterprise=loud.enterprise))
    engineer = world.seated(world.seat("李强", provider=loud.provider))
    objection = settling.object_statement(
        loud, side="enterprise", ordinal=1, reason="重跑", actor=clerk, at=CLOSE_AT
    )
    settling.confirm_statement(
        loud, side="provider", digest=loud.digest, actor=engineer, at=CLOSE_AT
    )
    close = world.approve(fresh(close))
    loud = fresh(loud)
    assert (loud.state, loud.payable_fen) == ("approved", 0)
    assert balance(loud.disputed_account).posted == 176_000
    assert balance(loud.settlement_account).posted == 0
    batch = settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)
    assert batch.total_fen == 176_000
    world.pay(close)
    assert refused_code(settling.finish_month, close, actor=world.finance, at=CLOSE_AT) == (
        "not_paid"
    )
    settling.resolve_objection(
        objection, uphold=False, resolution="记录属实", actor=world.approver, at=CLOSE_AT
    )
    assert balance(loud.settlement_account).posted == 176_000
    world.pay(close)
    assert settling.finish_month(close, actor=world.finance, at=CLOSE_AT).state == "paid"


def test_an_objection_upheld_after_approval_goes_back_to_the_voucher() -> None:
    world, order = small_world()
    world.use(order, hours=100)
    close = world.close()
    loud = close.statements.get()
    clerk = world.seated(world.seat("王敏", enterprise=loud.enterprise))
    engineer = world.seated(world.seat("李强", provider=loud.provider))
    objection = settling.object_statement(
        loud, side="enterprise", ordinal=1, reason="重跑", actor=clerk, at=CLOSE_AT
    )
    settling.confirm_statement(
        loud, side="provider", digest=loud.digest, actor=engineer, at=CLOSE_AT
    )
    close = world.approve(fresh(close))
    settling.resolve_objection(
        objection, uphold=True, resolution="属实", actor=world.approver, at=CLOSE_AT
    )
    loud = fresh(loud)
    assert (loud.state, loud.public_fen) == ("paid", 0)
    assert balance(loud.disputed_account).posted == 0
    assert balance(order.voucher.account).posted == 10_000_000
    settling.finish_month(close, actor=world.finance, at=CLOSE_AT)


def test_a_finished_month_lets_the_rest_of_its_orders_go(month: tuple[World, MonthClose]) -> None:
    world, close = month
    close = world.approve(close)
    world.pay(close)
    settling.finish_month(close, actor=world.finance, at=CLOSE_AT)
    order = Order.objects.get()
    assert (order.state, fresh(order.hold).state) == ("completed", "closed")
    position = voucher_position(order.voucher)
    assert (position.held, position.redeemed, position.available) == (0, 880_000, 9_120_000)


def test_an_order_with_waiting_records_keeps_its_hold() -> None:
    world, order = small_world()
    world.use(order, hours=100)
    world.use(order, hours=1, state="held", at=START)
    close = world.approve(world.close(carry_held=True))
    world.pay(close)
    settling.finish_month(close, actor=world.finance, at=CLOSE_AT)
    assert fresh(order).state == "accepted"
    assert fresh(order.hold).left_fen == 5_000_000 - 176_000


def test_a_statement_without_a_share_is_done_when_approved() -> None:
    world, _ = small_world()
    price = world.make_offering(world.providers[0], price_fen=1)
    order = world.make_order(world.make_voucher(world.make_enterprise()), price)
    world.use(order, hours=1, devices=1)
    close = world.approve(world.close())
    assert close.statements.get().state == "paid"
    settling.finish_month(close, actor=world.finance, at=CLOSE_AT)
    assert fresh(order).state == "completed"


def test_a_nil_month_is_approved_and_finished() -> None:
    world, _ = small_world()
    close = world.approve(world.close())
    assert (
        refused_code(settling.export_payment_list, close, actor=world.cashier, at=CLOSE_AT)
        == "nothing_to_pay"
    )
    assert settling.finish_month(close, actor=world.finance, at=CLOSE_AT).state == "paid"
