"""Accounts into which public money is paid: filed by the payee, confirmed by the bureau.

One filing is one row: a new account is a new row, and the last confirmed row is the account in
force. Whoever is paid (an enterprise here, a provider in its room) has a table of its own of the
same form, and keeps a copy of bank and last four digits for lists.
"""

from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from vouchers.models.enterprise import Enterprise


class AccountQuerySet(models.QuerySet[Any]):
    """Questions about filed accounts."""

    def waiting(self) -> Self:
        """Return those that wait for the bureau, the longest first."""
        return self.filter(outcome="").select_related("payee").order_by("filed_at")

    def in_force(self) -> Any:
        """Return the account a payee's money goes to, or None."""
        return self.filter(outcome="confirmed").order_by("decided_at", "id").last()


class PayeeAccount(models.Model):
    """One filing of an account: whose, at which bank, what became of it.

    ``number_closed`` is the whole number, closed (``ledger.boxes``); pages show ``last4``.
    """

    class Outcome(models.TextChoices):
        """What became of a filing."""

        WAITING = "", "待核对"
        CONFIRMED = "confirmed", "已核对"
        DECLINED = "declined", "未通过"
        REPLACED = "replaced", "已由新的登记替代"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    holder = models.CharField("户名", max_length=200)
    bank_name = models.CharField("开户银行", max_length=100)
    number_closed = models.TextField("账号（加密）")
    last4 = models.CharField("账号后四位", max_length=4)
    filed_at = models.DateTimeField("登记时间")
    filed_name = models.CharField("登记人", max_length=100)
    filed_person = models.CharField("登记自然人", max_length=64)
    outcome = models.CharField("结果", max_length=10, choices=Outcome.choices, blank=True)
    decided_at = models.DateTimeField("核对时间", null=True, blank=True)
    decided_name = models.CharField("核对人", max_length=100, blank=True)
    decided_person = models.CharField("核对自然人", max_length=64, blank=True)
    evidence = models.CharField("依据", max_length=300, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["", "confirmed", "declined", "replaced"]),
                name="%(class)s_outcome_known",
            ),
            models.CheckConstraint(
                condition=Q(outcome="", decided_at__isnull=True)
                | (~Q(outcome="") & Q(decided_at__isnull=False) & ~Q(evidence="")),
                name="%(class)s_decided_with_evidence",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="confirmed")
                | (~Q(decided_person="") & ~Q(decided_person=F("filed_person"))),
                name="%(class)s_two_persons",
            ),
            models.UniqueConstraint(
                fields=["payee"], condition=Q(outcome=""), name="%(class)s_one_waits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_name} {self.masked}"

    @property
    def masked(self) -> str:
        """Return the number as it may be shown."""
        return f"**** **** {self.last4}"


class EnterpriseAccount(PayeeAccount):
    """An account that an enterprise filed; claims paid afterwards go there."""

    payee = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="accounts", verbose_name="企业"
    )
    audience = "enterprise"

    class Meta(PayeeAccount.Meta):
        verbose_name = "企业收款账户"
        verbose_name_plural = "企业收款账户"
