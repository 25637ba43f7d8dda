"""What comes in: batches, answers, nonces, declarations, and which months are shut."""

from django.db import models
from django.db.models import Q

from ledger.identifiers import new_id
from providers.models.provider import Provider, ProviderKey


class UsageBatchQuerySet(models.QuerySet["UsageBatch"]):
    """Questions about batches."""

    def newest_first(self) -> "UsageBatchQuerySet":
        """Return all, the newest first."""
        return self.order_by("-received_at", "-id")

    def live(self) -> "UsageBatchQuerySet":
        """Return what counts, leaving tests out."""
        return self.filter(livemode=True)


class UsageBatch(models.Model):
    """One upload: what came, who signed it, what became of every row.

    The counts are exhaustive: accepted + duplicate + conflict + rejected + held + open + zero =
    rows. The signature headers are kept as they came: they are the provider's own evidence.
    """

    class Status(models.TextChoices):
        """How far the batch is."""

        PROCESSING = "processing", "处理中"
        ACCEPTED = "accepted", "已入账"
        PARTIAL = "partial", "部分入账"
        REJECTED = "rejected", "未入账"

    class OnError(models.TextChoices):
        """What to do when some rows will not do."""

        REJECT_BATCH = "reject_batch", "全部通过才入账"
        ACCEPT_VALID = "accept_valid", "只入账正确的"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="batches", verbose_name="供方"
    )
    key = models.ForeignKey(
        ProviderKey,
        on_delete=models.PROTECT,
        related_name="batches",
        verbose_name="密钥",
        null=True,
        blank=True,
    )
    livemode = models.BooleanField("正式")
    source = models.CharField("来源", max_length=10, default="api")
    sent_by_name = models.CharField("上报人", max_length=100, blank=True)
    on_error = models.CharField("出错时", max_length=12, choices=OnError.choices)
    content_type = models.CharField("类型", max_length=60)
    content_encoding = models.CharField("编码", max_length=10, blank=True)
    hold_reason = models.CharField("供方要求待定", max_length=20, blank=True)
    sequence = models.BigIntegerField("供方批次序号", null=True, blank=True)
    body_sha256 = models.CharField("正文摘要", max_length=64)
    body_size = models.BigIntegerField("字节数")
    body_removed_at = models.DateTimeField("原始文件清理时间", null=True, blank=True)
    signature_input = models.TextField("Signature-Input", blank=True)
    signature = models.TextField("Signature", blank=True)
    received_at = models.DateTimeField("接收时间")
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)
    status = models.CharField(
        "状态", max_length=10, choices=Status.choices, default=Status.PROCESSING
    )
    refused_code = models.CharField("拒绝原因", max_length=40, blank=True)
    expected_rows = models.BigIntegerField("声明行数", null=True, blank=True)
    expected_device_milli_seconds = models.BigIntegerField("声明用量", null=True, blank=True)
    rows = models.IntegerField("记录数", default=0)
    accepted = models.IntegerField("已入账", default=0)
    duplicate = models.IntegerField("重复", default=0)
    conflict = models.IntegerField("冲突", default=0)
    rejected = models.IntegerField("被拒", default=0)
    held = models.IntegerField("待定", default=0)
    open = models.IntegerField("未结束", default=0)
    zero = models.IntegerField("零用量", default=0)
    device_milli_seconds = models.BigIntegerField("卡毫秒", default=0)
    pflops_hours = models.DecimalField("PFLOPS·时", max_digits=24, decimal_places=6, default=0)
    rated = models.JSONField("试算", default=dict)
    receipt = models.JSONField("回执", null=True, blank=True)
    log_entry_id = models.UUIDField("日志条目", null=True, blank=True)

    objects = UsageBatchQuerySet.as_manager()

    class Meta:
        verbose_name = "计量批次"
        verbose_name_plural = "计量批次"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["processing", "accepted", "partial", "rejected"]),
                name="batch_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["processing", "rejected"])
                | Q(
                    rows=models.F("accepted")
                    + models.F("duplicate")
                    + models.F("conflict")
                    + models.F("rejected")
                    + models.F("held")
                    + models.F("open")
                    + models.F("zero")
                ),
                name="batch_counts_add_up",
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "-received_at"], name="providers_batch_newest"),
            models.Index(fields=["body_sha256"], name="providers_batch_body"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def left_waiting(self) -> int:
        """Return how many rows still need somebody: held, open, in conflict, rejected."""
        return self.held + self.open + self.conflict + self.rejected

    @property
    def counts(self) -> dict[str, int]:
        """Return rows and outcomes under their fixed names."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "conflict": self.conflict,
            "rejected": self.rejected,
            "held": self.held,
            "open": self.open,
            "zero": self.zero,
        }


class UploadAnswer(models.Model):
    """The first answer to an Idempotency-Key, kept for ever and given again."""

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="upload_answers", verbose_name="供方"
    )
    livemode = models.BooleanField("正式")
    endpoint = models.CharField("接口", max_length=30)
    idempotency_key = models.UUIDField("幂等键")
    request_digest = models.CharField("请求摘要", max_length=64)
    batch = models.ForeignKey(
        UsageBatch, on_delete=models.PROTECT, verbose_name="批次", null=True, blank=True
    )
    status = models.PositiveSmallIntegerField("状态码", default=0)
    body = models.JSONField("应答", default=dict)
    at = models.DateTimeField("时间")

    class Meta:
        verbose_name = "应答"
        verbose_name_plural = "应答"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "livemode", "endpoint", "idempotency_key"],
                name="upload_answer_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.idempotency_key}"


class UsageNonce(models.Model):
    """A nonce that a key has used; a second use is a replay."""

    id = models.BigAutoField(primary_key=True)
    key = models.ForeignKey(ProviderKey, on_delete=models.PROTECT, related_name="nonces")
    nonce = models.CharField("随机数", max_length=128)
    expires_at = models.DateTimeField("可清理时间")

    class Meta:
        verbose_name = "签名随机数"
        verbose_name_plural = "签名随机数"
        constraints = [models.UniqueConstraint(fields=["key", "nonce"], name="nonce_once")]

    def __str__(self) -> str:
        return self.nonce


class ZeroDeclaration(models.Model):
    """A provider says that nothing was used on a day (零申报)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="zero_declarations", verbose_name="供方"
    )
    livemode = models.BooleanField("正式")
    day = models.DateField("日期")
    declared_at = models.DateTimeField("申报时间")
    declared_by = models.CharField("申报人", max_length=100)

    class Meta:
        verbose_name = "零申报"
        verbose_name_plural = "零申报"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "livemode", "day"], name="zero_declaration_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider_id} {self.day}"


class Manifest(models.Model):
    """What a provider says it sent for a day; a difference to what we hold is a gap.

    Units: ``sums`` device_milli_seconds per model as the provider names it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="manifests", verbose_name="供方"
    )
    livemode = models.BooleanField("正式")
    day = models.DateField("日期")
    version = models.PositiveSmallIntegerField("版本")
    record_count = models.IntegerField("记录数")
    sums = models.JSONField("各型号用量", default=dict)
    ids_digest = models.CharField("编号摘要", max_length=64)
    received_at = models.DateTimeField("接收时间")

    class Meta:
        verbose_name = "日清单"
        verbose_name_plural = "日清单"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "livemode", "day", "version"], name="manifest_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider_id} {self.day} v{self.version}"


class MeteringMonth(models.Model):
    """A month whose intake is shut: later usage of it settles in the next open month."""

    month = models.CharField("月份", max_length=7, primary_key=True)
    closed_at = models.DateTimeField("截止时间")
    closed_by = models.CharField("经办人", max_length=100)

    class Meta:
        verbose_name = "计量月份"
        verbose_name_plural = "计量月份"

    def __str__(self) -> str:
        return self.month
