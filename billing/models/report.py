"""Monthly reports: the content as canonical data, the PDF made of it, and its check code."""

from django.db import models

from billing.lifecycle import ReportMachine
from billing.models.month import MonthClose
from ledger.identifiers import new_id


class ReportQuerySet(models.QuerySet["Report"]):
    """Questions about reports."""

    def newest_first(self) -> "ReportQuerySet":
        """Return the latest month first, the bureau's report before the providers'."""
        return self.order_by("-month", "kind", "report_no", "-version")

    def finished(self) -> "ReportQuerySet":
        """Return reports whose PDF exists."""
        return self.exclude(state="rendering")

    def by_code(self, check_code: str) -> "Report | None":
        """Return the report that carries a check code, if there is one and it was finished."""
        return self.finished().filter(check_code=check_code).first()


class Report(ReportMachine):
    """One version of one report of a month, for the bureau or for one provider.

    ``content`` is the whole report as data; the PDF is made of it and of nothing else, so the same
    content gives the same bytes.
    """

    class Kind(models.TextChoices):
        """Who a report is for."""

        BUREAU = "bureau", "数据局"
        PROVIDER = "provider", "服务商"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("种类", max_length=10, choices=Kind.choices)
    close = models.ForeignKey(
        MonthClose, on_delete=models.PROTECT, related_name="reports", verbose_name="月度结算"
    )
    month = models.CharField("月份", max_length=7)
    provider = models.ForeignKey(
        "providers.Provider",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="服务商",
        null=True,
        blank=True,
    )
    report_no = models.CharField("报告编号", max_length=40, unique=True)
    version = models.PositiveSmallIntegerField("版本", default=1)
    trial = models.BooleanField("试算稿", default=False)
    check_code = models.CharField("核验码", max_length=16, unique=True)
    content = models.JSONField("内容")
    content_sha256 = models.CharField("内容摘要", max_length=64)
    total_fen = models.BigIntegerField("本期应付（分）")
    pages = models.PositiveIntegerField("页数", default=0)
    size = models.PositiveIntegerField("字节数", default=0)
    sha256 = models.CharField("PDF 摘要", max_length=64, blank=True)
    file_name = models.CharField("文件", max_length=100, blank=True)
    asked_at = models.DateTimeField("请求时间")
    asked_name = models.CharField("请求人", max_length=100)
    rendered_at = models.DateTimeField("生成时间", null=True, blank=True)
    superseded_at = models.DateTimeField("被替代时间", null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="supersedes",
        verbose_name="替代者",
        null=True,
        blank=True,
    )

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = "结算报告"
        verbose_name_plural = "结算报告"
        permissions = [("view_reports", "查看结算报告")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["rendering", "ready", "superseded"]),
                name="report_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="bureau", provider__isnull=True)
                | models.Q(kind="provider", provider__isnull=False),
                name="report_kind_fits_provider",
            ),
            models.CheckConstraint(
                condition=models.Q(state="rendering") | ~models.Q(sha256=""),
                name="report_ready_has_digest",
            ),
        ]

    def __str__(self) -> str:
        return self.report_no
