"""A programme edition: the rules as data, locked once published; and grants of budget."""

from datetime import datetime

from django.db import models

from ledger.chart import AccountKey, budget
from ledger.identifiers import new_id
from vouchers.lifecycle import ProgrammeMachine
from vouchers.rulebook import Edition
from vouchers.rulebook_reader import read_rules

KNOWN_STATES = [value for value, _ in ProgrammeMachine.State.choices]
UNPUBLISHED = ["draft", "in_review", "consulting"]
#: Locked editions by the digest of their rules, each read once in a process.
_READ: dict[str, Edition] = {}
_MOST_READ = 200


class ProgrammeQuerySet(models.QuerySet["Programme"]):
    """Questions about programmes."""

    def published(self) -> "ProgrammeQuerySet":
        """Return editions that were made public, the newest first."""
        return self.filter(published_at__isnull=False).order_by("-published_at", "-edition_no")

    def in_consultation(self) -> "ProgrammeQuerySet":
        """Return drafts that everybody may comment on."""
        return self.filter(state=Programme.State.CONSULTING).order_by("title", "edition_no")

    def taking(self) -> "ProgrammeQuerySet":
        """Return the newest edition of each scheme that takes applications."""
        standing = self.filter(state__in=[Programme.State.PUBLISHED, Programme.State.PAUSED])
        return standing.order_by("slug", "-edition_no").distinct("slug")

    def current(self) -> "Programme | None":
        """Return the edition the start page speaks of: the newest one taking applications."""
        return (
            self.filter(state__in=[Programme.State.PUBLISHED, Programme.State.PAUSED])
            .order_by("-published_at", "-edition_no", "-pk")
            .first()
        )


class Programme(ProgrammeMachine):
    """One edition of a voucher scheme, e.g. putuo-demo-2026 edition 1.

    Editions of one ``slug`` share budget and caps; applications refer to one edition for ever.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField("方案代号", max_length=40)
    edition_no = models.PositiveSmallIntegerField("版次")
    title = models.CharField("名称", max_length=100)
    kind = models.CharField("券种", max_length=20)
    rules = models.JSONField("规则")
    digest = models.CharField("规则摘要", max_length=64)
    cap_fen = models.BigIntegerField("每家企业年度上限（分）")
    published_at = models.DateTimeField("发布时间", null=True, blank=True)
    locked_at = models.DateTimeField("锁定时间", null=True, blank=True)
    proposed_by = models.CharField("送审人", max_length=100, blank=True)
    proposed_person = models.CharField("送审自然人", max_length=64, blank=True)
    published_by = models.CharField("发布人", max_length=100, blank=True)
    published_person = models.CharField("发布自然人", max_length=64, blank=True)
    document_no = models.CharField("规范性文件文号", max_length=100, blank=True)
    evaluation_score = models.PositiveSmallIntegerField("绩效评价得分", null=True, blank=True)
    evaluation_no = models.CharField("绩效评价文号", max_length=100, blank=True)

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        verbose_name = "方案"
        verbose_name_plural = "方案"
        permissions = [
            ("open_programme", "发布方案"),
            ("grant_budget", "下达预算"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["slug", "edition_no"], name="programme_edition_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=KNOWN_STATES),
                name="programme_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=UNPUBLISHED) | models.Q(locked_at__isnull=False),
                name="programme_published_is_locked",
            ),
            models.CheckConstraint(
                condition=models.Q(published_person="")
                | ~models.Q(proposed_person=models.F("published_person")),
                name="programme_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(evaluation_score__isnull=True)
                | models.Q(evaluation_score__lte=100),
                name="programme_score_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}（第 {self.edition_no} 版）"

    @property
    def edition(self) -> Edition:
        """Return the rules as the typed rulebook; locked rules never change and are read once."""
        if self.locked_at is None:
            return read_rules(self.rules)
        edition = _READ.get(self.digest)
        if edition is None:
            edition = read_rules(self.rules)
            if edition.digest == self.digest and len(_READ) < _MOST_READ:
                _READ[self.digest] = edition
        return edition

    @property
    def account(self) -> AccountKey:
        """Return the budget account; one per scheme, shared by its editions."""
        return budget(self.slug)

    def window_state(self, at: datetime) -> str:
        """Return ``open``, ``before``, ``between`` or ``after``; ``paused`` when halted."""
        if self.state in UNPUBLISHED:
            return "before"
        if self.state != self.State.PUBLISHED:
            return "paused" if self.state == self.State.PAUSED else "after"
        return self.edition.windows.state_at(at)


class BudgetGrant(models.Model):
    """Money granted by finance to a scheme: two people, one ledger journal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="grants", verbose_name="方案"
    )
    amount_fen = models.BigIntegerField("金额（分）")
    document_no = models.CharField("文号", max_length=100)
    document_sha256 = models.CharField("文件摘要", max_length=64, blank=True)
    granted_at = models.DateTimeField("下达时间")
    prepared_by = models.CharField("经办人", max_length=100)
    prepared_person = models.CharField("经办自然人", max_length=64)
    approved_by = models.CharField("审批人", max_length=100)
    approved_person = models.CharField("审批自然人", max_length=64)
    journal_id = models.UUIDField("分录", unique=True)

    class Meta:
        verbose_name = "预算下达"
        verbose_name_plural = "预算下达"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="budget_grant_positive"
            ),
            models.CheckConstraint(
                condition=~models.Q(prepared_person=models.F("approved_person")),
                name="budget_grant_two_persons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_no} {self.amount_fen}"


class GrantRequestQuerySet(models.QuerySet["GrantRequest"]):
    """Questions about prepared grants."""

    def waiting(self) -> "GrantRequestQuerySet":
        """Return those that wait for a second person."""
        return self.filter(grant__isnull=True, dropped_at__isnull=True).order_by("prepared_at")


class GrantRequest(models.Model):
    """A grant prepared by one person; it becomes money when another person approves."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="grant_requests", verbose_name="方案"
    )
    amount_fen = models.BigIntegerField("金额（分）")
    document_no = models.CharField("文号", max_length=100)
    prepared_at = models.DateTimeField("经办时间")
    prepared_by = models.JSONField("经办人")
    grant = models.OneToOneField(
        BudgetGrant,
        on_delete=models.PROTECT,
        related_name="request",
        null=True,
        blank=True,
        verbose_name="下达",
    )
    dropped_at = models.DateTimeField("撤销时间", null=True, blank=True)

    objects = GrantRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "待审批的预算下达"
        verbose_name_plural = "待审批的预算下达"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="grant_request_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_no} {self.amount_fen}"
