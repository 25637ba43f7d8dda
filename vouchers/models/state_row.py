"""The memory of moves of this room; numbers given out."""

from django.db import models

from ledger.moves import MoveRow


class StateRow(MoveRow):
    """One move of an application, a voucher, a programme or what else this room keeps."""

    reason = models.TextField("对外理由", blank=True)
    internal = models.TextField("内部意见", blank=True)


class NumberSeries(models.Model):
    """The last number given out in a series; numbers have no gaps."""

    name = models.CharField("系列", max_length=40, primary_key=True)
    last = models.PositiveIntegerField("最后一号")

    class Meta:
        verbose_name = "编号系列"
        verbose_name_plural = "编号系列"

    def __str__(self) -> str:
        return f"{self.name}-{self.last:06d}"
