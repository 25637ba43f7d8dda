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

    An order may draw on further vouchers of the enterprise under the same programme (``parts``).

    Units: fen. ``held_fen`` is what is held on all its vouchers; usage beyond ``gross_limit_fen``
    (the gross that the hold can carry at ``share_bp``) is kept waiting.
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

    def holds(self) -> list[Hold]:
        """Return the holds of the order in the order in which they are drawn on."""
        first = [self.hold] if self.hold else []
        return first + [each.hold for each in self.parts.all()]


class OrderPart(models.Model):
    """A further voucher on which an order holds value, beside the one it names itself.

    Vouchers are drawn on in one fixed order: the order's own first, then its parts by ``ordinal``,
    which counts from 2. A part is written when the order is placed and never changes.

    Units: fen.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="parts", verbose_name="订单"
    )
    ordinal = models.PositiveSmallIntegerField("次序")
    voucher = models.ForeignKey(
        Voucher, on_delete=models.PROTECT, related_name="order_parts", verbose_name="算力券"
    )
    hold = models.OneToOneField(
        Hold, on_delete=models.PROTECT, related_name="order_part", verbose_name="占用"
    )
    held_fen = models.BigIntegerField("占用金额（分）")

    class Meta:
        verbose_name = "订单用券"
        verbose_name_plural = "订单用券"
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["order", "ordinal"], name="part_ordinal_once"),
            models.UniqueConstraint(fields=["order", "voucher"], name="part_voucher_once"),
            models.CheckConstraint(
                condition=Q(ordinal__gt=1) & Q(held_fen__gt=0), name="part_is_further"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.ordinal}"


class OrderDiscount(models.Model):
    """What a provider takes off the filed price of an order, from a month on; kept as given.

    The newest percentage or contract price that has begun counts; free credit is used up line by
    line until nothing is left of it.

    Units: ``value`` in basis points (PERCENT), in fen per unit of the price (CONTRACT_PRICE), in
    fen (CREDIT).
    """

    class Kind(models.TextChoices):
        """How the price comes down."""

        PERCENT = "PERCENT", "按比例折扣"
        CONTRACT_PRICE = "CONTRACT_PRICE", "合同固定单价"
        CREDIT = "CREDIT", "赠送金额"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="discounts", verbose_name="订单"
    )
    kind = models.CharField("方式", max_length=20, choices=Kind.choices)
    value = models.BigIntegerField("数值")
    from_month = models.CharField("起始月份", max_length=7)
    reason = models.CharField("依据", max_length=200)
    given_at = models.DateTimeField("登记时间")
    given_by_name = models.CharField("登记人", max_length=100)
    given_by_person = models.CharField("登记自然人", max_length=64)

    class Meta:
        verbose_name = "订单优惠"
        verbose_name_plural = "订单优惠"
        ordering = ["from_month", "given_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["PERCENT", "CONTRACT_PRICE", "CREDIT"]),
                name="discount_kind_known",
            ),
            models.CheckConstraint(condition=Q(value__gt=0), name="discount_positive"),
            models.CheckConstraint(
                condition=~Q(kind="PERCENT") | Q(value__lte=10_000), name="discount_at_most_all"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="discount_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.kind} {self.value}"
