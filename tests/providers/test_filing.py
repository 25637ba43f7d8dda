"""What a provider files about its site: bounds, two persons, versions, and the pages for it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse

from ledger import clock
from ledger.models import LogEntry
from ledger.periods import Month
from providers import admitting, filing
from providers.efficiency import BOUNDS, fault_of
from providers.models import EfficiencyFiling, StateRow
from tests.providers import world
from tests.providers.test_admitting import refusal
from tests.providers.test_doors import browser, officer, page, staff_of
from tests.providers.world import CHIEF, CLERK, ENGINEER, LATER
from tests.vouchers import story
from vouchers.evidence import Upload

OCTOBER = Month(2026, 10)
PAPER = Upload("检测报告.pdf", story.a_pdf(), "application/pdf")
SAID = {"pue_milli": 1_250, "green_bp": 2_550, "latency_us": 1_850}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None),
        ({"pue_milli": 1_000, "green_bp": 0, "latency_us": 1}, None),
        ({"pue_milli": 3_000, "green_bp": 10_000, "latency_us": 1_000_000}, None),
        ({"pue_milli": None, "green_bp": None}, None),
        (dict.fromkeys(BOUNDS), "pue_milli"),
        ({"pue_milli": 999}, "pue_milli"),
        ({"pue_milli": 3_001}, "pue_milli"),
        ({"green_bp": -1}, "green_bp"),
        ({"green_bp": 10_001}, "green_bp"),
        ({"latency_us": 0}, "latency_us"),
        ({"latency_us": 1_000_001}, "latency_us"),
    ],
)
def test_what_a_site_cannot_be_is_told(changes, field):
    fault = fault_of(SAID | changes)
    assert (fault and fault[0]) == field
    assert fault is None or fault[1]


def filed(provider, said=SAID, month=OCTOBER, at=LATER):
    return filing.file_efficiency(provider, month, said, PAPER, actor=ENGINEER, at=at)


@pytest.mark.django_db
def test_a_filing_counts_once_another_person_confirms_it_and_a_later_version_takes_its_place():
    provider = world.a_provider()
    first = filed(provider)
    assert refusal(filed, provider) == "filing_waits"
    assert refusal(filing.confirm_efficiency, first, actor=ENGINEER, at=LATER) == "same_person"
    admitting.add_provider_seat(
        provider, story.user_of("陈运维"), "provider_admin", actor=CLERK, at=LATER
    )
    seated = replace(CHIEF, person=story.user_of("陈运维").person_hash)
    assert refusal(filing.confirm_efficiency, first, actor=seated, at=LATER) == "own_organisation"
    assert not EfficiencyFiling.objects.standing(["2026-10"]).exists()
    filing.confirm_efficiency(first, actor=CHIEF, at=LATER)
    second = filed(provider, SAID | {"pue_milli": 1_310, "green_bp": None})
    assert second.version == 2
    assert EfficiencyFiling.objects.standing(["2026-10"]).get() == first, "until it is confirmed"
    filing.confirm_efficiency(second, actor=CHIEF, at=LATER)
    assert EfficiencyFiling.objects.standing(["2026-10"]).get() == second
    assert not EfficiencyFiling.objects.standing(["2026-09"]).exists()
    assert [each.event for each in StateRow.objects.of(second)] == ["create", "approve"]
    bodies = [bytes(each) for each in LogEntry.objects.values_list("body", flat=True)]
    assert any(b'"pue_milli":"1310"' in each for each in bodies)
    assert not any(ENGINEER.person.encode() in each for each in bodies)


@pytest.mark.django_db
def test_what_may_not_be_filed_or_decided_is_refused_and_writes_nothing():
    provider = world.a_provider()
    assert refusal(filed, provider, SAID | {"pue_milli": 999}) == "out_of_range"
    early = OCTOBER.end_at - timedelta(seconds=1)
    assert refusal(filed, provider, at=early) == "month_open"
    waiting = admitting.apply_provider("新供方", world.next_code(), actor=ENGINEER, at=LATER)
    assert refusal(filed, waiting) == "not_admitted"
    assert not EfficiencyFiling.objects.exists()
    sent = filed(provider)
    told = {"actor": CHIEF, "at": LATER}
    assert refusal(filing.decline_efficiency, sent, reason=" ", **told) == "reason_missing"
    filing.decline_efficiency(sent, reason="检测报告缺少计量边界。", **told)
    assert refusal(filing.confirm_efficiency, sent, **told) != "same_person"
    assert not EfficiencyFiling.objects.standing(["2026-10"]).exists()
    assert filed(provider).version == 2, "sent back, it may be filed again"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [{"pue_milli": 1_100}, {"month": "2026-09"}, {"state": "proposed"}, {"reason": "x"}],
)
def test_the_database_keeps_a_filing_as_it_was_filed_and_decided(change):
    sent = filing.confirm_efficiency(filed(world.a_provider()), actor=CHIEF, at=LATER)
    rows = EfficiencyFiling.objects.filter(pk=sent.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()


@pytest.mark.django_db
def test_the_pages_file_send_back_correct_and_confirm():
    provider = world.a_provider()
    typed = {"month": "2026-10", "pue": "1.25", "green": "25.5", "latency": "1.85"}
    address = reverse("console_efficiency")
    with clock.set_to(LATER):
        client = staff_of(provider)
        assert "还没有申报" in page(client, "console_efficiency")
        bad = client.post(address, typed | {"pue": "0.99"})
        assert (bad.status_code, EfficiencyFiling.objects.count()) == (422, 0)
        early = client.post(address, typed | {"month": "2026-11", "file": a_file()})
        assert (early.status_code, "还没有结束" in early.content.decode()) == (409, True)
        client.post(address, typed | {"file": a_file()})
        sent = EfficiencyFiling.objects.get()
        assert {name: getattr(sent, name) for name in BOUNDS} == SAID
        chief = officer("赵复核", "providers.admit_provider", "providers.view_providers")
        assert "1.250" in page(chief, "office_efficiency")
        assert "能效申报：1 份" in page(chief, "office_providers")
        decline = reverse("office_efficiency_decline", args=[sent.pk])
        chief.post(decline, {"reason": "请附绿证编号。"})
        assert "请附绿证编号。" in page(client, "console_efficiency")
        client.post(address, typed | {"file": a_file(), "green": ""})
        again = EfficiencyFiling.objects.get(version=2)
        chief.post(reverse("office_efficiency_confirm", args=[again.pk]))
        again.refresh_from_db()
        assert (again.state, again.green_bp) == ("approved", None)
        given = client.get(reverse("console_efficiency_file", args=[again.pk]))
        assert given.content.startswith(b"%PDF-")
        stranger = staff_of(world.a_provider("别家"), "外人")
        paper = reverse("console_efficiency_file", args=[again.pk])
        assert stranger.get(paper).status_code == 404
        confirm = reverse("office_efficiency_confirm", args=[again.pk])
        assert officer("只读", "providers.view_providers").post(confirm).status_code == 403
        assert browser("路人").get(reverse("office_efficiency")).status_code == 403


def a_file() -> SimpleUploadedFile:
    return SimpleUploadedFile(PAPER.name, PAPER.content, PAPER.declared)
