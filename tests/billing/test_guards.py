"""What the database refuses even when somebody passes every act by."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from billing import settling
from billing.models import (
    Confirmation,
    MonthClose,
    Objection,
    PaymentBatch,
    PaymentItem,
    PaymentLine,
    PaymentSign,
    Report,
    Statement,
    StatementLine,
    StateRow,
)
from billing.reporting import make_report
from tests.billing.world import CLOSE_AT, World, small_world

pytestmark = [pytest.mark.django_db, pytest.mark.superuser]


@pytest.fixture
def month() -> World:
    world, order = small_world()
    world.use(order, hours=500)
    close = world.approve(world.close())
    settling.export_payment_list(close, actor=world.cashier, at=CLOSE_AT)
    make_report(close, actor=world.cashier, at=CLOSE_AT)
    return world


def refused(change: Any) -> None:
    """Insist that the database refuses a change."""
    with pytest.raises(IntegrityError), transaction.atomic():
        change()


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (MonthClose, {"state": "open"}),
        (MonthClose, {"state": "nonsense"}),
        (MonthClose, {"approved_person": "person-周会计"}),
        (Statement, {"state": "in_review"}),
        (Statement, {"public_fen": 1}),
        (Statement, {"gross_fen": 0, "public_fen": 0, "self_fen": 0}),
        (Statement, {"terms": []}),
        (Statement, {"paid_fen": 880_001}),
        (StatementLine, {"public_fen": 1}),
        (StateRow, {"reason": "x"}),
        (Confirmation, {"actor_name": "x"}),
        (PaymentBatch, {"total_fen": 1}),
        (PaymentLine, {"amount_fen": 1}),
        (PaymentBatch, {"state": "sent"}),
        (PaymentSign, {"person": "person-x"}),
        (PaymentLine, {"state": "returned"}),
        (PaymentLine, {"state": "paid"}),
        (PaymentItem, {"amount_fen": 1}),
        (Report, {"content": {}}),
        (Report, {"state": "superseded"}),
        (Report, {"state": "ready"}),
    ],
)
def test_what_was_recorded_cannot_be_changed_by_hand(
    month: World, model: Any, values: dict[str, Any]
) -> None:
    refused(lambda: model.objects.update(**values))


@pytest.mark.parametrize(
    "model",
    [
        MonthClose, Statement, StatementLine, StateRow, Confirmation, PaymentBatch, PaymentLine,
        PaymentItem, PaymentSign, Report,
    ],
)  # fmt: skip
def test_nothing_is_deleted(month: World, model: Any) -> None:
    def wipe() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")

    refused(wipe)


def test_an_objection_is_decided_once_and_never_by_who_raised_it() -> None:
    world, order = small_world()
    world.use(order, hours=10)
    statement = world.close().statements.get()
    clerk = world.seated(world.seat("王敏", enterprise=statement.enterprise))
    settling.object_statement(
        statement, side="enterprise", ordinal=1, reason="重跑", actor=clerk, at=CLOSE_AT
    )
    for values in (
        {"reason": "另一个理由"},
        {"amount_fen": 0},
        {"state": "upheld"},
        {"state": "dismissed", "resolved_person": clerk.person},
    ):
        refused(lambda values=values: Objection.objects.update(**values))


def test_an_ended_part_of_a_payment_does_not_come_back(month: World) -> None:
    PaymentItem.objects.update(active=False)
    refused(lambda: PaymentItem.objects.update(active=True))
