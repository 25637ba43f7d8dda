"""What an officer declared about themselves: enterprises on which they may do nothing."""

from typing import Any

from django.conf import settings
from django.db import models

from ledger.identifiers import new_id
from vouchers.models.enterprise import Enterprise


class ConflictQuerySet(models.QuerySet["ConflictDeclaration"]):
    """Questions about declarations."""

    def lasting(self) -> "ConflictQuerySet":
        """Return the declarations that count now."""
        return self.filter(ended_at__isnull=True).select_related("enterprise", "officer")

    def between(self, person: str, enterprise: Any) -> "ConflictQuerySet":
        """Return what bars a natural person from an enterprise."""
        return self.lasting().filter(person=person, enterprise=enterprise)


class ConflictDeclaration(models.Model):
    """An officer's declared tie to an enterprise; it lasts until another person ends it.

    A trigger of the database refuses every move of the enterprise, its applications and its
    vouchers by the same natural person, whatever account they use.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="conflicts", verbose_name="企业"
    )
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="declared_conflicts",
        verbose_name="声明人",
    )
    person = models.CharField("自然人标识", max_length=64)
    relation = models.CharField("关系说明", max_length=200)
    declared_at = models.DateTimeField("声明时间")
    ended_at = models.DateTimeField("解除时间", null=True, blank=True)
    ended_by_name = models.CharField("解除人", max_length=100, blank=True)
    ended_by_person = models.CharField("解除人自然人标识", max_length=64, blank=True)
    end_reason = models.CharField("解除理由", max_length=200, blank=True)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        verbose_name = "利益冲突声明"
        verbose_name_plural = "利益冲突声明"
        constraints = [
            models.UniqueConstraint(
                fields=["enterprise", "person"],
                condition=models.Q(ended_at__isnull=True),
                name="conflict_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(person="") & ~models.Q(person=models.F("ended_by_person")),
                name="conflict_ended_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, ended_by_person="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(ended_by_person="")),
                name="conflict_end_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.officer} × {self.enterprise}"
