"""Batches of the fast lane, each with the seed its random check is chosen by."""

from typing import Any

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.programme import Programme
from vouchers.sampling import choose


class FastBatch(models.Model):
    """A batch of small requests that one person confirms; a share of it is reviewed in full.

    The seed is drawn when the batch is opened and only its digest is known (it stands in the
    signed log); it is published with the list. Afterwards nothing of the batch changes (trigger).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="fast_batches", verbose_name="方案"
    )
    batch_no = models.CharField("批次编号", max_length=30, unique=True)
    seed = models.CharField("种子", max_length=64)
    seed_digest = models.CharField("种子摘要", max_length=64)
    opened_at = models.DateTimeField("开批时间")
    opened_by = models.CharField("开批人", max_length=100)
    share_bp = models.PositiveSmallIntegerField("抽查比例（万分之）")
    cases = models.JSONField("办件", default=list)
    chosen = models.JSONField("抽中", default=list)
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    confirmed_by = models.CharField("确认人", max_length=100, blank=True)

    class Meta:
        verbose_name = "快速通道批次"
        verbose_name_plural = "快速通道批次"
        constraints = [
            models.UniqueConstraint(
                fields=["programme"],
                condition=models.Q(confirmed_at__isnull=True),
                name="fastbatch_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(share_bp__lte=10_000), name="fastbatch_share_sane"
            ),
        ]

    def __str__(self) -> str:
        return self.batch_no

    def recomputed(self) -> list[Any]:
        """Return what the published seed chooses from the list; the same as ``chosen``."""
        return list(choose(self.seed, self.cases, share_bp=self.share_bp))
