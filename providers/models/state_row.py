"""The memory of moves of this room."""

from ledger.moves import MoveRow


class StateRow(MoveRow):
    """One move of a provider, a key, an offering, an order or what else this room keeps."""


write_row, move, note_birth = StateRow.write, StateRow.move, StateRow.birth
