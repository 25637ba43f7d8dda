"""Who of the bureau looked at what: opened a case or a file, had personal data shown."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application


class ReadEventQuerySet(models.QuerySet["ReadEvent"]):
    """Questions about readings."""

    def newest_first(self) -> "ReadEventQuerySet":
        """Return all readings with the case they were of, the newest first."""
        return self.select_related("application").order_by("-at", "-id")

    def of_case(self, application: Application) -> "ReadEventQuerySet":
        """Return who looked at a case."""
        return self.filter(application=application).newest_first()


class ReadEvent(models.Model):
    """One reading; written when it happens, never changed (trigger)."""

    class Kind(models.TextChoices):
        """What was done."""

        CASE = "case", "打开办件"
        FILE = "file", "打开材料"
        REVEAL = "reveal", "显示完整信息"
        EXPORT = "export", "下载导出文件"
        DENIED = "denied", "未分派，未能打开"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("事项", max_length=10, choices=Kind.choices)
    at = models.DateTimeField("时间")
    reader_id = models.CharField("账号编号", max_length=64)
    reader_name = models.CharField("查看人", max_length=100)
    reader_person = models.CharField("自然人标识", max_length=64, blank=True)
    application = models.ForeignKey(
        Application,
        on_delete=models.PROTECT,
        related_name="readings",
        null=True,
        verbose_name="申请",
    )
    detail = models.CharField("内容", max_length=100, blank=True)
    reason = models.CharField("理由", max_length=300, blank=True)

    objects = ReadEventQuerySet.as_manager()

    class Meta:
        verbose_name = "查看记录"
        verbose_name_plural = "查看记录"
        permissions = [("view_readings", "查看查看记录")]
        indexes = [
            models.Index(fields=["-at"], name="vouchers_reading_newest"),
            models.Index(fields=["application", "-at"], name="vouchers_reading_of_case"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(kind="reveal") | ~models.Q(reason=""),
                name="reading_revealed_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reader_name} {self.get_kind_display()}"


class CaseNoteQuerySet(models.QuerySet["CaseNote"]):
    """Questions about notes."""

    def of_case(self, application: Application) -> "CaseNoteQuerySet":
        """Return the notes on a case, the newest first."""
        return self.filter(application=application).order_by("-at", "-id")


class CaseNote(models.Model):
    """A note inside the bureau on a case; the enterprise never sees it. Never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="notes", verbose_name="申请"
    )
    text = models.TextField("内容")
    at = models.DateTimeField("时间")
    author_id = models.CharField("账号编号", max_length=64)
    author_name = models.CharField("记录人", max_length=100)

    objects = CaseNoteQuerySet.as_manager()

    class Meta:
        verbose_name = "内部备注"
        verbose_name_plural = "内部备注"

    def __str__(self) -> str:
        return f"{self.author_name}：{self.text[:20]}"
