"""Work asked of a worker: the one table of the ledger whose rows move."""

from django.db import models
from django.db.models import Q

from ledger.identifiers import new_id


class Work(models.Model):
    """A piece of work asked of a worker: the truth about it, whatever became of the bell.

    ``ledger.work`` alone writes these rows. ``fence`` grows with every claim, so a worker that
    lost its claim can no longer write progress or results.
    """

    class State(models.TextChoices):
        """Where a piece of work stands."""

        QUEUED = "queued", "等待办理"
        RUNNING = "running", "正在办理"
        FAILED = "failed", "出错，将再试"
        DONE = "done", "已完成"
        DEAD = "dead", "未办成"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=50)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, default="")
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    message = models.CharField(max_length=200, default="")
    result = models.JSONField(null=True)
    error = models.TextField(default="")
    requested_by = models.JSONField()
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "后台任务"
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="work_key"),
            models.CheckConstraint(
                name="work_state_known",
                condition=Q(state__in=["queued", "running", "failed", "done", "dead"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="work_open",
                condition=Q(state__in=["queued", "running", "failed"]),
            )
        ]

    def __str__(self) -> str:
        """Return what is asked for."""
        return f"{self.kind} {self.key}"

    @property
    def is_over(self) -> bool:
        """Say whether nothing more will happen by itself."""
        return self.state in {self.State.DONE, self.State.DEAD}
