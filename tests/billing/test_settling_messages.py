"""Both sides of a statement and the bureau hear what waits for them, in the words people read."""

import pytest

from billing import settling
from tests.billing.world import CLOSE_AT, small_world
from vouchers.models import Notice


@pytest.mark.django_db
def test_each_side_hears_once_of_its_month_and_of_its_objections() -> None:
    world, order = small_world()
    world.use(order, hours=500)
    engineer = world.seat("李强", provider=order.provider)
    before = set(Notice.objects.values_list("pk", flat=True))
    statement = world.close().statements.get()
    told = {each.kind: each for each in Notice.objects.exclude(pk__in=before)}
    assert set(told) == {"statements_to_confirm", "provider_statements_to_confirm"}
    firm, provider = told["statements_to_confirm"], told["provider_statements_to_confirm"]
    assert firm.scope == str(statement.enterprise_id)
    assert firm.subject == "2026-10 有 1 份对账单待确认"
    assert (provider.scope, provider.link) == (str(order.provider_id), "/console/statements/")
    assert "逾期未提出视为确认" in provider.body
    assert [each.user for each in provider.deliveries.all()] == [engineer]
    objection = settling.object_statement(
        statement,
        side="provider",
        ordinal=1,
        reason="数量不对",
        actor=world.seated(engineer),
        at=CLOSE_AT,
    )
    assert "数量不对" in Notice.objects.get(kind="statement_objected").body
    settling.resolve_objection(
        objection, uphold=False, resolution="维持", actor=world.clerk, at=CLOSE_AT
    )
    decided = Notice.objects.filter(kind__endswith="objection_decided")
    assert "维持" in decided.get().body
    assert Notice.objects.filter(kind="objection_on_statement_decided").count() == 1
