"""The bureau's desk for usage: what two people decide, and what looks odd in what came in."""

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from providers.lifecycle import FilingMachine
from providers.models.provider import Provider


class DeskRequestQuerySet(models.QuerySet["DeskRequest"]):
    """Questions about requests."""

    def waiting(self) -> "DeskRequestQuerySet":
        """Return those that wait for the second person, the oldest first."""
        return self.filter(state="proposed").order_by("proposed_at", "id")

    def agreed(self) -> "DeskRequestQuerySet":
        """Return those that a second person agreed to."""
        return self.filter(state="approved")


class DeskRequest(FilingMachine):
    """A decision about usage that moves value or lets a gap stand: one asks, another agrees.

    ``subject`` is the record concerned, the batch whose suspected repeats are genuine, or the month
    whose gaps are let stand; ``names`` lists those gaps as they were when they were looked at, so
    that later ones block again.
    """

    class Kind(models.TextChoices):
        """What is asked for."""

        CORRECT = "correct", "准予更正已截止月份"
        REFUSE = "refuse", "待定记录不予入账"
        RELEASE = "release", "疑似重复准予入账"
        WAIVE = "waive", "缺口予以说明"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("事项", max_length=10, choices=Kind.choices)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="desk_requests", verbose_name="供方"
    )
    subject = models.CharField("对象", max_length=128)
    names = models.JSONField("缺口", default=list)
    reason = models.CharField("理由", max_length=200)
    proposed_at = models.DateTimeField("提出时间")
    proposed_by = models.CharField("提出人", max_length=100)
    proposed_by_person = models.CharField("提出自然人", max_length=64)
    decided_at = models.DateTimeField("办结时间", null=True, blank=True)
    decided_by = models.CharField("办结人", max_length=100, blank=True)
    decided_by_person = models.CharField("办结自然人", max_length=64, blank=True)

    objects = DeskRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "计量办理事项"
        verbose_name_plural = "计量办理事项"
        permissions = [
            ("propose_usage", "提出计量更正、不予入账与缺口说明"),
            ("decide_usage", "办结计量更正、不予入账与缺口说明"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=FilingMachine.State.values), name="desk_state_known"
            ),
            models.UniqueConstraint(
                fields=["provider", "subject"],
                condition=Q(state="proposed"),
                name="desk_request_once",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_person="") | ~Q(proposed_by_person=F("decided_by_person")),
                name="desk_two_persons",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_at__isnull=True)
                | (~Q(state="proposed") & Q(decided_at__isnull=False) & ~Q(decided_by_person="")),
                name="desk_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class FindingQuerySet(models.QuerySet["Finding"]):
    """Questions about findings."""

    def undecided(self) -> "FindingQuerySet":
        """Return those that nobody has called genuine yet, the newest first."""
        genuine = FindingDecision.objects.filter(finding=models.OuterRef("pk"), choice="genuine")
        return self.filter(~models.Exists(genuine)).order_by("-id")

    def last_decided(self, choice: str) -> "FindingQuerySet":
        """Return those whose last decision says so."""
        last = FindingDecision.objects.filter(finding=models.OuterRef("pk")).order_by("-id")
        return self.annotate(last_choice=models.Subquery(last.values("choice")[:1])).filter(
            last_choice=choice
        )


class Finding(models.Model):
    """Something that looks odd in counted usage: told to the bureau, never a refusal by itself.

    Units: ``figures`` are texts of exact numbers, named by what they are.
    """

    class Kind(models.TextChoices):
        """What looks odd."""

        HIGH_UTILISATION = "high_utilisation", "利用率过高"
        NEVER_VARIES = "never_varies", "整月用量毫无变化"
        DECLARED_DIFFERS = "declared_differs", "自报卡秒与计算不符"
        MONTH_JUMP = "month_jump", "用量环比突变"
        ORDER_JUMP = "order_jump", "订单用量环比突变"
        POSSIBLE_DUPLICATE = "possible_duplicate", "疑似换号重报"
        JOB_OVERLAP = "job_overlap", "同一作业时间重叠"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField("疑点", max_length=20, choices=Kind.choices)
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, related_name="findings", verbose_name="供方"
    )
    month = models.CharField("月份", max_length=7)
    subject = models.CharField("对象", max_length=200)
    records = models.JSONField("相关记录", default=list)
    figures = models.JSONField("数字", default=dict)
    found_at = models.DateTimeField("发现时间")

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = "计量疑点"
        verbose_name_plural = "计量疑点"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "kind", "month", "subject"], name="finding_once"
            ),
        ]
        indexes = [models.Index(fields=["month", "kind"], name="providers_finding_month")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class FindingDecision(models.Model):
    """What somebody of the bureau made of a finding; the last one stands, all are kept.

    While the last one says ``hold``, whatever the provider sends waits (``under_review``).
    """

    class Choice(models.TextChoices):
        """What was decided."""

        GENUINE = "genuine", "情况属实"
        ASK = "ask", "请供方说明"
        HOLD = "hold", "暂缓其后上报入账"

    id = models.BigAutoField(primary_key=True)
    finding = models.ForeignKey(
        Finding, on_delete=models.PROTECT, related_name="decisions", verbose_name="疑点"
    )
    choice = models.CharField("处理", max_length=10, choices=Choice.choices)
    reason = models.CharField("理由", max_length=200)
    decided_at = models.DateTimeField("时间")
    decided_by = models.CharField("经办人", max_length=100)
    decided_by_person = models.CharField("经办自然人", max_length=64, blank=True)

    class Meta:
        verbose_name = "疑点处理"
        verbose_name_plural = "疑点处理"

    def __str__(self) -> str:
        return f"{self.finding_id} {self.choice}"
