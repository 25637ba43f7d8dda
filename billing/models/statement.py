"""Statements per enterprise, provider, order and month, and their lines."""

from typing import Any

from django.apps import apps
from django.db import models

from billing.lifecycle import StatementMachine
from billing.models.month import MonthClose
from ledger.chart import AccountKey, disputed, settlement
from ledger.identifiers import new_id

MADE_STATES = ["in_review", "disputed", "confirmed", "prepared", "approved", "paid"]


class Payee(models.TextChoices):
    """Who gets the public share: the provider at once, or the enterprise that paid first."""

    PROVIDER = "provider", "服务商"
    ENTERPRISE = "enterprise", "企业"


class StatementQuerySet(models.QuerySet["Statement"]):
    """Questions about statements."""

    def put_out(self) -> "StatementQuerySet":
        """Return what both sides may see: drafts are nobody's business yet."""
        return self.filter(state__in=MADE_STATES)

    def waiting_for(self, side: str) -> "StatementQuerySet":
        """Return those that one side has still to answer: no yes to this version, no objection."""
        said_yes = apps.get_model("billing.Confirmation").objects.filter(
            statement=models.OuterRef("pk"), side=side, version=models.OuterRef("version")
        )
        objected = apps.get_model("billing.Objection").objects.filter(
            statement=models.OuterRef("pk"), side=side, state="open"
        )
        return self.filter(
            ~models.Exists(said_yes), ~models.Exists(objected), state__in=["in_review", "disputed"]
        )

    def still_to_claim(self) -> "StatementQuerySet":
        """Return those whose share waits, on the hold of the order, for a claim to be decided."""
        waiting = self.filter(payee_kind="enterprise", granted_fen__isnull=True, public_fen__gt=0)
        return waiting.exclude(state="paid")

    def newest_first(self) -> "StatementQuerySet":
        """Return them by month, the latest first, then by number."""
        return self.order_by("-month", "statement_no")

    def with_parties(self) -> "StatementQuerySet":
        """Fetch everything a list shows along."""
        return self.select_related("close", "enterprise", "provider", "order", "voucher__programme")


