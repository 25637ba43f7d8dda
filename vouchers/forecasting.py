"""Until when a voucher lasts at the pace it was used so far.

Pure, in whole numbers. The pace is what was redeemed of the newest months with usage (three at
most), over the days of these months on which the voucher was valid.

Units: fen, Shanghai days.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from ledger.periods import Month

MONTHS = 3
#: Further than this nobody plans, and a date beyond it says nothing.
LONGEST_DAYS = 3_650


def runs_out(
    redeemed: Sequence[tuple[Month, int]], left_fen: int, *, valid_from: date
) -> date | None:
    """Return the day on which what is left is used up at the present pace.

    Args:
        redeemed: months with what was redeemed in them; what is left is as of the end of the last.
        left_fen: what is neither redeemed, lapsed nor returned.
        valid_from: first day of the voucher.

    Returns:
        None when nothing was used yet, nothing is left, or it would last for many years.
    """
    pace = pace_of(redeemed, valid_from=valid_from)
    if pace is None or left_fen <= 0:
        return None
    used, days, end = pace
    more = left_fen * days // used
    if more > LONGEST_DAYS:
        return None
    return end + timedelta(days=max(more - 1, 0))


def will_lapse(
    redeemed: Sequence[tuple[Month, int]], left_fen: int, *, valid_from: date, last_day: date
) -> int:
    """Return what of a voucher will lapse unused if it goes on at the present pace.

    Args:
        last_day: last day of the voucher. The rest is as for ``runs_out``; a voucher that was
            never used is taken to lapse whole.
    """
    if left_fen <= 0:
        return 0
    pace = pace_of(redeemed, valid_from=valid_from)
    if pace is None:
        return left_fen
    used, days, end = pace
    rest = max((last_day - end).days + 1, 0)
    return max(left_fen - used * rest // days, 0)


def pace_of(
    redeemed: Sequence[tuple[Month, int]], *, valid_from: date
) -> tuple[int, int, date] | None:
    """Return what was used in the newest months, over how many days, and the day after them."""
    by_month: dict[Month, int] = {}
    for month, fen in redeemed:
        by_month[month] = by_month.get(month, 0) + fen
    newest = sorted(by_month, key=str)[-MONTHS:]
    used = sum(by_month[each] for each in newest)
    if used <= 0:
        return None
    begin = max(newest[0].first_day, valid_from)
    end = _next_month(newest[-1])
    return used, max((end - begin).days, 1), end


def _next_month(month: Month) -> date:
    year, index = divmod(month.year * 12 + month.month, 12)
    return date(year, index + 1, 1)
