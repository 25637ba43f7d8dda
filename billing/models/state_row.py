"""The memory of moves: who moved what from where to where, when and why."""

from datetime import datetime
from typing import Any

from django.db import models

from billing.lifecycle import label, step
from ledger.actors import Actor
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
    reason = models.TextField("理由", blank=True)

    objects = StateRowQuerySet.as_manager()

    class Meta:
        verbose_name = "状态记录"
        verbose_name_plural = "状态记录"
        indexes = [models.Index(fields=["subject_id", "at"], name="billing_staterow_subject")]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.from_state}->{self.to_state}"


def write_row(
    subject: Any,
    event: str,
    word: str,
    states: tuple[str, str],
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
) -> StateRow:
    """Write one state row; ``states`` is (from, to), equal for an event that changes no state."""
    return StateRow.objects.create(
        subject_kind=subject._meta.model_name,
        subject_id=subject.pk,
        event=event,
        event_label=word,
        from_state=states[0],
        to_state=states[1],
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        actor_role=actor.role,
        actor_person=actor.person,
        reason=reason,
    )


def move(subject: Any, event: str, *, actor: Actor, at: datetime, reason: str = "") -> None:
    """Make a move of the life cycle and write its state row; the caller saves the subject.

    Raises:
        Refused: the move does not exist from this state.
    """
    word = label(subject, event)
    states = step(subject, event)
    write_row(subject, event, word, states, actor=actor, at=at, reason=reason)
