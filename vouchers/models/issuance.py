"""Issuing in batches, and what else of a voucher two people have to agree on."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application
from vouchers.models.voucher import Voucher


class IssueBatch(models.Model):
    """Approved applications put together by one person and issued by another (发券批次)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch_no = models.CharField("批次号", max_length=30, unique=True)
    total_fen = models.BigIntegerField("合计（分）")
    digest = models.CharField("名单摘要", max_length=64)
    prepared_at = models.DateTimeField("编制时间")
    prepared_by = models.CharField("编制人", max_length=100)
    prepared_person = models.CharField("编制自然人", max_length=64)
    issued_at = models.DateTimeField("发券时间", null=True, blank=True)
    issued_by = models.CharField("发券人", max_length=100, blank=True)
    issued_person = models.CharField("发券自然人", max_length=64, blank=True)
    dropped_at = models.DateTimeField("作废时间", null=True, blank=True)

    class Meta:
        verbose_name = "发券批次"
        verbose_name_plural = "发券批次"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(issued_person="")
                | ~models.Q(prepared_person=models.F("issued_person")),
                name="issue_batch_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(issued_at__isnull=True) | models.Q(dropped_at__isnull=True),
                name="issue_batch_one_end",
            ),
        ]

    def __str__(self) -> str:
        return self.batch_no


class IssueItem(models.Model):
    """One application of a batch, and what became of it (发券条目)."""

    class Outcome(models.TextChoices):
        """What became of an application in a batch."""

        WAITING = "waiting", "待发"
        ISSUED = "issued", "已发券"
        WAITLISTED = "waitlisted", "列入候补"
        REFUSED = "refused", "未发"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        IssueBatch, on_delete=models.PROTECT, related_name="items", verbose_name="批次"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="issue_items", verbose_name="申请"
    )
    line_no = models.PositiveIntegerField("序号")
    amount_fen = models.BigIntegerField("审定金额（分）")
    outcome = models.CharField(
        "结果", max_length=12, choices=Outcome.choices, default=Outcome.WAITING
    )
    message = models.CharField("说明", max_length=300, blank=True)

    class Meta:
        verbose_name = "发券条目"
        verbose_name_plural = "发券条目"
        ordering = ["line_no"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "line_no"], name="issue_item_line_once"),
            models.UniqueConstraint(
                fields=["batch", "application"], name="issue_item_once_per_application"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.line_no}"


class VoucherRequestQuerySet(models.QuerySet["VoucherRequest"]):
    """Questions about requests."""

    def waiting(self) -> "VoucherRequestQuerySet":
        """Return those that wait for a second person, the oldest first."""
        return self.filter(decided_at__isnull=True).order_by("prepared_at")


class VoucherRequest(models.Model):
    """To unfreeze or to revoke: asked for by one person, decided by another (券处置申请)."""

    class Kind(models.TextChoices):
        """What is asked for."""

        UNFREEZE = "unfreeze", "解冻"
        REVOKE = "revoke", "撤销"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voucher = models.ForeignKey(
        Voucher, on_delete=models.PROTECT, related_name="requests", verbose_name="算力券"
    )
    kind = models.CharField("处置", max_length=10, choices=Kind.choices)
    reason = models.CharField("理由", max_length=500)
    prepared_at = models.DateTimeField("经办时间")
    prepared_by = models.JSONField("经办人")
    prepared_person = models.CharField("经办自然人", max_length=64)
    decided_at = models.DateTimeField("审批时间", null=True, blank=True)
    decided_by = models.CharField("审批人", max_length=100, blank=True)
    decided_person = models.CharField("审批自然人", max_length=64, blank=True)
    agreed = models.BooleanField("是否同意", null=True, blank=True)

    objects = VoucherRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "券处置申请"
        verbose_name_plural = "券处置申请"
        constraints = [
            models.UniqueConstraint(
                fields=["voucher", "kind"],
                condition=models.Q(decided_at__isnull=True),
                name="voucher_request_one_waiting",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed__isnull=True)
                | models.Q(agreed=False)
                | ~models.Q(prepared_person=models.F("decided_person")),
                name="voucher_request_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.voucher_id} {self.kind}"
