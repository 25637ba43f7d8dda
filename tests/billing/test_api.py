"""A provider's month over HTTP: preliminary, put out, with adjustments, and never a stranger's."""

from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from billing.models import Statement
from ledger import clock
from ledger.periods import Month
from providers.client import MeteringClient
from providers.models import UsageRecord
from providers.staging import open_months
from tests.billing.world import CLOSE_AT, START, World, small_world
from tests.guards import guards_off
from tests.providers import world as providers_world
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db
STATEMENTS = "/api/v1/metering/statements"
HOUR = 8 * 1000 * 3600


@pytest.fixture(autouse=True)
def _story_time() -> Any:
    with clock.set_to(CLOSE_AT):
        yield


def client_of(provider: Any, *, livemode: bool = True) -> MeteringClient:
    if livemode:
        _, token, _ = providers_world.a_live_key(provider)
    else:
        _, token = providers_world.a_test_key(provider)
    return MeteringClient(settings.PUBLIC_ORIGIN, token, transport=providers_world.in_process())


def told(client: MeteringClient, month: str = "2026-10") -> dict[str, Any]:
    answer = client.get(f"{STATEMENTS}/{month}")
    assert answer.status == 200, answer.body
    return answer.body


def test_before_the_close_a_month_is_what_counts_so_far():
    world, order = small_world()
    world.use(order, hours=10, records=2)
    world.use(order, hours=3, state="held")
    month = told(client_of(order.provider))
    assert (month["status"], month["preliminary"], month["statements"]) == ("preliminary", True, [])
    (line,) = month["lines"]
    assert line["order_no"] == order.order_no
    assert line["state"] == "preliminary"
    assert line["device_milli_seconds"] == str(10 * HOUR)
    assert (line["records"], line["quantity"], line["unit"]) == (2, "80.000000", "卡时")
    assert line["pflops_hours"] == "25.040000"  # 80 card-hours at 313,000 GFLOPS
    assert line["rate"] == "FP16 稠密 第 1 版"
    assert [line[n] for n in ("price_fen", "gross_fen", "public_fen", "self_fen")] == [
        "550", "44000", "17600", "26400",
    ]  # fmt: skip
    assert month["totals"]["gross_fen"] == "44000"
    assert month["waiting"] == {"unknown_model": 1}


def test_after_the_close_the_statement_speaks():
    world, order = small_world()
    world.use(order, hours=500)
    client = client_of(order.provider)
    before = told(client)["totals"]["gross_fen"]
    close = world.close()
    month = told(client)
    (statement,) = Statement.objects.all()
    assert (month["status"], month["preliminary"]) == ("review", False)
    (line,) = month["lines"]
    assert (line["statement_no"], line["state"]) == (statement.statement_no, "in_review")
    assert line["public_fen"] == str(statement.public_fen)
    assert month["statements"][0]["digest"] == statement.digest
    assert month["totals"]["gross_fen"] == str(statement.gross_fen) == before
    world.approve(close)
    assert told(client)["statements"][0]["state"] == "approved"
    assert told(client)["status"] == "closed"


def test_orders_without_a_voucher_are_told_beside_the_statements():
    world, order = small_world()
    plain = world.make_order(None, order.price, enterprise=order.enterprise)
    world.use(order, hours=10)
    world.use(plain, hours=4)
    world.close()
    lines = {each["order_no"]: each for each in told(client_of(order.provider))["lines"]}
    assert set(lines) == {order.order_no, plain.order_no}
    assert lines[plain.order_no]["state"] == "no_voucher"
    assert lines[plain.order_no]["gross_fen"] == lines[plain.order_no]["self_fen"] == "17600"


def test_what_was_used_in_an_old_month_is_named_by_that_month():
    world, order = small_world()
    world.use(order, hours=10)
    world.use(order, hours=2, settle_month="2026-11")
    client = client_of(order.provider)
    assert told(client)["adjustments"] == []
    november = told(client, "2026-11")
    (adjustment,) = november["adjustments"]
    assert (adjustment["usage_month"], adjustment["order_no"]) == ("2026-10", order.order_no)
    assert adjustment["device_milli_seconds"] == str(2 * HOUR)
    assert november["lines"][0]["usage_month"] == "2026-10"
    months = [each["month"] for each in client.get(STATEMENTS).body["months"]]
    assert months == ["2026-11", "2026-10"]


def test_nobody_is_told_what_another_provider_did():
    world, order = small_world()
    world.use(order, hours=10)
    stranger = client_of(world.make_provider())
    assert told(stranger)["lines"] == []
    assert stranger.get(STATEMENTS).body == {"months": []}


def test_a_test_key_is_told_test_data_alone():
    world, order = small_world()
    world.use(order, hours=10)
    client = client_of(order.provider, livemode=False)
    month = told(client)
    assert (month["status"], month["livemode"], month["lines"]) == ("test", False, [])


@pytest.mark.parametrize("month", ["2026-13", "2026", "october", "0000-00", "2026_10"])
def test_a_month_that_no_calendar_has_is_a_problem(month):
    world = World()
    answer = client_of(world.make_provider()).get(f"{STATEMENTS}/{month}")
    assert (answer.status, answer.body["code"]) == (400, "invalid_parameter")


def test_without_a_key_there_is_nothing():
    anonymous = MeteringClient(settings.PUBLIC_ORIGIN, "x", transport=providers_world.in_process())
    for address in (STATEMENTS, f"{STATEMENTS}/2026-10"):
        assert anonymous.get(address).status == 401


def test_the_answer_is_what_the_description_says():
    world, order = small_world()
    world.use(order, hours=10)
    client = client_of(order.provider)
    document = client.get("/api/v1/openapi.json").body
    assert "/api/v1/metering/statements/{month}" in document["paths"]
    told_of = document["paths"]["/api/v1/metering/statements/{month}"]["get"]
    schema = told_of["responses"]["200"]["content"]["application/json"]["schema"]
    whole = {"components": document["components"]} | schema
    Draft202012Validator(whole).validate(told(client))
    world.close()
    Draft202012Validator(whole).validate(told(client))


@pytest.mark.unbalanced
def test_an_amount_that_is_taken_back_is_negative():
    world, order = small_world()
    total = world.use(order, hours=10, at=START)
    open_months([Month(2026, 11)])
    with as_role(SUPERUSER), guards_off(connection, ["providers_usagerecord"]):
        UsageRecord.objects.update(
            state="reversal", segment=1000, device_milli_seconds=-total, settle_month="2026-11"
        )
    (line,) = told(client_of(order.provider), str(Month(2026, 11)))["lines"]
    assert (line["gross_fen"], line["public_fen"], line["records"]) == ("-44000", "-17600", -1)
