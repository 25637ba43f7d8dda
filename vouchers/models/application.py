"""Applications with their attachments, and the public notice of proposed support."""

from datetime import datetime

from django.db import models
from django.db.models.fields.json import KeyTransform

from ledger.identifiers import new_id
from vouchers.lifecycle import ApplicationMachine, PublicNoticeMachine
from vouchers.models.enterprise import Enterprise
from vouchers.models.kept_file import KeptFile
from vouchers.models.programme import Programme

KNOWN_STATES = [value for value, _ in ApplicationMachine.State.choices]
OPEN_STATES = [
    "draft",
    "submitted",
    "accepted",
    "supplement",
    "in_second_review",
    "joint_check",
    "proposed",
    "in_notice",
    "objection",
    "notice_done",
    "approved",
    "waitlisted",
    "reconsider",
]
#: An application that came to nothing by the enterprise's own doing leaves its place in the window.
GIVEN_UP = ["withdrawn", "lapsed"]


class ApplicationQuerySet(models.QuerySet["Application"]):
    """Questions about applications."""

    def handed_in(self) -> "ApplicationQuerySet":
        """Return everything the bureau may see: drafts belong to the enterprise alone."""
        return self.exclude(state="draft").exclude(submitted_at__isnull=True)

    def waiting_for(self, *states: str) -> "ApplicationQuerySet":
        """Return those in the given states, the longest waiting first."""
        return self.filter(state__in=states).order_by("submitted_at", "id")

    def with_parties(self) -> "ApplicationQuerySet":
        """Fetch enterprise and programme along; its rules are known by their digest."""
        return self.select_related("enterprise", "programme").defer("programme__rules")


