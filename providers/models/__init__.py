"""What the room remembers: providers, catalogue, orders, usage."""

from providers.models.access import (
    BatchClearance,
    NetworkFiling,
    RateWindow,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)
from providers.models.batch import (
    Manifest,
    MeteringMonth,
    UploadAnswer,
    UsageBatch,
    UsageNonce,
    ZeroDeclaration,
)
from providers.models.catalogue import (
    AcceleratorAlias,
    AcceleratorModel,
    AcceleratorRate,
    Offering,
    OfferingPrice,
)
from providers.models.desk import DeskRequest, Finding, FindingDecision
from providers.models.efficiency import EfficiencyFiling, GridFactor
from providers.models.order import Order, OrderDiscount, OrderPart
from providers.models.payee import ProviderAccount
from providers.models.provider import Capacity, Provider, ProviderKey, ProviderSeat
from providers.models.state_row import StateRow
from providers.models.usage import BatchRow, UsageConflict, UsageIdentity, UsageRecord

__all__ = [
    "AcceleratorAlias",
    "AcceleratorModel",
    "AcceleratorRate",
    "BatchClearance",
    "BatchRow",
    "Capacity",
    "DeskRequest",
    "EfficiencyFiling",
    "Finding",
    "FindingDecision",
    "GridFactor",
    "Manifest",
    "MeteringMonth",
    "NetworkFiling",
    "Offering",
    "OfferingPrice",
    "Order",
    "OrderDiscount",
    "OrderPart",
    "Provider",
    "ProviderAccount",
    "ProviderKey",
    "ProviderSeat",
    "RateWindow",
    "StateRow",
    "UploadAnswer",
    "UsageBatch",
    "UsageConflict",
    "UsageIdentity",
    "UsageNonce",
    "UsageRecord",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
    "ZeroDeclaration",
]
