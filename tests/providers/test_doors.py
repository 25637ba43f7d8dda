"""The pages of this room: who may come in, what is theirs to see, what a form does."""

import base64
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ledger import clock
from ledger.identifiers import new_id
from providers.models import (
    AcceleratorRate,
    Order,
    Provider,
    ProviderKey,
    ProviderSeat,
    UsageBatch,
    UsageConflict,
    UsageRecord,
)
from tests.providers import world
from tests.providers.world import World
from tests.roles import SUPERUSER, as_role, give_group
from tests.vouchers import story

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _november():
    with clock.set_to(world.LATER):
        yield


def browser(name: str) -> Client:
    client = Client()
    client.force_login(story.user_of(name))
    return client


def staff_of(provider: Provider, name: str = "陈运维", role: str = "provider_admin") -> Client:
    ProviderSeat.objects.create(user=story.user_of(name), provider=provider, role=role)
    return browser(name)


def officer(name: str, *rights: str) -> Client:
    user = story.user_of(name)
    with as_role(SUPERUSER):  # the application itself gives nobody a new right
        group, _ = Group.objects.get_or_create(name=f"组-{name}")
        for right in rights:
            room, _, codename = right.partition(".")
            group.permissions.add(
                Permission.objects.get(content_type__app_label=room, codename=codename)
            )
    give_group(user, group)
    return browser(name)


def page(client: Client, name: str, *args, **query) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response
    return response.content.decode()


def table_of(there: World, *changes: dict) -> SimpleUploadedFile:
    rows = [there.record(f"r-{number}", **each) for number, each in enumerate(changes)]
    head = ",".join(rows[0])
    lines = [head, *(",".join(str(value) for value in row.values()) for row in rows)]
    return SimpleUploadedFile("usage.csv", "\n".join(lines).encode())


CONSOLE = [
    "console",
    "console_upload",
    "console_batches",
    "console_records",
    "console_orders",
    "console_offerings",
    "console_capacity",
    "console_efficiency",
    "console_keys",
    "console_guide",
    "console_calendar",
]


@pytest.mark.parametrize("name", CONSOLE)
def test_a_provider_sees_its_own_pages_and_strangers_none(name):
    there = World()
    there.send(there.record(), there.record("x", device_model="G3"))
    assert there.provider.name in page(staff_of(there.provider), "console")
    page(browser("陈运维"), name)
    assert browser("路人").get(reverse(name)).status_code == 403
    assert Client().get(reverse(name)).status_code == 302


def test_things_of_another_provider_are_not_there():
    there = World()
    batch = there.send(there.record())
    other = World(enterprise=there.order.enterprise)
    key, _ = world.a_test_key(there.provider)
    stranger = staff_of(other.provider)
    record = UsageRecord.objects.get()
    for name, pk in [
        ("console_batch", batch.pk),
        ("console_batch_errors", batch.pk),
        ("console_batch_receipt", batch.pk),
        ("console_record", record.pk),
        ("console_order", there.order.pk),
        ("console_offering", there.offering.pk),
        ("console_key", key.pk),
    ]:
        assert stranger.get(reverse(name, args=[pk])).status_code == 404, name


def test_a_file_is_previewed_then_its_good_rows_count_once():
    there = World()
    client = staff_of(there.provider)
    file = table_of(there, {}, {"device_count": -3})
    preview = client.post(reverse("console_upload"), {"file": file})
    text = preview.content.decode()
    assert "只入账正确的 1 条" in text
    assert "数值超出范围" in text
    assert not UsageBatch.objects.exists()
    form = {"ticket": preview.context["ticket"], "on_error": "accept_valid"}
    first = client.post(reverse("console_upload_confirm"), form, follow=True)
    assert "部分入账" in first.content.decode()
    client.post(reverse("console_upload_confirm"), form)
    assert UsageBatch.objects.count() == UsageRecord.objects.count() == 1
    batch = UsageBatch.objects.get()
    assert batch.source == "console"
    errors = client.get(reverse("console_batch_errors", args=[batch.pk]))
    assert "out_of_range" in b"".join(errors.streaming_content).decode()
    receipt = client.get(reverse("console_batch_receipt", args=[batch.pk]))
    assert receipt.json()["receipt"]["batch_id"] == str(batch.pk)
    assert "被拒" in page(client, "console_batch", batch.pk, status="rejected")


