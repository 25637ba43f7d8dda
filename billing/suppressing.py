"""What of a table may be published so that nobody can tell what one enterprise received.

Pure. A cell is shown when enough enterprises stand behind it, in all and in what was added since
the table was last published. What is not shown is one rest: total less what is shown. The rest
must hold several cells, enough enterprises, and something of every amount, else more is hidden,
the smallest first. So a hidden cell cannot be worked out from the total, nor from two issues of
the same table.

Source: product.md P 132 and section 4 (22); threshold k = 5 enterprises.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

K = 5
FEWEST_HIDDEN = 2


@dataclass(frozen=True)
class Small:
    """One cell before publication.

    Args:
        firms: enterprises behind it; ``fresh`` those behind what was added since last time.
        amounts: what would be shown, in whole numbers.
    """

    key: str
    title: str
    firms: frozenset[str]
    fresh: frozenset[str]
    amounts: tuple[int, ...]


@dataclass(frozen=True)
class Published:
    """A table as it may be published: cells in the order given, and which of them stay hidden."""

    shown: tuple[Small, ...]
    hidden: tuple[Small, ...]


def _enough(firms: frozenset[str], fresh: frozenset[str], k: int) -> bool:
    return len(firms) >= k and (not fresh or len(fresh) >= k)


def _rest_is_safe(hidden: Sequence[Small], k: int) -> bool:
    if len(hidden) < FEWEST_HIDDEN:
        return False
    firms = frozenset[str]().union(*(each.firms for each in hidden))
    fresh = frozenset[str]().union(*(each.fresh for each in hidden))
    sums = [sum(column) for column in zip(*(each.amounts for each in hidden), strict=True)]
    return _enough(firms, fresh, k) and all(each > 0 for each in sums)


def publish(cells: Iterable[Small], k: int = K) -> Published:
    """Return what of a table may be shown beside its total.

    Amounts below nought cannot be held apart by their sum, so such a cell is always hidden.
    """
    given = list(cells)
    hidden = [
        each for each in given
        if not _enough(each.firms, each.fresh, k) or min(each.amounts, default=0) < 0
    ]  # fmt: skip
    shown = [each for each in given if each not in hidden]
    shown.sort(key=lambda each: (-len(each.firms), each.key))
    while hidden and shown and not _rest_is_safe(hidden, k):
        hidden.append(shown.pop())
    if hidden and not _rest_is_safe(hidden, k):
        shown, hidden = [], list(given)
    places = {id(each): place for place, each in enumerate(given)}
    shown.sort(key=lambda each: places[id(each)])
    hidden.sort(key=lambda each: places[id(each)])
    return Published(tuple(shown), tuple(hidden))


def merged_months(
    months: Sequence[tuple[str, frozenset[str]]], k: int = K
) -> list[tuple[str, str]]:
    """Return spans (first month, last month) that each have enough enterprises, in order.

    Months with few wait and go together with the next; what is left at the end is not published
    yet. A total is only ever published through the end of a span, so two of them differ by
    enough enterprises.
    """
    spans: list[tuple[str, str]] = []
    first, firms = "", frozenset[str]()
    for month, mine in months:
        first, firms = first or month, firms | mine
        if len(firms) >= k:
            spans.append((first, month))
            first, firms = "", frozenset[str]()
    return spans
