"""The memory of moves of this room."""

from ledger.moves import MoveRow


class StateRow(MoveRow):
    """One move of a month, a statement, a claim, a payment, a report or a case."""


write_row, move, move_set = StateRow.write, StateRow.move, StateRow.move_set
who_did = StateRow.who_did
