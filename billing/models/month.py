"""The settlement of one month: when it was cut off, who prepared it, who approved it."""

from django.db import models

from billing.lifecycle import MonthMachine
from ledger.identifiers import new_id
from ledger.periods import Month


class MonthCloseQuerySet(models.QuerySet["MonthClose"]):
    """Questions about months."""

    def newest_first(self) -> "MonthCloseQuerySet":
        """Return all months, the latest first."""
        return self.order_by("-month")

    def settled_before(self, month: Month) -> "MonthCloseQuerySet":
        """Return earlier months whose cut-off is past, the oldest first."""
        return self.filter(month__lt=str(month)).exclude(state="open").order_by("month")


class MonthClose(MonthMachine):
    """One Shanghai month on its way from usage to payment.

    ``digest`` covers every statement as shown; approval carries the digest of what was seen.

    Units: fen. ``carried`` lists what was taken over to later, by kind and provider.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    month = models.CharField("月份", max_length=7, unique=True)
    carry_held = models.BooleanField("挂起与未结束的记录转入下期", default=False)
    carried = models.JSONField("转入下期", default=list, blank=True)
    cutoff_at = models.DateTimeField("截止时间", null=True, blank=True)
    put_out_at = models.DateTimeField("对账单出具时间", null=True, blank=True)
    objections_until = models.DateTimeField("异议截止", null=True, blank=True)
    statement_count = models.PositiveIntegerField("对账单数", default=0)
    gross_fen = models.BigIntegerField("服务总价（分）", default=0)
    public_fen = models.BigIntegerField("券抵扣（分）", default=0)
    recomputed_lines = models.PositiveIntegerField("独立重算行数", null=True, blank=True)
    recomputed_difference_fen = models.BigIntegerField("独立重算差异（分）", null=True, blank=True)
    digest = models.CharField("摘要", max_length=64, blank=True)
    prepared_name = models.CharField("提请人", max_length=100, blank=True)
    prepared_person = models.CharField("提请自然人", max_length=64, blank=True)
    prepared_at = models.DateTimeField("提请时间", null=True, blank=True)
    approved_name = models.CharField("签发人", max_length=100, blank=True)
    approved_person = models.CharField("签发自然人", max_length=64, blank=True)
    approved_at = models.DateTimeField("签发时间", null=True, blank=True)
    paid_at = models.DateTimeField("办结时间", null=True, blank=True)

    objects = MonthCloseQuerySet.as_manager()

    class Meta:
        verbose_name = "月度结算"
        verbose_name_plural = "月度结算"
        permissions = [
            ("close_month", "发起月度结算"),
            ("prepare_settlement", "提请签发结算"),
            ("approve_settlement", "签发结算"),
            ("release_payment", "导出付款清单与登记付款"),
            ("resolve_objection", "处理对账异议"),
            ("view_settlement", "查看结算"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "closing", "review", "closed", "paid"]),
                name="monthclose_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_person="")
                | (
                    ~models.Q(approved_person=models.F("prepared_person"))
                    & ~models.Q(prepared_person="")
                ),
                name="monthclose_two_persons",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["closed", "paid"]) | ~models.Q(approved_person=""),
                name="monthclose_closed_is_approved",
            ),
        ]

    def __str__(self) -> str:
        return self.month

    @property
    def period(self) -> Month:
        """Return the month as a calendar month."""
        return Month.parse(self.month)
