"""The annual closing of a programme: what was granted, used, lapsed, and what goes back."""

from django.db import models

from ledger.identifiers import new_id


class YearEnd(models.Model):
    """One annual closing statement of a programme (年度决算): prepared by one, approved by another.

    ``figures`` is what stood in the books when it was prepared; approving asks for the same figures
    again and books what goes back to finance.

    Units: fen.
    """

    class Use(models.TextChoices):
        """What becomes of what is left."""

        RETURN = "return", "上缴财政"
        CARRY = "carry", "结转下一方案"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        "vouchers.Programme",
        on_delete=models.PROTECT,
        related_name="year_ends",
        verbose_name="方案",
    )
    no = models.PositiveSmallIntegerField("第几次")
    use = models.CharField("剩余资金", max_length=10, choices=Use.choices)
    successor = models.ForeignKey(
        "vouchers.Programme",
        on_delete=models.PROTECT,
        related_name="carried_from",
        verbose_name="结转至",
        null=True,
        blank=True,
    )
    document_no = models.CharField("文号", max_length=100)
    figures = models.JSONField("决算数据")
    digest = models.CharField("摘要", max_length=64)
    returned_fen = models.BigIntegerField("退回合计（分）")
    prepared_at = models.DateTimeField("编制时间")
    prepared_by = models.JSONField("编制人")
    prepared_person = models.CharField("编制自然人", max_length=64)
    approved_at = models.DateTimeField("审批时间", null=True, blank=True)
    approved_name = models.CharField("审批人", max_length=100, blank=True)
    approved_person = models.CharField("审批自然人", max_length=64, blank=True)

    class Meta:
        verbose_name = "年度决算"
        verbose_name_plural = "年度决算"
        ordering = ["programme", "no"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "no"], name="yearend_no_once"),
            models.CheckConstraint(
                condition=models.Q(approved_at__isnull=True)
                | (
                    ~models.Q(prepared_person="")
                    & ~models.Q(prepared_person=models.F("approved_person"))
                ),
                name="yearend_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(use="carry", successor__isnull=False)
                | models.Q(use="return", successor__isnull=True),
                name="yearend_carry_has_successor",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme} 第 {self.no} 次决算"
