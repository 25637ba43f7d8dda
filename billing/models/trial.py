"""A trial run: what a month would come to if it were cut off now; it posts nothing."""

from typing import Any

from django.db import models

from ledger.identifiers import new_id
from ledger.periods import Month


class TrialQuerySet(models.QuerySet["Trial"]):
    """Questions about trials."""

    def of_month(self, month: Month) -> "TrialQuerySet":
        """Return the trials of a month, the latest first."""
        return self.filter(month=str(month)).order_by("-number")


class Trial(models.Model):
    """One trial of one month; written by its act only, never changed (trigger).

    ``digest`` is made the way the month's own digest is, so a trial after which nothing came has
    the digest that the month will have. ``amounts`` lists by order number what each statement
    would say; ``carried`` what would go over to the next month.

    Units: fen.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    month = models.CharField("月份", max_length=7)
    number = models.PositiveIntegerField("次序")
    asked_at = models.DateTimeField("试算时间")
    asked_id = models.CharField("账号", max_length=64)
    asked_name = models.CharField("试算人", max_length=100)
    digest = models.CharField("摘要", max_length=64)
    statement_count = models.PositiveIntegerField("对账单数")
    lines = models.PositiveIntegerField("行数")
    gross_fen = models.BigIntegerField("服务总价（分）")
    public_fen = models.BigIntegerField("券抵扣（分）")
    recomputed_lines = models.PositiveIntegerField("独立重算行数")
    recomputed_difference_fen = models.BigIntegerField("独立重算差异（分）")
    blockers = models.PositiveIntegerField("未了结事项")
    amounts = models.JSONField("各单金额", default=list)
    carried = models.JSONField("转入下期", default=list)

    objects = TrialQuerySet.as_manager()

    class Meta:
        verbose_name = "试算"
        verbose_name_plural = "试算"
        constraints = [
            models.UniqueConstraint(fields=["month", "number"], name="trial_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.month} #{self.number}"

    def by_order(self) -> dict[str, dict[str, Any]]:
        """Return the amounts by order number."""
        return {each["order_no"]: each for each in self.amounts}
