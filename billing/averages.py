"""What providers filed about their sites, averaged over all by the compute they gave.

The weight of a filing is the compute of its provider in its month, so a large site counts for more;
what nobody filed is no nought but missing, and how much of the compute an average rests on is told.

Source: domain.md 5.6; product.md 1 (weighted reports).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from uuid import UUID

from billing.figuring import decimal_text, percent_text, share_bp
from providers.models import EfficiencyFiling, GridFactor

NOT_COLLECTED = "未采集"
Work = Mapping[tuple[UUID, str], int]  # (provider, month) -> GFLOPS-milli-seconds


@dataclass(frozen=True)
class Item:
    """One thing that is filed: where it stands, how it is written."""

    field: str
    title: str
    unit: str
    scale: int
    places: int


ITEMS = {
    "pue": Item("pue_milli", "能效：PUE", "—", 1_000, 3),
    "green": Item("green_bp", "绿色算力占比（按算力加权）", "%", 100, 2),
    "latency": Item("latency_us", "时延：网络时延", "ms", 1_000, 3),
}


@dataclass(frozen=True)
class Average:
    """One average.

    Args:
        value: as text; None where nobody filed, or who filed gave no compute.
        filed: providers with compute whose filing counts in it.
        providers: providers with compute in all.
        covers_bp: the part of the compute (basis points) that it rests on.
    """

    code: str
    value: str | None
    filed: int
    providers: int
    covers_bp: int | None

    @property
    def item(self) -> Item:
        """Return what it is an average of."""
        return ITEMS[self.code]

    @property
    def told(self) -> str:
        """Say how many providers filed."""
        return f"{self.providers} 家有用量的服务商中 {self.filed} 家已申报并确认"

    def as_plain(self) -> dict[str, Any]:
        """Return the average as plain data for documents and machines."""
        return {
            "code": self.code,
            "title": self.item.title,
            "value": self.value,
            "shown": NOT_COLLECTED if self.value is None else self.value,
            "unit": self.item.unit,
            "providers_filed": self.filed,
            "providers": self.providers,
            "covers_percent": percent_text(self.covers_bp),
        }


def averages(work: Work) -> dict[str, Average]:
    """Return every average over some compute, by code; one question.

    Months whose corrections outweigh their use weigh nothing.
    """
    weights = {key: value for key, value in work.items() if value > 0}
    filed = _filed(weights)
    return {code: _average(code, weights, filed) for code in ITEMS}


def _filed(keys: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], EfficiencyFiling]:
    filings = EfficiencyFiling.objects.standing(sorted({month for _, month in keys}))
    return {(each.provider_id, each.month): each for each in filings}


def carbon(metered: Mapping[tuple[UUID, str], tuple[int, Fraction]]) -> tuple[Fraction, int]:
    """Return the kilograms of CO2 equivalent of some metered energy, and the compute they gave.

    A month of a provider counts where its PUE and its green power are confirmed and the factor of
    the grid for its year is approved; the rest is left out of both. Two questions.

    Args:
        metered: (provider, month) -> compute of the records that bear energy (GFLOPS-milli-
            seconds), and that energy in kilowatt-hours of the devices.

    Source: domain.md 5.6: energy x PUE x factor x (1 - green share).
    """
    filed = _filed(metered)
    factors = {str(each.year): each.mg_per_kwh for each in GridFactor.objects.all().standing()}
    kilograms, work = Fraction(0), 0
    for key, (gave, energy) in metered.items():
        site, factor = filed.get(key), factors.get(key[1][:4])
        if site is None or factor is None or gave <= 0:
            continue
        pue, green = site.pue_milli, site.green_bp
        if pue is not None and green is not None:
            whole = energy * Fraction(pue, 1_000)
            kilograms += whole * Fraction(factor * (10_000 - green), 10_000 * 1_000_000)
            work += gave
    return kilograms, work


def _average(
    code: str, weights: Work, filed: Mapping[tuple[UUID, str], EfficiencyFiling]
) -> Average:
    item, parts = ITEMS[code], []
    for key, weight in weights.items():
        value = getattr(filed.get(key), item.field, None)
        if value is not None:
            parts.append((key[0], weight, value))
    covered = sum(weight for _, weight, _ in parts)
    mean = None
    if covered:
        mean = Fraction(sum(weight * value for _, weight, value in parts), covered * item.scale)
    return Average(
        code,
        decimal_text(mean, item.places),
        len({provider for provider, _, _ in parts}),
        len({provider for provider, _ in weights}),
        share_bp(covered, sum(weights.values())),
    )