class Application(ApplicationMachine):
    """One request of one enterprise in one window of a programme.

    ``answers`` holds the pages of the task list by step name; ``version`` counts savings, so that a
    stale tab is told instead of overwriting. ``verdict`` is what the rules said at submission, with
    every criterion; issuing never decides again.

    Units: ``requested_fen``, ``proposed_fen``, ``approved_fen`` in fen.
    """

    class Recommendation(models.TextChoices):
        """What the first reviewer recommends."""

        SUPPORT = "pass", "建议支持"
        REFUSE = "reject", "建议不予支持"

    class CheckOutcome(models.TextChoices):
        """What the machine's check found, anew with each handing in."""

        PASSED = "passed", "自动核验通过"
        FLAGGED = "flagged", "自动核验有疑点"
        FAILED = "failed", "自动核验不符合"

    class Origin(models.TextChoices):
        """How the application came about."""

        APPLICATION = "application", "企业申请"
        NO_APPLICATION = "no_application", "免申即享"

    class Lane(models.TextChoices):
        """How much of a review it gets."""

        FULL = "full", "一般程序"
        FAST = "fast", "快速通道"
        SAMPLE = "sample", "快速通道抽查（全面审核）"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application_no = models.CharField(
        "受理编号",
        max_length=30,
        unique=True,
        null=True,
        blank=True,
    )
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="applications", verbose_name="方案"
    )
    enterprise = models.ForeignKey(
        Enterprise, on_delete=models.PROTECT, related_name="applications", verbose_name="企业"
    )
    window_no = models.PositiveSmallIntegerField("申报窗口", default=0)
    answers = models.JSONField("填写内容", default=dict)
    version = models.PositiveIntegerField("版本", default=0)
    created_at = models.DateTimeField("创建时间")
    saved_at = models.DateTimeField("最近保存")
    saved_by = models.CharField("最近保存人", max_length=100, blank=True)
    submitted_at = models.DateTimeField("提交时间", null=True, blank=True)
    submit_key = models.UUIDField("提交键", null=True, blank=True, unique=True)
    requested_fen = models.BigIntegerField("申请金额（分）", default=0)
    proposed_fen = models.BigIntegerField("拟支持金额（分）", null=True, blank=True)
    approved_fen = models.BigIntegerField("审定金额（分）", null=True, blank=True)
    verdict = models.JSONField("自动核验结论", null=True, blank=True)
    verdict_digest = models.CharField("结论摘要", max_length=64, blank=True)
    check_outcome = models.CharField(
        "自动核验结果", max_length=10, choices=CheckOutcome.choices, blank=True
    )
    origin = models.CharField(
        "来源", max_length=20, choices=Origin.choices, default=Origin.APPLICATION
    )
    lane = models.CharField("办理方式", max_length=10, choices=Lane.choices, default=Lane.FULL)
    recommendation = models.CharField(
        "初审建议", max_length=10, choices=Recommendation.choices, blank=True
    )
    clause = models.CharField("依据条款", max_length=200, blank=True)
    supplement_rounds = models.PositiveSmallIntegerField("补正次数", default=0)
    supplement_due_on = models.DateField("补正期限", null=True, blank=True)
    due_on = models.DateField("办理期限", null=True, blank=True, db_index=True)
    first_reviewer_name = models.CharField("初审人", max_length=100, blank=True)
    first_reviewer_person = models.CharField("初审自然人", max_length=64, blank=True)
    first_reviewed_at = models.DateTimeField("初审时间", null=True, blank=True)
    second_reviewer_name = models.CharField("复审人", max_length=100, blank=True)
    second_reviewer_person = models.CharField("复审自然人", max_length=64, blank=True)
    second_reviewed_at = models.DateTimeField("复审时间", null=True, blank=True)
    approver_name = models.CharField("审定人", max_length=100, blank=True)
    approver_person = models.CharField("审定自然人", max_length=64, blank=True)
    co_approver_name = models.CharField("第二审定人", max_length=100, blank=True)
    co_approver_person = models.CharField("第二审定自然人", max_length=64, blank=True)
    approved_at = models.DateTimeField("审定时间", null=True, blank=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = "申请"
        verbose_name_plural = "申请"
        permissions = [
            ("view_cases", "查看办件"),
            ("review_application", "受理与初审"),
            ("decide_application", "复审与审定"),
        ]
        indexes = [
            # The rules against abuse ask with each submission who named the same contract.
            models.Index(
                KeyTransform("contract_no", KeyTransform("need", "answers")),
                name="vouchers_application_contract",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=KNOWN_STATES), name="application_state_known"
            ),
            models.UniqueConstraint(
                fields=["programme", "enterprise", "window_no"],
                condition=~models.Q(state__in=GIVEN_UP),
                name="application_once_per_window",
            ),
            models.CheckConstraint(
                condition=models.Q(second_reviewer_person="")
                | ~models.Q(first_reviewer_person=models.F("second_reviewer_person")),
                name="application_two_reviewers",
            ),
            models.CheckConstraint(
                condition=models.Q(approver_person="")
                | ~models.Q(first_reviewer_person=models.F("approver_person")),
                name="application_approver_not_first",
            ),
            models.CheckConstraint(
                condition=models.Q(co_approver_person="")
                | (
                    ~models.Q(co_approver_person=models.F("approver_person"))
                    & ~models.Q(co_approver_person=models.F("first_reviewer_person"))
                ),
                name="application_two_approvers",
            ),
            models.CheckConstraint(
                condition=models.Q(requested_fen__gte=0)
                & (models.Q(approved_fen__isnull=True) | models.Q(approved_fen__gt=0)),
                name="application_amounts_sane",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["approved", "waitlisted", "issued"])
                | models.Q(approved_fen__isnull=False),
                name="application_approved_has_amount",
            ),
        ]

    @property
    def standing_files(self) -> "list[Attachment]":
        """Return the files that were not replaced or removed; asked once where prefetched."""
        files = [each for each in self.attachments.all() if each.removed_at is None]
        return sorted(files, key=lambda each: (each.slot, each.attached_at))

    @property
    def notice_item(self) -> "NoticeItem | None":
        """Return its line on the newest public notice; a case reviewed anew may have two."""
        return self.notice_items.order_by("-notice__published_at").first()

    def __str__(self) -> str:
        return self.application_no or f"草稿 {self.pk}"


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Questions about attachments."""

    def standing(self) -> "AttachmentQuerySet":
        """Return those that were not replaced or removed."""
        return self.filter(removed_at__isnull=True).order_by("slot", "attached_at")


class Attachment(KeptFile):
    """A file handed in as evidence for an application; its name is only shown."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="attachments", verbose_name="申请"
    )
    slot = models.CharField("材料", max_length=40)
    attached_at = models.DateTimeField("上传时间")
    attached_by = models.CharField("上传人", max_length=100)
    removed_at = models.DateTimeField("移除时间", null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = "材料"
        verbose_name_plural = "材料"
        indexes = [models.Index(fields=["sha256"], name="vouchers_attachment_sha256")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scan__in=["quarantined", "clean"])
                | models.Q(scan="infected", removed_at__isnull=False),
                name="attachment_infected_is_out",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class PublicNoticeQuerySet(models.QuerySet["PublicNotice"]):
    """Questions about notices."""

    def run_out(self, now: datetime) -> "PublicNoticeQuerySet":
        """Return notices whose working days are over and which wait to be closed."""
        return self.filter(state="published", ends_at__lte=now)

    def newest_first(self) -> "PublicNoticeQuerySet":
        """Return all notices, the newest first."""
        return self.order_by("-starts_on", "-published_at")


class PublicNotice(PublicNoticeMachine):
    """A published list of enterprises the bureau means to support (公示).

    The day of posting is not counted; ``last_day`` is the last working day of the period and
    ``ends_at`` the midnight that ends it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice_no = models.CharField("公示编号", max_length=30, unique=True)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="notices", verbose_name="方案"
    )
    title = models.CharField("标题", max_length=200)
    starts_on = models.DateField("公示起")
    last_day = models.DateField("公示止")
    ends_at = models.DateTimeField("期满时刻")
    published_at = models.DateTimeField("发布时间")
    closed_at = models.DateTimeField("结束时间", null=True, blank=True)

    objects = PublicNoticeQuerySet.as_manager()

    class Meta:
        verbose_name = "公示"
        verbose_name_plural = "公示"
        permissions = [("publish_notice", "发布公示")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["published", "closed"]), name="notice_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(last_day__gt=models.F("starts_on")),
                name="notice_first_day_not_counted",
            ),
            models.CheckConstraint(
                condition=models.Q(state="published")
                | models.Q(closed_at__gte=models.F("ends_at")),
                name="notice_not_closed_early",
            ),
        ]

    def __str__(self) -> str:
        return self.notice_no


class NoticeItem(models.Model):
    """One line of a public notice: enterprise and proposed amount, nothing personal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice = models.ForeignKey(
        PublicNotice, on_delete=models.PROTECT, related_name="items", verbose_name="公示"
    )
    application = models.ForeignKey(
        Application,
        on_delete=models.PROTECT,
        related_name="notice_items",
        related_query_name="notice_item",
        verbose_name="申请",
    )
    line_no = models.PositiveIntegerField("序号")
    amount_fen = models.BigIntegerField("拟支持金额（分）")

    class Meta:
        verbose_name = "公示条目"
        verbose_name_plural = "公示条目"
        ordering = ["line_no"]
        constraints = [
            models.UniqueConstraint(fields=["notice", "line_no"], name="notice_line_once"),
            models.UniqueConstraint(fields=["notice", "application"], name="notice_case_once"),
        ]

    def __str__(self) -> str:
        return f"{self.notice} #{self.line_no}"
