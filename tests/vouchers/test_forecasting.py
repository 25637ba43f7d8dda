"""Until when a voucher lasts at the pace so far: whole numbers, no guesses."""

from datetime import date

import pytest

from ledger.periods import Month
from vouchers.forecasting import runs_out

SEP, OCT, NOV, DEC = (Month(2026, each) for each in (9, 10, 11, 12))
FIRST = date(2026, 9, 9)


@pytest.mark.parametrize(
    ("redeemed", "left", "day"),
    [
        ([], 100, None),
        ([(OCT, 0)], 100, None),
        ([(OCT, 310)], 0, None),
        ([(OCT, 310)], 310, date(2026, 12, 1)),  # 31 days a 10, from 1 November on
        ([(OCT, 310)], 10, date(2026, 11, 1)),
        ([(OCT, 310)], 9, date(2026, 11, 1)),
        ([(SEP, 220), (OCT, 310)], 100, date(2026, 11, 10)),  # September began on the 9th
        ([(SEP, 10**9), (OCT, 310), (NOV, 300), (DEC, 310)], 100, date(2027, 1, 10)),
        ([(OCT, 100), (OCT, 210)], 310, date(2026, 12, 1)),
        ([(OCT, 1)], 10**6, None),
    ],
)
def test_the_day_on_which_a_voucher_is_used_up(redeemed, left, day):
    assert runs_out(redeemed, left, valid_from=FIRST) == day
