"""Many cases at once: the list somebody looked at before pressing, and what came of each."""

from django.db import models

from ledger.identifiers import new_id
from vouchers.models.application import Application


class CaseBatch(models.Model):
    """One list of cases with what is to be done to them, frozen for the preview (append-only).

    ``cases`` holds for each case what the person was shown of it; ``digest`` is over all of it, and
    starting needs the digest, so nothing else than what was seen can be done.
    """

    class Kind(models.TextChoices):
        """What is done to every case of the list."""

        ACCEPT = "accept", "批量受理"
        ASSIGN = "assign", "批量分派"
        SPREAD = "spread", "平均分派"
        AGREE = "agree", "批量复审同意"
        NOTICE = "notice", "发布公示"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField("事项", max_length=10, choices=Kind.choices)
    cases = models.JSONField("名单")
    told = models.JSONField("说明", default=dict)
    digest = models.CharField("名单摘要", max_length=64)
    frozen_at = models.DateTimeField("生成时间")
    user_id = models.UUIDField("账号编号")
    user_name = models.CharField("办理人", max_length=100)
    user_person = models.CharField("自然人标识", max_length=64)

    class Meta:
        verbose_name = "批量办理"
        verbose_name_plural = "批量办理"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["accept", "assign", "spread", "agree", "notice"]),
                name="case_batch_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {len(self.cases)} 件"


class CaseBatchItem(models.Model):
    """What came of one case of a list; one line a case, written with the deed (append-only)."""

    class Outcome(models.TextChoices):
        """How it ended."""

        DONE = "done", "已办理"
        REFUSED = "refused", "未办理"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    batch = models.ForeignKey(
        CaseBatch, on_delete=models.PROTECT, related_name="items", verbose_name="批量办理"
    )
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="batch_items", verbose_name="申请"
    )
    outcome = models.CharField("结果", max_length=10, choices=Outcome.choices)
    message = models.CharField("说明", max_length=300, blank=True)
    at = models.DateTimeField("时间")

    class Meta:
        verbose_name = "批量办理结果"
        verbose_name_plural = "批量办理结果"
        constraints = [
            models.UniqueConstraint(fields=["batch", "application"], name="case_batch_item_once"),
            models.CheckConstraint(
                condition=models.Q(outcome="done") | ~models.Q(message=""),
                name="case_batch_item_refusal_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} {self.get_outcome_display()}"