class Statement(StatementMachine):
    """What one enterprise used at one provider under one order in one month, and who pays it.

    ``terms`` keeps every step of the public share and ``binding`` the limit that decided;
    ``compute_gflops_s`` is what was posted from metered to used computing. ``also_settles`` names
    earlier months whose adjustments could not be set off then and are taken up here.

    Where the programme pays after the enterprise has paid (``by_claim``), ``public_fen`` is what
    may be claimed and nothing of it is redeemed when the statement goes out; ``granted_fen`` is
    what a claim wrote off, once, and only that is owed, to the enterprise.

    Units: fen; device-milli-seconds; GFLOPS-seconds; PFLOPS-hours only for showing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement_no = models.CharField("对账单号", max_length=40, unique=True)
    close = models.ForeignKey(
        MonthClose, on_delete=models.PROTECT, related_name="statements", verbose_name="月度结算"
    )
    month = models.CharField("月份", max_length=7)
    provider = models.ForeignKey(
        "providers.Provider",
        on_delete=models.PROTECT,
        related_name="statements",
        verbose_name="服务商",
    )
    enterprise = models.ForeignKey(
        "vouchers.Enterprise",
        on_delete=models.PROTECT,
        related_name="statements",
        verbose_name="企业",
    )
    order = models.ForeignKey(
        "providers.Order",
        on_delete=models.PROTECT,
        related_name="statements",
        verbose_name="订单",
    )
    voucher = models.ForeignKey(
        "vouchers.Voucher",
        on_delete=models.PROTECT,
        related_name="statements",
        verbose_name="算力券",
    )
    mode = models.CharField("结算方式", max_length=20, default="INSTANT")
    payee_kind = models.CharField(
        "收款方", max_length=10, choices=Payee.choices, default=Payee.PROVIDER
    )
    version = models.PositiveSmallIntegerField("版本", default=1)
    gross_fen = models.BigIntegerField("服务总价（分）")
    eligible_fen = models.BigIntegerField("可支持金额（分）")
    public_fen = models.BigIntegerField("券抵扣（分）")
    self_fen = models.BigIntegerField("企业自付（分）")
    held_back_fen = models.BigIntegerField("异议暂扣（分）", default=0)
    paid_fen = models.BigIntegerField("已付（分）", default=0)
    granted_fen = models.BigIntegerField("申请核销（分）", null=True, blank=True)
    device_milli_seconds = models.BigIntegerField("设备毫秒")
    compute_gflops_s = models.BigIntegerField("用量（GFLOPS·秒）", default=0)
    pflops_hours = models.DecimalField("算力（PFLOPS·h）", max_digits=24, decimal_places=6)
    records = models.PositiveIntegerField("记录数", default=0)
    also_settles = models.JSONField("一并结算的以前月份", default=list)
    terms = models.JSONField("计算过程", default=list)
    binding = models.CharField("决定项", max_length=20)
    rating_version = models.CharField("计价规则版本", max_length=20)
    digest = models.CharField("摘要", max_length=64)
    generated_at = models.DateTimeField("生成时间")
    redemption_id = models.UUIDField("核销", null=True, blank=True)
    entry_id = models.UUIDField("日志条目", null=True, blank=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = "对账单"
        verbose_name_plural = "对账单"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", *MADE_STATES]), name="statement_state_known"
            ),
            models.UniqueConstraint(
                fields=["close", "order"], name="statement_once_per_month_and_order"
            ),
            models.CheckConstraint(
                condition=models.Q(gross_fen=models.F("public_fen") + models.F("self_fen"))
                & models.Q(public_fen__gte=0)
                & models.Q(self_fen__gte=0),
                name="statement_parts_add_up",
            ),
            models.CheckConstraint(
                condition=models.Q(held_back_fen__gte=0)
                & models.Q(paid_fen__gte=0)
                & models.Q(public_fen__gte=models.F("held_back_fen") + models.F("paid_fen")),
                name="statement_pays_within_share",
            ),
            models.CheckConstraint(
                condition=models.Q(mode="INSTANT", payee_kind="provider", granted_fen__isnull=True)
                | models.Q(
                    ~models.Q(mode="INSTANT"),
                    models.Q(granted_fen__isnull=True)
                    | models.Q(granted_fen__gte=0, granted_fen__lte=models.F("public_fen")),
                    payee_kind="enterprise",
                ),
                name="statement_payee_follows_mode",
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "month"], name="statement_by_provider"),
            models.Index(fields=["enterprise", "month"], name="statement_by_enterprise"),
        ]

    def __str__(self) -> str:
        return self.statement_no

    @property
    def programme_ref(self) -> str:
        """Return the name under which the programme's accounts are kept."""
        return self.voucher.programme.slug

    @property
    def settlement_account(self) -> AccountKey:
        """Return the account of what is owed on this statement."""
        return settlement(self.programme_ref, str(self.pk))

    @property
    def disputed_account(self) -> AccountKey:
        """Return the account of what is held back on this statement."""
        return disputed(self.programme_ref, str(self.pk))

    @property
    def by_claim(self) -> bool:
        """Tell whether the share is paid to the enterprise on its claim, after it has paid."""
        return self.payee_kind == Payee.ENTERPRISE

    @property
    def payee(self) -> Any:
        """Return who gets the public share: the provider, or the enterprise that paid first."""
        return self.enterprise if self.by_claim else self.provider

    @property
    def owed_fen(self) -> int:
        """Return what the statement owes in all: the undisputed share, or what a claim granted."""
        if self.by_claim:
            return self.granted_fen or 0
        return self.public_fen - self.held_back_fen

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing of it is owed, held back or still to be claimed."""
        claimed = not self.by_claim or self.public_fen == 0 or self.granted_fen is not None
        return claimed and self.payable_fen == 0 and self.held_back_fen == 0

    @property
    def payable_fen(self) -> int:
        """Return what may be paid now: what is owed without what is already paid."""
        return self.owed_fen - self.paid_fen


class StatementLine(models.Model):
    """One priced quantity: one model at one rate and one filed price within a statement.

    ``usage_month`` differs from the statement's month for late usage and for adjustments of
    earlier months; what takes back has a quantity and amounts below zero. ``metered_fen`` is
    priced at the programme's cap where the filed price lies above it. A line that ``reverses``
    another carries its quantities and amounts with the opposite sign.

    ``gross_fen`` is what the provider really asks: ``price_fen`` of the ``tier`` (0: no tiers),
    ``discount_bp`` off it, ``credit_fen`` of free credit taken away. ``filed_price_fen`` is there
    where a price of the contract took the place of the filed one. What no voucher pays for says so
    in ``unpaid_reason``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="lines", verbose_name="对账单"
    )
    ordinal = models.PositiveIntegerField("序号")
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        related_name="reversed_by",
        verbose_name="冲减的明细",
        null=True,
        blank=True,
    )
    usage_month = models.CharField("用量月份", max_length=7)
    model_ref = models.CharField("型号编号", max_length=64)
    model_name = models.CharField("型号", max_length=100)
    rate_ref = models.CharField("折算系数编号", max_length=64)
    rate_label = models.CharField("折算系数", max_length=100)
    gflops = models.BigIntegerField("GFLOPS")
    price_ref = models.CharField("备案单价编号", max_length=64)
    pricing_unit = models.CharField("计价单位", max_length=20)
    price_fen = models.BigIntegerField("备案单价（分）")
    cap_price_fen = models.BigIntegerField("政策限价（分）", null=True, blank=True)
    filed_price_fen = models.BigIntegerField("原备案单价（分）", null=True, blank=True)
    tier = models.PositiveSmallIntegerField("阶梯", default=0)
    discount_bp = models.PositiveIntegerField("折扣（万分之一）", default=0)
    credit_fen = models.BigIntegerField("赠送抵减（分）", default=0)
    unpaid_reason = models.CharField("不予支持的原因", max_length=200, blank=True)
    device_milli_seconds = models.BigIntegerField("设备毫秒")
    pflops_hours = models.DecimalField("算力（PFLOPS·h）", max_digits=24, decimal_places=6)
    card_hours = models.DecimalField("卡时", max_digits=24, decimal_places=6)
    records = models.IntegerField("记录数")
    first_at = models.DateTimeField("最早使用")
    last_at = models.DateTimeField("最晚使用")
    gross_fen = models.BigIntegerField("服务总价（分）")
    metered_fen = models.BigIntegerField("限价后金额（分）")
    ratio_bp = models.PositiveIntegerField("比例（万分之一）")
    public_fen = models.BigIntegerField("券抵扣（分）")
    self_fen = models.BigIntegerField("企业自付（分）")

    class Meta:
        verbose_name = "对账单明细"
        verbose_name_plural = "对账单明细"
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "ordinal"], name="line_ordinal_once"),
            models.CheckConstraint(
                condition=models.Q(gross_fen=models.F("public_fen") + models.F("self_fen")),
                name="line_parts_add_up",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    reverses__isnull=True, gross_fen__gte=0, device_milli_seconds__gte=0
                )
                | models.Q(reverses__isnull=True, gross_fen__lte=0, device_milli_seconds__lt=0)
                | models.Q(reverses__isnull=False, gross_fen__lte=0),
                name="line_sign_says_reversal",
            ),
            models.CheckConstraint(
                condition=models.Q(unpaid_reason="") | models.Q(public_fen=0),
                name="line_unpaid_has_no_share",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id}/{self.ordinal}"
