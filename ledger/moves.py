"""The memory of moves that every room keeps: who moved what from where to where, when and why.

A room's own table is a class of this form; its rows are written by acts only and never changed
(trigger).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from django.db import models

from ledger.actors import Actor
from ledger.identifiers import new_id
from ledger.lifecycle import label, step
from ledger.refusals import Broken


class MoveQuerySet(models.QuerySet[Any]):
    """Questions about moves."""

    def of(self, subject: models.Model) -> Self:
        """Return the moves of one thing, oldest first."""
        return self.filter(subject_id=subject.pk).order_by("at", "id")


class MoveRow(models.Model):
    """One move of a thing, or an event that leaves its state as it is."""

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

    objects = MoveQuerySet.as_manager()

    class Meta:
        abstract = True
        verbose_name = "状态记录"
        verbose_name_plural = "状态记录"
        indexes = [models.Index(fields=["subject_id", "at"], name="%(app_label)s_staterow_subject")]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.from_state}->{self.to_state}"

    @classmethod
    def told(
        cls,
        subject: Any,
        event: str,
        word: str,
        states: tuple[str, str],
        *,
        actor: Actor,
        at: datetime,
        **words: str,
    ) -> Self:
        """Return a row that the caller writes, with others of its kind.

        Args:
            word: what people call the event.
            states: from and to; equal for an event that changes no state.
            words: the reason, and what else the room's table keeps.
        """
        return cls(
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
            **words,
        )

    @classmethod
    def write(
        cls,
        subject: Any,
        event: str,
        word: str,
        states: tuple[str, str],
        *,
        actor: Actor,
        at: datetime,
        **words: str,
    ) -> Self:
        """Write one row, as ``told`` makes it."""
        made = cls.told(subject, event, word, states, actor=actor, at=at, **words)
        made.save(force_insert=True)
        return made

    @classmethod
    def birth(
        cls, subject: Any, word: str, *, actor: Actor, at: datetime, reason: str = ""
    ) -> Self:
        """Write the first row of a thing that has just been made; the caller saved it."""
        states = ("", subject.state)
        return cls.write(subject, "create", word, states, actor=actor, at=at, reason=reason)

    @classmethod
    def move(
        cls, subject: Any, event: str, *, actor: Actor, at: datetime, **words: str
    ) -> tuple[str, str]:
        """Make a move of the life cycle and write its row; the caller saves the subject.

        Returns: the states from and to.

        Raises:
            Refused: the move does not exist from this state.
        """
        word, states = label(subject, event), step(subject, event)
        cls.write(subject, event, word, states, actor=actor, at=at, **words)
        return states

    @classmethod
    def move_set(
        cls, subjects: Sequence[Any], event: str, *, actor: Actor, at: datetime, **words: str
    ) -> None:
        """Make the same move with several things of one kind; the caller saves them.

        Writes: their rows, in one statement.

        Raises:
            Refused: the move does not exist from the state of one of them.
        """
        rows = []
        for subject in subjects:
            word, states = label(subject, event), step(subject, event)
            rows.append(cls.told(subject, event, word, states, actor=actor, at=at, **words))
        cls._default_manager.bulk_create(rows)

    @classmethod
    def who_did(cls, subject: Any, event: str) -> Actor:
        """Return who made the last move of one kind with a thing.

        Raises:
            Broken: nobody ever did.
        """
        done = cls._default_manager.filter(subject_id=subject.pk, event=event)
        found = done.order_by("at", "id").last()
        if found is None:
            raise Broken(f"{subject} never went through {event}")
        return Actor(
            kind=found.actor_kind,
            id=found.actor_id,
            name=found.actor_name,
            role=found.actor_role,
            person=found.actor_person,
        )
