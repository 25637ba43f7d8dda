"""The bureau's pages around keys and the registry: addresses, flags, evidence, names, refusals."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from ledger import clock
from providers import listing, restricting
from providers.models import AcceleratorAlias, AcceleratorRate, ProviderKey, UsageBatch
from tests.guards import guards_off
from tests.providers import world
from tests.providers.line import JSON, Line
from tests.providers.test_doors import officer, page
from tests.providers.world import CLERK, ENGINEER, LATER, World
from tests.vouchers import story

pytestmark = pytest.mark.django_db
KEYS = ("providers.confirm_key", "providers.view_providers")


@pytest.fixture(autouse=True)
def _november():
    with clock.set_to(LATER):
        yield


def test_an_address_list_is_shown_confirmed_and_declined():
    there = World()
    key, _, _ = world.a_live_key(there.provider)
    filing = restricting.file_networks(key, ["203.0.113.0/24"], actor=ENGINEER, at=LATER)
    chief = officer("赵复核", *KEYS)
    assert "203.0.113.0/24" in page(chief, "office_provider", there.provider.pk)
    assert key.key_id in page(chief, "office_providers")
    chief.post(reverse("office_networks_confirm", args=[filing.pk]))
    assert ProviderKey.objects.get(pk=key.pk).networks == ["203.0.113.0/24"]
    other = restricting.file_networks(key, [], actor=ENGINEER, at=LATER)
    address = reverse("office_networks_decline", args=[other.pk])
    assert "请填写理由" in chief.post(address, {}, follow=True).content.decode()
    chief.post(address, {"reason": "须限制来源"})
    other.refresh_from_db()
    assert other.state == "declined"


def test_a_leak_is_entered_seen_and_cleared_batch_by_batch():
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    chief = officer("赵复核", *KEYS)
    assert "没有待核实的批次" in page(chief, "office_flagged")
    leaked = {"reason": "笔记本失窃", "compromised_since": "2026-11-20T09:00"}
    chief.post(reverse("office_key_revoke", args=[line.key.pk]), leaked)
    key = ProviderKey.objects.get(pk=line.key.pk)
    assert (key.state, key.compromised_since) == ("revoked", LATER - timedelta(hours=1))
    text = page(chief, "office_flagged")
    assert line.key.key_id in text
    assert "签名成立" in text
    assert "尚未核实" in page(chief, "office_batch", batch_id)
    chief.post(reverse("office_batch_clear", args=[batch_id]), {"reason": "与作业日志一致"})
    assert "没有待核实的批次" in page(chief, "office_flagged")
    assert "与作业日志一致" in page(chief, "office_batch", batch_id)


def test_a_rate_is_turned_down_with_a_reason_and_a_strange_one_is_pointed_out():
    model = world.a_model("card-x", 119_500, rate=False)
    listing.approve_rate(
        listing.propose_rate(
            model, 59_800, valid_from=world.REGISTRY_FROM, source="白皮书",
            number_format="FP32_DENSE", actor=ENGINEER, at=LATER,
        ),
        actor=CLERK, at=LATER,
    )  # fmt: skip
    first = officer("周初审", "providers.propose_rate")
    typed = {"model": str(model.pk), "gflops": "119600", "valid_from": "2020-01-01", "grade": "B",
             "source": "白皮书", "page": "第 3 页"}  # fmt: skip
    first.post(reverse("office_rates"), typed)
    rate = AcceleratorRate.objects.get(state="proposed")
    chief = officer("赵复核", "providers.approve_rate", "providers.view_providers")
    text = page(chief, "office_rates")
    assert "第 3 页" in text
    assert "两倍" in text
    chief.post(reverse("office_rate_decline", args=[rate.pk]), {"reason": "资料为通用单元"})
    rate.refresh_from_db()
    assert rate.state == "declined"


def test_a_name_is_proposed_by_one_and_approved_by_another():
    model = world.a_model("card-x", 100_000)
    first = officer("周初审", "providers.propose_rate")
    asked = reverse("office_alias_propose")
    assert "请选择型号" in first.post(asked, {}, follow=True).content.decode()
    first.post(asked, {"alias_of": str(model.pk), "alias": "Card X"})
    row = AcceleratorAlias.objects.get(alias="card x")
    chief = officer("赵复核", "providers.approve_rate", "providers.view_providers")
    assert "card x" in page(chief, "office_rates")
    assert "card x" in page(chief, "office_providers")
    chief.post(reverse("office_alias_approve", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == "approved"


def test_who_may_only_look_changes_nothing():
    there = World()
    key, _, _ = world.a_live_key(there.provider)
    filing = restricting.file_networks(key, ["203.0.113.0/24"], actor=ENGINEER, at=LATER)
    reader = officer("审计员", "providers.view_providers")
    for name, pk in (("office_networks_confirm", filing.pk), ("office_key_revoke", key.pk)):
        assert reader.post(reverse(name, args=[pk]), {"reason": "x"}).status_code == 403
    assert story.user_of("审计员")


@pytest.mark.django_db(transaction=True)
def test_the_audit_command_names_the_batch_whose_evidence_does_not_hold(capsys):
    line = Line()
    batch_id = line.client.upload(line.body(), JSON).body["batch_id"]
    call_command("verify_evidence")
    assert "成立 1，未签名 0，不成立 0" in capsys.readouterr().out
    with guards_off(connection, ["providers_usagebatch"]) as cursor:
        cursor.execute("UPDATE providers_usagebatch SET signature = 'sig1=:AAAA:'")
    with pytest.raises(CommandError, match="1 个批次"):
        call_command("verify_evidence", "--provider", line.there.provider.uscc)
    assert str(UsageBatch.objects.get(pk=batch_id).pk) in capsys.readouterr().out
