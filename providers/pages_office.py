"""What the bureau sees of every provider: computed for its pages, plain values, no markup."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from ledger.balances import balances
from ledger.chart import paid, redeemed
from providers.models import (
    AcceleratorAlias,
    AcceleratorModel,
    AcceleratorRate,
    Capacity,
    EfficiencyFiling,
    GridFactor,
    NetworkFiling,
    Provider,
    ProviderKey,
    UsageBatch,
    UsageConflict,
    UsageRecord,
)
from providers.models.efficiency import EfficiencyQuerySet
from vouchers.models import Programme


def all_providers() -> QuerySet[Provider]:
    """Return every provider with what waits at each."""
    return Provider.objects.annotate(
        running=Count("orders", filter=Q(orders__state="accepted"), distinct=True),
    ).order_by("name")


def money_of(provider: Provider) -> dict[str, int]:
    """Return what a provider has earned by vouchers, over all programmes, from the ledger.

    Units: fen.
    """
    slugs = Programme.objects.values_list("slug", flat=True).distinct()
    waiting = [redeemed(slug, provider.pk) for slug in slugs]
    done = [paid(slug, provider.pk) for slug in slugs]
    found = balances([*waiting, *done])
    return {
        "redeemed_fen": sum(found[key].posted for key in waiting),
        "paid_fen": sum(found[key].posted for key in done),
    }


def desk() -> dict[str, Any]:
    """Return everything that waits for the bureau in this room."""
    return {
        "applied": list(Provider.objects.waiting()),
        "keys": list(ProviderKey.objects.waiting().select_related("provider")),
        "networks": list(NetworkFiling.objects.waiting().select_related("key__provider")),
        "capacities": list(Capacity.objects.waiting().select_related("provider", "model")),
        "efficiency": EfficiencyFiling.objects.waiting().count(),
        "rates": list(AcceleratorRate.objects.waiting().select_related("model")),
        "aliases": list(AcceleratorAlias.objects.filter(state="proposed").select_related("model")),
    }


def waiting_keys() -> QuerySet[ProviderKey]:
    """Return every key."""
    return ProviderKey.objects.select_related("provider")


def all_capacities() -> QuerySet[Capacity]:
    """Return every capacity filing."""
    return Capacity.objects.select_related("provider", "model")


def all_efficiency() -> EfficiencyQuerySet:
    """Return every efficiency filing, the newest month first."""
    found = EfficiencyFiling.objects.select_related("provider")
    return found.order_by("-month", "provider__name", "-version")


def all_grid_factors() -> QuerySet[GridFactor]:
    """Return every emission factor of the grid, the newest year and version first."""
    return GridFactor.objects.order_by("-year", "-version")


def all_rates() -> QuerySet[AcceleratorRate]:
    """Return every rate, newest versions first."""
    return AcceleratorRate.objects.select_related("model").order_by("model__name", "-version")


def all_models() -> QuerySet[AcceleratorModel]:
    """Return the registry."""
    return AcceleratorModel.objects.all()


def all_batches() -> QuerySet[UsageBatch]:
    """Return every batch that counts, the newest first."""
    return UsageBatch.objects.live().select_related("provider", "key").newest_first()


def held_lines() -> list[dict[str, Any]]:
    """Return what is held everywhere, by provider, reason and model."""
    lines = (
        UsageRecord.objects.filter(livemode=True, state="held", segment=0)
        .values("provider_id", "provider__name", "hold_reason", "device_model")
        .annotate(count=Count("id"))
        .order_by("provider__name", "hold_reason", "device_model")
    )
    words = dict(UsageRecord.HoldReason.choices)
    return [dict(line, word=words.get(line["hold_reason"], line["hold_reason"])) for line in lines]


def open_conflicts() -> QuerySet[UsageConflict]:
    """Return conflicts that nobody has closed."""
    return UsageConflict.objects.unresolved().select_related("provider", "batch")
