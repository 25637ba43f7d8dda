"""How a run ends: one number for scripts, one sentence for people.

Cron may mail on 3 to 7; 0 means that every row is accepted, a duplicate, or waits at the service.
"""

from collections.abc import Mapping
from enum import IntEnum

TAKEN = ("accepted", "duplicate", "held", "open", "zero")
OUTCOMES = ("accepted", "duplicate", "conflict", "rejected", "held", "open", "zero")


class Exit(IntEnum):
    """The exit codes; they never change."""

    OK = 0
    USAGE = 2
    REJECTED = 3
    PARTIAL = 4
    AUTH = 5
    LATER = 6
    CONFLICT = 7


class Stopped(Exception):  # noqa: N818 - says why the run went no further
    """The run cannot go on: a code for the shell, a sentence for the person."""

    def __init__(self, code: Exit, sentence: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(sentence)
        self.code = code


def judge(counts: Mapping[str, int], refused: int) -> Exit:
    """Return the exit code for what became of all rows.

    Args:
        counts: rows by outcome over the chunks that were taken or taken in part, and the faulty
            rows of refused chunks.
        refused: rows of chunks that were refused as a whole.
    """
    if counts.get("conflict", 0):
        return Exit.CONFLICT
    if not refused and not counts.get("rejected", 0):
        return Exit.OK
    taken = sum(counts.get(name, 0) for name in TAKEN)
    return Exit.PARTIAL if taken else Exit.REJECTED


def worst(codes: list[Exit]) -> Exit:
    """Return the code that a person must see first when several files ended differently."""
    order = (Exit.AUTH, Exit.LATER, Exit.CONFLICT, Exit.PARTIAL, Exit.REJECTED, Exit.USAGE)
    if Exit.REJECTED in codes and Exit.OK in codes:
        codes = [*codes, Exit.PARTIAL]
    return next((code for code in order if code in codes), Exit.OK)
