"""Objections to a public notice, and the second look at a refusal."""

from typing import Any

from django.db import models

from ledger.identifiers import new_id
from vouchers.lifecycle import ObjectionMachine
from vouchers.models.application import Application, NoticeItem


class NoticeObjectionQuerySet(models.QuerySet["NoticeObjection"]):
    """Questions about objections to notices."""

    def unsettled(self) -> "NoticeObjectionQuerySet":
        """Return those that wait for a decision."""
        return self.filter(state__in=["received", "accepted", "investigated"])

    def with_case(self) -> "NoticeObjectionQuerySet":
        """Fetch the line, the notice and the case along."""
        return self.select_related(
            "item__notice", "application__enterprise", "application__programme"
        )


class NoticeObjection(ObjectionMachine):
    """Somebody objects by real name, in writing, to one line of a public notice.

    Name, telephone and mail of the objector are shown to those who handle the objection and to
    nobody else: not to the enterprise, not in lists, not in the log.
    """

    class Finding(models.TextChoices):
        """What the first person found."""

        UPHELD = "upheld", "异议成立"
        DISMISSED = "dismissed", "异议不成立"
        NOT_ADMITTED = "not_admitted", "不予受理"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    objection_no = models.CharField("异议编号", max_length=30, unique=True)
    key = models.UUIDField("提交键", unique=True)
    item = models.ForeignKey(
        NoticeItem, on_delete=models.PROTECT, related_name="objections", verbose_name="公示条目"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="objections", verbose_name="申请"
    )
    objector_name = models.CharField("异议人姓名", max_length=60)
    objector_body = models.CharField("异议人单位", max_length=100, blank=True)
    objector_phone = models.CharField("联系电话", max_length=40)
    objector_mail = models.CharField("电子邮箱", max_length=254, blank=True)
    statement = models.TextField("异议事项和理由")
    evidence = models.TextField("证据说明")
    signature = models.CharField("签名", max_length=60)
    file_name = models.CharField("证据文件名", max_length=200, blank=True)
    file_sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    file_type = models.CharField("类型", max_length=40, blank=True)
    file_path = models.CharField("存放位置", max_length=100, blank=True)
    received_at = models.DateTimeField("收到时间")
    due_on = models.DateField("办理期限")
    finding = models.CharField("核查结论", max_length=20, choices=Finding.choices, blank=True)
    finding_text = models.TextField("核查情况", blank=True)
    finder_name = models.CharField("核查人", max_length=100, blank=True)
    finder_person = models.CharField("核查自然人", max_length=64, blank=True)
    reply = models.TextField("书面答复", blank=True)
    clause = models.CharField("依据条款", max_length=200, blank=True)
    decider_name = models.CharField("决定人", max_length=100, blank=True)
    decider_person = models.CharField("决定自然人", max_length=64, blank=True)
    decided_at = models.DateTimeField("决定时间", null=True, blank=True)

    objects = NoticeObjectionQuerySet.as_manager()

    class Meta:
        verbose_name = "公示异议"
        verbose_name_plural = "公示异议"
        permissions = [("handle_objection", "办理公示异议和复核")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[value for value, _ in ObjectionMachine.State.choices]
                ),
                name="noticeobjection_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(decider_person="")
                | ~models.Q(decider_person=models.F("finder_person")),
                name="noticeobjection_two_persons",
            ),
            models.CheckConstraint(
                condition=~models.Q(objector_name="")
                & ~models.Q(objector_phone="")
                & models.Q(signature=models.F("objector_name")),
                name="noticeobjection_real_name",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["upheld", "dismissed", "not_admitted"])
                | (models.Q(decided_at__isnull=False) & ~models.Q(reply="")),
                name="noticeobjection_decided_with_reply",
            ),
        ]

    def __str__(self) -> str:
        return self.objection_no

    @property
    def masked_name(self) -> str:
        """Return the objector's name as lists show it."""
        return self.objector_name[:1] + "**"

    def hidden(self) -> dict[str, Any]:
        """Return what is protected, for its digest alone."""
        return {
            "name": self.objector_name,
            "phone": self.objector_phone,
            "mail": self.objector_mail,
            "statement": self.statement,
            "evidence": self.evidence,
            "file": self.file_sha256,
        }


class Reconsideration(models.Model):
    """An enterprise asks, once, that other people look again at a refusal."""

    class Outcome(models.TextChoices):
        """What the second look led to."""

        UPHELD = "upheld", "维持原决定"
        OVERTURNED = "overturned", "撤销原决定，重新审核"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, related_name="reconsideration", verbose_name="申请"
    )
    asked_at = models.DateTimeField("申请时间")
    asked_by = models.CharField("申请人", max_length=100)
    statement = models.TextField("复核理由")
    due_on = models.DateField("办理期限")
    outcome = models.CharField("复核结果", max_length=20, choices=Outcome.choices, blank=True)
    reply = models.TextField("复核答复", blank=True)
    decider_name = models.CharField("复核人", max_length=100, blank=True)
    decider_person = models.CharField("复核自然人", max_length=64, blank=True)
    decided_at = models.DateTimeField("决定时间", null=True, blank=True)

    class Meta:
        verbose_name = "复核申请"
        verbose_name_plural = "复核申请"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome="", decided_at__isnull=True)
                | (
                    models.Q(outcome__in=["upheld", "overturned"], decided_at__isnull=False)
                    & ~models.Q(reply="")
                    & ~models.Q(decider_person="")
                ),
                name="reconsideration_decided_with_reply",
            ),
        ]

    def __str__(self) -> str:
        return f"复核 {self.application_id}"
