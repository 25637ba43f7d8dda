"""Credit and debit notes: what a later statement takes from, or adds to, a paid month."""

from typing import Any

from django.db import models

from billing.models.statement import Statement
from ledger.identifiers import new_id


class SettlementNote(models.Model):
    """One note (红冲单、补差单) about one paid month, made of lines of a later statement.

    ``statement`` carries the lines, ``corrects`` is the paid statement they are about.

    Units: fen, never below zero; ``direction`` says which way.
    """

    class Direction(models.TextChoices):
        """Which way the money goes."""

        CREDIT = "credit", "红冲"
        DEBIT = "debit", "补差"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    note_no = models.CharField("单号", max_length=40, unique=True)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="notes", verbose_name="所在对账单"
    )
    corrects = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="corrections", verbose_name="更正的对账单"
    )
    direction = models.CharField("方向", max_length=10, choices=Direction.choices)
    gross_fen = models.BigIntegerField("服务总价（分）")
    public_fen = models.BigIntegerField("券抵扣（分）")
    self_fen = models.BigIntegerField("企业自付（分）")
    lines = models.JSONField("明细")
    digest = models.CharField("摘要", max_length=64)
    issued_at = models.DateTimeField("出具时间")

    class Meta:
        verbose_name = "红冲补差单"
        verbose_name_plural = "红冲补差单"
        ordering = ["note_no"]
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "corrects", "direction"], name="settlementnote_once"
            ),
            models.CheckConstraint(
                condition=models.Q(gross_fen__gte=0, public_fen__gte=0, self_fen__gte=0),
                name="settlementnote_not_below_zero",
            ),
        ]

    def __str__(self) -> str:
        return self.note_no

    @property
    def newest_paper(self) -> Any:
        """Return the last printed version of the note, None where nobody asked for one."""
        return self.reports.order_by("version").last()
