"""What the state machines of all rooms are made of: a protected field, moves, and asking for one.

A machine is an abstract model with one state. A transition method has no side effect: whether this
case may move is asked of the rules, what moving does is the act's business. The database holds the
same edges (each room's migrations).
"""

from typing import Any

from django_fsm import FSMField, can_proceed, transition

from ledger.refusals import Refused


class StateField(FSMField):
    """A protected state: nothing but a transition sets it.

    For migrations it is the text column that it is in the database: a machine's field among the
    models that migrations draw up would listen to every later one of them, thousands of times.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, protected=True, **kwargs)

    def deconstruct(self) -> Any:
        """Return how a migration writes the field: a column of text."""
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("protected")
        return name, "django.db.models.CharField", args, kwargs


def edge(source: list[str], target: str, label: str) -> Any:
    """Return the decorator of a move: from where, to where, under which Chinese word."""
    return transition(field="state", source=source, target=target, custom={"label": label})


def can(subject: Any, event: str) -> bool:
    """Tell whether ``event`` exists from where the subject stands."""
    return bool(can_proceed(getattr(subject, event)))


def label(subject: Any, event: str) -> str:
    """Return the Chinese word of an event."""
    for move in subject.get_all_state_transitions():
        if move.name == event:
            return str(move.custom["label"])
    raise KeyError(event)


def step(subject: Any, event: str) -> tuple[str, str]:
    """Make the move ``event`` and return (from, to).

    Raises:
        Refused: the move does not exist from this state.
    """
    before = str(subject.state)
    if not can(subject, event):
        raise Refused(
            "wrong_state",
            f"当前状态为“{subject.get_state_display()}”，不能办理“{label(subject, event)}”。"
            "请刷新页面，按最新状态办理。",
            details={"state": before, "event": event},
        )
    getattr(subject, event)()
    return before, str(subject.state)


def edges(machine: Any) -> list[tuple[str, str, str]]:
    """Return all (from, event, to) of a machine, sorted; for diagrams and tests."""
    found = machine._meta.get_field("state").get_all_transitions(machine)
    return sorted((str(each.source), str(each.name), str(each.target)) for each in found)
