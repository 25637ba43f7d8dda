"""Around a key: from where it may be used, how much, what was cleared, and who is told."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from providers.lifecycle import FilingMachine
from providers.models.batch import UsageBatch
from providers.models.provider import Provider, ProviderKey


class NetworkQuerySet(models.QuerySet["NetworkFiling"]):
    """Questions about address lists."""

    def waiting(self) -> "NetworkQuerySet":
        """Return filings that wait for the second person."""
        waiting = self.filter(state="proposed").exclude(key__state="revoked")
        return waiting.order_by("filed_at")


class NetworkFiling(FilingMachine):
    """From which addresses a key may be used, as filed; in force once a second person confirms."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.ForeignKey(
        ProviderKey, on_delete=models.PROTECT, related_name="network_filings", verbose_name="密钥"
    )
    networks = models.JSONField("网段", default=list)
    reason = models.CharField("理由", max_length=200, blank=True)
    filed_at = models.DateTimeField("提出时间")
    proposed_by_person = models.CharField("提出自然人", max_length=64, blank=True)
    approved_by_person = models.CharField("确认自然人", max_length=64, blank=True)

    objects = NetworkQuerySet.as_manager()

    class Meta:
        verbose_name = "来源网段"
        verbose_name_plural = "来源网段"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=FilingMachine.State.values), name="networks_state_known"
            ),
            models.CheckConstraint(
                condition=Q(approved_by_person="") | ~Q(proposed_by_person=F("approved_by_person")),
                name="networks_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {len(self.networks)}"


class BatchClearance(models.Model):
    """A batch of a compromised key that somebody looked into and found genuine; never changed."""

    id = models.BigAutoField(primary_key=True)
    batch = models.OneToOneField(
        UsageBatch,
        on_delete=models.PROTECT,
        related_name="clearance",
        verbose_name="批次",
    )
    cleared_at = models.DateTimeField("核实时间")
    cleared_by = models.CharField("核实人", max_length=100)
    cleared_by_person = models.CharField("核实自然人", max_length=64)
    reason = models.CharField("核实依据", max_length=200)

    class Meta:
        verbose_name = "批次核实"
        verbose_name_plural = "批次核实"

    def __str__(self) -> str:
        return str(self.batch_id)


class RateWindow(models.Model):
    """How much a key has asked for in one window of time; swept away later."""

    id = models.BigAutoField(primary_key=True)
    key = models.ForeignKey(ProviderKey, on_delete=models.PROTECT, related_name="rate_windows")
    started_at = models.DateTimeField("窗口起")
    requests = models.BigIntegerField("请求数")
    records = models.BigIntegerField("记录数")

    class Meta:
        verbose_name = "限流窗口"
        verbose_name_plural = "限流窗口"
        constraints = [
            models.UniqueConstraint(fields=["key", "started_at"], name="rate_window_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key_id} {self.started_at}"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Questions about webhooks."""

    def active(self) -> "WebhookQuerySet":
        """Return those that are still told."""
        return self.filter(removed_at__isnull=True).order_by("created_at")


class Webhook(models.Model):
    """An address of a provider that is told what happened, signed with a key of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="webhooks", verbose_name="供方"
    )
    url = models.CharField("地址", max_length=500)
    events = models.JSONField("事件", default=list)
    public_key = models.CharField("验签公钥", max_length=60)
    created_at = models.DateTimeField("登记时间")
    created_by = models.CharField("登记人", max_length=100)
    removed_at = models.DateTimeField("停用时间", null=True, blank=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = "通知地址"
        verbose_name_plural = "通知地址"

    def __str__(self) -> str:
        return self.url


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Questions about deliveries."""

    def newest_first(self) -> "DeliveryQuerySet":
        """Return all, the newest first."""
        return self.order_by("-id")

    def due(self, at: datetime) -> "DeliveryQuerySet":
        """Return what should be tried now, the oldest first."""
        return self.filter(state="waiting", next_at__lte=at).order_by("id")


class WebhookDelivery(models.Model):
    """One event for one address: tried until it arrives or a day is over, and again on demand.

    ``id`` is the sequence by which a receiver orders what it is told.
    """

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", "待送达"
        DELIVERED = "delivered", "已送达"
        GIVEN_UP = "given_up", "未送达"

    id = models.BigAutoField(primary_key=True)
    webhook = models.ForeignKey(
        Webhook, on_delete=models.PROTECT, related_name="deliveries", verbose_name="通知地址"
    )
    message_id = models.CharField("消息编号", max_length=40, unique=True)
    event = models.CharField("事件", max_length=30)
    payload = models.JSONField("内容", default=dict)
    created_at = models.DateTimeField("产生时间")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField("尝试次数", default=0)
    round_count = models.PositiveSmallIntegerField("本轮尝试次数", default=0)
    next_at = models.DateTimeField("下次尝试")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "通知"
        verbose_name_plural = "通知"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "delivered", "given_up"]),
                name="delivery_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"],
                name="providers_delivery_due",
                condition=Q(state="waiting"),
            ),
            models.Index(fields=["webhook", "-id"], name="providers_delivery_newest"),
        ]

    def __str__(self) -> str:
        return self.message_id


class WebhookAttempt(models.Model):
    """One try at delivering: when, what the receiver said; never changed."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.PROTECT, related_name="tries", verbose_name="通知"
    )
    number = models.PositiveSmallIntegerField("第几次")
    at = models.DateTimeField("时间")
    status = models.PositiveSmallIntegerField("应答码", default=0)
    error = models.CharField("问题", max_length=200, blank=True)

    class Meta:
        verbose_name = "通知尝试"
        verbose_name_plural = "通知尝试"
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="webhook_attempt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"
