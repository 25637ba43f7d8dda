"""Enterprises, the facts known of them, and who may act for them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from ledger.identifiers import new_id
from vouchers.eligibility import Fact
from vouchers.lifecycle import EnterpriseMachine

KNOWN_STATES = [value for value, _ in EnterpriseMachine.State.choices]


class Enterprise(EnterpriseMachine):
    """A body that may ask for vouchers; known by its unified social credit code.

    ``uscc_flag`` is empty for a code that passes both checks; otherwise it says what a person has
    to look at (an early pilot code is legal and fails the arithmetic).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField("企业名称", max_length=200)
    uscc = models.CharField("统一社会信用代码", max_length=18, unique=True)
    uscc_flag = models.CharField("代码提示", max_length=40, blank=True)
    registered_at = models.DateTimeField("注册时间")
    verified_at = models.DateTimeField("核验时间", null=True, blank=True)
    standing_since = models.DateField("现状起始日", null=True, blank=True)
    barred_until = models.DateField("取消资格至", null=True, blank=True)
    bank_name = models.CharField("开户银行", max_length=100, blank=True)
    bank_account_last4 = models.CharField("账号后四位", max_length=4, blank=True)

    class Meta:
        verbose_name = "企业"
        verbose_name_plural = "企业"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=KNOWN_STATES), name="enterprise_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="barred") | models.Q(barred_until__isnull=False),
                name="enterprise_bar_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def facts_at(self, at: datetime) -> dict[str, Fact]:
        """Return the newest fact of each name known at ``at``, with its source and date."""
        newest: dict[str, Fact] = {}
        rows = self.facts.filter(recorded_at__lte=at).order_by("as_of", "recorded_at", "id")
        for row in rows:
            newest[row.name] = Fact(
                name=row.name,
                value=row.value,
                source=row.source,
                as_of=row.as_of,
                expires_on=row.expires_on,
            )
        return newest


class EnterpriseFact(models.Model):
    """One statement about an enterprise: value, where it comes from, as of which day.

    A later statement is a new row; the old one stays.
    """

    class Source(models.TextChoices):
        """Where a fact comes from."""

        SELF = "self", "企业申报"
        FILE = "file", "材料"
        REGISTER = "register", "政务接口"
        BUREAU = "bureau", "经办核实"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="facts", verbose_name="企业"
    )
    name = models.CharField("事实", max_length=40)
    value = models.JSONField("值")
    source = models.CharField("来源", max_length=20, choices=Source.choices)
    as_of = models.DateField("截至日期")
    expires_on = models.DateField("有效至")
    recorded_at = models.DateTimeField("登记时间")
    recorded_by = models.CharField("登记人", max_length=100)

    class Meta:
        verbose_name = "企业事实"
        verbose_name_plural = "企业事实"
        indexes = [
            models.Index(fields=["enterprise", "name", "as_of"], name="vouchers_fact_newest")
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


class EnterpriseSeatQuerySet(models.QuerySet["EnterpriseSeat"]):
    """Questions about seats."""

    def of_user(self, user: Any) -> "EnterpriseSeatQuerySet":
        """Return the seats a person may act from now."""
        return self.filter(user=user, active=True).select_related("enterprise")


class EnterpriseSeat(models.Model):
    """A person's place in an enterprise; scope of every portal page starts here."""

    class Role(models.TextChoices):
        """What the person may do for the enterprise."""

        ADMIN = "enterprise_admin", "企业管理员"
        CLERK = "enterprise_clerk", "企业经办人"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="enterprise_seats",
        verbose_name="账号",
    )
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="seats", verbose_name="企业"
    )
    role = models.CharField("角色", max_length=20, choices=Role.choices)
    active = models.BooleanField("有效", default=True)
    may_submit = models.BooleanField("可以提交申请", default=True)

    objects = EnterpriseSeatQuerySet.as_manager()

    class Meta:
        verbose_name = "企业席位"
        verbose_name_plural = "企业席位"
        constraints = [
            models.UniqueConstraint(fields=["user", "enterprise"], name="enterprise_seat_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} @ {self.enterprise}"

    @property
    def submits(self) -> bool:
        """Say whether the person may hand in and withdraw: administrators, and whom they let."""
        return self.role == self.Role.ADMIN or self.may_submit
