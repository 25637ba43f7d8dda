"""What the bureau and providers see around keys: address lists, flags, evidence, other names."""

from typing import Any

from django.db.models import QuerySet

from providers.evidence import verify_again
from providers.flags import flagged
from providers.models import AcceleratorAlias, NetworkFiling, Provider, UsageBatch


def all_networks() -> QuerySet[NetworkFiling]:
    """Return every filed address list."""
    return NetworkFiling.objects.select_related("key__provider")


def waiting_networks(provider: Provider) -> list[NetworkFiling]:
    """Return the address lists of a provider that wait for the second person."""
    waiting = NetworkFiling.objects.waiting().filter(key__provider=provider)
    return list(waiting.select_related("key"))


def all_aliases() -> QuerySet[AcceleratorAlias]:
    """Return every other name, the newest version of each first."""
    return AcceleratorAlias.objects.select_related("model").order_by("alias", "-version")


def flagged_lines() -> list[dict[str, Any]]:
    """Return flagged batches with what their evidence comes to."""
    return [{"batch": each, "evidence": verify_again(each)} for each in flagged()]


def evidence_rows(batch: UsageBatch) -> list[dict[str, str]]:
    """Return what stands as evidence of a batch, for a summary list."""
    rows = [{"key": "签名核验", "value": verify_again(batch).text}]
    if batch.key:
        named = f"{batch.key.key_id}（{batch.key.get_algorithm_display()}）"
        rows.append({"key": "签名密钥", "value": named})
    if batch.is_suspect:
        rows.append({"key": "标记", "value": "密钥可能已泄露，尚未核实"})
    elif hasattr(batch, "clearance"):
        cleared = batch.clearance
        rows.append({"key": "标记", "value": f"已由{cleared.cleared_by}核实：{cleared.reason}"})
    return rows
