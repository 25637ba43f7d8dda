"""Payment lists: one line per payee, made of parts of statements."""

from django.db import models

from billing.lifecycle import PaymentLineMachine
from billing.models.month import MonthClose
from billing.models.statement import Statement
from ledger.identifiers import new_id


class PaymentBatch(models.Model):
    """One exported payment list (资金拨付明细表): its bytes, their digest, who released it.

    The three people of a payment are three natural persons: who prepared the settlement, who
    approved it, who released the list.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch_no = models.CharField("拨付批次号", max_length=40, unique=True)
    close = models.ForeignKey(
        MonthClose, on_delete=models.PROTECT, related_name="payments", verbose_name="月度结算"
    )
    count = models.PositiveIntegerField("笔数")
    total_fen = models.BigIntegerField("合计（分）")
    content = models.TextField("清单内容")
    sha256 = models.CharField("清单摘要", max_length=64)
    exported_at = models.DateTimeField("导出时间")
    prepared_person = models.CharField("提请自然人", max_length=64)
    approved_person = models.CharField("签发自然人", max_length=64)
    released_name = models.CharField("导出人", max_length=100)
    released_person = models.CharField("导出自然人", max_length=64)

    class Meta:
        verbose_name = "付款清单"
        verbose_name_plural = "付款清单"
        ordering = ["batch_no"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(total_fen__gt=0), name="paymentbatch_total_positive"
            ),
            models.CheckConstraint(
                condition=~models.Q(released_person=models.F("prepared_person"))
                & ~models.Q(released_person=models.F("approved_person"))
                & ~models.Q(prepared_person=models.F("approved_person")),
                name="paymentbatch_three_persons",
            ),
        ]

    def __str__(self) -> str:
        return self.batch_no


class PaymentLine(PaymentLineMachine):
    """One payment to one payee; the bank knows it by its reference."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        PaymentBatch, on_delete=models.PROTECT, related_name="lines", verbose_name="付款清单"
    )
    ordinal = models.PositiveIntegerField("序号")
    provider = models.ForeignKey(
        "providers.Provider",
        on_delete=models.PROTECT,
        related_name="payments",
        verbose_name="收款服务商",
    )
    payee_name = models.CharField("收款户名", max_length=200)
    bank_name = models.CharField("开户行", max_length=200, blank=True)
    account_masked = models.CharField("账号（脱敏）", max_length=40, blank=True)
    amount_fen = models.BigIntegerField("金额（分）")
    bank_reference = models.CharField("银行流水号", max_length=64, blank=True)
    paid_on = models.DateField("付款日期", null=True, blank=True)
    recorded_name = models.CharField("登记人", max_length=100, blank=True)
    recorded_at = models.DateTimeField("登记时间", null=True, blank=True)
    returned_reason = models.CharField("退汇原因", max_length=200, blank=True)
    returned_at = models.DateTimeField("退汇登记时间", null=True, blank=True)

    class Meta:
        verbose_name = "付款明细"
        verbose_name_plural = "付款明细"
        ordering = ["batch", "ordinal"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "paid", "returned"]),
                name="paymentline_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="paymentline_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(state="waiting") | ~models.Q(bank_reference=""),
                name="paymentline_paid_has_reference",
            ),
            models.UniqueConstraint(
                fields=["bank_reference"],
                condition=~models.Q(bank_reference=""),
                name="paymentline_reference_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.ordinal}"


class PaymentItem(models.Model):
    """The part of one statement that a payment line pays.

    ``active`` ends when the bank returns the payment; while it lasts, no second item may exist
    for the same part, so nothing is paid twice.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line = models.ForeignKey(
        PaymentLine, on_delete=models.PROTECT, related_name="items", verbose_name="付款明细"
    )
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="payment_items", verbose_name="对账单"
    )
    part = models.PositiveSmallIntegerField("第几部分", default=1)
    amount_fen = models.BigIntegerField("金额（分）")
    active = models.BooleanField("有效", default=True)

    class Meta:
        verbose_name = "付款构成"
        verbose_name_plural = "付款构成"
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "part"],
                condition=models.Q(active=True),
                name="paymentitem_part_once",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="paymentitem_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.statement_id}"
