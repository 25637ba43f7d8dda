"""A month in the columns of FOCUS, the FinOps Open Cost and Usage Specification.

Pure: values in, rows out. Which column holds which value is data (``focus_1_2.toml``).

A line of a statement is a row of category ``Usage`` over what the contract asks, one of category
``Credit`` over the free credit that the provider gave and one over the voucher's share, both with
the opposite sign; an open objection adds an ``Adjustment`` over what it holds back. So the sum of
``BilledCost`` is what the enterprise owes plus what is held back. A tier is a price of its own
(``SkuPriceId``); a discount lies between ``ListCost`` and ``ContractedCost``. What corrects an
earlier month, or takes a line back, is of class ``Correction``; its charge period is when it was
used.

Source: product 5.1 and 5.2; decision 0213.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ledger.amounts import BASIS_POINTS, FEN_PER_YUAN

MAPPING = Path(__file__).parent / "focus_1_2.toml"
CONSTANT = "="
OWN = "x_"


@dataclass(frozen=True)
class Columns:
    """A version of the standard as this house fills it."""

    version: str
    columns: tuple[tuple[str, str], ...]
    units: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns in their order."""
        return tuple(name for name, _ in self.columns)


@cache
def mapping(path: Path = MAPPING) -> Columns:
    """Return a mapping file, checked.

    Raises:
        ValueError: a column of ours stands before one of the standard's.
    """
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    columns = tuple(read["columns"].items())
    own = [name.startswith(OWN) for name, _ in columns]
    if own != sorted(own):
        raise ValueError(f"{path.name}: columns of our own stand last")
    return Columns(read["version"], columns, read["units"])


def yuan(fen: int) -> str:
    """Return an amount as a decimal number without separators."""
    whole, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def utc(moment: datetime) -> str:
    """Return a moment as the standard wants it: UTC with Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def rows_of(line: Mapping[str, Any]) -> Iterator[dict[str, str | int | None]]:
    """Yield the rows of one line, by column.

    Args:
        line: plain values of a statement line: ``list_fen``, ``discount_fen``, ``credit_fen``,
            ``gross_fen``, ``public_fen``, ``self_fen``, ``held_fen`` (what open objections hold
            back), ``list_price_fen``, ``price_fen``, ``discount_bp``, ``tier``, ``pricing_unit``,
            ``quantity``, ``pflops_hours``, ``first_at``, ``last_at``, ``period`` (two moments),
            ``corrects``, and the texts the mapping names.
    """
    used = mapping()
    common = {
        **line,
        "period_start": utc(line["period"][0]),
        "period_end": utc(line["period"][1]),
        "charge_start": utc(line["first_at"]),
        "charge_end": utc(line["last_at"]),
        "class": "Correction" if line["corrects"] else None,
        "public": yuan(line["public_fen"]),
        "own": yuan(line["self_fen"]),
    }
    blank = dict.fromkeys(
        ("pricing_category", "pricing_quantity", "pricing_unit", "consumed_quantity",
         "consumed_unit", "list_unit_price", "contracted_unit_price", "sku_meter",
         "price_ref", "price_details", "tier", "discount_rate", "discount", "free_credit",
         "credit_source"),
    )  # fmt: skip
    yield _row(common | _usage(line, used.units))
    for category, source, words, fen in (
        ("Credit", "Provider", "服务商赠送抵减", -line["credit_fen"]),
        ("Credit", "Voucher", "算力券抵扣", -line["public_fen"]),
        ("Adjustment", None, "异议暂扣", line["held_fen"]),
    ):
        if fen:
            cost = yuan(fen)
            yield _row(
                common
                | blank
                | {
                    "category": category,
                    "billed": cost,
                    "list_cost": cost,
                    "contracted_cost": cost,
                    "credit_source": source,
                    "description": f"{line['description']}：{words}",
                }
            )


def _usage(line: Mapping[str, Any], units: Mapping[str, str]) -> dict[str, Any]:
    """Return what only the row of the use itself says."""
    contracted = yuan(line["list_fen"] - line["discount_fen"])
    unit = units[line["pricing_unit"]]
    return {
        "category": "Usage",
        "billed": contracted,
        "list_cost": yuan(line["list_fen"]),
        "contracted_cost": contracted,
        "list_unit_price": yuan(line["list_price_fen"]),
        "contracted_unit_price": _reduced(line["price_fen"], line["discount_bp"]),
        "pricing_category": "Standard",
        "pricing_quantity": line["quantity"],
        "pricing_unit": unit,
        "consumed_quantity": line["pflops_hours"],
        "consumed_unit": units["PFLOPS_HOUR"],
        "sku_meter": f"{unit} of {line['model']}",
        "price_ref": f"{line['price_ref']}/{line['tier']}" if line["tier"] else line["price_ref"],
        "discount_rate": _rate(line["discount_bp"]),
        "discount": yuan(line["discount_fen"]),
        "free_credit": yuan(line["credit_fen"]),
        "credit_source": None,
    }


def _rate(bp: int) -> str:
    """Return basis points as a fraction of one."""
    return f"{bp // BASIS_POINTS}.{bp % BASIS_POINTS:04d}"


def _reduced(price_fen: int, discount_bp: int) -> str:
    """Return a price less a discount as exact yuan."""
    whole, rest = divmod(price_fen * (BASIS_POINTS - discount_bp), FEN_PER_YUAN * BASIS_POINTS)
    return f"{whole}.{rest:06d}".rstrip("0").ljust(len(f"{whole}.") + 2, "0")


def _row(values: Mapping[str, Any]) -> dict[str, str | int | None]:
    return {
        name: source[1:] if source.startswith(CONSTANT) else values[source]
        for name, source in mapping().columns
    }
