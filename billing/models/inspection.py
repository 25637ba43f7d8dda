"""Random inspection of statements: a seed before the list, the draw, what was found."""

from django.db import models

from billing.models.month import MonthClose
from billing.models.statement import Statement
from ledger.identifiers import new_id


class Inspection(models.Model):
    """One random inspection (随机核查) of a month: its seed is fixed before its list is known.

    The digest of the seed is in the signed log from the commitment on; the seed is told with the
    draw, so that anybody can draw again (``vouchers.sampling``).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    close = models.OneToOneField(
        MonthClose, on_delete=models.PROTECT, related_name="inspection", verbose_name="月度结算"
    )
    seed = models.CharField("种子", max_length=64)
    seed_digest = models.CharField("种子摘要", max_length=64)
    share_bp = models.PositiveIntegerField("抽查比例（万分之一）")
    committed_at = models.DateTimeField("承诺时间")
    committed_name = models.CharField("承诺人", max_length=100)
    drawn_at = models.DateTimeField("抽取时间", null=True, blank=True)
    drawn_name = models.CharField("抽取人", max_length=100, blank=True)

    class Meta:
        verbose_name = "随机核查"
        verbose_name_plural = "随机核查"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(share_bp__gt=0, share_bp__lte=10_000),
                name="inspection_share_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.seed_digest


class InspectionItem(models.Model):
    """One statement that the draw chose."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    inspection = models.ForeignKey(
        Inspection, on_delete=models.PROTECT, related_name="items", verbose_name="随机核查"
    )
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="inspected", verbose_name="对账单"
    )
    place = models.PositiveIntegerField("抽取次序")
    rank = models.CharField("排序值", max_length=64)

    class Meta:
        verbose_name = "核查对象"
        verbose_name_plural = "核查对象"
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(
                fields=["inspection", "statement"], name="inspectionitem_once"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.inspection_id} {self.place}"


class InspectionResult(models.Model):
    """What somebody found about a chosen statement; the last one stands, all are kept."""

    class Finding(models.TextChoices):
        """How it came out."""

        SOUND = "sound", "未发现问题"
        PROBLEM = "problem", "发现问题"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(
        InspectionItem, on_delete=models.PROTECT, related_name="results", verbose_name="核查对象"
    )
    finding = models.CharField("结论", max_length=10, choices=Finding.choices)
    text = models.TextField("核查情况")
    found_at = models.DateTimeField("登记时间")
    found_name = models.CharField("核查人", max_length=100)
    found_person = models.CharField("核查自然人", max_length=64)

    class Meta:
        verbose_name = "核查结果"
        verbose_name_plural = "核查结果"
        ordering = ["found_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(finding__in=["sound", "problem"]) & ~models.Q(text=""),
                name="inspectionresult_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.finding}"
