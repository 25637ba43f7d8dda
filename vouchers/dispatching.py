"""Spread cases over reviewers: the one with least to do is next, and firms change hands.

Pure. The same cases, loads and history always give the same answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """A case to be given to somebody, and who handled this firm the last time."""

    case: str
    firm: str
    last_reviewer: str = ""


def spread(
    cases: Iterable[Waiting],
    loads: Mapping[str, int],
    *,
    barred: frozenset[tuple[str, str]] = frozenset(),
) -> dict[str, str]:
    """Give every case a reviewer; a case that nobody may take is left out.

    The reviewer with the fewest open cases comes first. Among equals the one who did not handle
    the firm before is preferred (轮换), then the order of ``loads`` decides.

    Args:
        cases: in the order they came in.
        loads: reviewer -> open cases, everybody who may be asked.
        barred: pairs (firm, reviewer) that must not meet (回避).
    """
    busy = dict(loads)
    order = {reviewer: place for place, reviewer in enumerate(busy)}
    given: dict[str, str] = {}
    for each in cases:
        free = [reviewer for reviewer in busy if (each.firm, reviewer) not in barred]
        if not free:
            continue
        last = each.last_reviewer
        chosen = min(free, key=lambda who: (busy[who], who == last, order[who]))
        given[each.case] = chosen
        busy[chosen] += 1
    return given
