"""The export in the columns of FOCUS: its columns, and that its money adds up."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.focus import mapping, rows_of, yuan

PUBLISHED = Path(__file__).parents[1] / "golden" / "focus_columns.txt"
#: Columns that the standard has had since 1.1 or 1.2 and that no sample fills.
NEWER = {
    "BillingAccountType", "InvoiceId", "ServiceSubcategory", "SkuMeter", "SkuPriceDetails",
    "SubAccountType",
}  # fmt: skip


def line(**changes: Any) -> dict[str, Any]:
    start, end = datetime(2026, 9, 30, 16, tzinfo=UTC), datetime(2026, 10, 31, 16, tzinfo=UTC)
    told = {source for _, source in mapping().columns if not source.startswith("=")}
    return {
        **dict.fromkeys(told, "x"),
        "list_price_fen": 550,
        "tier": 0,
        "discount_bp": 0,
        "list_fen": 2_200_000,
        "discount_fen": 0,
        "credit_fen": 0,
        "gross_fen": 2_200_000,
        "public_fen": 880_000,
        "self_fen": 1_320_000,
        "held_fen": 0,
        "price_fen": 550,
        "pricing_unit": "CARD_HOUR",
        "model": "昇腾 910B",
        "quantity": "4000.000000",
        "pflops_hours": "1252.000000",
        "first_at": start,
        "last_at": end,
        "period": (start, end),
        "corrects": False,
        **changes,
    }


def test_the_columns_are_those_of_the_published_samples() -> None:
    told = PUBLISHED.read_text(encoding="utf-8").splitlines()
    known = {each for each in told if not each.startswith("#")}
    assert len(known) > 40
    standard = [name for name in mapping().names if not name.startswith("x_")]
    assert standard == sorted(standard)
    assert set(standard) - known == NEWER
    own = [name for name in mapping().names if name.startswith("x_")]
    assert mapping().names == (*standard, *own)
    assert len(own) >= 9


def test_own_columns_before_the_standard_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text('version = "1"\n[columns]\nx_Own = "a"\nBilledCost = "b"\n[units]\n')
    with pytest.raises(ValueError, match="stand last"):
        mapping(path)


def test_a_line_is_use_credit_and_what_is_held_back() -> None:
    use, credit, held = rows_of(line(held_fen=1_000, corrects=True))
    assert [each["ChargeCategory"] for each in (use, credit, held)] == [
        "Usage", "Credit", "Adjustment",
    ]  # fmt: skip
    assert (use["BilledCost"], credit["BilledCost"], held["BilledCost"]) == (
        "22000.00", "-8800.00", "10.00",
    )  # fmt: skip
    assert (use["PricingQuantity"], use["PricingUnit"]) == ("4000.000000", "GPU-Hours")
    assert (use["ConsumedQuantity"], use["ConsumedUnit"]) == ("1252.000000", "PFLOPS-Hours")
    assert use["BillingPeriodStart"] == "2026-09-30T16:00:00Z"
    assert {each["ChargeClass"] for each in (use, credit, held)} == {"Correction"}
    assert credit["PricingQuantity"] is None
    assert list(use) == list(mapping().names)


def test_a_discount_lies_in_the_row_and_free_credit_is_a_row_of_its_own() -> None:
    """Tier 2 at 6.00 less 7.5 %: 4,000 h x 5.55 = 22,200.00, less 200.00 credit."""
    use, gift, voucher = rows_of(
        line(
            tier=2, list_price_fen=600, price_fen=600, discount_bp=750, price_ref="p",
            list_fen=2_400_000, discount_fen=180_000, credit_fen=20_000, gross_fen=2_200_000,
        )
    )  # fmt: skip
    assert (use["ListCost"], use["ContractedCost"], use["BilledCost"]) == (
        "24000.00", "22200.00", "22200.00",
    )  # fmt: skip
    assert (use["ListUnitPrice"], use["ContractedUnitPrice"]) == ("6.00", "5.55")
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        assert Decimal(str(use[price])) * Decimal(str(use["PricingQuantity"])) == Decimal(
            str(use[cost])
        )
    assert (use["SkuPriceId"], use["x_PriceTier"], use["x_DiscountRate"]) == ("p/2", 2, "0.0750")
    assert (use["x_DiscountCost"], use["x_FreeCredit"]) == ("1800.00", "200.00")
    assert [each["x_CreditSource"] for each in (use, gift, voucher)] == [
        None, "Provider", "Voucher",
    ]  # fmt: skip
    for each in (gift, voucher):
        assert each["ListCost"] == each["ContractedCost"] == each["BilledCost"]
        assert each["SkuPriceId"] is None
        assert each["SkuPriceDetails"] is None
    assert gift["BilledCost"] == "-200.00"


@given(
    st.integers(-(10**12), 10**12),
    st.integers(0, 10**12),
    st.integers(0, 10**10),
    st.integers(-(10**10), 10**10),
    st.integers(0, 10**10),
)
def test_the_rows_add_up_to_what_is_owed_and_held_back(
    gross: int, public: int, held: int, credit: int, discount: int
) -> None:
    values = line(
        gross_fen=gross, public_fen=public, self_fen=gross - public, held_fen=held,
        credit_fen=credit, discount_fen=discount, list_fen=gross + credit + discount,
    )  # fmt: skip
    rows = list(rows_of(values))
    total = sum(Decimal(str(each["BilledCost"])) for each in rows)
    assert total * 100 == gross - public + held
    assert Decimal(yuan(gross)) * 100 == gross
    use = rows[0]
    off = Decimal(str(use["ListCost"])) - Decimal(str(use["ContractedCost"]))
    assert off * 100 == discount


@given(st.integers(1, 10**7), st.integers(0, 10_000))
def test_a_contracted_price_is_the_exact_price_less_the_discount(price: int, bp: int) -> None:
    use = next(rows_of(line(price_fen=price, discount_bp=bp)))
    exact = Decimal(price) * (10_000 - bp) / 1_000_000
    told = str(use["ContractedUnitPrice"])
    assert Decimal(told) == exact
    assert len(told.partition(".")[2]) >= 2
