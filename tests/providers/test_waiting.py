"""Everything that waits is listed with what it waits for; the calendar is told over the wire."""

import httpx
import pytest
from django.conf import settings

from ledger.periods import Month
from providers import deciding, looking
from providers.models import Finding, MeteringMonth, UsageRecord
from providers.waiting import REASONS, waiting_list
from tests.providers import world
from tests.providers.test_console import page, staff_of
from tests.providers.world import CLERK, LATER, World, a_live_key, a_test_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


def everything():
    """Return a world in which something waits for each reason that an upload can bring."""
    there = World(devices=8)
    there.send(there.record("settled", job_ref="j", utilisation_pct="99"))
    MeteringMonth.objects.create(month="2026-10", closed_at=LATER, closed_by="系统")
    world.a_model("bare", rate=False)
    world.a_model("unowned")
    unended = {k: v for k, v in there.record("running").items() if k != "ended_at"}
    there.send(
        unended,
        there.record("who", device_model="who"),
        there.record("bare", device_model="bare"),
        there.record("unowned", device_model="unowned"),
        there.record("too-much", device_count=9),
        there.record("fix", corrects="settled", reason="错", device_count=1),
        there.record("settled", device_count=7),
    )
    there.send(there.record("again"), hold_reason="suspect_repeat")
    looking.look_for_oddities(Month(2026, 10), actor=CLERK, at=LATER)
    deciding.decide_finding(Finding.objects.get(), "ask", reason="为何？", actor=CLERK, at=LATER)
    return there


def ask(token, path):
    client = httpx.Client(transport=world.in_process(), base_url=settings.PUBLIC_ORIGIN)
    return client.get(f"/api/v1/metering/{path}", headers={"Authorization": f"Bearer {token}"})


def test_every_class_that_waits_is_listed_with_what_it_waits_for():
    there = everything()
    listed, following = waiting_list(there.provider)
    assert following == ""
    assert sorted(each.reason for each in listed) == sorted(
        set(REASONS) - {"over_hold", "under_review"}
    )
    held = UsageRecord.objects.filter(segment=0, state__in=["held", "open"]).count()
    assert held == sum(each.place.startswith("record") for each in listed)
    assert all(each.told.waits_for_zh and each.told.to_do_en for each in listed)


def test_every_hold_reason_has_its_words():
    assert set(UsageRecord.HoldReason.values) <= set(REASONS)


def test_pages_follow_one_another_without_gap_or_repeat():
    there = everything()
    whole, _ = waiting_list(there.provider)
    told, place = [], ""
    for _ in range(len(whole) + 1):
        page, place = waiting_list(there.provider, after=place, limit=2)
        told += page
        if not place:
            break
    assert told == whole


def test_one_reason_is_picked_out_and_other_providers_see_nothing():
    there = everything()
    for reason in set(REASONS) - {"over_hold", "under_review"}:
        assert [each.reason for each in waiting_list(there.provider, reason=reason)[0]] == [reason]
    assert waiting_list(world.a_provider("另一家"))[0] == []


def test_machines_ask_for_what_waits_page_by_page():
    there = everything()
    _, token, _ = a_live_key(there.provider)
    first = ask(token, "waiting?limit=1").json()
    second = ask(token, f"waiting?limit=1&cursor={first['next_cursor']}").json()
    both = [each["waiting"][0]["record_id"] for each in (first, second)]
    assert both == [each.record_id for each in waiting_list(there.provider)[0][:2]]
    (fix,) = ask(token, "waiting?reason=late_correction").json()["waiting"]
    assert (fix["record_id"], fix["note"]) == ("fix", "更正 settled")
    assert "两人" in fix["waits_for"]
    for wrong in ("waiting?reason=luck", "waiting?cursor=1", "waiting?limit=-1"):
        assert ask(token, wrong).status_code == 400
    assert ask("nobody.nothing-at-all-of-it", "waiting").status_code == 401


def test_machines_ask_for_the_calendar_of_a_month():
    there = World()
    there.send(there.record())
    _, token, _ = a_live_key(there.provider)
    body = ask(token, "calendar?month=2026-10").json()
    assert (body["month"], len(body["days"]), body["gaps"]) == ("2026-10", 31, 30)
    assert body["days"][2] == {
        "day": "2026-10-03", "state": "reported", "records": 1, "batches": 1,
        "declared_zero": False, "manifest": "none", "note": "",
    }  # fmt: skip
    assert ask(token, "calendar").json()["month"] == "2026-11"
    _, tried = a_test_key(there.provider)
    assert ask(tried, "calendar?month=2026-10").json()["gaps"] == 31


@pytest.mark.parametrize("month", ["2026-13", "October", "2999-12", "2026-1", "２０２６-10", "%00"])
def test_a_month_that_is_none_is_said_so(month):
    _, token, _ = a_live_key(World().provider)
    answer = ask(token, f"calendar?month={month}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


def test_the_console_lists_what_waits_with_what_to_do():
    there = everything()
    client = staff_of(there, "provider_operator")
    text = page(client, "console_waiting")
    listed, _ = waiting_list(there.provider)
    for each in listed:
        assert each.told.waits_for_zh in text
        assert each.told.to_do_zh in text
    open_only = page(client, "console_waiting", reason="open")
    assert "running" in open_only
    assert "too-much" not in open_only
    assert "为何？" in page(client, "console_waiting", reason="question")
    assert "项请贵方说明" in page(client, "console")


def test_a_provider_with_nothing_waiting_is_told_so():
    there = World()
    assert "没有等待的记录" in page(
        staff_of(there), "console_waiting", after="record-x", reason="?"
    )
