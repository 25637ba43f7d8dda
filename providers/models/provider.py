"""Providers, who may act for them, their keys and what machines they have."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from providers.lifecycle import FilingMachine, KeyMachine, ProviderMachine
from providers.models.catalogue import AcceleratorModel


class ProviderQuerySet(models.QuerySet["Provider"]):
    """Questions about providers."""

    def admitted(self) -> "ProviderQuerySet":
        """Return those that may take new orders."""
        return self.filter(state="admitted").order_by("name")

    def waiting(self) -> "ProviderQuerySet":
        """Return those that wait for a decision, the longest first."""
        return self.filter(state="applied").order_by("applied_at")


class Provider(ProviderMachine):
    """A body that sells compute and reports what was used (供方)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField("名称", max_length=200)
    uscc = models.CharField("统一社会信用代码", max_length=18, unique=True)
    uscc_flag = models.CharField("代码提示", max_length=40, blank=True)
    contact = models.CharField("联系方式", max_length=100, blank=True)
    bank_name = models.CharField("开户银行", max_length=100, blank=True)
    bank_account_last4 = models.CharField("账号后四位", max_length=4, blank=True)
    batch_no = models.CharField("入库批次", max_length=30, blank=True)
    applied_at = models.DateTimeField("申请时间")
    applied_by_person = models.CharField("申请自然人", max_length=64, blank=True)
    admitted_at = models.DateTimeField("入库时间", null=True, blank=True)
    valid_until = models.DateTimeField("有效至", null=True, blank=True)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        verbose_name = "供方"
        verbose_name_plural = "供方"
        permissions = [
            ("admit_provider", "审核供方入库"),
            ("confirm_key", "确认供方密钥与算力规模"),
            ("view_providers", "查看供方与计量"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ProviderMachine.State.values), name="provider_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SeatQuerySet(models.QuerySet["ProviderSeat"]):
    """Questions about seats."""

    def of_user(self, user: Any) -> "SeatQuerySet":
        """Return the seats a person may act from now."""
        return self.filter(user=user, active=True).select_related("provider")


class ProviderSeat(models.Model):
    """A person's place at a provider; scope of every console page starts here."""

    class Role(models.TextChoices):
        """What the person may do for the provider."""

        ADMIN = "provider_admin", "供方管理员"
        OPERATOR = "provider_operator", "供方业务员"
        ENGINEER = "provider_engineer", "供方工程师"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="provider_seats",
        verbose_name="账号",
    )
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="seats", verbose_name="供方"
    )
    role = models.CharField("角色", max_length=20, choices=Role.choices)
    active = models.BooleanField("有效", default=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        verbose_name = "供方席位"
        verbose_name_plural = "供方席位"
        constraints = [
            models.UniqueConstraint(fields=["user", "provider"], name="provider_seat_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} @ {self.provider}"


class ProviderKeyQuerySet(models.QuerySet["ProviderKey"]):
    """Questions about keys."""

    def waiting(self) -> "ProviderKeyQuerySet":
        """Return live keys that wait for the second person."""
        return self.filter(state="proposed").order_by("proposed_at")

    def ending(self, at: datetime, within: timedelta) -> "ProviderKeyQuerySet":
        """Return keys in use whose validity ends soon, the soonest first."""
        soon = self.filter(state="active", valid_until__gt=at, valid_until__lte=at + within)
        return soon.order_by("valid_until")

    def compromised(self) -> "ProviderKeyQuerySet":
        """Return keys that somebody else may have used, from a known moment on."""
        return self.filter(compromised_since__isnull=False)


class ProviderKey(KeyMachine):
    """What a provider's machine shows at the interface: a bearer token and a signing key.

    Only the token's digest is kept. A live key also signs every upload with the private half of
    ``public_key``, which never leaves the provider; ``possession_proved_at`` says when the
    provider signed our challenge with it.
    """

    class Mode(models.TextChoices):
        """Whether what it sends counts."""

        TEST = "test", "测试"
        LIVE = "live", "正式"

    class Algorithm(models.TextChoices):
        """The one algorithm a key is used with; named as RFC 9421's ``alg``."""

        ED25519 = "ed25519", "Ed25519"
        P256 = "ecdsa-p256-sha256", "ECDSA P-256"
        SM2 = "sm2-sm3", "SM2（国密）"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key_id = models.CharField("密钥编号", max_length=40, unique=True)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="keys", verbose_name="供方"
    )
    mode = models.CharField("模式", max_length=4, choices=Mode.choices)
    title = models.CharField("用途", max_length=100, blank=True)
    token_digest = models.CharField("令牌摘要", max_length=64)
    algorithm = models.CharField(
        "签名算法", max_length=20, choices=Algorithm.choices, default=Algorithm.ED25519
    )
    public_key = models.TextField("公钥", blank=True)
    challenge = models.CharField("挑战值", max_length=250, blank=True)
    replaces = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="successors",
        verbose_name="替换的密钥",
        null=True,
        blank=True,
    )
    networks = models.JSONField("来源网段", default=list)
    possession_proved_at = models.DateTimeField("证明持有时间", null=True, blank=True)
    valid_from = models.DateTimeField("有效起")
    valid_until = models.DateTimeField("有效止")
    proposed_at = models.DateTimeField("提出时间")
    proposed_by_person = models.CharField("提出自然人", max_length=64, blank=True)
    confirmed_by_person = models.CharField("确认自然人", max_length=64, blank=True)
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    revoked_at = models.DateTimeField("吊销时间", null=True, blank=True)
    compromised_since = models.DateTimeField("泄露起始", null=True, blank=True)

    objects = ProviderKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "供方密钥"
        verbose_name_plural = "供方密钥"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=KeyMachine.State.values), name="key_state_known"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by_person="")
                | ~Q(proposed_by_person=F("confirmed_by_person")),
                name="key_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(state="active", mode="live")
                | (Q(possession_proved_at__isnull=False) & ~Q(confirmed_by_person="")),
                name="key_live_is_proved_and_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__gt=F("valid_from")), name="key_validity_forward"
            ),
            models.CheckConstraint(
                condition=Q(algorithm__in=["ed25519", "ecdsa-p256-sha256", "sm2-sm3"]),
                name="key_algorithm_known",
            ),
            models.UniqueConstraint(
                fields=["public_key"],
                condition=Q(mode="live") & ~Q(state="revoked"),
                name="key_signs_for_one",
            ),
        ]

    def __str__(self) -> str:
        return self.key_id

    @property
    def livemode(self) -> bool:
        """Say whether what this key sends counts."""
        return self.mode == self.Mode.LIVE

    def is_valid_at(self, at: datetime) -> bool:
        """Say whether the key may be used at a moment."""
        return bool(self.state == "active" and self.valid_from <= at < self.valid_until)


