"""Other rules over past months: by hand, in the order of the months, and nothing is written."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Statement, WhatIf, WhatIfResult
from billing.what_if import digest_of, try_changes
from billing.what_if_rules import Changes
from billing.what_if_work import ask_what_if
from config.tasks import HANDLERS
from ledger import clock, work
from ledger.balances import balances
from ledger.chart import treasury
from ledger.models import Journal, LogEntry, Transfer
from ledger.periods import Month
from ledger.refusals import Refused
from providers import listing
from providers.discounting import grant_discount
from providers.pricing import TierRow
from tests.billing.test_doors import staff, text_of
from tests.billing.world import CLOSE_AT, OCTOBER, START, World, quiet
from tests.roles import SUPERUSER, as_role

pytestmark = pytest.mark.django_db
NOVEMBER = Month(2026, 11)
DECEMBER_AT = CLOSE_AT + timedelta(days=30)


def two_months() -> tuple[World, list[Any]]:
    """Two enterprises over October and November, one by the card-hour, one by the PFLOPS-hour."""
    world = World()
    world.make_programme()
    by_hour = world.make_offering(world.make_provider(), price_fen=550)
    by_work = world.make_offering(
        world.make_provider(), gflops=500_000, unit="PFLOPS_HOUR", price_fen=1_000, domestic=False
    )
    orders = [
        world.make_order(world.make_voucher(world.make_enterprise()), price, months=2)
        for price in (by_hour, by_work)
    ]
    case = orders[0].voucher.application
    case.answers = {"need": {"other_funding_fen": 100}}
    case.save()
    for month, close_at in ((OCTOBER, CLOSE_AT), (NOVEMBER, DECEMBER_AT)):
        day = month.start_at + timedelta(days=1)
        world.use(orders[0], hours=100, at=day)  # 800 card-hours x 5.50 = 4,400.00
        world.use(orders[1], hours=100, devices=10, at=day)  # 500 PFLOPS-hours x 10.00 = 5,000.00
        world.close(month, at=close_at)
    return world, orders


def found(orders: list[Any], **changes: Any) -> list[int]:
    """Return by order what both months would be granted."""
    content = try_changes("", "2026-10", "2026-11", Changes(**changes), quiet)
    assert content["months"] == ["2026-10", "2026-11"]
    sums = {row["enterprise"]: int(row["after_fen"]) for row in content["rows"]}
    return [sums[order.enterprise.name] for order in orders]


def everything(orders: list[Any]) -> tuple[Any, ...]:
    """Return how much lies in log, books and statements."""
    keys = [treasury("putuo-demo-2026"), *(each.voucher.account for each in orders)]
    return (
        LogEntry.objects.count(),
        Journal.objects.count(),
        Transfer.objects.count(),
        balances(keys),
        list(Statement.objects.order_by("pk").values()),
        [(each.price.price_fen, each.hold.left_fen) for each in orders],
    )


def test_every_change_gives_what_a_sum_by_hand_gives_and_writes_nothing() -> None:
    world, orders = two_months()
    before = everything(orders)
    settled = [sum(each.public_fen for each in order.statements.all()) for order in orders]
    base, home = (
        world.programme.edition.ratio.base_bp,
        world.programme.edition.ratio.bonuses[0].add_bp,
    )
    gross = [440_000, 500_000]
    now = [2 * gross[0] * (base + home) // 10_000, 2 * gross[1] * base // 10_000]
    assert settled == now

    def by(ratio_bp: int) -> list[int]:
        return [2 * each * ratio_bp // 10_000 for each in gross]

    _the_same_again(base, sum(settled))
    assert found(orders, base_bp=2_500, max_bp=2_500) == by(2_500)
    assert found(orders, domestic_bp=0) == by(base)
    # The cap of a year binds in the second month, by what the first month of the run took.
    assert found(orders, enterprise_year_fen=200_000) == [min(each, 200_000) for each in now]
    assert found(orders, contract_fen=150_000) == [min(each, 150_000) for each in now]
    cheaper = [Fraction(each * 9, 10) for each in gross]
    assert found(orders, price_bp=9_000) == [
        2 * int(cheaper[0] * (base + home) / 10_000), 2 * int(cheaper[1] * base / 10_000),
    ]  # fmt: skip
    one = orders[1].offering.model.key
    assert found(orders, price_bp=5_000, model=one) == [now[0], now[1] // 2]
    # A rate moves what is priced by compute, not what is priced by the card-hour.
    assert found(orders, gflops=250_000, model=one) == [now[0], now[1] // 2]
    assert found(orders, stacking="NONE") == [0, now[1]]
    assert found(orders, stacking="HIGHER_ONLY") == now
    assert everything(orders) == before
    _kept(world, orders, before)


def _the_same_again(base_bp: int, settled_fen: int) -> None:
    """A change to what it was already gives what was settled, twice."""
    same = try_changes("putuo-demo-2026", "2026-10", "2026-11", Changes(base_bp=base_bp), quiet)
    assert same["totals"]["before"] == same["totals"]["after"]
    assert int(same["settled_public_fen"]) == settled_fen
    assert int(same["totals"]["before"]["public_fen"]) == settled_fen
    assert same["rows"] == [
        row | {"after_fen": row["before_fen"], "self_after_fen": row["self_before_fen"]}
        for row in same["rows"]
    ]


def _kept(world: World, orders: list[Any], before: tuple[Any, ...]) -> None:
    """By the pages: asked once, carried out by a worker, kept, and looked at by the auditor."""
    with clock.set_to(DECEMBER_AT):
        finance = staff("测算员", "view_settlement", "prepare_settlement")
        auditor = staff("审计", "view_settlement")
        asked = {"first_month": "2026-10", "last_month": "2026-11", "base_bp": "50"}
        page = text_of(finance.get(reverse("office_what_if")))
        assert "还没有做过测算" in page
        bad = finance.post(reverse("office_what_if_ask"), asked | {"base_bp": "101"})
        assert bad.status_code == 422
        assert finance.post(reverse("office_what_if_ask"), {}).status_code == 422
        answer = finance.post(
            reverse("office_what_if_ask"), {"first_month": "2026-10", "last_month": "2026-11"}
        )
        assert "至少改变一个参数" in text_of(answer, 409)
        assert auditor.post(reverse("office_what_if_ask"), asked).status_code == 403
        assert finance.post(reverse("office_what_if_ask"), asked).status_code == 302
        run = WhatIf.objects.get()
        address = reverse("office_what_if_result", args=[run.pk])
        assert "等待开始" in text_of(auditor.get(address))
        assert auditor.get(reverse("office_what_if_csv", args=[run.pk])).status_code == 404
        work.run_due(HANDLERS, now=clock.now, worker="test")
        known = WhatIfResult.objects.get()
        assert known.digest == digest_of(known.content)
        with CaptureQueriesContext(connection) as seen:
            page = text_of(auditor.get(address, {"by": "enterprise", "change": "gain"}))
        assert len(seen) < 30, len(seen)
        # At 50 % of which 40 % is the most, only the foreign cards gain.
        assert orders[1].enterprise.name in page
        assert orders[0].enterprise.name not in page
        assert known.digest in page
        table = auditor.get(reverse("office_what_if_csv", args=[run.pk])).content.decode()
        assert orders[1].provider.name in table
        told = auditor.get(reverse("office_what_if_json", args=[run.pk])).json()
        assert told["content"] == known.content
        assert told["content"]["changes"] == {"base_bp": "5000"}
    assert everything(orders) == before
    for row in (run, known):
        with as_role(SUPERUSER), pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(digest="0" * 64)


#: First unit and fen of each tier, in card-hours of a month.
LIST = ((0, 550), (400, 500), (1_000, 450))


def graduated(hours: int, parts: tuple[tuple[int, Fraction], ...]) -> int:
    """Return what a month costs by a list, each tier rounded half up; apart from ``rating``."""
    total = 0
    for place, (begin, price) in enumerate(parts):
        end = parts[place + 1][0] if place + 1 < len(parts) else hours
        within = max(min(hours, end) - begin, 0)
        total += int(within * price + Fraction(1, 2))
    return total


def by_hand(used: tuple[int, ...], **changed: int) -> tuple[int, int]:
    """Return gross and public share of the tiered order under a change of its list, by hand."""
    part, only = Fraction(changed.get("price_bp", 10_000), 10_000), changed.get("tier")
    parts = []
    for number, (begin, price) in enumerate(LIST, 1):
        raised = int(price * part + Fraction(1, 2)) if only in (None, number) else price
        parts.append((begin, raised * Fraction(9_250, 10_000)))
    months = [graduated(hours, tuple(parts)) for hours in used]
    return sum(months), sum(int(each * Fraction(4, 10)) for each in months)


USED = (1_304, 712)  # card-hours of October and of November


def tiered_and_flat() -> list[Any]:
    """Return an order with three tiers less 7.5 % and one without tiers, over two months."""
    world = World()
    world.make_programme()
    plain = world.make_offering(world.make_provider(), price_fen=550)
    ends = (*(begin for begin, _ in LIST[1:]), None)
    rows = [TierRow(begin, end, fen) for (begin, fen), end in zip(LIST, ends, strict=True)]
    price = listing.file_price(
        plain.offering, "CARD_HOUR", rows, valid_from=START - timedelta(days=60),
        actor=world.clerk, at=START,
    )  # fmt: skip
    flat = world.make_offering(world.make_provider(), price_fen=550)
    orders = [
        world.make_order(world.make_voucher(world.make_enterprise()), each, months=2)
        for each in (price, flat)
    ]
    told = {"from_month": OCTOBER, "reason": "合同第三条", "actor": world.clerk, "at": START}
    grant_discount(orders[0], "PERCENT", 750, **told)
    months = ((OCTOBER, CLOSE_AT), (NOVEMBER, DECEMBER_AT))
    for (month, close_at), hours in zip(months, USED, strict=True):
        for order in orders:
            world.use(order, hours=hours // 8, at=month.start_at + timedelta(days=1))
        world.close(month, at=close_at)
    return orders


def test_tiers_change_all_or_one_as_a_sum_by_hand_does() -> None:
    orders = tiered_and_flat()
    settled = Statement.objects.filter(order=orders[0])
    assert sum(each.gross_fen for each in settled) == by_hand(USED)[0]
    flat, cheaper = (sum(hours * fen * 4 // 10 for hours in USED) for fen in (550, 495))
    before = everything(orders)
    for changed, other in (
        ({"price_bp": 9_000}, cheaper),
        ({"price_bp": 9_000, "tier": 1}, flat),
        ({"price_bp": 7_777, "tier": 2}, flat),
        ({"price_bp": 11_111, "tier": 3}, flat),
        ({"price_bp": 5_000, "tier": 4}, flat),
    ):
        assert found(orders, **changed) == [by_hand(USED, **changed)[1], other], changed
    mine, elsewhere = (each.offering.model.key for each in orders)
    both = {"price_bp": 8_000, "tier": 2}
    assert found(orders, **both, model=mine) == [by_hand(USED, **both)[1], flat]
    assert found(orders, **both, model=elsewhere) == [by_hand(USED)[1], flat]
    assert everything(orders) == before


def test_the_market_follows_the_first_price_of_a_list() -> None:
    market = [(500, 0), (550, 1), (600, 1)]
    for changed, prices in (
        ({"price_bp": 5_000}, [250, 275, 300]),
        ({"price_bp": 5_000, "tier": 1}, [275, 300, 500]),
        ({"price_bp": 5_000, "tier": 2}, [500, 550, 600]),
    ):
        changes = Changes(**changed)
        assert sorted(changes.price_fen(fen, "m", tier) for fen, tier in market) == prices
    assert Changes(price_bp=9_000, tier=2).words() == ["全部型号 第 2 档备案单价变为原来的 90.00%"]


def test_what_cannot_be_tried_is_refused() -> None:
    world = World()
    ask = {"slug": "", "first": OCTOBER, "last": OCTOBER, "actor": world.finance, "at": CLOSE_AT}
    for code, changed in (
        ("nothing_changed", {"changes": Changes(model="x")}),
        ("model_needed", {"changes": Changes(gflops=1)}),
        ("no_months", {"changes": Changes(base_bp=1)}),
        ("price_needed", {"changes": Changes(base_bp=1, tier=2)}),
        ("months_backward", {"changes": Changes(base_bp=1), "first": NOVEMBER}),
    ):
        with pytest.raises(Refused) as refused:
            ask_what_if("", **(ask | changed))
        assert refused.value.code == code
    assert not WhatIf.objects.exists()
