"""Money that is to come back (追回): the case, what came back, what is set off against payments."""

from typing import Any

from django.db import models

from billing.lifecycle import ClawbackMachine
from billing.models.payment import PaymentLine
from billing.models.statement import Statement
from ledger.identifiers import new_id

#: States in which a claim stands in the books and may still come back.
RUNNING = ["recovering", "enforcement", "transferred"]


class ClawbackQuerySet(models.QuerySet["Clawback"]):
    """Questions about cases."""

    def of_party(self, party: models.Model) -> "ClawbackQuerySet":
        """Return the cases against a provider or an enterprise, the oldest first."""
        return self.filter(**{str(party._meta.model_name): party}).order_by("opened_at", "id")

    def running(self) -> "ClawbackQuerySet":
        """Return those whose claim is not settled yet."""
        return self.filter(state__in=RUNNING)


class Clawback(ClawbackMachine):
    """One case of recovering what a party received for one statement, with its right to be heard.

    Units: fen; interest in basis points a year. ``amount_fen`` is at most what the party received
    net for the statement; interest comes on top.
    """

    class Cause(models.TextChoices):
        """What gave rise to it."""

        AUDIT = "audit", "审计发现"
        REPORT = "report", "举报"
        RULE = "rule", "规则预警"
        REFUND = "refund", "服务商退款"
        OTHER = "other", "其他"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case_no = models.CharField("案号", max_length=40, unique=True)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="clawbacks", verbose_name="对账单"
    )
    provider = models.ForeignKey(
        "providers.Provider",
        on_delete=models.PROTECT,
        related_name="clawbacks",
        verbose_name="服务商",
        null=True,
        blank=True,
    )
    enterprise = models.ForeignKey(
        "vouchers.Enterprise",
        on_delete=models.PROTECT,
        related_name="clawbacks",
        verbose_name="企业",
        null=True,
        blank=True,
    )
    cause = models.CharField("立案原因", max_length=10, choices=Cause.choices)
    facts = models.TextField("认定的事实")
    proposed_fen = models.BigIntegerField("拟追回金额（分）")
    opened_at = models.DateTimeField("立案时间")
    opened_name = models.CharField("立案人", max_length=100)
    opened_person = models.CharField("立案自然人", max_length=64)
    notified_at = models.DateTimeField("告知时间", null=True, blank=True)
    hear_until = models.DateTimeField("陈述申辩截止", null=True, blank=True)
    heard_at = models.DateTimeField("陈述时间", null=True, blank=True)
    heard_name = models.CharField("陈述人", max_length=100, blank=True)
    heard = models.TextField("陈述申辩", blank=True)
    ground = models.TextField("决定理由", blank=True)
    amount_fen = models.BigIntegerField("决定追回金额（分）", default=0)
    interest_bp = models.PositiveIntegerField("年利率（万分之一）", default=0)
    interest_days = models.PositiveIntegerField("计息天数", default=0)
    interest_fen = models.BigIntegerField("利息（分）", default=0)
    bar_until = models.DateField("取消资格至", null=True, blank=True)
    asked_at = models.DateTimeField("拟定时间", null=True, blank=True)
    asked_by = models.JSONField("拟定人", default=dict, blank=True)
    asked_person = models.CharField("拟定自然人", max_length=64, blank=True)
    decided_at = models.DateTimeField("决定时间", null=True, blank=True)
    decided_name = models.CharField("决定人", max_length=100, blank=True)
    decided_person = models.CharField("决定自然人", max_length=64, blank=True)
    due_on = models.DateField("缴款期限", null=True, blank=True)
    cash_fen = models.BigIntegerField("已缴回（分）", default=0)
    offset_fen = models.BigIntegerField("已抵扣（分）", default=0)
    given_up_fen = models.BigIntegerField("已核销（分）", default=0)
    write_off_ref = models.CharField("核销决定文号", max_length=100, blank=True)
    write_off_by = models.JSONField("提请核销人", default=dict, blank=True)
    write_off_person = models.CharField("提请核销自然人", max_length=64, blank=True)
    given_up_person = models.CharField("批准核销自然人", max_length=64, blank=True)
    closed_at = models.DateTimeField("结案时间", null=True, blank=True)

    objects = ClawbackQuerySet.as_manager()

    class Meta:
        verbose_name = "追回案件"
        verbose_name_plural = "追回案件"
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=ClawbackMachine.State.values),
                name="clawback_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(provider__isnull=True, enterprise__isnull=False)
                | models.Q(provider__isnull=False, enterprise__isnull=True),
                name="clawback_one_party",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_person="")
                | (~models.Q(asked_person="") & ~models.Q(asked_person=models.F("decided_person"))),
                name="clawback_decided_by_two",
            ),
            models.CheckConstraint(
                condition=models.Q(given_up_fen=0)
                | (
                    ~models.Q(write_off_ref="")
                    & ~models.Q(given_up_person="")
                    & ~models.Q(write_off_person=models.F("given_up_person"))
                ),
                name="clawback_given_up_by_two",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    proposed_fen__gt=0,
                    interest_fen__gte=0,
                    cash_fen__gte=0,
                    offset_fen__gte=0,
                    given_up_fen__gte=0,
                    amount_fen__gte=0,
                )
                & models.Q(
                    cash_fen__lte=models.F("amount_fen")
                    + models.F("interest_fen")
                    - models.F("offset_fen")
                    - models.F("given_up_fen")
                ),
                name="clawback_within_claim",
            ),
        ]

    def __str__(self) -> str:
        return self.case_no

    @property
    def party(self) -> Any:
        """Return the provider or the enterprise it is against."""
        return self.provider or self.enterprise

    @property
    def claim_fen(self) -> int:
        """Return what was claimed in all, with interest."""
        return self.amount_fen + self.interest_fen

    @property
    def left_fen(self) -> int:
        """Return what is still to come back."""
        return self.claim_fen - self.cash_fen - self.offset_fen - self.given_up_fen


class ClawbackReceipt(models.Model):
    """Money that came back from a party; a bank reference serves once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    clawback = models.ForeignKey(
        Clawback, on_delete=models.PROTECT, related_name="receipts", verbose_name="追回案件"
    )
    amount_fen = models.BigIntegerField("金额（分）")
    bank_reference = models.CharField("银行流水号", max_length=64, unique=True)
    received_on = models.DateField("到账日期")
    recorded_at = models.DateTimeField("登记时间")
    recorded_name = models.CharField("登记人", max_length=100)

    class Meta:
        verbose_name = "追回到账"
        verbose_name_plural = "追回到账"
        ordering = ["recorded_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="clawbackreceipt_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.bank_reference


class PaymentOffset(models.Model):
    """The part of one statement that a payment line keeps back for a claim against the payee.

    Planned while the list waits; booked when it is sent; ended when its line is taken off.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line = models.ForeignKey(
        PaymentLine, on_delete=models.PROTECT, related_name="offsets", verbose_name="付款明细"
    )
    clawback = models.ForeignKey(
        Clawback, on_delete=models.PROTECT, related_name="offsets", verbose_name="追回案件"
    )
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="payment_offsets", verbose_name="对账单"
    )
    amount_fen = models.BigIntegerField("抵扣金额（分）")
    active = models.BooleanField("有效", default=True)
    booked_at = models.DateTimeField("抵扣时间", null=True, blank=True)

    class Meta:
        verbose_name = "付款抵扣"
        verbose_name_plural = "付款抵扣"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="paymentoffset_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(active=True) | models.Q(booked_at__isnull=True),
                name="paymentoffset_booked_stays",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.clawback_id}"
