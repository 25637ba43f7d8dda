"""What a month's plan looks up in the catalogue, read in sets: models, rates, filed prices."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from providers.metering import MonthlyUsage
from providers.models import AcceleratorModel, AcceleratorRate, OfferingPrice


class Filed:
    """The part of the catalogue that a plan needs; three questions, however long the month."""

    def __init__(self, usages: Iterable[MonthlyUsage], at: datetime) -> None:
        """Read the models and rates of ``usages`` and every price in force at ``at``."""
        listed = list(usages)
        self.models = AcceleratorModel.objects.in_bulk({each.model_id for each in listed})
        self.rates = AcceleratorRate.objects.in_bulk({each.rate_id for each in listed})
        self._markets = _markets(at)

    def market(self, price: OfferingPrice) -> list[int]:
        """Return the filed prices in force for the same model and unit, the lowest first.

        Units: fen per unit of ``price``.
        """
        return sorted(fen for fen, _ in self.listed(price))

    def listed(self, price: OfferingPrice) -> list[tuple[int, int]]:
        """Return each price of the market with its tier: 1 where a list goes on by tiers, or 0."""
        return self._markets.get((price.offering.model_id, price.pricing_unit), [])


def _markets(at: datetime) -> dict[tuple[UUID, str], list[tuple[int, int]]]:
    """Return by model and unit the newest price of each published offering."""
    newest: dict[tuple[UUID, str], dict[UUID, tuple[int, int]]] = defaultdict(dict)
    filed = OfferingPrice.objects.filter(offering__state="published", valid_from__lte=at)
    rows = filed.order_by("valid_from", "version").values_list(
        "offering__model_id", "pricing_unit", "offering_id", "price_fen", "tiers"
    )
    for model_id, unit, offering_id, price_fen, tiers in rows:
        newest[model_id, unit][offering_id] = price_fen, int(bool(tiers))
    return {key: list(prices.values()) for key, prices in newest.items()}
