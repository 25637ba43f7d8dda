"""One record's whole story: as sent, counted, held, released, corrected, left out, settled."""

import gzip
import json

import pytest
from django.test import Client
from django.urls import reverse

from ledger import clock
from ledger.periods import Month
from providers import stories
from providers.bodies import body_path
from providers.models import BatchRow, ProviderSeat, UsageRecord
from providers.raw_rows import raw_row
from providers.shutting import shut_month
from tests.providers import world
from tests.providers.world import CLERK, World
from tests.vouchers import story

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


def reader(there: World, role: str = "provider_engineer") -> Client:
    user = story.user_of(f"读者{role}")
    ProviderSeat.objects.get_or_create(user=user, provider=there.provider, defaults={"role": role})
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args, **query) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response
    return response.content.decode()


def stored(record_id: str = "r-1") -> UsageRecord:
    return UsageRecord.objects.get(record_id=record_id, segment=0)


def titles(record: UsageRecord) -> list[str]:
    return [step.title for step in stories.story_of(record)["steps"]]


BODIES = {
    "text/csv": "record_id,order_no\n\nr-1,A\nr-2,B\n",
    "application/x-ndjson": '{"record_id":"r-1"}\n\n{"record_id": "r-2"}\n',
    "application/json": '{"records": [{"record_id":"r-1"}, {"record_id": "r-2"}]}',
    "application/cloudevents-batch+json": '[{"id":"1"}, {"record_id": "r-2"}]',
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_row_is_found_again_as_its_sender_wrote_it(tmp_path, kind, encoding):
    body = BODIES[kind].encode()
    kept = tmp_path / "body"
    kept.write_bytes(gzip.compress(body) if encoding else body)
    found = raw_row(kept, kind, encoding, 2)
    assert found == ("record_id,order_no\nr-2,B" if kind == "text/csv" else '{"record_id": "r-2"}')
    assert raw_row(kept, kind, encoding, 9) == ""


def test_a_body_that_is_gone_broken_or_of_another_kind_shows_nothing(tmp_path):
    assert raw_row(tmp_path / "none", "text/csv", "", 1) == ""
    broken = tmp_path / "broken"
    broken.write_bytes(b"\xff\xfe")
    for kind in [*BODIES, "application/vnd.apache.parquet"]:
        for encoding in ("", "gzip"):
            assert raw_row(broken, kind, encoding, 1) == ""


def test_the_story_begins_with_the_row_as_sent():
    there = World()
    body = json.dumps({"records": [there.record("other"), there.record()]}, indent=1).encode()
    there.send(body=body)
    told = stories.story_of(stored())
    assert json.loads(told["raw"])["record_id"] == "r-1"
    text = page(reader(there), "console_record", stored().pk)
    assert "&quot;record_id&quot;: &quot;r-1&quot;" in text
    assert "原始正文没有留存" not in text


def test_a_record_without_its_body_shows_what_was_read():
    there = World()
    batch = there.send(there.record(utilisation_pct="71.50"))
    assert stories.story_of(stored())["raw"]
    body_path(batch.body_sha256).unlink()
    text = page(reader(there), "console_record", stored().pk)
    assert "原始正文没有留存" in text
    assert "71.5" in text


def test_each_month_of_a_record_is_counted_out_and_the_parts_add_up():
    there = World()
    there.send(
        there.record(
            started_at="2026-10-31T23:59:59.500000+08:00", ended_at="2026-11-01T01:00:00+08:00"
        )
    )
    parts = UsageRecord.objects.filter(record_id="r-1").order_by("segment")
    told = stories.story_of(stored())["sums"]
    assert [each["month"] for each in told] == ["2026-10", "2026-11"]
    assert told[0]["lines"][0] == "8 张 × 1,000 千分份额 × 0 整秒 = 0 卡毫秒"
    assert told[1]["lines"][0] == "8 张 × 1,000 千分份额 × 3,600 整秒 = 28,800,000 卡毫秒"
    assert sum(each.device_milli_seconds for each in parts) == 8 * 1000 * 3600


def test_a_chain_of_corrections_is_told_from_either_end():
    there = World()
    there.send(there.record())
    there.send(there.record("r-1-c1", device_count=4, corrects="r-1", reason="数错了"))
    there.send(there.record("r-1-c2", device_count=6, corrects="r-1-c1", reason="又错了"))
    chain = ["r-1", "r-1-c1", "r-1-c2"]
    for record_id in chain:
        told = stories.story_of(stored(record_id))
        assert [each.record_id for each in told["chain"]] == chain
    assert titles(stored()) == ["收到", "判定", "被更正", "冲销", "待结算"]
    assert titles(stored("r-1-c1"))[:4] == ["收到", "判定", "更正", "被更正"]
    text = page(reader(there), "console_record", stored("r-1-c2").pk)
    assert reverse("console_record", args=[stored().pk]) in text
    assert "又错了" in text


def test_a_held_record_says_what_it_waits_for_and_later_when_it_was_let_go():
    there = World()
    there.send(there.record(device_model="new-card"))
    text = page(reader(there), "console_record", stored().pk)
    assert "待定：型号未登记" in text
    assert "还没有折算系数，不能折算，也不会猜" in text
    model = world.a_model("new-card", rate=False)
    with clock.set_to(world.LATER):
        world.give_capacity(there.provider, model)
    rate = world.listing.propose_rate(
        model, 100_000, valid_from=world.REGISTRY_FROM, source="白皮书", grade="A",
        actor=CLERK, at=world.LATER,
    )  # fmt: skip
    later = world.LATER.replace(hour=5)
    world.listing.approve_rate(rate, actor=world.CHIEF, at=later)
    step = next(each for each in stories.story_of(stored())["steps"] if each.title == "放行")
    assert step.at == later
    assert "没有重传" in step.text


def test_a_record_that_never_waited_has_no_release():
    there = World()
    there.send(there.record())
    assert titles(stored()) == ["收到", "判定", "待结算"]


def test_a_shut_month_and_a_late_record_are_told():
    there = World()
    there.send(there.record())
    shut_month(Month(2026, 10), actor=CLERK, at=world.LATER)
    there.send(there.record("late"))
    assert titles(stored())[-1] == "截止"
    late = stories.story_of(stored("late"))
    assert "迟报，计入 2026-11 结算" in late["steps"][1].text
    assert "计入 2026-11 结算" in page(reader(there), "console_record", stored("late").pk)


def test_rows_that_were_left_out_have_a_page_of_their_own():
    there = World()
    there.send(there.record())
    there.send(there.record(), there.record("bad", device_count=-1))
    there.send(there.record(device_count=3, ended_at="2026-10-03T02:00:00+08:00"))
    client = reader(there)
    same, bad, other = (
        BatchRow.objects.get(outcome=each) for each in ("duplicate", "rejected", "conflict")
    )
    duplicate = page(client, "console_row", same.pk)
    assert "没有重复计算" in duplicate
    assert reverse("console_record", args=[stored().pk]) in duplicate
    rejected = page(client, "console_row", bad.pk)
    for words in (
        "数值超出范围",
        "device_count",
        "-1",
        reverse("api_problem", args=["out_of_range"]),
    ):
        assert words in rejected
    conflict = stories.story_of_left_out(other)
    assert [(each["field"], each["stored"], each["given"]) for each in conflict["differences"]] == [
        ("device_count", "8", "3"),
        ("ended_at", "2026-10-03T01:00:00+08:00", other.given["ended_at"]),
    ]
    assert "等待主管部门处理" in page(client, "console_row", other.pk)
    assert page(client, "console_record", stored().pk).count("/console/rows/") == 2


def test_a_row_of_somebody_else_is_not_there():
    there = World()
    there.send(there.record("bad", device_count=-1))
    other = World(enterprise=there.order.enterprise)
    row = BatchRow.objects.get()
    assert reader(other).get(reverse("console_row", args=[row.pk])).status_code == 404


def test_records_are_found_by_order_model_state_reason_and_day():
    there = World()
    there.send(there.record(), there.record("r-2", device_model="strange"))
    there.send(there.record("bad", started_at="2026-10-03T00:00:00"))
    client = reader(there)

    def found(**asked) -> set[str]:
        response = client.get(reverse("console_records"), asked)
        return {each.record_id for each in response.context["page_obj"]}

    assert found(order_no=there.order.order_no) == {"r-1", "r-2"}
    assert found(device_model="NVIDIA-A100") == {"r-1"}
    assert found(state="held", reason="unknown_model") == {"r-2"}
    assert found(day="2026-10-03") == {"r-1", "r-2"}
    assert found(day="2026-10-04") == set()
    assert found(state="rejected") == {"bad"}
    assert found(state="rejected", reason="time_zone") == {"bad"}
    assert found(state="rejected", reason="out_of_range") == set()
    assert found(state="rejected", device_model="nvidia-a100", day="2026-10-03") == {"bad"}
    assert "没有入账的来件" in page(client, "console_records", record_id="bad")
    assert found(state="no such") == {"r-1", "r-2"}
