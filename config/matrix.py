"""Who may do what, as data: ``matrix.csv`` beside this file, one line an action.

Cells: ``A`` acts, ``2`` acts as one of two natural persons, ``P`` prepares or asks, ``O`` acts on
what is their own organisation's, ``R`` reads, ``M`` reads masked, ``-`` neither. ``reads`` and
``acts`` name the addresses of an action; ``again`` says that its acts ask once more who it is.
A page that both shows and carries out its act is named among ``reads`` with a ``+``.
A test holds the file against ``roles.py``, the seats and every door.

Source: reliability paper, section 3.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: Column -> bureau role, or seat of an organisation.
BUREAU = {
    "BR": "reviewer", "BA": "approver", "FO": "finance", "AU": "auditor", "XA": "platform",
}  # fmt: skip
SEATS = {
    "SA": "enterprise_clerk", "SM": "enterprise_admin",
    "PO": "provider_engineer", "PA": "provider_admin",
}  # fmt: skip
ACTING = frozenset("A2PO")


@dataclass(frozen=True)
class Action:
    """One line: who may, by column, and where."""

    number: int
    title: str
    cells: dict[str, str]
    reads: tuple[str, ...]
    both: tuple[str, ...]
    acts: tuple[str, ...]
    again: bool

    def acting(self) -> set[str]:
        """Return the columns that may act."""
        return {column for column, cell in self.cells.items() if cell in ACTING}

    def reading(self) -> set[str]:
        """Return the columns that may at least look."""
        return {column for column, cell in self.cells.items() if cell != "-"}


@cache
def actions() -> tuple[Action, ...]:
    """Return the lines of the matrix."""
    with (Path(__file__).parent / "matrix.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Action(
                number=int(line["no"]),
                title=line["action"],
                cells={column: line[column] for column in (*SEATS, *BUREAU)},
                reads=tuple(line["reads"].replace("+", "").split()),
                both=tuple(each[:-1] for each in line["reads"].split() if each.endswith("+")),
                acts=tuple(line["acts"].split()),
                again=line["again"] == "again",
            )
            for line in csv.DictReader(file)
        )


@cache
def asks_again() -> frozenset[str]:
    """Return the addresses whose acts ask once more who it is."""
    return frozenset(name for each in actions() if each.again for name in each.acts + each.both)
