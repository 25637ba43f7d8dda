"""Payment lists: one line per payee, made of parts of statements; who signed, what was sent."""

from typing import Any

from django.db import models

from billing.lifecycle import PaymentBatchMachine, PaymentLineMachine
from billing.models.month import MonthClose
from billing.models.statement import Statement
from ledger.identifiers import new_id

#: Line states in which what a line lists is not owed a second time.
LISTED = ["waiting", "suspended", "sent"]


class PaymentBatch(PaymentBatchMachine):
    """One payment list (资金拨付明细表): its bytes, their digest, and where it stands.

    Who prepared the month, who approved it and who drew the list up are three natural persons;
    who signed the list stands in ``signs``, again each another person.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch_no = models.CharField("拨付批次号", max_length=40, unique=True)
    close = models.ForeignKey(
        MonthClose, on_delete=models.PROTECT, related_name="payments", verbose_name="月度结算"
    )
    count = models.PositiveIntegerField("笔数")
    total_fen = models.BigIntegerField("合计（分）")
    offset_fen = models.BigIntegerField("抵扣（分）", default=0)
    content = models.TextField("清单内容")
    sha256 = models.CharField("清单摘要", max_length=64)
    head_needed = models.BooleanField("须负责人签批", default=False)
    exported_at = models.DateTimeField("导出时间")
    prepared_person = models.CharField("提请自然人", max_length=64)
    approved_person = models.CharField("签发自然人", max_length=64)
    released_name = models.CharField("制表人", max_length=100)
    released_person = models.CharField("制表自然人", max_length=64)
    sent_at = models.DateTimeField("送国库时间", null=True, blank=True)
    closed_at = models.DateTimeField("办结时间", null=True, blank=True)

    class Meta:
        verbose_name = "付款清单"
        verbose_name_plural = "付款清单"
        ordering = ["batch_no"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=PaymentBatchMachine.State.values),
                name="paymentbatch_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(total_fen__gte=0, offset_fen__gte=0)
                & (models.Q(total_fen__gt=0) | models.Q(offset_fen__gt=0)),
                name="paymentbatch_total_positive",
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


class PaymentSign(models.Model):
    """One person's signature under a payment list, with the digest of what was shown."""

    class Step(models.TextChoices):
        """Which signature it is, in the order they are given."""

        DRAW = "draw", "制表"
        FIRST = "first", "数据局复核"
        SECOND = "second", "数据局审批"
        HEAD = "head", "负责人签批"
        REVIEW = "review", "财政复核"
        CLEAR = "clear", "财政批准"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        PaymentBatch, on_delete=models.PROTECT, related_name="signs", verbose_name="付款清单"
    )
    step = models.CharField("环节", max_length=10, choices=Step.choices)
    digest = models.CharField("清单摘要", max_length=64)
    name = models.CharField("签署人", max_length=100)
    person = models.CharField("签署自然人", max_length=64)
    signed_at = models.DateTimeField("签署时间")

    class Meta:
        verbose_name = "拨付签署"
        verbose_name_plural = "拨付签署"
        ordering = ["signed_at", "id"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(person=""), name="paymentsign_by_a_person"),
            models.UniqueConstraint(fields=["batch", "step"], name="paymentsign_step_once"),
            models.UniqueConstraint(fields=["batch", "person"], name="paymentsign_persons_apart"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.step}"


class PaymentLine(PaymentLineMachine):
    """One payment to one payee, a provider or an enterprise; the bank knows it by its reference.

    ``amount_fen`` is what the bank is to pay, after claims against the payee were set off.
    """

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
        null=True,
        blank=True,
    )
    enterprise = models.ForeignKey(
        "vouchers.Enterprise",
        on_delete=models.PROTECT,
        related_name="payments",
        verbose_name="收款企业",
        null=True,
        blank=True,
    )
    payee_name = models.CharField("收款户名", max_length=200)
    bank_name = models.CharField("开户行", max_length=200, blank=True)
    account_masked = models.CharField("账号（脱敏）", max_length=40, blank=True)
    account_id = models.UUIDField("收款账户", null=True, blank=True)
    amount_fen = models.BigIntegerField("金额（分）")
    offset_fen = models.BigIntegerField("抵扣（分）", default=0)
    bank_reference = models.CharField("银行流水号", max_length=64, blank=True)
    paid_on = models.DateField("付款日期", null=True, blank=True)
    recorded_name = models.CharField("登记人", max_length=100, blank=True)
    recorded_at = models.DateTimeField("登记时间", null=True, blank=True)
    returned_reason = models.CharField("未付成原因", max_length=200, blank=True)
    returned_at = models.DateTimeField("未付成登记时间", null=True, blank=True)

    class Meta:
        verbose_name = "付款明细"
        verbose_name_plural = "付款明细"
        ordering = ["batch", "ordinal"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=PaymentLineMachine.State.values),
                name="paymentline_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0, offset_fen__gte=0)
                | models.Q(amount_fen=0, offset_fen__gt=0),
                name="paymentline_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(provider__isnull=True, enterprise__isnull=False)
                | models.Q(provider__isnull=False, enterprise__isnull=True),
                name="paymentline_one_payee",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["paid", "returned"]) | ~models.Q(bank_reference=""),
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

    @property
    def payee(self) -> Any:
        """Return the provider or the enterprise that is paid."""
        return self.provider or self.enterprise

    @property
    def gross_fen(self) -> int:
        """Return what the line settles: what is paid and what is set off."""
        return self.amount_fen + self.offset_fen

    @property
    def reference(self) -> str:
        """Return the number by which the bank knows the payment."""
        return f"{self.batch.batch_no}-{self.ordinal:03d}"