def test_an_unreadable_file_a_strange_ending_and_a_forged_ticket_are_told_and_change_nothing():
    there = World()
    client = staff_of(there.provider)
    gbk = SimpleUploadedFile("用量.csv", "record_id,型号\n".encode("gbk"))
    answer = client.post(reverse("console_upload"), {"file": gbk})
    assert answer.status_code == 409
    assert "GBK" in answer.content.decode()
    odd = SimpleUploadedFile("a.xlsx", b"x")
    assert client.post(reverse("console_upload"), {"file": odd}).status_code == 422
    forged = client.post(reverse("console_upload_confirm"), {"ticket": "x"}, follow=True)
    assert "预览已过期" in forged.content.decode()
    assert not UsageBatch.objects.exists()


def test_a_record_tells_its_whole_story():
    there = World()
    there.send(there.record())
    there.send(there.record("r-2", device_count=4, corrects="r-1", reason="数错了"))
    client = staff_of(there.provider)
    first = UsageRecord.objects.get(record_id="r-1", segment=0)
    text = page(client, "console_record", first.pk)
    for words in (
        "8 张 × 1,000 千分份额 × 3,600 整秒 = 28,800,000 卡毫秒",
        "28,800,000 × 312,000 GFLOPS（系数第 1 版）= 8,985,600,000,000",
        "÷ 3,600,000,000,000 = 2.496000 PFLOPS·时",
        "28,800,000 × 600 分 ÷ 3,600,000 = 4,800 分 = 48.00 元",
        "冲销",
        "数错了",
    ):
        assert words in text
    assert "r-2" in page(client, "console_records", record_id="r-2")
    assert "没有符合条件" in page(client, "console_records", record_id="none")
    assert page(client, "console_records", day="2026-10-03", state="accepted")


def test_an_order_is_quoted_placed_accepted_and_shown_to_both_sides():
    there = World()
    voucher = story.a_voucher(there.order.enterprise)
    enterprise = voucher.enterprise
    buyer = browser(f"管理员{enterprise.uscc[-4:]}")
    assert there.offering.title in page(buyer, "order_choose")
    typed = {
        "offering": str(there.offering.pk),
        "voucher": str(voucher.pk),
        "device_count": "2",
        "starts_on": "2026-11-21",
        "ends_on": "2026-11-30",
        "planned_hours": "100",
        "key": str(new_id()),
    }
    address = reverse("order_place")
    quoted = buyer.post(address, typed)
    assert "1,200.00" in quoted.content.decode()
    assert not Order.objects.filter(voucher=voucher).exists()
    confirmed = {**typed, "price": str(quoted.context["quote"].price.pk)}
    placed = buyer.post(address, confirmed, follow=True)
    assert "等待服务商接单" in placed.content.decode()
    buyer.post(address, confirmed)
    order = Order.objects.get(voucher=voucher)
    assert order.held_fen == 36_000
    seller = staff_of(there.provider)
    seller.post(reverse("console_order_accept", args=[order.pk]))
    order.refresh_from_db()
    assert order.state == "accepted"
    assert "服务中" in page(buyer, "order", order.pk)
    assert order.order_no in page(seller, "console_orders", state="accepted")
    answer = buyer.post(reverse("order_cancel", args=[order.pk]), {"reason": ""})
    assert answer.status_code == 422
    buyer.post(reverse("order_cancel", args=[order.pk]), {"reason": "计划变更"})
    order.refresh_from_db()
    assert (order.state, order.hold.state) == ("cancelled", "closed")
    stranger = World(enterprise=story.an_enterprise(story.OTHER_USCC, "另一家公司"))
    other = browser(f"管理员{story.OTHER_USCC[-4:]}")
    assert other.get(reverse("order", args=[order.pk])).status_code == 404
    assert page(other, "order", stranger.order.pk)


