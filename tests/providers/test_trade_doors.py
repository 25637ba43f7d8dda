"""Price lists and discounts through the pages: what a form takes, refuses and shows."""

import pytest
from django.test import Client
from django.urls import reverse

from ledger import clock
from ledger.identifiers import new_id
from providers import listing
from providers.models import OrderDiscount, Provider, ProviderSeat
from providers.pages import price_text
from providers.quoting import quote
from tests.providers import world
from tests.providers.world import World
from tests.vouchers import story

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _november():
    with clock.set_to(world.LATER):
        yield


def staff_of(provider: Provider, name: str, role: str) -> Client:
    ProviderSeat.objects.create(user=story.user_of(name), provider=provider, role=role)
    client = Client()
    client.force_login(story.user_of(name))
    return client


def test_a_price_list_is_filed_and_wrong_ones_are_told_by_their_line():
    there = World()
    client = staff_of(there.provider, "陈经理", "provider_admin")
    client.post(reverse("console_offerings"), {"title": "阶梯", "model": str(there.model.pk)})
    offering = there.provider.offerings.get(title="阶梯")
    address = reverse("console_offering", args=[offering.pk])
    typed = {"pricing_unit": "CARD_HOUR", "price": "", "valid_from": "2026-11-01"}
    for tiers, status, said in (
        ("0-1000 6.00\n1200- 5.50", 409, "空档"),
        ("0-1000 6.00\n900- 5.50", 409, "重叠"),
        ("0-1000 6.00\n1000- 0", 409, "大于 0 元"),
        ("0-1000 6.00\n1000- -5", 422, "第 2 行"),
        ("0到1000 六元", 422, "第 1 行"),
        ("", 422, "请填写单价"),
    ):
        answer = client.post(address, typed | {"tiers": tiers})
        assert (answer.status_code, said in answer.content.decode()) == (status, True), tiers
    both = client.post(address, typed | {"tiers": "0- 6.00", "price": "6.00"})
    assert both.status_code == 422
    assert "只填一种" in both.content.decode()
    assert not offering.prices.exists()
    client.post(address, typed | {"tiers": "1000-5000 5.50\n0-1000 6.00\n5000- 5.00"})
    price = offering.prices.get()
    assert (price.price_fen, price.tiers) == (
        600,
        [{"from_units": 1000, "price_fen": 550}, {"from_units": 5000, "price_fen": 500}],
    )
    assert "超过 1,000：5.50" in client.get(address).content.decode()
    assert "每月超过 5,000 卡时的部分 5.00 元" in price_text(price)


def test_a_provider_gives_a_discount_and_the_enterprise_reads_it():
    there = World()
    order, buyer = there.order, Client()
    buyer.force_login(story.user_of(f"管理员{order.enterprise.uscc[-4:]}"))
    client = staff_of(there.provider, "陈经理", "provider_admin")
    address = reverse("console_order_discount", args=[order.pk])
    typed = {
        "kind": "PERCENT", "value": "7.5", "from_month": "2026-11", "reason": "合同第三条",
        "key": str(new_id()),
    }  # fmt: skip
    for wrong, status in (
        ({"value": "七折"}, 422), ({"value": "100.01"}, 409), ({"from_month": "十一月"}, 422),
        ({"reason": ""}, 422), ({"kind": "CONTRACT_PRICE", "value": "6.00"}, 409),
        ({"kind": "CREDIT", "value": "-1"}, 422),
    ):  # fmt: skip
        assert client.post(address, typed | wrong).status_code == status, wrong
    assert not OrderDiscount.objects.exists()
    client.post(address, typed)
    client.post(address, typed)  # a double click
    client.post(address, typed | {"kind": "CREDIT", "value": "100.00", "key": str(new_id())})
    kept = [(each.kind, each.value) for each in order.discounts.all()]
    assert kept == [("PERCENT", 750), ("CREDIT", 10_000)]
    shown = client.get(reverse("console_order", args=[order.pk])).content.decode()
    assert "按单价减 7.50%，自2026年11月起。依据：合同第三条" in shown
    assert "赠送金额：100.00 元" in buyer.get(reverse("order", args=[order.pk])).content.decode()
    reader = staff_of(there.provider, "李工", "provider_engineer")
    assert reader.post(address, typed).status_code == 403


def test_a_rate_in_another_format_is_no_rate_for_an_order():
    there = World()
    rate = listing.propose_rate(
        there.model, 19_500, valid_from=world.REGISTRY_FROM, source="白皮书", grade="A",
        number_format="FP32_DENSE", actor=world.CLERK, at=world.AT,
    )  # fmt: skip
    listing.approve_rate(rate, actor=world.CHIEF, at=world.AT)
    told = quote(
        there.offering, None, device_count=8, planned_hours=24,
        starts_at=world.LATER, at=world.LATER,
    )  # fmt: skip
    assert told.gflops == there.model.rates.get(number_format="FP16_DENSE").gflops