class PaymentItem(models.Model):
    """The part of one statement that a payment line pays.

    ``active`` ends when the payment fails, comes back or is taken off; while it lasts, no second
    item may exist for the same part, so nothing is paid twice.
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


class PaymentHold(models.Model):
    """Why one payment waits, and the two persons who let it go."""

    class Kind(models.TextChoices):
        """What keeps it back."""

        STANDING = "standing", "企业或服务商资格"
        FROZEN = "frozen", "司法冻结"
        ACCOUNT = "account", "收款账户变更"
        OTHER = "other", "其他"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line = models.ForeignKey(
        PaymentLine, on_delete=models.PROTECT, related_name="holds", verbose_name="付款明细"
    )
    kind = models.CharField("类别", max_length=10, choices=Kind.choices)
    reason = models.CharField("暂停原因", max_length=300)
    put_at = models.DateTimeField("暂停时间")
    put_name = models.CharField("暂停人", max_length=100)
    asked_at = models.DateTimeField("提请解除时间", null=True, blank=True)
    asked_name = models.CharField("提请解除人", max_length=100, blank=True)
    asked_person = models.CharField("提请解除自然人", max_length=64, blank=True)
    asked_reason = models.CharField("解除理由", max_length=300, blank=True)
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    ended_name = models.CharField("结束人", max_length=100, blank=True)
    ended_person = models.CharField("结束自然人", max_length=64, blank=True)

    class Meta:
        verbose_name = "拨付暂停"
        verbose_name_plural = "拨付暂停"
        ordering = ["put_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["line"],
                condition=models.Q(ended_at__isnull=True),
                name="paymenthold_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(asked_person="")
                | ~models.Q(asked_person=models.F("ended_person")),
                name="paymenthold_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.kind}"


class BankFile(models.Model):
    """One file for the bank: the payments of a list that went out together, as bytes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        PaymentBatch, on_delete=models.PROTECT, related_name="files", verbose_name="付款清单"
    )
    no = models.PositiveSmallIntegerField("第几份")
    content = models.TextField("文件内容")
    sha256 = models.CharField("文件摘要", max_length=64)
    count = models.PositiveIntegerField("笔数")
    total_fen = models.BigIntegerField("合计（分）")
    sent_at = models.DateTimeField("送出时间")
    sent_name = models.CharField("送出人", max_length=100)
    sent_person = models.CharField("送出自然人", max_length=64)

    class Meta:
        verbose_name = "银行批量文件"
        verbose_name_plural = "银行批量文件"
        ordering = ["batch", "no"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "no"], name="bankfile_no_once"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.no}"


class BankResult(models.Model):
    """The bank's answers to one file (回单), as uploaded; booked once, after somebody looked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    file = models.ForeignKey(
        BankFile, on_delete=models.PROTECT, related_name="results", verbose_name="银行批量文件"
    )
    content = models.TextField("回单内容")
    sha256 = models.CharField("回单摘要", max_length=64)
    rows = models.JSONField("逐笔结果")
    loaded_at = models.DateTimeField("上传时间")
    loaded_name = models.CharField("上传人", max_length=100)
    booked_at = models.DateTimeField("入账时间", null=True, blank=True)
    booked_name = models.CharField("入账人", max_length=100, blank=True)

    class Meta:
        verbose_name = "银行回单"
        verbose_name_plural = "银行回单"
        ordering = ["loaded_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["file", "sha256"], name="bankresult_once"),
        ]

    def __str__(self) -> str:
        return f"{self.file_id} {self.sha256[:8]}"