def test_an_order_beyond_the_voucher_is_refused_on_the_form():
    there = World()
    voucher = story.a_voucher(there.order.enterprise)
    buyer = browser(f"管理员{voucher.enterprise.uscc[-4:]}")
    typed = {
        "offering": str(there.offering.pk),
        "voucher": str(voucher.pk),
        "device_count": "64",
        "starts_on": "2026-11-21",
        "ends_on": "2026-12-20",
        "key": str(new_id()),
        "price": str(there.offering.price_at(world.LATER).pk),
    }
    answer = buyer.post(reverse("order_place"), typed)
    assert answer.status_code == 409
    assert "可用余额" in answer.content.decode()


def test_a_provider_applies_and_two_people_take_it_in():
    applicant = browser("新供方")
    applicant.post(
        reverse("console_apply"), {"name": "新云算力", "uscc": world.next_code(), "contact": "1"}
    )
    provider = Provider.objects.get(name="新云算力")
    chief = officer("赵复核", "providers.view_providers", "providers.admit_provider")
    assert "新云算力" in page(chief, "office_providers")
    assert "同意入库" in page(chief, "office_provider", provider.pk)
    assert chief.post(reverse("office_provider_admit", args=[provider.pk]), {}).status_code == 422
    chief.post(reverse("office_provider_admit", args=[provider.pk]), {"batch_no": "2026-2"})
    provider.refresh_from_db()
    assert provider.state == "admitted"
    chief.post(reverse("office_provider_suspend", args=[provider.pk]), {"reason": "核查"})
    provider.refresh_from_db()
    assert provider.state == "suspended"
    reader = officer("钱审计", "providers.view_providers")
    answer = reader.post(reverse("office_provider_readmit", args=[provider.pk]), {"reason": "好"})
    assert answer.status_code == 403


def test_a_live_key_is_made_proved_and_confirmed_through_the_pages():
    there = World()
    client = staff_of(there.provider)
    private = Ed25519PrivateKey.generate()
    leaked = world.private_pem(Ed25519PrivateKey.generate()).decode()
    answer = client.post(reverse("console_keys"), {"mode": "live", "public_key": leaked})
    assert answer.status_code == 409
    assert "私钥" in answer.content.decode()
    made = client.post(
        reverse("console_keys"), {"mode": "live", "public_key": world.public_pem(private)}
    )
    key = ProviderKey.objects.get(mode="live")
    assert made.context["token"].startswith(key.key_id)
    wrong = client.post(reverse("console_key_prove", args=[key.pk]), {"signature": "AAAA"})
    assert wrong.status_code == 409
    proof = base64.b64encode(private.sign(key.challenge.encode())).decode()
    client.post(reverse("console_key_prove", args=[key.pk]), {"signature": proof})
    chief = officer("赵复核", "providers.confirm_key")
    assert key.key_id in page(chief, "office_provider", there.provider.pk)
    chief.post(reverse("office_key_confirm", args=[key.pk]))
    key.refresh_from_db()
    assert key.state == "active"
    unsure = client.post(reverse("console_key_revoke", args=[key.pk]), {"reason": "更换机器"})
    assert (unsure.status_code, "请勾选确认" in unsure.content.decode()) == (422, True)
    sure = {"reason": "更换机器", "sure": "on", "compromised_since": "2026-11-18"}
    client.post(reverse("console_key_revoke", args=[key.pk]), sure)
    key.refresh_from_db()
    assert key.compromised_since.isoformat() == "2026-11-17T16:00:00+00:00"
    assert key.state == "revoked"
    assert "已吊销" in page(client, "console_key", key.pk)


