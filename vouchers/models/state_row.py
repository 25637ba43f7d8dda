"""The memory of moves: who moved what from where to where, when and why."""

from django.db import models

from ledger.identifiers import new_id


class StateRowQuerySet(models.QuerySet["StateRow"]):
    """Questions about moves."""

    def of(self, subject: models.Model) -> "StateRowQuerySet":
        """Return the moves of one thing, oldest first."""
        return self.filter(subject_id=subject.pk).order_by("at", "id")


class StateRow(models.Model):
    """One move; written by acts only, never changed (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject_kind = models.CharField("对象", max_length=40)
    subject_id = models.UUIDField("对象编号")
    event = models.CharField("事件", max_length=40)
    event_label = models.CharField("环节", max_length=40)
    from_state = models.CharField("从", max_length=40, blank=True)
    to_state = models.CharField("到", max_length=40)
    at = models.DateTimeField("时间")
    actor_kind = models.CharField("主体类别", max_length=20)
    actor_id = models.CharField("主体编号", max_length=64)
    actor_name = models.CharField("经办人", max_length=100)
    actor_role = models.CharField("角色", max_length=40)
    actor_person = models.CharField("自然人标识", max_length=64, blank=True)
    reason = models.TextField("对外理由", blank=True)
    internal = models.TextField("内部意见", blank=True)

    objects = StateRowQuerySet.as_manager()

    class Meta:
        verbose_name = "状态记录"
        verbose_name_plural = "状态记录"
        indexes = [models.Index(fields=["subject_id", "at"], name="vouchers_staterow_subject")]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.from_state}->{self.to_state}"


class NumberSeries(models.Model):
    """The last number given out in a series; numbers have no gaps."""

    name = models.CharField("系列", max_length=40, primary_key=True)
    last = models.PositiveIntegerField("最后一号")

    class Meta:
        verbose_name = "编号系列"
        verbose_name_plural = "编号系列"

    def __str__(self) -> str:
        return f"{self.name}-{self.last:06d}"
