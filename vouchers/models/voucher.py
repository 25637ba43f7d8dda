"""Vouchers, the holds on them and what was redeemed; how much is left is asked of the ledger."""

from datetime import date, datetime, timedelta

from django.db import models

from ledger.chart import AccountKey, voucher
from ledger.identifiers import new_id
from ledger.periods import SHANGHAI
from vouchers.lifecycle import HoldMachine, VoucherMachine
from vouchers.models.application import Application
from vouchers.models.enterprise import Enterprise
from vouchers.models.programme import Programme


class VoucherQuerySet(models.QuerySet["Voucher"]):
    """Questions about vouchers."""

    def spendable(self, at: datetime) -> "VoucherQuerySet":
        """Return vouchers that a new order could draw on now, the first to lapse first."""
        return self.filter(
            state="active", frozen=False, valid_from__lte=at, valid_until__gt=at
        ).in_drawing_order()

    def in_drawing_order(self) -> "VoucherQuerySet":
        """Return vouchers in the fixed order they are drawn on: the first to lapse first."""
        return self.order_by("valid_until", "issued_at", "id")

    def lapsed(self, at: datetime) -> "VoucherQuerySet":
        """Return active vouchers whose validity is over."""
        return self.filter(state="active", valid_until__lte=at).order_by("valid_until", "id")

    def with_parties(self) -> "VoucherQuerySet":
        """Fetch enterprise and programme along."""
        return self.select_related("enterprise", "programme")


class Voucher(VoucherMachine):
    """A right to draw on the programme's budget up to ``face_fen`` (算力券).

    Validity is half-open: from ``valid_from`` up to, not including, ``valid_until``. An approved
    application gives one voucher or a set of them (``set_no`` from 1). ``issue_digest`` is the
    hash of the log entry that issued it, ``check_code`` follows from both number and digest.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voucher_no = models.CharField("券号", max_length=30, unique=True)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="vouchers", verbose_name="方案"
    )
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="vouchers", verbose_name="企业"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="vouchers", verbose_name="申请"
    )
    set_no = models.PositiveSmallIntegerField("本次第几张", default=1)
    face_fen = models.BigIntegerField("券面（分）")
    returned_fen = models.BigIntegerField("撤销退回（分）", default=0)
    valid_from = models.DateTimeField("有效起")
    valid_until = models.DateTimeField("有效止")
    issued_at = models.DateTimeField("发放时间")
    issue_key = models.UUIDField("发放键", unique=True, null=True, blank=True)
    frozen = models.BooleanField("冻结", default=False)
    issue_digest = models.CharField("发放摘要", max_length=64, blank=True)
    check_code = models.CharField("核验码", max_length=16, unique=True, null=True, blank=True)

    objects = VoucherQuerySet.as_manager()

    class Meta:
        verbose_name = "算力券"
        verbose_name_plural = "算力券"
        permissions = [("issue_voucher", "发放与撤销算力券")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=["active", "used_up", "expired", "revoked", "surrendered"]
                ),
                name="voucher_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(face_fen__gt=0), name="voucher_face_positive"
            ),
            models.UniqueConstraint(fields=["application", "set_no"], name="voucher_set_no_once"),
            models.CheckConstraint(
                condition=models.Q(returned_fen__gte=0)
                & models.Q(returned_fen__lte=models.F("face_fen")),
                name="voucher_return_within_face",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__gt=models.F("valid_from")),
                name="voucher_validity_forward",
            ),
        ]

    def __str__(self) -> str:
        return self.voucher_no

    @property
    def last_day(self) -> date:
        """Return the last day on which the voucher may be used; it ends at that day's midnight."""
        return (self.valid_until - timedelta(microseconds=1)).astimezone(SHANGHAI).date()

    @property
    def account(self) -> AccountKey:
        """Return the ledger account whose balance is what is left of this voucher."""
        return voucher(self.programme.slug, str(self.pk))


class HoldQuerySet(models.QuerySet["Hold"]):
    """Questions about holds."""

    def open(self) -> "HoldQuerySet":
        """Return holds that still bind value, the oldest first."""
        return self.filter(state="open").order_by("held_at", "id")


class Hold(HoldMachine):
    """Value of a voucher bound by an order at one provider (占用).

    ``amount_fen`` is what was held at first, ``left_fen`` what is still held; ``pending_id`` names
    the ledger's open pending transfer, a new one after each part that was redeemed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    voucher = models.ForeignKey(
        Voucher, on_delete=models.PROTECT, related_name="holds", verbose_name="算力券"
    )
    order_ref = models.CharField("订单", max_length=64, unique=True)
    provider_ref = models.CharField("服务商", max_length=64)
    amount_fen = models.BigIntegerField("占用金额（分）")
    left_fen = models.BigIntegerField("尚占用（分）")
    pending_id = models.UUIDField("待定分录", unique=True)
    held_at = models.DateTimeField("占用时间")
    expires_at = models.DateTimeField("占用至")
    closed_at = models.DateTimeField("了结时间", null=True, blank=True)
    released_fen = models.BigIntegerField("释放金额（分）", default=0)

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = "占用"
        verbose_name_plural = "占用"
        indexes = [models.Index(fields=["voucher", "held_at"], name="vouchers_hold_newest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "closed"]), name="hold_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0)
                & models.Q(left_fen__gte=0)
                & models.Q(left_fen__lte=models.F("amount_fen")),
                name="hold_amounts_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", left_fen__gt=0)
                | models.Q(state="closed", left_fen=0),
                name="hold_closed_holds_nothing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.voucher_id} {self.order_ref}"


class Redemption(models.Model):
    """A part of a hold that became spending: the public share of one charge (核销).

    ``terms`` keeps each term of the formula and the binding constraint, as billing computed them.
    """

    class State(models.TextChoices):
        """A redemption stands; a later correction is a new row."""

        BOOKED = "booked", "已核销"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, related_name="redemptions", verbose_name="占用"
    )
    voucher = models.ForeignKey(
        Voucher, on_delete=models.PROTECT, related_name="redemptions", verbose_name="算力券"
    )
    amount_fen = models.BigIntegerField("核销金额（分）")
    month = models.CharField("月份", max_length=7)
    charge_ref = models.CharField("费用", max_length=64)
    compute_gflops_s = models.BigIntegerField("用量（GFLOPS·秒）", default=0)
    terms = models.JSONField("计算过程", default=dict)
    journal_id = models.UUIDField("分录", unique=True)
    redeemed_at = models.DateTimeField("核销时间")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.BOOKED)

    class Meta:
        verbose_name = "核销"
        verbose_name_plural = "核销"
        indexes = [
            models.Index(fields=["voucher", "redeemed_at"], name="vouchers_redemption_newest")
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0) & models.Q(compute_gflops_s__gte=0),
                name="redemption_amounts_sane",
            ),
            models.CheckConstraint(
                condition=models.Q(state="booked"), name="redemption_state_known"
            ),
            models.UniqueConstraint(fields=["charge_ref"], name="redemption_once_per_charge"),
        ]

    def __str__(self) -> str:
        return f"{self.voucher_id} {self.amount_fen}"