def test_a_rate_is_proposed_by_one_and_approved_by_another():
    there = World()
    there.send(there.record(device_model="journey-card"))
    model = world.a_model("journey-card", rate=False)
    world.give_capacity(there.provider, model)
    first = officer("周初审", "providers.propose_rate")
    typed = {
        "model": str(model.pk),
        "gflops": "100000",
        "valid_from": "2020-01-01",
        "grade": "A",
        "source": "白皮书第 3 页",
    }
    first.post(reverse("office_rates"), typed)
    rate = AcceleratorRate.objects.get(model=model)
    assert first.post(reverse("office_rate_approve", args=[rate.pk])).status_code == 403
    second = officer("赵复核", "providers.approve_rate", "providers.view_providers")
    assert "白皮书第 3 页" in page(second, "office_rates")
    second.post(reverse("office_rate_approve", args=[rate.pk]))
    rate.refresh_from_db()
    assert rate.state == "approved"
    assert UsageRecord.objects.get().state == "accepted"
    doubled = first.post(reverse("office_rates"), typed | {"gflops": "200000"})
    assert doubled.status_code == 409
    assert "稀疏" in doubled.content.decode()


def test_the_desk_leaves_suspects_to_two_people_and_closes_conflicts():
    there = World()
    there.send(there.record(), hold_reason="suspect_repeat")
    there.send(there.record(device_count=9))
    chief = officer("赵复核", "providers.confirm_key", "providers.view_providers")
    text = page(chief, "office_held")
    assert "疑似重复" in text
    assert "维持已入账内容" in text
    chief.post(reverse("office_release", args=[there.provider.pk]), {"suspects": "1"})
    assert UsageRecord.objects.get().state == "held"  # repeats need two people: test_desk
    conflict = UsageConflict.objects.get()
    address = reverse("office_conflict_resolve", args=[conflict.pk])
    assert "请填写处理意见" in chief.post(address, {}, follow=True).content.decode()
    chief.post(address, {"resolution": "以首次上报为准"})
    conflict.refresh_from_db()
    assert conflict.resolved_by == "赵复核"
    batch = UsageBatch.objects.first()
    assert page(chief, "office_batches")
    assert there.provider.name in page(chief, "office_batch", batch.pk)


def test_offerings_prices_and_machines_are_filed_through_the_pages():
    there = World()
    client = staff_of(there.provider, role="provider_admin")
    client.post(reverse("console_offerings"), {"title": "按需", "model": str(there.model.pk)})
    offering = there.provider.offerings.get(title="按需")
    price = {"pricing_unit": "PFLOPS_HOUR", "price": "5.50", "valid_from": "2026-11-01"}
    client.post(reverse("console_offering", args=[offering.pk]), price)
    client.post(reverse("console_offering_move", args=[offering.pk]), {"move": "publish"})
    offering.refresh_from_db()
    assert offering.state == "published"
    assert offering.price_at(world.LATER).price_fen == 550
    wrong = client.post(reverse("console_offering", args=[offering.pk]), price | {"price": "五"})
    assert wrong.status_code == 422
    machines = {"model": str(there.model.pk), "device_count": "8", "valid_from": "2026-11-01"}
    client.post(reverse("console_capacity"), machines)
    filed = there.provider.capacities.get(state="proposed")
    chief = officer("赵复核", "providers.confirm_key")
    chief.post(reverse("office_capacity_confirm", args=[filed.pk]))
    filed.refresh_from_db()
    assert (filed.state, filed.device_count) == ("approved", 8)


def test_an_engineer_reads_orders_and_does_not_accept_them():
    there = World(accept=False, starts_on=date(2026, 11, 21))
    engineer = staff_of(there.provider, role="provider_engineer")
    assert page(engineer, "console_order", there.order.pk)
    assert engineer.post(reverse("console_order_accept", args=[there.order.pk])).status_code == 403
    operator = staff_of(there.provider, "吴业务", "provider_operator")
    assert operator.get(reverse("console_upload")).status_code == 403
    operator.post(reverse("console_order_refuse", args=[there.order.pk]), {"reason": "无卡"})
    there.order.refresh_from_db()
    assert there.order.state == "refused"
