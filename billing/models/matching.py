"""The three-way match: what the provider metered beside what the enterprise's scheduler says."""

from django.db import models

from billing.models.statement import Statement
from ledger.identifiers import new_id


class MatchRun(models.Model):
    """One comparison (三方核对) of one order's month with one scheduler file; never changed.

    A later file makes a later run; the last one is shown, all are kept.

    Units: device-milli-seconds; fen at the order's filed price.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="matches", verbose_name="对账单"
    )
    version = models.PositiveSmallIntegerField("对账单版本")
    from_bureau = models.BooleanField("由数据局上传", default=False)
    file_name = models.CharField("文件名", max_length=200)
    size = models.PositiveBigIntegerField("字节数")
    sha256 = models.CharField("SHA-256", max_length=64)
    stored_path = models.CharField("存放位置", max_length=100)
    start_seconds = models.PositiveIntegerField("起止时间容差（秒）")
    share_bp = models.PositiveIntegerField("用量容差（万分之一）")
    enterprise_said = models.CharField("企业答复", max_length=100)
    jobs = models.PositiveIntegerField("作业数")
    records = models.PositiveIntegerField("记录数")
    counts = models.JSONField("各类行数")
    provider_milli_seconds = models.BigIntegerField("供方计量")
    scheduler_milli_seconds = models.BigIntegerField("调度器计量")
    stake_fen = models.BigIntegerField("涉及金额（分）")
    left_out = models.JSONField("未参与比对的行", default=list)
    run_at = models.DateTimeField("核对时间")
    run_name = models.CharField("上传人", max_length=100)

    class Meta:
        verbose_name = "三方核对"
        verbose_name_plural = "三方核对"
        ordering = ["-run_at", "-id"]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.sha256[:12]}"


class MatchRow(models.Model):
    """One job or record of a run, and how both sides agree on it; never changed.

    ``stake_fen`` is what the difference is worth: above zero where the provider says more.
    """

    class Result(models.TextChoices):
        """How the two sides stand to each other."""

        MATCHED = "matched", "一致"
        ONLY_PROVIDER = "only_provider", "仅供方有"
        ONLY_SCHEDULER = "only_scheduler", "仅调度器有"
        DIFFERS = "differs", "有差异"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(
        MatchRun, on_delete=models.PROTECT, related_name="rows", verbose_name="三方核对"
    )
    ordinal = models.PositiveIntegerField("序号")
    result = models.CharField("结果", max_length=16, choices=Result.choices)
    job_ref = models.CharField("作业", max_length=128, blank=True)
    record_id = models.CharField("记录编号", max_length=128, blank=True)
    line_ordinal = models.PositiveIntegerField("对账单行", null=True, blank=True)
    provider_from = models.DateTimeField("供方开始", null=True, blank=True)
    provider_until = models.DateTimeField("供方结束", null=True, blank=True)
    provider_devices = models.PositiveIntegerField("供方卡数", null=True, blank=True)
    scheduler_from = models.DateTimeField("调度器开始", null=True, blank=True)
    scheduler_until = models.DateTimeField("调度器结束", null=True, blank=True)
    scheduler_devices = models.PositiveIntegerField("调度器卡数", null=True, blank=True)
    provider_milli_seconds = models.BigIntegerField("供方计量", default=0)
    scheduler_milli_seconds = models.BigIntegerField("调度器计量", default=0)
    stake_fen = models.BigIntegerField("涉及金额（分）", default=0)
    why = models.CharField("说明", max_length=300, blank=True)

    class Meta:
        verbose_name = "核对行"
        verbose_name_plural = "核对行"
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="matchrow_once"),
            models.CheckConstraint(
                condition=models.Q(
                    result__in=["matched", "only_provider", "only_scheduler", "differs"]
                ),
                name="matchrow_result_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.ordinal}"


class ProviderTotal(models.Model):
    """What a provider's own books say of a statement, typed by it; the last one is shown.

    Units: fen; card-hours as a decimal.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="provider_totals", verbose_name="对账单"
    )
    version = models.PositiveSmallIntegerField("对账单版本")
    gross_fen = models.BigIntegerField("自算总价（分）")
    card_hours = models.DecimalField(
        "自算卡时", max_digits=24, decimal_places=6, null=True, blank=True
    )
    note = models.CharField("说明", max_length=300, blank=True)
    said_at = models.DateTimeField("登记时间")
    said_name = models.CharField("登记人", max_length=100)

    class Meta:
        verbose_name = "供方自算合计"
        verbose_name_plural = "供方自算合计"
        ordering = ["-said_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(gross_fen__gte=0), name="providertotal_not_negative"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.statement_id} {self.gross_fen}"

    @property
    def difference_fen(self) -> int:
        """Return how much more the provider says than the statement says now."""
        return self.gross_fen - self.statement.gross_fen
