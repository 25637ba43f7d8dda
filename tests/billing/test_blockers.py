"""What waits in a month: every type is listed with its rule and where to mend it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from billing import settling
from billing.anomalies import CARRIES, MEANINGS, STOPS, TELLS, anomalies
from billing.models import Statement
from ledger import clock
from ledger.periods import Month
from ledger.refusals import Refused
from providers.models import Finding, UsageRecord
from tests.billing.reported import let_gaps_stand, store_usage, usage_rows
from tests.billing.test_adjustments import Reporting
from tests.billing.test_doors import FINANCE, staff, text_of
from tests.billing.world import CLOSE_AT, OCTOBER, START, World, small_world
from tests.providers.world import a_live_key
from vouchers.models import Enterprise

pytestmark = pytest.mark.django_db
RECEIVED = START + timedelta(days=5)


def held(reason: str, state: str = "held") -> Callable[[World, Any], None]:
    """Return what leaves one record waiting for a reason."""

    def wait(_world: World, order: Any) -> None:
        rows = usage_rows(
            order, first=900, count=1, at=START + timedelta(days=3), hours=2, devices=8,
            state=state, settle_month="", received_at=RECEIVED,
        )  # fmt: skip
        for row in rows:
            row.hold_reason = reason
        store_usage(rows)

    return wait


def sent(reports: Reporting, number: int, **more: Any) -> dict[str, Any]:
    start = START + timedelta(days=number)
    return {
        "record_id": f"s-{number}", "order_no": reports.order.order_no, "device_count": 8,
        "device_model": reports.order.offering.model.key, "started_at": start.isoformat(),
        "ended_at": (start + timedelta(hours=1)).isoformat(),
    } | more  # fmt: skip


def conflict(world: World, order: Any) -> None:
    reports = Reporting(world, order)
    reports.send(sent(reports, 1), at=RECEIVED)
    reports.send(sent(reports, 1, device_count=7), at=RECEIVED)


def rejected(world: World, order: Any) -> None:
    reports = Reporting(world, order)
    reports.send(sent(reports, 1, device_count=-1), at=RECEIVED)


def skipped_number(world: World, order: Any) -> None:
    """Uploads 7 and 9 came; the days are let stand, upload 8 is not."""
    let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    upload_numbers(world, order)


def upload_numbers(world: World, order: Any) -> None:
    reports = Reporting(world, order)
    key, _, _ = a_live_key(order.provider)
    for number in (7, 9):
        reports.send(
            sent(reports, number - 6), at=RECEIVED, provider_key=key, sequence=number
        )  # fmt: skip


def finding(_world: World, order: Any) -> None:
    Finding.objects.create(
        kind="month_jump", provider=order.provider, month="2026-10", subject="x", found_at=CLOSE_AT
    )


def nothing(_world: World, _order: Any) -> None:
    """Nothing was reported: the days themselves are missing."""


TABLE = [
    ("gap", STOPS, nothing),
    ("gap", STOPS, skipped_number),
    ("conflict", STOPS, conflict),
    ("rejected", TELLS, rejected),
    ("finding", TELLS, finding),
    ("open", CARRIES, held("", "open")),
    *((reason, CARRIES, held(reason)) for reason in UsageRecord.HoldReason.values),
]


@pytest.mark.parametrize(("kind", "rule", "cause"), TABLE)
def test_h6_what_waits_is_listed_with_its_rule_and_its_place(
    kind: str, rule: str, cause: Callable[[World, Any], None]
) -> None:
    world, order = small_world()
    days_stand = kind != "gap"
    if days_stand:
        world.use(order, hours=1)
        let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    cause(world, order)
    if days_stand and kind in ("conflict", "rejected"):
        let_gaps_stand(OCTOBER, world.clerk, world.approver, CLOSE_AT)
    (group,) = anomalies(OCTOBER, at=CLOSE_AT)
    assert (group.kind, group.rule, group.count >= 1) == (kind, rule, True)
    with clock.set_to(CLOSE_AT):
        page = text_of(staff("周会计", *FINANCE).get(reverse("office_close", args=["2026-10"])))
    about = ["2026-10"] if group.meaning.with_month else []
    for told in (rule, group.meaning.title, reverse(group.meaning.address, args=about)):
        assert told in page
    closes_by_the_rule(rule)


def asked(*, carry: bool) -> str:
    """Return how asking for the close ends."""
    try:
        settling.close_month(OCTOBER, carry_held=carry, actor=World().clerk, at=CLOSE_AT)
    except Refused as refused:
        return refused.code
    return "asked"


def closes_by_the_rule(rule: str) -> None:
    """Stop, stop unless carried over, or go on."""
    stopped = "month_blocked"
    assert [asked(carry=False), asked(carry=True)] == {
        STOPS: [stopped, stopped], CARRIES: [stopped, "asked"], TELLS: ["asked", "asked"],
    }[rule]  # fmt: skip


def test_an_upload_number_that_is_missing_is_named_before_the_days() -> None:
    world, order = small_world()
    upload_numbers(world, order)
    (group,) = anomalies(OCTOBER, at=CLOSE_AT)
    (item,) = group.items
    assert item.count > 20
    assert item.text.partition("、")[0].endswith("缺第 8 号批次")


def test_an_open_objection_of_an_earlier_month_is_told_when_the_next_is_cut_off() -> None:
    world, order = small_world()
    order.ends_at += timedelta(days=31)
    order.save()
    world.use(order, hours=100)
    statement = world.close().statements.get()
    user = world.seat("王敏", enterprise=Enterprise.objects.get())
    settling.object_statement(
        statement, side="enterprise", ordinal=1, reason="夜间断电重跑",
        actor=world.seated(user), at=CLOSE_AT,
    )  # fmt: skip
    november = Month(2026, 11)
    over = november.end_at + timedelta(days=3)
    told = {each.kind: each.rule for each in anomalies(november, at=over)}
    assert told == {"gap": STOPS, "objection": TELLS}
    let_gaps_stand(november, world.clerk, world.approver, over)
    world.close(november, at=over)
    assert Statement.objects.get(month="2026-10").state == "disputed"


def test_every_type_has_words_and_a_place() -> None:
    listed = {kind for kind, _, _ in TABLE} | {"objection", "compromised_key"}
    assert listed == set(MEANINGS)