class CapacityQuerySet(models.QuerySet["Capacity"]):
    """Questions about capacity."""

    def waiting(self) -> "CapacityQuerySet":
        """Return filings that wait for the bureau."""
        return self.filter(state="proposed").order_by("filed_at")

    def approved(self) -> "CapacityQuerySet":
        """Return what counts."""
        return self.filter(state="approved")


class Capacity(FilingMachine):
    """How many accelerators of one model a provider has, from when to when.

    Usage of the model at any instant may not exceed the sum of what is approved for that instant.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="capacities", verbose_name="供方"
    )
    model = models.ForeignKey(
        AcceleratorModel, on_delete=models.PROTECT, related_name="capacities", verbose_name="型号"
    )
    device_count = models.PositiveIntegerField("数量")
    valid_from = models.DateTimeField("有效起")
    valid_until = models.DateTimeField("有效止", null=True, blank=True)
    evidence = models.CharField("依据", max_length=200, blank=True)
    filed_at = models.DateTimeField("登记时间")
    proposed_by_person = models.CharField("登记自然人", max_length=64, blank=True)
    approved_by_person = models.CharField("确认自然人", max_length=64, blank=True)

    objects = CapacityQuerySet.as_manager()

    class Meta:
        verbose_name = "算力规模"
        verbose_name_plural = "算力规模"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=FilingMachine.State.values), name="capacity_state_known"
            ),
            models.CheckConstraint(condition=Q(device_count__gt=0), name="capacity_positive"),
            models.CheckConstraint(
                condition=Q(approved_by_person="") | ~Q(proposed_by_person=F("approved_by_person")),
                name="capacity_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id} {self.model_id} x{self.device_count}"
