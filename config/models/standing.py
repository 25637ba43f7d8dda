"""How people come to a role or a seat, and for how long: grants, delegations, invitations."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from config.realms import Realm
from config.roles import ROLE_TITLES
from ledger.identifiers import new_id

ROLE_CHOICES = list(ROLE_TITLES.items())


def _person(name: str, related: str) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name=related, verbose_name=name
    )


class RoleGrant(models.Model):
    """A role of the bureau for a person: proposed by one, confirmed by another, ended by anybody.

    The group of the account follows: a trigger refuses a group without a confirmed grant, and a
    grant whose three persons are not three. ``founding`` marks what the owner of the database
    gave to the first people (``manage.py found_bureau``).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = _person("账号", "role_grants")
    person = models.CharField("自然人标识", max_length=64)
    role = models.CharField("角色", max_length=20, choices=ROLE_CHOICES)
    reason = models.CharField("依据", max_length=200)
    founding = models.BooleanField("初始设立", default=False)
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_name = models.CharField("提出人", max_length=100)
    proposed_by_person = models.CharField("提出人自然人标识", max_length=64)
    proposed_by_role = models.CharField("提出人角色", max_length=20)
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    confirmed_by_name = models.CharField("确认人", max_length=100, blank=True)
    confirmed_by_person = models.CharField("确认人自然人标识", max_length=64, blank=True)
    confirmed_by_role = models.CharField("确认人角色", max_length=20, blank=True)
    ended_at = models.DateTimeField("终止时间", null=True, blank=True)
    ended_by_name = models.CharField("终止人", max_length=100, blank=True)

    class Meta:
        verbose_name = "角色授予"
        verbose_name_plural = "角色授予"
        permissions = [("confirm_role", "提出或确认工作角色")]
        constraints = [
            models.CheckConstraint(
                condition=Q(founding=True)
                | (
                    ~Q(proposed_by_person=F("person"))
                    & ~Q(confirmed_by_person=F("person"))
                    & ~Q(confirmed_by_person=F("proposed_by_person"))
                    & ~Q(confirmed_by_role=F("proposed_by_role"))
                ),
                name="rolegrant_three_persons",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_by_person="")
                | Q(confirmed_at__isnull=False) & ~Q(confirmed_by_person=""),
                name="rolegrant_confirmed_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(ended_at__isnull=True),
                name="rolegrant_once_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}：{self.get_role_display()}"


class DelegationQuerySet(models.QuerySet["Delegation"]):
    """Questions about delegations."""

    def lasting(self, at: datetime) -> "DelegationQuerySet":
        """Return those that count at a moment; a disabled giver's do not."""
        return self.filter(
            begins_at__lte=at, until__gt=at, ended_at__isnull=True, giver__is_active=True
        )


class Delegation(models.Model):
    """One right of one officer, exercised by another until a day; it ends by itself.

    Only what the giver holds by role can be given (a trigger), so nothing is passed on twice; the
    taker acts as themselves, so that two natural persons stay two.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    giver = _person("委托人", "given_delegations")
    taker = _person("受托人", "taken_delegations")
    right = models.CharField("权限", max_length=100)
    reason = models.CharField("事由", max_length=200)
    made_at = models.DateTimeField("委托时间")
    begins_at = models.DateTimeField("生效时间")
    until = models.DateTimeField("到期时间")
    ended_at = models.DateTimeField("提前终止时间", null=True, blank=True)
    ended_by_name = models.CharField("终止人", max_length=100, blank=True)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        verbose_name = "权限委托"
        verbose_name_plural = "权限委托"
        constraints = [
            models.CheckConstraint(
                condition=~Q(giver=F("taker")) & Q(until__gt=F("begins_at")),
                name="delegation_to_another_for_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.giver} → {self.taker}：{self.right}"


class Invitation(models.Model):
    """A link by which one person comes in once; only the digest of its secret is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    digest = models.CharField("链接摘要", max_length=64, unique=True)
    realm = models.CharField(
        "身份",
        max_length=12,
        choices=[
            (Realm.ENTERPRISE.value, "企业"),
            (Realm.PROVIDER.value, "服务商"),
            (Realm.BUREAU.value, "主管部门"),
        ],
    )
    organisation = models.UUIDField("单位", null=True, blank=True)
    organisation_name = models.CharField("单位名称", max_length=200)
    role = models.CharField("角色", max_length=20)
    may_submit = models.BooleanField("可以提交申请", default=False)
    name = models.CharField("受邀人", max_length=100)
    email = models.EmailField("邮箱", blank=True)
    invited_at = models.DateTimeField("邀请时间")
    invited_by = _person("邀请人", "sent_invitations")
    expires_at = models.DateTimeField("有效期至")
    accepted_at = models.DateTimeField("接受时间", null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="accepted_invitations",
        null=True,
        blank=True,
        verbose_name="接受账号",
    )
    withdrawn_at = models.DateTimeField("撤回时间", null=True, blank=True)

    class Meta:
        verbose_name = "邀请"
        verbose_name_plural = "邀请"
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="invitation_accepted_or_withdrawn",
            ),
            models.CheckConstraint(
                condition=Q(realm="bureau") | Q(organisation__isnull=False),
                name="invitation_has_organisation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_name}：{self.name}"


class Tenure(models.Model):
    """On which side of the table a natural person sat, from when until when.

    Kept by triggers on groups and seats; one open row per person is all the database allows.
    """

    person = models.CharField("自然人标识", max_length=64)
    realm = models.CharField("身份", max_length=12)
    began_at = models.DateTimeField("开始")
    ended_at = models.DateTimeField("结束", null=True, blank=True)

    class Meta:
        verbose_name = "任职记录"
        verbose_name_plural = "任职记录"
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at__isnull=True), name="tenure_one_side"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.realm}"
