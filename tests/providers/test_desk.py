"""The desk for usage: two people act on its pages, and see what they decide about."""

import pytest
from django.urls import reverse

from ledger.periods import Month
from providers import looking, metering
from providers.models import DeskRequest, Finding, MeteringMonth, UsageConflict, UsageRecord
from providers.waiting import waiting_list
from tests.providers.test_doors import officer, page
from tests.providers.world import CLERK, LATER, World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]

PROPOSE, DECIDE, VIEW = (
    "providers.propose_usage", "providers.decide_usage", "providers.view_providers",
)  # fmt: skip


def late():
    there = World()
    there.send(there.record())
    MeteringMonth.objects.create(month="2026-10", closed_at=LATER, closed_by="系统")
    there.send(there.record("fix", device_count=3, corrects="r-1", reason="数错了"))
    return there


def ask(client, there, kind, subject):
    said = {"provider": there.provider.pk, "kind": kind, "subject": subject, "reason": "已核"}
    return client.post(reverse("office_desk_ask"), said, follow=True).content.decode()


def decide(client, agree="1"):
    request = DeskRequest.objects.get(state="proposed")
    where = reverse("office_desk_decide", args=[request.pk])
    return client.post(where, {"agree": agree}, follow=True).content.decode()


def test_a_late_correction_is_seen_beside_the_old_record_asked_for_and_agreed_by_another():
    there = late()
    first, second = officer("周初审", PROPOSE), officer("赵复核", DECIDE, PROPOSE)
    assert "fix" in page(first, "office_desk")
    fix = UsageRecord.objects.get(record_id="fix")
    shown = page(first, "office_usage_record", fix.pk)
    assert "<strong>8</strong>" in shown
    assert "<strong>3</strong>" in shown
    assert "须由另一人批准" in ask(first, there, "correct", "fix")
    assert "等待另一人批准" in page(first, "office_usage_record", fix.pk)
    assert "已批准" in decide(second)
    assert UsageRecord.objects.get(record_id="r-1", segment=1000).settle_month == "2026-11"
    assert "已批准" in page(first, "office_usage_record", fix.pk)


def test_who_asked_does_not_agree_and_who_may_only_look_does_neither():
    there = late()
    both = officer("钱一人", PROPOSE, DECIDE)
    ask(both, there, "correct", "fix")
    assert "提出人不能自己批准" in decide(both)
    reader = officer("孙审计", VIEW)
    assert reader.post(reverse("office_desk_ask"), {}).status_code == 403
    assert "等待另一人批准" in page(reader, "office_desk")
    assert "不予批准，记录继续等待" in decide(officer("赵复核", DECIDE), agree="0")
    assert UsageRecord.objects.get(record_id="fix").hold_reason == "late_correction"


def test_gaps_are_listed_by_provider_and_let_stand_by_two():
    there = World()
    first, second = officer("周初审", PROPOSE), officer("赵复核", DECIDE)
    text = page(first, "office_gaps", "2026-10")
    assert "2026-10-04 缺报" in text
    assert "没有填写" not in ask(first, there, "waive", "2026-10")
    assert "31 处缺口" in page(second, "office_desk")
    decide(second)
    assert "已说明的缺口 31 处" in page(first, "office_gaps", "2026-10")
    assert first.get(reverse("office_gaps", args=["2026-13"])).status_code == 404
    assert first.get(reverse("office_gaps", args=["2999-12"])).status_code == 404


def test_both_contents_of_a_conflict_stand_side_by_side_with_both_digests():
    there = World()
    there.send(there.record())
    there.send(there.record(device_count=9))
    conflict = UsageConflict.objects.get()
    text = page(officer("孙审计", VIEW), "office_usage_conflict", conflict.pk)
    for shown in ("<strong>8</strong>", "<strong>9</strong>", conflict.given_text):
        assert shown in text
    assert bytes(conflict.stored_digest).hex() in text
    assert text.count("<strong>") == 2


