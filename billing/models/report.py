"""Printed documents: the content as canonical data, the PDF made of it, and its check code."""

from typing import Any

from django.db import models

from billing.lifecycle import ReportMachine
from billing.models.month import MonthClose
from ledger.identifiers import new_id

#: The field that names what a document of each kind is about; none for the whole month.
SUBJECTS = {
    "bureau": "",
    "provider": "provider",
    "enterprise": "enterprise",
    "statement": "statement",
    "certificate": "statement",
    "payments": "batch",
    "performance": "programme",
    "note": "note",
    "annual": "year_end",
}


class ReportQuerySet(models.QuerySet["Report"]):
    """Questions about reports."""

    def newest_first(self) -> "ReportQuerySet":
        """Return the latest month first, within it by kind."""
        return self.order_by("-month", "kind", "report_no", "-version")

    def monthly(self) -> "ReportQuerySet":
        """Return the monthly reports, without the documents on one statement or payment list."""
        return self.filter(kind__in=Report.MONTHLY)

    def versions(self, kind: str, subject: Any) -> "ReportQuerySet":
        """Return the versions of one document, the first one first."""
        name = SUBJECTS[kind]
        found = self.filter(kind=kind, **({name: subject} if name else {}))
        return found.order_by("version")

    def finished(self) -> "ReportQuerySet":
        """Return reports whose PDF exists."""
        return self.exclude(state="rendering")

    def by_code(self, check_code: str) -> "Report | None":
        """Return the report that carries a check code, if there is one and it was finished."""
        return self.finished().filter(check_code=check_code).first()


def _fits() -> models.Q:
    """Return that exactly the field of a kind's subject is filled."""
    fields = sorted({name for name in SUBJECTS.values() if name})
    found = models.Q()
    for kind, wanted in SUBJECTS.items():
        found |= models.Q(kind=kind, **{f"{each}__isnull": each != wanted for each in fields})
    return found


class Report(ReportMachine):
    """One version of one document of a month: a monthly report, or a paper on one thing of it.

    ``content`` is the whole document as data; the PDF is made of it and of nothing else, so the
    same content gives the same bytes (``plain_sha256``). What is given out is that file with a
    signature behind it (``sha256``); ``signed_with`` is the certificate's digest, empty where the
    house does not sign.
    """

    class Kind(models.TextChoices):
        """Which document it is, and so what it is about."""

        BUREAU = "bureau", "月度结算报告（数据局）"
        PROVIDER = "provider", "月度结算报告（服务商）"
        ENTERPRISE = "enterprise", "月度结算报告（企业）"
        STATEMENT = "statement", "对账单"
        CERTIFICATE = "certificate", "核销凭证"
        PAYMENTS = "payments", "资金拨付明细表"
        PERFORMANCE = "performance", "绩效自评表"
        NOTE = "note", "红冲补差单"
        ANNUAL = "annual", "年度决算表"

    MONTHLY = ("bureau", "provider", "enterprise")
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("种类", max_length=12, choices=Kind.choices)
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
    enterprise = models.ForeignKey(
        "vouchers.Enterprise",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="企业",
        null=True,
        blank=True,
    )
    statement = models.ForeignKey(
        "billing.Statement",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="对账单",
        null=True,
        blank=True,
    )
    batch = models.ForeignKey(
        "billing.PaymentBatch",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="付款清单",
        null=True,
        blank=True,
    )
    programme = models.ForeignKey(
        "vouchers.Programme",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="方案",
        null=True,
        blank=True,
    )
    note = models.ForeignKey(
        "billing.SettlementNote",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="红冲补差单",
        null=True,
        blank=True,
    )
    year_end = models.ForeignKey(
        "billing.YearEnd",
        on_delete=models.PROTECT,
        related_name="reports",
        verbose_name="年度决算",
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
    plain_size = models.PositiveIntegerField("签名前字节数", default=0)
    plain_sha256 = models.CharField("签名前摘要", max_length=64, blank=True)
    signed_with = models.CharField("签名证书摘要", max_length=64, blank=True)
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
                condition=_fits(),
                name="report_kind_fits_subject",
            ),
            models.CheckConstraint(
                condition=models.Q(state="rendering") | ~models.Q(sha256=""),
                name="report_ready_has_digest",
            ),
        ]

    def __str__(self) -> str:
        return self.report_no

    @property
    def subject(self) -> Any:
        """Return what the document is about; None for the whole month."""
        name = SUBJECTS[self.kind]
        return getattr(self, name) if name else None

    @property
    def for_whom(self) -> str:
        """Return the party or thing a list names it by."""
        found = self.subject
        if found is None:
            return "数据局"
        return str(getattr(found, "name", "") or found)
