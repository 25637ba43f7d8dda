"""A provider's webhooks hear of its statements and payments, and of nobody else's."""

import pytest

from providers import telling
from providers.models import WebhookDelivery
from tests.billing.world import CLOSE_AT, small_world


@pytest.mark.django_db
def test_a_statement_and_its_payment_are_told_with_numbers_only() -> None:
    world, order = small_world()
    world.use(order, hours=500)
    stranger = world.make_provider()
    events = ["statement.ready", "settlement.paid"]
    for each in (order.provider, stranger):
        telling.add_webhook(each, "https://a.example/", events, actor=world.clerk, at=CLOSE_AT)
    world.pay(world.approve(world.close()))
    told = WebhookDelivery.objects.filter(webhook__provider=order.provider).order_by("id")
    assert [each.event for each in told] == events
    ready, paid = (each.payload for each in told)
    assert set(ready) == {"statement_no", "month", "gross_fen", "public_fen"}
    assert ready["month"] == "2026-10"
    assert set(paid) == {"payment", "amount_fen", "paid_on"}
    assert paid["amount_fen"] == ready["public_fen"]
    assert not WebhookDelivery.objects.filter(webhook__provider=stranger).exists()
