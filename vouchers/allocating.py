"""Divide the money of a window among those who ask: by score, by lot, or each a part.

Pure: the same asks and the same money always give the same lines, so a run can be repeated years
later. Whoever stands first is funded first and nobody is overtaken: the first whose amount no
longer fits ends the funding, and waits at the head of the line.

Units: fen, points. Source: allocation of the programme edition.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

FUNDED, WAITLISTED, BELOW, UNFUNDED = "funded", "waitlisted", "below", "unfunded"


@dataclass(frozen=True)
class Ask:
    """One application before the division.

    Args:
        application: its number.
        position: its place in line; breaks every tie.
        asked_fen: the amount two reviewers are for.
        score: points by the edition's sheet, None where nothing is scored.
        ticket: its lot, where lots are drawn.
        grounds: what led to score or ticket, kept with the line.
    """

    application: str
    position: int
    asked_fen: int
    score: int | None = None
    ticket: str = ""
    grounds: dict[str, Any] | None = None


@dataclass(frozen=True)
class Line:
    """One application after the division."""

    rank: int
    ask: Ask
    granted_fen: int
    outcome: str

    def plain(self) -> dict[str, Any]:
        """Return what the digest covers, amounts as text."""
        return {
            "rank": str(self.rank),
            "application": self.ask.application,
            "position": str(self.ask.position),
            "score": "" if self.ask.score is None else str(self.ask.score),
            "ticket": self.ask.ticket,
            "asked_fen": str(self.ask.asked_fen),
            "granted_fen": str(self.granted_fen),
            "outcome": self.outcome,
        }


def by_position(asks: Sequence[Ask], free_fen: int, *, waitlist: bool) -> list[Line]:
    """Fund in the order of intake."""
    return _fund(sorted(asks, key=lambda ask: ask.position), free_fen, waitlist)


def by_score(asks: Sequence[Ask], free_fen: int, *, min_score: int, waitlist: bool) -> list[Line]:
    """Fund the highest scores first; equal scores in the order of intake."""
    ordered = sorted(asks, key=lambda ask: (-(ask.score or 0), ask.position))
    enough = [ask for ask in ordered if (ask.score or 0) >= min_score]
    lines = _fund(enough, free_fen, waitlist)
    low = [ask for ask in ordered if (ask.score or 0) < min_score]
    return lines + [Line(len(lines) + no, ask, 0, BELOW) for no, ask in enumerate(low, start=1)]


def by_lot(asks: Sequence[Ask], free_fen: int, *, waitlist: bool) -> list[Line]:
    """Fund the smallest tickets first; who shares a ticket (nobody does) by intake."""
    return _fund(sorted(asks, key=lambda ask: (ask.ticket, ask.position)), free_fen, waitlist)


def pro_rata(asks: Sequence[Ask], free_fen: int, *, unit_fen: int = 1) -> list[Line]:
    """Give everybody the same part of what they ask, never more than asked.

    Parts are rounded down to the unit; what that leaves goes unit by unit to the largest
    remainders, equal remainders in the order of intake.

    Args:
        unit_fen: 1, or 100 where amounts are whole yuan.
    """
    ordered = sorted(asks, key=lambda ask: ask.position)
    total = sum(ask.asked_fen for ask in ordered)
    if total <= free_fen:
        granted = [ask.asked_fen for ask in ordered]
    else:
        granted = _parts([ask.asked_fen for ask in ordered], max(free_fen, 0), total, unit_fen)
    return [
        Line(rank, ask, fen, FUNDED if fen else UNFUNDED)
        for rank, (ask, fen) in enumerate(zip(ordered, granted, strict=True), start=1)
    ]


def digest(lines: Sequence[Line], free_fen: int) -> str:
    """Return the SHA-256 of a division in canonical JSON, with the money there was."""
    said = {"free_fen": str(free_fen), "lines": [each.plain() for each in lines]}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _fund(ordered: Sequence[Ask], free_fen: int, waitlist: bool) -> list[Line]:
    lines, left, open_ = [], free_fen, True
    for rank, ask in enumerate(ordered, start=1):
        open_ = open_ and ask.asked_fen <= left
        line = Line(rank, ask, ask.asked_fen, FUNDED)
        if not open_:
            line = replace(line, granted_fen=0, outcome=WAITLISTED if waitlist else UNFUNDED)
        left -= line.granted_fen
        lines.append(line)
    return lines


def _parts(asked: Sequence[int], free_fen: int, total: int, unit_fen: int) -> list[int]:
    """Cut amounts to the part there is: floor by unit, then the largest remainders."""
    shares = [divmod(each * free_fen, total * unit_fen) for each in asked]
    granted = [whole * unit_fen for whole, _ in shares]
    units_left = (free_fen - sum(granted)) // unit_fen
    order = sorted(range(len(asked)), key=lambda place: (-shares[place][1], place))
    for place in order:
        if units_left and granted[place] + unit_fen <= asked[place]:
            granted[place] += unit_fen
            units_left -= 1
    return granted
