"""Statements per enterprise, provider, order and month; confirmations and objections."""

from django.db import models

from billing.lifecycle import StatementMachine
from billing.models.month import MonthClose
from ledger.chart import AccountKey, disputed, settlement
from ledger.identifiers import new_id

MADE_STATES = ["in_review", "disputed", "confirmed", "prepared", "approved", "paid"]


class StatementQuerySet(models.QuerySet["Statement"]):
    """Questions about statements."""

    def put_out(self) -> "StatementQuerySet":
        """Return what both sides may see: drafts are nobody's business yet."""
        return self.filter(state__in=MADE_STATES)

    def waiting_for(self, side: str) -> "StatementQuerySet":
        """Return those that one side has still to answer: no yes to this version, no objection."""
        said_yes = Confirmation.objects.filter(
            statement=models.OuterRef("pk"), side=side, version=models.OuterRef("version")
        )
        objected = Objection.objects.filter(
            statement=models.OuterRef("pk"), side=side, state="open"
        )
        return self.filter(
            ~models.Exists(said_yes), ~models.Exists(objected), state__in=["in_review", "disputed"]
        )

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
    version = models.PositiveSmallIntegerField("版本", default=1)
    gross_fen = models.BigIntegerField("服务总价（分）")
    eligible_fen = models.BigIntegerField("可支持金额（分）")
    public_fen = models.BigIntegerField("券抵扣（分）")
    self_fen = models.BigIntegerField("企业自付（分）")
    held_back_fen = models.BigIntegerField("异议暂扣（分）", default=0)
    paid_fen = models.BigIntegerField("已付（分）", default=0)
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
    def payable_fen(self) -> int:
        """Return what may be paid now: the share without what is disputed or already paid."""
        return self.public_fen - self.held_back_fen - self.paid_fen


class StatementLine(models.Model):
    """One priced quantity: one model at one rate and one filed price within a statement.

    ``usage_month`` differs from the statement's month for late usage and for adjustments of
    earlier months; what takes back has a quantity and amounts below zero. ``metered_fen`` is
    priced at the programme's cap where the filed price lies above it. A line that ``reverses``
    another carries its quantities and amounts with the opposite sign.
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
        ]

    def __str__(self) -> str:
        return f"{self.statement_id}/{self.ordinal}"


class Side(models.TextChoices):
    """Who has to agree to a statement."""

    ENTERPRISE = "enterprise", "企业"
    PROVIDER = "provider", "服务商"


class Confirmation(models.Model):
    """One side's yes to one version of a statement, with the digest of what it saw."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="confirmations", verbose_name="对账单"
    )
    side = models.CharField("一方", max_length=20, choices=Side.choices)
    version = models.PositiveSmallIntegerField("版本")
    digest = models.CharField("摘要", max_length=64)
    confirmed_at = models.DateTimeField("确认时间")
    actor_id = models.CharField("账号", max_length=64)
    actor_name = models.CharField("确认人", max_length=100)
    actor_person = models.CharField("自然人", max_length=64)

    class Meta:
        verbose_name = "确认"
        verbose_name_plural = "确认"
        ordering = ["confirmed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "side", "version"], name="confirmation_once_per_side"
            ),
            models.CheckConstraint(
                condition=models.Q(side__in=Side.values), name="confirmation_side_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.side}"


class Objection(models.Model):
    """One side's objection to one line, and what the bureau decided about it."""

    class State(models.TextChoices):
        """How an objection ended, if it did."""

        OPEN = "open", "处理中"
        UPHELD = "upheld", "异议成立"
        DISMISSED = "dismissed", "异议不成立"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="objections", verbose_name="对账单"
    )
    line = models.ForeignKey(
        StatementLine, on_delete=models.PROTECT, related_name="objections", verbose_name="明细"
    )
    side = models.CharField("一方", max_length=20, choices=Side.choices)
    reason = models.TextField("理由")
    amount_fen = models.BigIntegerField("暂扣金额（分）")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.OPEN)
    raised_at = models.DateTimeField("提出时间")
    raised_name = models.CharField("提出人", max_length=100)
    raised_person = models.CharField("提出自然人", max_length=64)
    resolved_at = models.DateTimeField("处理时间", null=True, blank=True)
    resolved_name = models.CharField("处理人", max_length=100, blank=True)
    resolved_person = models.CharField("处理自然人", max_length=64, blank=True)
    resolution = models.TextField("处理意见", blank=True)

    class Meta:
        verbose_name = "对账异议"
        verbose_name_plural = "对账异议"
        ordering = ["raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["line"], condition=models.Q(state="open"), name="objection_open_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", resolved_person="")
                | (
                    models.Q(state__in=["upheld", "dismissed"])
                    & ~models.Q(resolved_person="")
                    & ~models.Q(resolved_person=models.F("raised_person"))
                ),
                name="objection_resolved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.state}"