def test_findings_are_filtered_opened_and_decided():
    there = World()
    there.send(there.record(utilisation_pct="99"))
    looking.look_for_oddities(Month(2026, 10), actor=CLERK, at=LATER)
    finding = Finding.objects.get()
    first = officer("周初审", PROPOSE, VIEW)
    where = reverse("office_findings")
    for query, seen in [("", 1), ("?kind=month_jump", 0), ("?month=2026-10&provider=云算", 1)]:
        text = first.get(where + query).content.decode()
        assert text.count(reverse("office_finding", args=[finding.pk])) == seen
    assert "r-1" in page(first, "office_finding", finding.pk)
    act = reverse("office_finding_decide", args=[finding.pk])
    assert "请填写理由" in first.post(act, {"choice": "ask"}, follow=True).content.decode()
    first.post(act, {"choice": "genuine", "reason": "压力测试"})
    assert "压力测试" in page(first, "office_finding", finding.pk)
    assert "没有符合条件的疑点" in page(first, "office_findings")


def test_waiting_records_are_listed_by_reason_and_refused_from_their_page():
    there = World()
    there.send(there.record(device_model="unheard-of"), there.record("r-2"))
    first, second = officer("周初审", PROPOSE, VIEW), officer("赵复核", DECIDE)
    where = reverse("office_usage_waiting")
    assert "r-1" in first.get(f"{where}?reason=unknown_model").content.decode()
    assert "没有等待的记录" in first.get(f"{where}?provider=nobody").content.decode()
    ask(first, there, "refuse", "r-1")
    decide(second)
    assert UsageRecord.objects.get(record_id="r-1").state == "refused"
    assert "没有等待的记录" in page(first, "office_usage_waiting")


def test_strange_requests_are_turned_away_with_a_word():
    there = World()
    first = officer("周初审", PROPOSE)
    for said in ({"provider": "x"}, {"provider": str(there.provider.pk), "kind": "burn"}):
        assert first.post(reverse("office_desk_ask"), said).status_code == 404
    assert "不在等待状态" in ask(first, there, "refuse", "nothing")


def test_suspected_repeats_of_a_batch_count_when_two_people_say_that_they_are_genuine():
    there = World()
    batch = there.send(there.record(), there.record("r-2"), hold_reason="suspect_repeat")
    there.send(there.record("r-3"), hold_reason="suspect_repeat")
    first, second = officer("周初审", PROPOSE, VIEW), officer("赵复核", DECIDE)
    record = UsageRecord.objects.get(record_id="r-1")
    assert "整批疑似重复准予入账" in page(first, "office_usage_record", record.pk)
    assert "没有这个批次" in ask(first, there, "release", "none")
    ask(first, there, "release", str(batch.pk))
    assert str(batch.pk) in page(second, "office_desk")
    decide(second)
    states = dict(UsageRecord.objects.values_list("record_id", "state"))
    assert states == {"r-1": "accepted", "r-2": "accepted", "r-3": "held"}
    assert "没有等待核实" in ask(first, there, "release", str(batch.pk))


def test_while_the_bureau_looks_into_a_provider_what_it_sends_waits_and_counts_after():
    there = World()
    there.send(there.record(utilisation_pct="99"))
    looking.look_for_oddities(Month(2026, 10), actor=CLERK, at=LATER)
    finding = Finding.objects.get()
    first = officer("周初审", PROPOSE, VIEW)
    act = reverse("office_finding_decide", args=[finding.pk])
    first.post(act, {"choice": "hold", "reason": "数据可疑"})
    there.send(there.record("r-2"))
    assert UsageRecord.objects.get(record_id="r-2").hold_reason == "under_review"
    assert there.send(there.record("t"), livemode=False).counts["accepted"] == 1
    metering.release_held(there.provider, actor=CLERK, at=LATER)
    assert UsageRecord.objects.get(record_id="r-2").state == "held"
    reasons = [each.reason for each in waiting_list(there.provider)[0]]
    assert reasons == ["under_review", "question"]
    first.post(act, {"choice": "genuine", "reason": "已说明"})
    assert UsageRecord.objects.get(record_id="r-2").state == "accepted"
