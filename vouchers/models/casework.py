"""What is remembered around an application: versions handed in, clocks, items, replies, looks."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application


class HandedIn(models.Model):
    """An application as it was handed in, the first time and with each supplement.

    What a reviewer is shown as changed is the difference of two of these.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="versions", verbose_name="申请"
    )
    round_no = models.PositiveSmallIntegerField("第几次")
    at = models.DateTimeField("提交时间")
    by = models.CharField("提交人", max_length=100)
    answers = models.JSONField("填写内容")
    files = models.JSONField("材料")
    requested_fen = models.BigIntegerField("申请金额（分）")
    check_outcome = models.CharField("自动核验结果", max_length=10)

    class Meta:
        verbose_name = "提交版本"
        verbose_name_plural = "提交版本"
        ordering = ["round_no"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "round_no"], name="handedin_once_per_round"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} 第 {self.round_no} 次"


class ClockMark(models.Model):
    """One event of a step's clock: started, paused, resumed or ended; and who owes the step."""

    class Event(models.TextChoices):
        """What happened to the clock."""

        STARTED = "started", "开始计时"
        PAUSED = "paused", "暂停计时"
        RESUMED = "resumed", "恢复计时"
        ENDED = "ended", "结束计时"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="clock_marks", verbose_name="申请"
    )
    no = models.PositiveSmallIntegerField("序号")
    step = models.CharField("环节", max_length=20)
    event = models.CharField("事件", max_length=10, choices=Event.choices)
    owes = models.CharField("由谁办理", max_length=20)
    limit_days = models.PositiveSmallIntegerField("期限（工作日）")
    at = models.DateTimeField("时间")

    class Meta:
        verbose_name = "计时记录"
        verbose_name_plural = "计时记录"
        ordering = ["no"]
        constraints = [
            models.UniqueConstraint(fields=["application", "no"], name="clockmark_once"),
            models.CheckConstraint(
                condition=models.Q(event__in=["started", "paused", "resumed", "ended"]),
                name="clockmark_event_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.event}"


class SupplementItem(models.Model):
    """One thing the enterprise is asked to mend: why, an example, and what stood there."""

    class Kind(models.TextChoices):
        """What is to be mended."""

        ANSWER = "answer", "填写内容"
        FILE = "file", "材料"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="supplement_items", verbose_name="申请"
    )
    round_no = models.PositiveSmallIntegerField("第几次补正")
    kind = models.CharField("种类", max_length=10, choices=Kind.choices)
    place = models.CharField("位置", max_length=80)
    title = models.CharField("事项", max_length=100)
    reason = models.TextField("原因")
    example = models.TextField("示例", blank=True)
    original = models.TextField("原内容", blank=True)

    class Meta:
        verbose_name = "补正事项"
        verbose_name_plural = "补正事项"
        constraints = [
            models.UniqueConstraint(
                fields=["application", "round_no", "kind", "place"], name="supplement_item_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="supplement_item_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class JointReply(models.Model):
    """What one department answered in the joint check, with the number of its paper."""

    class Outcome(models.TextChoices):
        """What the department says."""

        CLEAR = "clear", "无异常"
        HIT = "hit", "有情况"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="joint_replies", verbose_name="申请"
    )
    round_no = models.PositiveSmallIntegerField("第几轮联审")
    department = models.CharField("部门", max_length=60)
    outcome = models.CharField("答复", max_length=10, choices=Outcome.choices)
    document_no = models.CharField("复函文号", max_length=80)
    text = models.TextField("答复内容", blank=True)
    recorded_at = models.DateTimeField("登记时间")
    recorded_by = models.CharField("登记人", max_length=100)

    class Meta:
        verbose_name = "联审答复"
        verbose_name_plural = "联审答复"
        constraints = [
            models.UniqueConstraint(
                fields=["application", "round_no", "department"], name="jointreply_once"
            ),
            models.CheckConstraint(
                condition=models.Q(outcome__in=["clear", "hit"]) & ~models.Q(document_no=""),
                name="jointreply_with_document",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome="clear") | ~models.Q(text=""),
                name="jointreply_hit_has_text",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.department} {self.get_outcome_display()}"


class CaseSeen(models.Model):
    """Up to where one person of the bureau has seen a case; the rest is new to this person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="seen_marks", verbose_name="申请"
    )
    person = models.CharField("自然人", max_length=64)
    seen_at = models.DateTimeField("看到的时间")

    class Meta:
        verbose_name = "已阅标记"
        verbose_name_plural = "已阅标记"
        constraints = [
            models.UniqueConstraint(fields=["application", "person"], name="caseseen_once"),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.seen_at}"
