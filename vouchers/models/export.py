"""Lists taken out of the house: who asked for which, why, who agreed, and when the file goes."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from ledger.identifiers import new_id


class CaseExportQuerySet(models.QuerySet["CaseExport"]):
    """Questions about exports."""

    def of_user(self, user: Any) -> "CaseExportQuerySet":
        """Return what a person asked for, the newest first."""
        return self.filter(user=user).order_by("-asked_at")

    def to_approve(self, person: str) -> "CaseExportQuerySet":
        """Return what waits for agreement and this person may agree to."""
        waiting = self.filter(needs_approval=True, approved_at=None, refused_at=None)
        return waiting.exclude(asked_person=person).order_by("asked_at")

    def run_out(self, now: datetime) -> "CaseExportQuerySet":
        """Return files whose time is over and that still lie there."""
        return self.filter(expires_at__lte=now, removed_at=None).exclude(stored_name="")


class CaseExport(models.Model):
    """One list of cases as a file: made by a worker, marked with its reader, gone after a day."""

    class Form(models.TextChoices):
        """What kind of file."""

        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel（XLSX）"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    export_no = models.CharField("导出编号", max_length=30, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="case_exports",
        verbose_name="账号",
    )
    asked_by = models.CharField("导出人", max_length=100)
    asked_person = models.CharField("导出自然人", max_length=64)
    asked_at = models.DateTimeField("申请时间")
    query = models.CharField("筛选条件", max_length=1000, blank=True)
    form = models.CharField("格式", max_length=4, choices=Form.choices)
    reason = models.CharField("用途", max_length=300)
    rows = models.PositiveIntegerField("行数")
    needs_approval = models.BooleanField("须审批")
    approved_at = models.DateTimeField("同意时间", null=True, blank=True)
    approved_by = models.CharField("审批人", max_length=100, blank=True)
    approved_person = models.CharField("审批自然人", max_length=64, blank=True)
    refused_at = models.DateTimeField("不同意时间", null=True, blank=True)
    stored_name = models.CharField("存放位置", max_length=100, blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    ready_at = models.DateTimeField("生成时间", null=True, blank=True)
    expires_at = models.DateTimeField("失效时间", null=True, blank=True)
    removed_at = models.DateTimeField("清除时间", null=True, blank=True)

    objects = CaseExportQuerySet.as_manager()

    class Meta:
        verbose_name = "办件导出"
        verbose_name_plural = "办件导出"
        permissions = [("export_cases", "导出办件"), ("approve_export", "审批大批量导出")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approved_person="")
                | ~models.Q(approved_person=models.F("asked_person")),
                name="case_export_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(stored_name="")
                | models.Q(needs_approval=False)
                | models.Q(approved_at__isnull=False),
                name="case_export_large_only_approved",
            ),
        ]

    def __str__(self) -> str:
        return self.export_no

    def is_over(self, now: datetime) -> bool:
        """Tell whether the day of the file is over."""
        return self.expires_at is not None and now >= self.expires_at

    def standing(self, now: datetime) -> tuple[str, str]:
        """Return where it stands, as a word and its colour."""
        if self.refused_at:
            return "未获同意", "red"
        if self.needs_approval and not self.approved_at:
            return "等待他人同意", "yellow"
        if not self.ready_at:
            return "正在生成", "blue"
        if self.is_over(now):
            return "已失效", "grey"
        return "可以下载", "green"
