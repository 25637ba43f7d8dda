"""Orders: an enterprise uses a provider's offering, with or without a voucher."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from providers.lifecycle import OrderMachine
from providers.models.catalogue import Offering, OfferingPrice
from providers.models.provider import Provider
from vouchers.models import Enterprise, Hold, Voucher


class OrderQuerySet(models.QuerySet["Order"]):
    """Questions about orders."""

    def with_parties(self) -> "OrderQuerySet":
        """Fetch what every page shows along."""
        return self.select_related(
            "enterprise", "provider", "voucher", "hold", "price", "offering__model"
        )

    def waiting(self) -> "OrderQuerySet":
        """Return those the provider has to answer, the oldest first."""
        return self.filter(state="placed").order_by("placed_at", "id")

    def running(self) -> "OrderQuerySet":
        """Return those on which usage is reported."""
        return self.filter(state="accepted").order_by("starts_at", "order_no")

    def finished(self, at: datetime) -> "OrderQuerySet":
        """Return accepted orders whose service period is over."""
        return self.filter(state="accepted", ends_at__lte=at).order_by("ends_at", "id")

    def newest_first(self) -> "OrderQuerySet":
        """Return all, the newest first."""
        return self.order_by("-placed_at", "-order_no")


class Order(OrderMachine):
    """One enterprise's use of one offering in one period, at the price then on file (用券订单).

    The period is half-open: usage lies in [``starts_at``, ``ends_at``). An order without a voucher
    is metered and reported like any other; nothing of it is redeemed.

    Units: fen. ``held_fen`` is what is held on the voucher; usage beyond ``gross_limit_fen`` (the
    gross that the hold can carry at ``share_bp``) is kept waiting.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order_no = models.CharField("订单号", max_length=30, unique=True)
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="orders", verbose_name="企业"
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="orders", verbose_name="供方"
    )
    voucher = models.ForeignKey(
        Voucher,
        on_delete=models.PROTECT,
        related_name="orders",
        verbose_name="算力券",
        null=True,
        blank=True,
    )
    hold = models.OneToOneField(
        Hold,
        on_delete=models.PROTECT,
        related_name="order",
        verbose_name="占用",
        null=True,
        blank=True,
    )
    offering = models.ForeignKey(
        Offering, on_delete=models.PROTECT, related_name="orders", verbose_name="服务项目"
    )
    price = models.ForeignKey(
        OfferingPrice, on_delete=models.PROTECT, related_name="orders", verbose_name="单价"
    )
    device_count = models.PositiveIntegerField("数量")
    planned_hours = models.PositiveIntegerField("计划小时数")
    starts_at = models.DateTimeField("服务起")
    ends_at = models.DateTimeField("服务止")
    estimated_gross_fen = models.BigIntegerField("预计费用（分）")
    share_bp = models.PositiveSmallIntegerField("补贴比例（基点）", default=0)
    held_fen = models.BigIntegerField("占用金额（分）", default=0)
    gross_limit_fen = models.BigIntegerField("占用可承载费用（分）", null=True, blank=True)
    placed_at = models.DateTimeField("下单时间")
    placed_by_person = models.CharField("下单自然人", max_length=64, blank=True)
    place_key = models.UUIDField("下单键", unique=True, null=True, blank=True)
    accepted_at = models.DateTimeField("接单时间", null=True, blank=True)
    ended_at = models.DateTimeField("了结时间", null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = "用券订单"
        verbose_name_plural = "用券订单"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=OrderMachine.State.values), name="order_state_known"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="order_period_forward"
            ),
            models.CheckConstraint(
                condition=Q(device_count__gt=0) & Q(planned_hours__gt=0), name="order_size_sane"
            ),
            models.CheckConstraint(
                condition=Q(voucher__isnull=True, held_fen=0)
                | Q(voucher__isnull=False, hold__isnull=False, held_fen__gt=0),
                name="order_hold_with_voucher",
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "state"], name="providers_order_provider"),
        ]

    def __str__(self) -> str:
        return self.order_no
