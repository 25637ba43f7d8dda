"""Usage records, what was left out and what contradicts: kept for ever, counted once.

``UsageRecord`` is written and moved by set-based SQL only (``staging.py``); the ORM reads it. Its
foreign keys carry no constraint: every value comes out of a join inside the same statement, and
five checks a row would halve the speed of an upload.
"""

from django.db import models
from django.db.models import Q

from providers.models.batch import UsageBatch
from providers.models.catalogue import AcceleratorModel, AcceleratorRate
from providers.models.order import Order
from providers.models.provider import Provider


class UsageRecord(models.Model):
    """One usage record, or the part of it that lies in one Shanghai month.

    ``segment`` numbers the parts from 0; a reversal of a corrected record has the segment of what
    it reverses plus 1000 and a negative use. What counts for a settlement month is the plain sum
    of ``device_milli_seconds`` over rows that are ``counted``.

    Units: ``device_milli_seconds``; ``gflops`` of the rate version that was applied.
    """

    class State(models.TextChoices):
        """What became of the record."""

        ACCEPTED = "accepted", "已入账"
        HELD = "held", "待定"
        OPEN = "open", "未结束"
        ZERO = "zero", "零用量"
        SUPERSEDED = "superseded", "已更正"
        REVERSAL = "reversal", "冲销"
        REFUSED = "refused", "不予入账"

    class HoldReason(models.TextChoices):
        """What a held record waits for."""

        UNKNOWN_MODEL = "unknown_model", "型号未登记"
        NO_RATE = "no_rate", "型号没有有效折算系数"
        NO_CAPACITY = "no_capacity", "供方未登记该型号的算力规模"
        OVER_CAPACITY = "over_capacity", "超过登记的算力规模"
        OVER_HOLD = "over_hold", "超过订单占用额度"
        SUSPECT_REPEAT = "suspect_repeat", "疑似重复，待核实"
        LATE_CORRECTION = "late_correction", "更正已截止月份，等待两人办理"
        UNDER_REVIEW = "under_review", "区数据局正在核查该供方"

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(
        Provider,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="usage",
    )
    livemode = models.BooleanField("正式")
    record_id = models.CharField("记录编号", max_length=128)
    segment = models.SmallIntegerField("分段", default=0)
    batch = models.ForeignKey(
        UsageBatch,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="records",
    )
    row_no = models.IntegerField("行号")
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="usage",
        null=True,
        blank=True,
    )
    device_model = models.CharField("上报型号", max_length=128)
    model = models.ForeignKey(
        AcceleratorModel,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        blank=True,
    )
    rate = models.ForeignKey(
        AcceleratorRate,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        blank=True,
    )
    gflops = models.IntegerField("折算系数", null=True, blank=True)
    device_count = models.IntegerField("数量")
    share_milli = models.SmallIntegerField("千分之几")
    started_at = models.DateTimeField("起")
    ended_at = models.DateTimeField("止", null=True, blank=True)
    basis = models.CharField("口径", max_length=10)
    job_state = models.CharField("作业状态", max_length=10, blank=True)
    job_ref = models.CharField("作业", max_length=64, blank=True)
    utilisation_pct = models.DecimalField(
        "利用率", max_digits=14, decimal_places=9, null=True, blank=True
    )
    energy_kwh = models.DecimalField("电量", max_digits=24, decimal_places=9, null=True, blank=True)
    declared_device_seconds = models.DecimalField(
        "供方自报卡秒", max_digits=24, decimal_places=9, null=True, blank=True
    )
    corrects = models.CharField("更正对象", max_length=128, blank=True)
    reason = models.CharField("原因", max_length=200, blank=True)
    content_digest = models.BinaryField("内容摘要", max_length=32)
    month = models.CharField("用量月份", max_length=7)
    settle_month = models.CharField("结算月份", max_length=7)
    device_milli_seconds = models.BigIntegerField("卡毫秒")
    state = models.CharField("状态", max_length=10, choices=State.choices)
    hold_reason = models.CharField(
        "待定原因", max_length=20, choices=HoldReason.choices, blank=True
    )
    counted = models.BooleanField("计入")
    received_at = models.DateTimeField("接收时间")

    class Meta:
        verbose_name = "计量记录"
        verbose_name_plural = "计量记录"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "accepted",
                        "held",
                        "open",
                        "zero",
                        "superseded",
                        "reversal",
                        "refused",
                    ]
                ),
                name="usage_state_known",
            ),
            models.CheckConstraint(
                condition=Q(counted=False)
                | Q(order__isnull=False, rate__isnull=False)
                | Q(livemode=False, rate__isnull=False),
                name="usage_counted_is_rated",
            ),
            models.CheckConstraint(
                condition=Q(state="reversal", device_milli_seconds__lte=0)
                | (~Q(state="reversal") & Q(device_milli_seconds__gte=0)),
                name="usage_sign",
            ),
        ]
        indexes = [
            models.Index(fields=["record_id"], name="providers_usage_record"),
            models.Index(fields=["batch", "row_no"], name="providers_usage_batch"),
            models.Index(fields=["order"], name="providers_usage_order", condition=Q(counted=True)),
            models.Index(fields=["provider", "started_at"], name="providers_usage_time"),
            models.Index(
                fields=["corrects"], name="providers_usage_corrects", condition=~Q(corrects="")
            ),
            models.Index(
                fields=["record_id"],
                name="providers_usage_reversals",
                condition=Q(segment__gte=1000),
            ),
            models.Index(
                fields=["provider", "state"],
                name="providers_usage_waiting",
                condition=Q(state__in=["held", "open"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_id}#{self.segment}"


class UsageIdentity(models.Model):
    """That a part of a record is stored, once for ever, with the digest of its content.

    Usage lies by month, and a unique index of such a table holds within a month only; so this
    table, which is one piece, keeps (provider, live or test, record, part) unique. The database
    writes a row whenever a usage record is stored; nobody else writes it.
    """

    pk = models.CompositePrimaryKey("provider", "livemode", "record_id", "segment")
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    livemode = models.BooleanField("正式")
    record_id = models.CharField("记录编号", max_length=128)
    segment = models.SmallIntegerField("分段")
    content_digest = models.BinaryField("内容摘要", max_length=32)

    class Meta:
        verbose_name = "记录登记"
        verbose_name_plural = "记录登记"

    def __str__(self) -> str:
        return f"{self.record_id}#{self.segment}"


class BatchRow(models.Model):
    """A row of a batch that was not stored as usage: duplicate, conflict or rejected, and why."""

    class Outcome(models.TextChoices):
        """Why it is here."""

        DUPLICATE = "duplicate", "重复"
        CONFLICT = "conflict", "冲突"
        REJECTED = "rejected", "被拒"

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(
        UsageBatch, on_delete=models.PROTECT, db_index=False, related_name="left_out"
    )
    row_no = models.IntegerField("行号")
    outcome = models.CharField("结果", max_length=10, choices=Outcome.choices)
    record_id = models.CharField("记录编号", max_length=128, blank=True)
    faults = models.JSONField("问题", default=list)
    given = models.JSONField("原文", default=dict)

    class Meta:
        verbose_name = "未入账行"
        verbose_name_plural = "未入账行"
        indexes = [models.Index(fields=["batch", "row_no"], name="providers_batchrow_row")]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.row_no}"


class UsageConflictQuerySet(models.QuerySet["UsageConflict"]):
    """Questions about conflicts."""

    def unresolved(self) -> "UsageConflictQuerySet":
        """Return those somebody has to look at."""
        return self.filter(resolved_at__isnull=True, livemode=True).order_by("id")


class UsageConflict(models.Model):
    """The same record id with other content: both digests kept, nothing overwritten."""

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="conflicts", verbose_name="供方"
    )
    livemode = models.BooleanField("正式")
    record_id = models.CharField("记录编号", max_length=128)
    batch = models.ForeignKey(UsageBatch, on_delete=models.PROTECT, related_name="conflicts")
    row_no = models.IntegerField("行号")
    month = models.CharField("月份", max_length=7)
    stored_digest = models.BinaryField("已存摘要", max_length=32, null=True, blank=True)
    given_digest = models.BinaryField("来件摘要", max_length=32)
    given = models.JSONField("来件内容", default=dict)
    resolved_at = models.DateTimeField("处理时间", null=True, blank=True)
    resolved_by = models.CharField("处理人", max_length=100, blank=True)
    resolution = models.CharField("处理意见", max_length=200, blank=True)

    objects = UsageConflictQuerySet.as_manager()

    class Meta:
        verbose_name = "计量冲突"
        verbose_name_plural = "计量冲突"

    def __str__(self) -> str:
        return self.record_id

    @property
    def given_text(self) -> str:
        """Return the digest of what came, as text."""
        return bytes(self.given_digest).hex()
