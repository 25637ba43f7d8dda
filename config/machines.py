"""The life cycles of the house as text: read from the machines themselves, drawn for people."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps

START = "[*]"


@dataclass(frozen=True)
class Move:
    """One legal move of a thing: from which state to which, under which name, and when."""

    source: str
    target: str
    label: str
    meaning: str


@dataclass(frozen=True)
class Machine:
    """The life cycle of one kind of thing."""

    room: str
    name: str
    title: str
    first: str
    states: tuple[tuple[str, str], ...]
    moves: tuple[Move, ...]

    @property
    def file_name(self) -> str:
        """Return the name of the page that draws this machine."""
        return f"{self.room}-{self.name}.md"

    @property
    def last_states(self) -> list[str]:
        """Return the states that nothing leaves."""
        left = {move.source for move in self.moves}
        return [state for state, _ in self.states if state not in left]


def _moves(model: Any) -> list[Move]:
    order = [state for state, _ in model._meta.get_field("state").choices]
    found = []
    for name in dir(model):
        rules = getattr(getattr(model, name, None), "_django_fsm", None)
        for source, rule in getattr(rules, "transitions", {}).items():
            meaning = (rule.method.__doc__ or "").strip().partition("\n")[0]
            found.append(Move(source, str(rule.target), rule.custom.get("label", ""), meaning))
    return sorted(found, key=lambda move: (order.index(move.source), order.index(move.target)))


def machines() -> list[Machine]:
    """Return every life cycle of the house, room by room."""
    found = []
    for model in apps.get_models():
        moves = _moves(model) if any(f.name == "state" for f in model._meta.fields) else []
        if moves:
            state: Any = model._meta.get_field("state")
            states = tuple((str(value), str(label)) for value, label in state.choices)
            found.append(
                Machine(
                    room=model._meta.app_label,
                    name=str(model._meta.model_name),
                    title=str(model._meta.verbose_name),
                    first=str(state.default),
                    states=states,
                    moves=tuple(moves),
                )
            )
    return sorted(found, key=lambda machine: (machine.room, machine.name))


def drawing(machine: Machine) -> str:
    """Return the page of a machine: a diagram and the table of its moves."""
    titles = dict(machine.states)
    lines = [
        f"# {machine.title}（{machine.room}.{machine.name}）",
        "",
        "Written by `manage.py draw_machines`; do not edit.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        *(f"    {state} : {title}" for state, title in machine.states),
        f"    {START} --> {machine.first}",
        *(f"    {move.source} --> {move.target} : {move.label}" for move in machine.moves),
        *(f"    {state} --> {START}" for state in machine.last_states),
        "```",
        "",
        "| from | move | to | meaning |",
        "|---|---|---|---|",
        *(
            f"| {titles[move.source]} | {move.label} | {titles[move.target]} | {move.meaning} |"
            for move in machine.moves
        ),
        "",
    ]
    return "\n".join(lines)


def index(drawn: list[Machine]) -> str:
    """Return the page that lists all machines."""
    lines = [
        "# Life cycles",
        "",
        "Every move that exists in the house. Written by `manage.py draw_machines`; do not edit.",
        "",
        *(f"- [{each.title}]({each.file_name}) ({each.room})" for each in drawn),
        "",
    ]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Return all pages of ``docs/machines`` by file name."""
    drawn = machines()
    return {"README.md": index(drawn)} | {each.file_name: drawing(each) for each in drawn}
