"""Files that belong to statements: evidence of objections, proofs of service, papers of claims."""

from django.db import models

from billing.models.statement import Statement
from ledger.identifiers import new_id
from vouchers.models.kept_file import KeptFile


class StatementFile(KeptFile):
    """A file handed in about a statement.

    ``about_id`` is the objection, the proof or the claim it belongs to.
    """

    class Kind(models.TextChoices):
        """What a file belongs to, and with that who may read it beside the bureau."""

        OBJECTION = "objection", "异议证据"  # both sides
        SERVICE = "service", "送达证明"  # nobody else
        CLAIM = "claim", "核销材料"  # the enterprise

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="files", verbose_name="对账单"
    )
    kind = models.CharField("类别", max_length=12, choices=Kind.choices)
    about_id = models.UUIDField("所属事项")
    attached_at = models.DateTimeField("上传时间")
    attached_by = models.CharField("上传人", max_length=100)

    class Meta:
        verbose_name = "对账材料"
        verbose_name_plural = "对账材料"
        ordering = ["attached_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["objection", "service", "claim"]),
                name="statementfile_kind_known",
            ),
            models.CheckConstraint(
                condition=models.Q(scan__in=["quarantined", "clean", "infected"]),
                name="statementfile_scan_known",
            ),
        ]
        indexes = [models.Index(fields=["about_id"], name="statementfile_about")]

    def __str__(self) -> str:
        return self.file_name
