"""The bureau's desk: who works on a case, and the views of the queue people keep."""

from typing import Any

from django.conf import settings
from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application


class CaseAssignment(models.Model):
    """Who works on a case now; the history of it stands in the state rows of the case."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, related_name="assignment", verbose_name="申请"
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="case_assignments",
        verbose_name="经办人",
    )
    reviewer_name = models.CharField("经办人姓名", max_length=100)
    assigned_at = models.DateTimeField("分派时间")

    class Meta:
        verbose_name = "办件分派"
        verbose_name_plural = "办件分派"
        permissions = [("assign_case", "分派办件")]

    def __str__(self) -> str:
        return f"{self.application} → {self.reviewer_name}"


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Questions about saved views."""

    def of_user(self, user: Any) -> "SavedViewQuerySet":
        """Return the views a person kept, by name."""
        return self.filter(user=user, dropped_at=None).order_by("name")


class SavedView(models.Model):
    """A choice of filters a person gave a name; it is nothing but the query of an address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="saved_views",
        verbose_name="账号",
    )
    name = models.CharField("名称", max_length=30)
    query = models.CharField("筛选条件", max_length=1000)
    saved_at = models.DateTimeField("保存时间")
    dropped_at = models.DateTimeField("删除时间", null=True, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = "常用筛选"
        verbose_name_plural = "常用筛选"
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_view_once"),
        ]

    def __str__(self) -> str:
        return self.name
