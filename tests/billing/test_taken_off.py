"""Tier, discount and free credit of a line: the files tell them, and they add up to the books."""

import json
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from billing.models import Statement
from billing.reporting import report_path
from billing.statements import line_data
from providers.discounting import grant_discount
from providers.models import Order
from tests.billing import test_adjustments as corrected
from tests.billing import world as w
from tests.billing.test_exporting import read_csv, whole
from tests.billing.test_pdf import text_of
from tests.billing.test_pricing import there  # noqa: F401 - a fixture
from tests.billing.test_reporting import made

OFF = ("list_fen", "discount_fen", "credit_fen", "gross_fen")


def given_off(world: Any, cut: Order, gift: Order) -> None:
    """7.5 % off one order; a price of the contract and 3,000.00 of free credit for another."""
    told = {"from_month": w.OCTOBER, "reason": "合同第三条", "actor": world.clerk, "at": w.START}
    grant_discount(cut, "PERCENT", 750, **told)
    grant_discount(gift, "CONTRACT_PRICE", 500, **told)
    grant_discount(gift, "CREDIT", 300_000, **told)


def test_the_files_tell_what_was_taken_off_and_add_up(there: Any, tmp_path: Any) -> None:  # noqa: F811
    world, (tiered, cut, gift) = there.world, there.orders
    given_off(world, cut, gift)
    world.use(tiered, hours=250)
    world.use(cut, hours=100)
    world.use(gift, hours=125)
    close = world.approve(world.close())
    # By hand. 2,000 h: 1,000 x 6.00 and 1,000 x 5.50; 800 h x 6.00 less 7.5 % = 800 x 5.55;
    # 1,000 h x 6.00 on file, 5.00 by contract, 3,000.00 of it given.
    expected = {
        (tiered.order_no, 1): (600, 600, 0, 600_000, 0, 0, 600_000),
        (tiered.order_no, 2): (550, 550, 0, 550_000, 0, 0, 550_000),
        (cut.order_no, 0): (600, 600, 750, 480_000, 36_000, 0, 444_000),
        (gift.order_no, 0): (600, 500, 0, 600_000, 100_000, 300_000, 200_000),
    }
    names = ("list_price_fen", "price_fen", "discount_bp", *OFF)
    lines = read_csv(whole(close, "lines", "csv"))
    assert {
        (row["order_no"], int(row["tier"])): tuple(int(row[name]) for name in names)
        for row in lines
    } == expected
    told = json.loads(whole(close, "lines", "json"))["rows"]
    assert [{name: str(row[name]) for name in names} for row in told] == [
        {name: row[name] for name in names} for row in lines
    ]
    by_focus(close)
    by_report(world, close, tmp_path)


def by_focus(close: Any) -> None:
    """In the columns of FOCUS each statement comes to what the enterprise owes, to the fen."""
    rows = read_csv(whole(close, "focus", "csv"))
    for statement in close.statements.all():
        mine = [row for row in rows if row["InvoiceId"] == statement.statement_no]
        sums: Counter[str] = Counter()
        for row in mine:
            sums[row["ChargeCategory"] + row["x_CreditSource"]] += fen(row["BilledCost"])
            if row["ChargeCategory"] == "Usage":
                for name in ("ListCost", "ContractedCost", "x_DiscountCost", "x_FreeCredit"):
                    sums[name] += fen(row[name])
                exact = Decimal(row["ContractedUnitPrice"]) * Decimal(row["PricingQuantity"])
                assert abs(exact - Decimal(row["ContractedCost"])) <= Decimal("0.005")
        assert sums["ListCost"] - sums["x_DiscountCost"] == sums["ContractedCost"] == sums["Usage"]
        assert sums["Usage"] + sums["CreditProvider"] == statement.gross_fen
        assert sums["CreditProvider"] == -sums["x_FreeCredit"]
        assert sums["CreditVoucher"] == -statement.public_fen
    prices = [row["SkuPriceId"] for row in rows if row["x_PriceTier"] in ("1", "2")]
    assert [each.partition("/")[2] for each in prices] == ["1", "2"]


def fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def by_report(world: Any, close: Any, tmp_path: Any) -> None:
    """The provider's report prints it beside the price, with the sum under the table."""
    report = made(world, close, world.providers[0])
    text = "".join(text_of(report_path(report).read_bytes(), tmp_path).split())
    for words in ("第2档", "减7.5%", "赠送3,000.00", "备案6.00"):
        assert words in text
    # 11,500.00 + 4,800.00 + 6,000.00 on file; 360.00 + 1,000.00 and 3,000.00 off.
    assert (
        "按备案价目22,300.00元，减折扣与合同优惠1,360.00元，减赠送3,000.00元，＝总价17,940.00元"
        in text
    )
    assert report.content["line_columns"][-1] == "self_fen"


@pytest.mark.django_db
def test_what_is_taken_back_is_taken_off_with_the_other_sign() -> None:
    world, reports = corrected.told(months=2)
    told = {"from_month": w.OCTOBER, "reason": "合同第三条", "actor": world.clerk, "at": w.START}
    grant_discount(reports.order, "PERCENT", 333, **told)
    grant_discount(reports.order, "CREDIT", 10_001, **told)
    old = reports.use(97)
    world.close()
    reports.use(60, month=11)
    reports.correct(old, 55)
    world.close(corrected.NOVEMBER, at=corrected.NOVEMBER_AT)
    found: Counter[tuple[str, str]] = Counter()
    for statement in Statement.objects.filter(order=reports.order):
        for line in statement.lines.all():
            data = line_data(statement, line)
            assert data["list_fen"] - data["discount_fen"] - data["credit_fen"] == line.gross_fen
            for name in OFF:
                found[line.usage_month, name] += data[name]
    for month, hours in (("2026-10", 55), ("2026-11", 60)):
        # What stands in the end, by hand: eight cards at 5.50; at most one fen for each rounding.
        listed = Fraction(hours * 8 * 550)
        assert abs(found[month, "list_fen"] - listed) <= 2
        assert abs(found[month, "discount_fen"] - listed * 333 / 10_000) <= 2
    assert found["2026-11", "credit_fen"] == 0
    assert abs(found["2026-10", "credit_fen"] - Fraction(10_001 * 55, 97)) <= 1
