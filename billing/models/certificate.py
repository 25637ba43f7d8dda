"""Redemption certificates (核销凭证): that public money was spent, on what, and how it follows."""

from django.db import models

from billing.models.claim import Claim
from billing.models.statement import Statement
from ledger.identifiers import new_id


class Certificate(models.Model):
    """One certificate on one redeemed statement, written once; what it says is read beside it.

    What was taken back later shows in its status, never in its row.

    Units: fen. The balances are those of the voucher right before and after the redemption.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate_no = models.CharField("核销凭证号", max_length=40, unique=True)
    statement = models.OneToOneField(
        Statement, on_delete=models.PROTECT, related_name="certificate", verbose_name="对账单"
    )
    claim = models.OneToOneField(
        Claim,
        on_delete=models.PROTECT,
        related_name="certificate",
        verbose_name="核销申请",
        null=True,
        blank=True,
    )
    version = models.PositiveSmallIntegerField("对账单版本")
    digest = models.CharField("对账单摘要", max_length=64)
    amount_fen = models.BigIntegerField("核销金额（分）")
    before_fen = models.BigIntegerField("核销前余额（分）")
    after_fen = models.BigIntegerField("核销后余额（分）")
    issued_at = models.DateTimeField("出具时间")
    entry_id = models.UUIDField("日志条目")

    class Meta:
        verbose_name = "核销凭证"
        verbose_name_plural = "核销凭证"
        ordering = ["certificate_no"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="certificate_positive"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.certificate_no
