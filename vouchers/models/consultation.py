"""What an edition went through before it was published: opinions, consultation, comments."""

from datetime import datetime

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.programme import Programme


class EditionOpinion(models.Model):
    """What legal or fair-competition review said to one text of an edition; never changed.

    ``digest`` is the text that was judged: an opinion on another text does not count.
    """

    class Kind(models.TextChoices):
        """Which review."""

        LEGALITY = "legality", "合法性审查"
        COMPETITION = "competition", "公平竞争审查"

    class Outcome(models.TextChoices):
        """What it said."""

        PASS = "pass", "通过"
        CHANGES = "changes", "须修改"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="opinions", verbose_name="方案"
    )
    digest = models.CharField("规则摘要", max_length=64)
    kind = models.CharField("审查类别", max_length=20, choices=Kind.choices)
    outcome = models.CharField("结论", max_length=10, choices=Outcome.choices)
    text = models.TextField("审查意见")
    document_no = models.CharField("文号", max_length=100)
    given_at = models.DateTimeField("出具时间")
    given_by = models.CharField("经办人", max_length=100)
    given_person = models.CharField("经办自然人", max_length=64)

    class Meta:
        verbose_name = "方案审查意见"
        verbose_name_plural = "方案审查意见"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.document_no}"


class Consultation(models.Model):
    """One period in which everybody may comment on a draft edition; ``ends_at`` is a midnight."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(
        Programme, on_delete=models.PROTECT, related_name="consultations", verbose_name="方案"
    )
    digest = models.CharField("规则摘要", max_length=64)
    notice = models.TextField("征求意见说明")
    opens_at = models.DateTimeField("开始时间")
    last_day = models.DateField("截止日")
    ends_at = models.DateTimeField("截止时间")
    summary = models.TextField("意见采纳情况", blank=True)
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    answered_by = models.CharField("答复人", max_length=100, blank=True)

    class Meta:
        verbose_name = "公开征求意见"
        verbose_name_plural = "公开征求意见"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("opens_at")),
                name="consultation_has_a_length",
            ),
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True)
                | models.Q(answered_at__gte=models.F("ends_at")),
                name="consultation_answered_after_its_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme} 截至 {self.last_day}"

    def is_open(self, at: datetime) -> bool:
        """Tell whether comments are taken at a moment."""
        standing = self.programme.state == Programme.State.CONSULTING
        return standing and self.opens_at <= at < self.ends_at


class ConsultationComment(models.Model):
    """One comment under a real name; never changed, its sender never public.

    ``sender`` is a keyed digest of the address it came from, kept to slow down floods.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    consultation = models.ForeignKey(
        Consultation, on_delete=models.PROTECT, related_name="comments", verbose_name="征求意见"
    )
    comment_no = models.CharField("编号", max_length=30, unique=True)
    name = models.CharField("姓名", max_length=50)
    organisation = models.CharField("单位", max_length=100, blank=True)
    contact = models.CharField("联系方式", max_length=100)
    text = models.TextField("意见内容")
    received_at = models.DateTimeField("收到时间")
    sender = models.CharField("来源摘要", max_length=64)

    class Meta:
        verbose_name = "公众意见"
        verbose_name_plural = "公众意见"
        indexes = [models.Index(fields=["sender", "received_at"], name="comment_by_sender")]

    def __str__(self) -> str:
        return self.comment_no
