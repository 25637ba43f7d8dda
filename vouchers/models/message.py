"""What people were told, by which channel it went, and what became of it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from ledger.identifiers import new_id


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Questions about messages."""

    def to(self, scopes: list[tuple[str, str]]) -> "NoticeQuerySet":
        """Return what went to any of some recipients, each (audience, scope)."""
        wanted = Q(pk__in=[])
        for audience, scope in scopes:
            wanted |= Q(audience=audience, scope=scope)
        return self.filter(wanted)

    def read_by(self, user: Any) -> "NoticeQuerySet":
        """Say of each message whether this person has read it (``is_read``)."""
        return self.annotate(
            is_read=Exists(NoticeRead.objects.filter(notice=OuterRef("pk"), user=user))
        )

    def unread_by(self, user: Any) -> "NoticeQuerySet":
        """Return what this person has not opened."""
        seen = NoticeRead.objects.filter(notice=OuterRef("pk"), user=user)
        return self.filter(~Exists(seen))


class Notice(models.Model):
    """One message to an enterprise, a provider, holders of a right or one person; never changed.

    ``scope`` names the recipient within its audience: an id, or a right. ``once`` keeps what must
    be said only once (a reminder) from being said twice.
    """

    class Audience(models.TextChoices):
        """To whom a message goes."""

        ENTERPRISE = "enterprise", "企业"
        PROVIDER = "provider", "服务商"
        RIGHT = "right", "办公后台"
        PERSON = "person", "个人"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    audience = models.CharField("对象类别", max_length=12, choices=Audience.choices)
    scope = models.CharField("对象", max_length=64)
    recipient = models.CharField("收件方", max_length=200)
    kind = models.CharField("种类", max_length=40)
    subject = models.CharField("标题", max_length=120)
    body = models.TextField("内容")
    link = models.CharField("链接", max_length=200, blank=True)
    about_kind = models.CharField("事项类别", max_length=40, blank=True)
    about_id = models.CharField("事项编号", max_length=64, blank=True)
    once = models.CharField("只通知一次的依据", max_length=120, null=True)  # noqa: DJ001
    at = models.DateTimeField("时间")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = "消息"
        verbose_name_plural = "消息"
        constraints = [models.UniqueConstraint(fields=["once"], name="notice_once")]
        indexes = [
            models.Index(fields=["audience", "scope", "-at"], name="vouchers_notice_inbox"),
            models.Index(fields=["about_id"], name="vouchers_notice_about"),
        ]

    def __str__(self) -> str:
        return self.subject


class NoticeRead(models.Model):
    """That a person has opened a message, and when first."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice = models.ForeignKey(
        Notice, on_delete=models.PROTECT, related_name="reads", verbose_name="消息"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="账号"
    )
    at = models.DateTimeField("时间")

    class Meta:
        verbose_name = "已读记录"
        verbose_name_plural = "已读记录"
        constraints = [models.UniqueConstraint(fields=["notice", "user"], name="notice_read_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.notice_id}"


class NoticeDeliveryQuerySet(models.QuerySet["NoticeDelivery"]):
    """Questions about mails."""

    def due(self, at: datetime) -> "NoticeDeliveryQuerySet":
        """Return what waits, whose pause is over and which nobody holds."""
        free = Q(lease_until=None) | Q(lease_until__lt=Now())
        return self.filter(free, state="waiting", next_at__lte=at).order_by("next_at", "pk")

    def undelivered(self) -> "NoticeDeliveryQuerySet":
        """Return what did not arrive."""
        return self.filter(state__in=["given_up", "no_address"])

    def newest_first(self) -> "NoticeDeliveryQuerySet":
        """Return with what is shown in the log."""
        return self.select_related("notice", "user").order_by("-notice__at", "-pk")


class NoticeDelivery(models.Model):
    """One message on its way to one person by one channel beside the inbox.

    ``fence`` grows with every claim: a worker that lost its lease can write nothing any more.
    """

    class Channel(models.TextChoices):
        """By what way it goes."""

        MAIL = "mail", "邮件"

    class State(models.TextChoices):
        """What became of it."""

        WAITING = "waiting", "待发送"
        DELIVERED = "delivered", "已送达"
        GIVEN_UP = "given_up", "无法送达"
        NO_ADDRESS = "no_address", "没有邮箱"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice = models.ForeignKey(
        Notice, on_delete=models.PROTECT, related_name="deliveries", verbose_name="消息"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="账号"
    )
    channel = models.CharField("渠道", max_length=10, choices=Channel.choices, default="mail")
    address = models.CharField("地址", max_length=320, blank=True)
    state = models.CharField("状态", max_length=12, choices=State.choices, default="waiting")
    attempts = models.PositiveSmallIntegerField("已尝试", default=0)
    round_count = models.PositiveSmallIntegerField("本轮尝试", default=0)
    next_at = models.DateTimeField("下次尝试")
    lease_until = models.DateTimeField("占用至", null=True)
    fence = models.PositiveIntegerField("占用序号", default=0)

    objects = NoticeDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "消息投递"
        verbose_name_plural = "消息投递"
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "user", "channel"], name="notice_delivery_once"
            ),
            models.CheckConstraint(
                name="notice_delivery_state_known",
                condition=Q(state__in=["waiting", "delivered", "given_up", "no_address"]),
            ),
            models.CheckConstraint(
                name="notice_delivery_counts", condition=Q(round_count__lte=F("attempts"))
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="vouchers_delivery_due", condition=Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.address}"


class NoticeAttempt(models.Model):
    """One try at delivering: when, what the other side said; never changed."""

    class Outcome(models.TextChoices):
        """How a try ended."""

        DELIVERED = "delivered", "对方已接收"
        LATER = "later", "暂时失败，将重试"
        REFUSED = "refused", "被拒收"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    delivery = models.ForeignKey(
        NoticeDelivery, on_delete=models.PROTECT, related_name="tries", verbose_name="消息投递"
    )
    number = models.PositiveSmallIntegerField("第几次")
    at = models.DateTimeField("时间")
    address = models.CharField("地址", max_length=320)
    outcome = models.CharField("结果", max_length=10, choices=Outcome.choices)
    answer = models.CharField("对方答复", max_length=300, blank=True)

    class Meta:
        verbose_name = "投递尝试"
        verbose_name_plural = "投递尝试"
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="notice_attempt_once")
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} {self.number}"


class MailChoice(models.Model):
    """Whether a person wants mail; what a time limit hangs on goes by mail in any case."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="mail_choice",
        verbose_name="账号",
    )
    wanted = models.BooleanField("接收邮件", default=True)
    changed_at = models.DateTimeField("更改时间")

    class Meta:
        verbose_name = "邮件选择"
        verbose_name_plural = "邮件选择"

    def __str__(self) -> str:
        return f"{self.user_id} {self.wanted}"
