"""What both sides say to a statement, how it reached them, and its versions."""

from datetime import date

from django.db import models

from billing.models.paper import StatementFile
from billing.models.statement import Statement, StatementLine
from ledger.identifiers import new_id


class Side(models.TextChoices):
    """Who has to agree to a statement."""

    ENTERPRISE = "enterprise", "企业"
    PROVIDER = "provider", "服务商"


class Confirmation(models.Model):
    """One side's yes to one version of a statement, with the digest of what it saw.

    Said by a person, or deemed (视为确认) when the time to object ran out after a proved delivery;
    then ``served_at`` and ``served_how`` say which delivery that was.
    """

    class Basis(models.TextChoices):
        """How a yes came about."""

        SAID = "said", "本人确认"
        DEEMED = "deemed", "视为确认"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="confirmations", verbose_name="对账单"
    )
    side = models.CharField("一方", max_length=20, choices=Side.choices)
    version = models.PositiveSmallIntegerField("版本")
    digest = models.CharField("摘要", max_length=64)
    confirmed_at = models.DateTimeField("确认时间")
    actor_id = models.CharField("账号", max_length=64)
    actor_name = models.CharField("确认人", max_length=100)
    actor_person = models.CharField("自然人", max_length=64, blank=True)
    basis = models.CharField("方式", max_length=10, choices=Basis.choices, default=Basis.SAID)
    served_at = models.DateTimeField("送达时间", null=True, blank=True)
    served_how = models.CharField("送达方式", max_length=300, blank=True)

    class Meta:
        verbose_name = "确认"
        verbose_name_plural = "确认"
        ordering = ["confirmed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "side", "version"], name="confirmation_once_per_side"
            ),
            models.CheckConstraint(
                condition=models.Q(side__in=Side.values), name="confirmation_side_known"
            ),
            models.CheckConstraint(
                condition=models.Q(models.Q(basis="said"), ~models.Q(actor_person=""))
                | models.Q(
                    models.Q(basis="deemed", actor_person="", served_at__isnull=False),
                    ~models.Q(served_how=""),
                ),
                name="confirmation_deemed_was_served",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.side}"


class ObjectionQuerySet(models.QuerySet["Objection"]):
    """Questions about objections."""

    def waiting(self) -> "ObjectionQuerySet":
        """Return those that nobody decided yet, the most urgent first."""
        return self.filter(state="open").order_by("due_on", "raised_at", "id")

    def overdue(self, today: date) -> "ObjectionQuerySet":
        """Return those the bureau should have decided before a day."""
        return self.filter(state="open", due_on__lt=today)


class Objection(models.Model):
    """One side's objection to one line, and what the bureau decided about it.

    ``due_on`` is the day by which the bureau owes its decision; who raised it may withdraw it
    (then ``resolved_*`` are the same person).
    """

    class State(models.TextChoices):
        """How an objection ended, if it did."""

        OPEN = "open", "处理中"
        UPHELD = "upheld", "异议成立"
        DISMISSED = "dismissed", "异议不成立"
        WITHDRAWN = "withdrawn", "已撤回"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="objections", verbose_name="对账单"
    )
    line = models.ForeignKey(
        StatementLine, on_delete=models.PROTECT, related_name="objections", verbose_name="明细"
    )
    side = models.CharField("一方", max_length=20, choices=Side.choices)
    reason = models.TextField("理由")
    amount_fen = models.BigIntegerField("暂扣金额（分）")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.OPEN)
    due_on = models.DateField("办理期限", null=True, blank=True)
    raised_at = models.DateTimeField("提出时间")
    raised_name = models.CharField("提出人", max_length=100)
    raised_person = models.CharField("提出自然人", max_length=64)
    resolved_at = models.DateTimeField("处理时间", null=True, blank=True)
    resolved_name = models.CharField("处理人", max_length=100, blank=True)
    resolved_person = models.CharField("处理自然人", max_length=64, blank=True)
    resolution = models.TextField("处理意见", blank=True)

    objects = ObjectionQuerySet.as_manager()

    class Meta:
        verbose_name = "对账异议"
        verbose_name_plural = "对账异议"
        ordering = ["raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["line"], condition=models.Q(state="open"), name="objection_open_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", resolved_person="")
                | (
                    models.Q(state__in=["upheld", "dismissed"])
                    & ~models.Q(resolved_person="")
                    & ~models.Q(resolved_person=models.F("raised_person"))
                )
                | (
                    models.Q(state="withdrawn")
                    & ~models.Q(resolved_person="")
                    & models.Q(resolved_person=models.F("raised_person"))
                ),
                name="objection_resolved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.state}"


class StatementVersion(models.Model):
    """One version of a statement as it was: its sums and digest, and why the next one came.

    Lines are never changed, so the lines of version n are those whose ``ordinal`` is at most
    ``line_count``; the difference to the version before is what lies beyond its count.

    Units: fen.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="versions", verbose_name="对账单"
    )
    version = models.PositiveSmallIntegerField("版本")
    digest = models.CharField("摘要", max_length=64)
    line_count = models.PositiveIntegerField("明细行数")
    gross_fen = models.BigIntegerField("服务总价（分）")
    public_fen = models.BigIntegerField("券抵扣（分）")
    self_fen = models.BigIntegerField("企业自付（分）")
    made_at = models.DateTimeField("形成时间")
    reason = models.CharField("形成原因", max_length=300)

    class Meta:
        verbose_name = "对账单版本"
        verbose_name_plural = "对账单版本"
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "version"], name="statementversion_once"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.statement_id} v{self.version}"


class ServiceProof(models.Model):
    """A person of the bureau served a statement otherwise: to whom, how, when, with what proof."""

    class Way(models.TextChoices):
        """How it was served."""

        PHONE = "phone", "电话"
        VISIT = "visit", "当面送达"
        POST = "post", "邮寄"
        OTHER = "other", "其他"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    statement = models.ForeignKey(
        Statement, on_delete=models.PROTECT, related_name="proofs", verbose_name="对账单"
    )
    side = models.CharField("一方", max_length=20, choices=Side.choices)
    version = models.PositiveSmallIntegerField("版本")
    way = models.CharField("送达方式", max_length=10, choices=Way.choices)
    served_whom = models.CharField("送达对象", max_length=100)
    served_at = models.DateTimeField("送达时间")
    note = models.TextField("说明")
    file = models.OneToOneField(
        StatementFile,
        on_delete=models.PROTECT,
        related_name="proof",
        verbose_name="证明文件",
        null=True,
        blank=True,
    )
    recorded_at = models.DateTimeField("登记时间")
    recorded_name = models.CharField("登记人", max_length=100)
    recorded_person = models.CharField("登记自然人", max_length=64)

    class Meta:
        verbose_name = "送达记录"
        verbose_name_plural = "送达记录"
        ordering = ["recorded_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(side__in=Side.values)
                & models.Q(way__in=["phone", "visit", "post", "other"])
                & models.Q(served_at__lte=models.F("recorded_at")),
                name="serviceproof_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.side} {self.way}"
