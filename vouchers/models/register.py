"""Registers (名录) the bureau was sent: each import with its file's digest, each line as a fact."""

from datetime import date
from typing import Any

from django.db import models

from ledger.identifiers import new_id

BARRING = ["dishonesty", "abnormal"]


class RegisterImportQuerySet(models.QuerySet["RegisterImport"]):
    """Questions about imports."""

    def waiting(self) -> "RegisterImportQuerySet":
        """Return those that wait for a person to confirm them, the oldest first."""
        return self.filter(confirmed_at__isnull=True, discarded_at__isnull=True).order_by(
            "prepared_at"
        )

    def newest_first(self) -> "RegisterImportQuerySet":
        """Return all imports, the newest first."""
        return self.order_by("-prepared_at")


class RegisterImport(models.Model):
    """One file of a register, prepared by one person; its lines count once it is confirmed.

    A register that takes rights away (``BARRING``) is confirmed by another natural person.
    """

    class Register(models.TextChoices):
        """Which register a file belongs to."""

        DISHONESTY = "dishonesty", "严重失信主体名单"
        ABNORMAL = "abnormal", "经营异常名录"
        PENALTY = "penalty", "行政处罚信息"
        FUNDING = "funding", "其他财政资金"
        LARGE = "large", "大型企业名单"
        SHAREHOLDING = "shareholding", "股权信息"
        PROFILE = "profile", "登记信息"
        FIGURES = "figures", "统计与税务数据"
        CERTIFICATE = "certificate", "企业资质"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    register = models.CharField("名录", max_length=20, choices=Register.choices)
    source = models.CharField("来源", max_length=200)
    as_of = models.DateField("截至日期")
    file_name = models.CharField("文件名", max_length=200)
    sha256 = models.CharField("SHA-256", max_length=64)
    row_count = models.PositiveIntegerField("行数")
    prepared_at = models.DateTimeField("导入时间")
    prepared_by = models.JSONField("导入人")
    prepared_person = models.CharField("导入自然人", max_length=64)
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    confirmed_by = models.CharField("确认人", max_length=100, blank=True)
    confirmed_person = models.CharField("确认自然人", max_length=64, blank=True)
    discarded_at = models.DateTimeField("作废时间", null=True, blank=True)

    objects = RegisterImportQuerySet.as_manager()

    class Meta:
        verbose_name = "名录导入"
        verbose_name_plural = "名录导入"
        permissions = [("keep_registers", "维护名录与企业状态")]
        constraints = [
            models.UniqueConstraint(
                fields=["register", "sha256"],
                condition=models.Q(discarded_at__isnull=True),
                name="register_file_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(register__in=BARRING)
                | models.Q(confirmed_person="")
                | ~models.Q(prepared_person=models.F("confirmed_person")),
                name="register_bars_by_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_at__isnull=True) | models.Q(discarded_at__isnull=True),
                name="register_confirmed_or_discarded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_register_display()} {self.as_of}"


class RegisterRowQuerySet(models.QuerySet["RegisterRow"]):
    """Questions about lines of confirmed registers."""

    def standing(self, register: str = "") -> "RegisterRowQuerySet":
        """Return the lines of a register (or of all) that count, the newest statement first."""
        rows = self.filter(batch__register=register) if register else self
        return (
            rows.filter(batch__confirmed_at__isnull=False)
            .select_related("batch")
            .order_by("-batch__as_of", "-batch__confirmed_at", "line_no")
        )


class RegisterRow(models.Model):
    """One line of a register; never changed. A later file that names the same thing replaces it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        RegisterImport, on_delete=models.PROTECT, related_name="rows", verbose_name="导入"
    )
    line_no = models.PositiveIntegerField("行号")
    uscc = models.CharField("统一社会信用代码", max_length=18)
    name = models.CharField("名称", max_length=200)
    other = models.CharField("对方", max_length=80, blank=True)
    other_name = models.CharField("对方名称", max_length=200, blank=True)
    document_no = models.CharField("文号或编号", max_length=200, blank=True)
    share_bp = models.PositiveIntegerField("持股（万分之）", null=True, blank=True)
    amount_fen = models.BigIntegerField("金额（分）", null=True, blank=True)
    listed_on = models.DateField("起", null=True, blank=True)
    removed_on = models.DateField("止", null=True, blank=True)
    values = models.JSONField("其他内容", default=dict)

    objects = RegisterRowQuerySet.as_manager()

    class Meta:
        verbose_name = "名录条目"
        verbose_name_plural = "名录条目"
        indexes = [
            models.Index(fields=["uscc"], name="vouchers_registerrow_uscc"),
            models.Index(
                fields=["other"], condition=~models.Q(other=""), name="vouchers_registerrow_other"
            ),
            models.Index(
                fields=["document_no"],
                condition=~models.Q(document_no=""),
                name="vouchers_registerrow_document",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["batch", "line_no"], name="register_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.uscc} {self.name}"

    def on_list(self, day: date, years: int = 0) -> bool:
        """Tell whether the line weighs on a day: still listed, or removed less than years ago."""
        if self.listed_on is None or self.listed_on > day:
            return False
        if self.removed_on is None or self.removed_on > day:
            return True
        try:
            return day < self.removed_on.replace(year=self.removed_on.year + years)
        except ValueError:  # 29 February
            return day < self.removed_on.replace(year=self.removed_on.year + years, day=28)

    def told(self) -> dict[str, Any]:
        """Return where the line comes from, for a verdict."""
        batch = self.batch
        return {"document_no": self.document_no, "source": batch.source, "as_of": batch.as_of}
