"""What people look into and decide: inquiries, decisions on criteria, successions."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.lifecycle import InquiryMachine
from vouchers.models.application import Application
from vouchers.models.enterprise import Enterprise


class InquiryQuerySet(models.QuerySet["Inquiry"]):
    """Questions about inquiries."""

    def waiting(self) -> "InquiryQuerySet":
        """Return those that nobody decided yet, the oldest first."""
        return self.filter(state="open").select_related("enterprise").order_by("opened_at", "id")


class Inquiry(InquiryMachine):
    """Something about an enterprise that a person has to look into (核查事项).

    ``ref`` names what it is about; one open or decided inquiry per ref, so that asking again finds
    the one there is.
    """

    class Kind(models.TextChoices):
        """What gave rise to it."""

        PAYMENT = "payment", "款项暂缓拨付"
        SUCCESSION = "succession", "企业承继"
        RELATED = "related", "关联关系"
        OTHER = "other", "其他"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="inquiries", verbose_name="企业"
    )
    kind = models.CharField("类别", max_length=20, choices=Kind.choices)
    ref = models.CharField("对象", max_length=100, unique=True)
    title = models.CharField("事由", max_length=300)
    opened_at = models.DateTimeField("立案时间")
    opened_by = models.CharField("立案人", max_length=100)
    decided_at = models.DateTimeField("办结时间", null=True, blank=True)
    decided_by = models.CharField("办结人", max_length=100, blank=True)
    reason = models.TextField("结论理由", blank=True)

    objects = InquiryQuerySet.as_manager()

    class Meta:
        verbose_name = "核查事项"
        verbose_name_plural = "核查事项"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "upheld", "dismissed"]),
                name="inquiry_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", decided_at__isnull=True)
                | (~models.Q(state="open") & models.Q(decided_at__isnull=False)),
                name="inquiry_decided_when_not_open",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class CriterionDecision(models.Model):
    """What a person decided about one criterion the machine left open, with reason and proof."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="decisions", verbose_name="申请"
    )
    code = models.CharField("条件", max_length=20)
    met = models.BooleanField("认定符合")
    reason = models.TextField("理由")
    evidence = models.CharField("依据材料", max_length=300)
    verdict_digest = models.CharField("结论摘要", max_length=64)
    decided_at = models.DateTimeField("认定时间")
    decided_by = models.CharField("认定人", max_length=100)
    decided_person = models.CharField("认定自然人", max_length=64)

    class Meta:
        verbose_name = "条件认定"
        verbose_name_plural = "条件认定"
        indexes = [
            models.Index(fields=["application", "decided_at"], name="vouchers_decision_newest")
        ]

    def __str__(self) -> str:
        return f"{self.code}={self.met}"


class Succession(models.Model):
    """A new name, or one body taken over by another, with the proof (承继).

    The credit code stays on a new name; after a merger what the old body held counts for the new.
    """

    class Kind(models.TextChoices):
        """What happened."""

        RENAME = "rename", "更名"
        MERGER = "merger", "合并"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("类别", max_length=10, choices=Kind.choices)
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="successions", verbose_name="企业"
    )
    successor = models.ForeignKey(
        Enterprise,
        on_delete=models.PROTECT,
        related_name="predecessions",
        null=True,
        blank=True,
        verbose_name="承继企业",
    )
    old_name = models.CharField("原名称", max_length=200)
    new_name = models.CharField("新名称", max_length=200)
    document_no = models.CharField("证明文号", max_length=200)
    effective_on = models.DateField("生效日期")
    recorded_at = models.DateTimeField("登记时间")
    recorded_by = models.CharField("登记人", max_length=100)

    class Meta:
        verbose_name = "承继"
        verbose_name_plural = "承继"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="rename", successor__isnull=True)
                | models.Q(kind="merger", successor__isnull=False),
                name="succession_merger_has_successor",
            ),
            models.CheckConstraint(
                condition=models.Q(successor__isnull=True)
                | ~models.Q(successor=models.F("enterprise")),
                name="succession_not_to_oneself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.old_name} -> {self.new_name}"


class StandingRequestQuerySet(models.QuerySet["StandingRequest"]):
    """Questions about prepared changes of standing."""

    def waiting(self) -> "StandingRequestQuerySet":
        """Return those that wait for a second person, the oldest first."""
        return self.filter(decided_at__isnull=True).select_related("enterprise", "successor")


class StandingRequest(models.Model):
    """A change of standing that takes two persons: prepared by one, decided by another."""

    class Event(models.TextChoices):
        """What is asked for."""

        BAR = "bar", "取消资格"
        END_BAR = "end_bar", "提前恢复资格"
        DEREGISTER = "deregister", "注销"
        MERGE = "merge", "并入其他企业"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="requests", verbose_name="企业"
    )
    event = models.CharField("事项", max_length=20, choices=Event.choices)
    until = models.DateField("截止日期", null=True, blank=True)
    successor = models.ForeignKey(
        Enterprise,
        on_delete=models.PROTECT,
        related_name="requests_as_successor",
        null=True,
        blank=True,
        verbose_name="承继企业",
    )
    reason = models.CharField("理由和文号", max_length=300)
    prepared_at = models.DateTimeField("经办时间")
    prepared_by = models.JSONField("经办人")
    prepared_person = models.CharField("经办自然人", max_length=64)
    decided_at = models.DateTimeField("审批时间", null=True, blank=True)
    decided_by = models.CharField("审批人", max_length=100, blank=True)
    decided_person = models.CharField("审批自然人", max_length=64, blank=True)
    agreed = models.BooleanField("同意", null=True, blank=True)

    objects = StandingRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "企业状态变更申请"
        verbose_name_plural = "企业状态变更申请"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(agreed=True)
                | ~models.Q(prepared_person=models.F("decided_person")),
                name="standing_request_two_persons",
            ),
            models.UniqueConstraint(
                fields=["enterprise"],
                condition=models.Q(decided_at__isnull=True),
                name="standing_request_one_waits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enterprise} {self.get_event_display()}"


class ContractUse(models.Model):
    """A contract that stands behind a voucher; its number is used once for ever (AF02)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.CharField("合同编号", max_length=60, unique=True)
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, related_name="contract_use", verbose_name="申请"
    )
    used_at = models.DateTimeField("登记时间")

    class Meta:
        verbose_name = "合同占用"
        verbose_name_plural = "合同占用"

    def __str__(self) -> str:
        return self.number
