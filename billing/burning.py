"""How a programme's vouchers were issued, spent and lapsed by month, and what will lapse.

The months are read from the journals of the ledger, so their sums are its balances; the forecast
is a plain rule of three over each voucher's own pace, and says so.

Units: fen; Shanghai months by the moment from which a journal counts.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from ledger.balances import balances
from ledger.chart import TransferCode
from ledger.periods import SHANGHAI, Month
from vouchers.forecasting import will_lapse
from vouchers.models import Redemption, Voucher


@dataclass(frozen=True)
class BurnMonth:
    """What happened on all vouchers in one month, and what lay on them at its end."""

    month: str
    issued_fen: int
    redeemed_fen: int
    lapsed_fen: int
    returned_fen: int
    left_fen: int


#: Everything that entered or left vouchers for good; holds are not in it, they stay inside.
_MOVED = """
SELECT to_char(j.effective_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM'), t.code,
       sum(CASE WHEN c.code = '2000' THEN t.amount ELSE -t.amount END)::bigint
  FROM ledger_transfer t
  JOIN ledger_journal j ON j.seq = t.journal_id
  JOIN ledger_account d ON d.id = t.debit_id
  JOIN ledger_account c ON c.id = t.credit_id
 WHERE t.phase IN ('single', 'post')
   AND (d.code = '2000') <> (c.code = '2000')
   AND (%(slug)s = '' OR d.programme = %(slug)s)
 GROUP BY 1, 2 ORDER BY 1
"""
_ISSUED = {TransferCode.ISSUE}
_LAPSED = {TransferCode.LAPSE}
_RETURNED = {TransferCode.REVOKE}


def burn_down(slug: str = "") -> list[BurnMonth]:
    """Return the months from the first issue to the last movement, the gaps between filled."""
    moved: dict[str, dict[int, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, {"slug": slug})
        for month, code, amount in cursor.fetchall():
            moved[month][code] = amount
    if not moved:
        return []
    found, left = [], 0
    month, last = Month.parse(min(moved)), max(moved)
    while str(month) <= last:
        sums = moved.get(str(month), {})
        left += sum(sums.values())
        issued = _sum(sums, _ISSUED)
        lapsed, returned = -_sum(sums, _LAPSED), -_sum(sums, _RETURNED)
        # All the rest is spending, and what corrections brought back of it.
        redeemed = issued - lapsed - returned - sum(sums.values())
        found.append(BurnMonth(str(month), issued, redeemed, lapsed, returned, left))
        month = month.next()
    return found


def _sum(sums: dict[int, int], codes: set[TransferCode]) -> int:
    return sum(amount for code, amount in sums.items() if code in codes)


@dataclass(frozen=True)
class LapseMonth:
    """What is expected to lapse at the end of vouchers that end in one month."""

    month: str
    vouchers: int
    left_fen: int
    lapse_fen: int


def lapse_forecast(slug: str = "") -> list[LapseMonth]:
    """Return by month of expiry what vouchers hold now and what of it will lapse at their pace.

    Three questions, however many vouchers there are.
    """
    vouchers = Voucher.objects.filter(state="active").select_related("programme")
    if slug:
        vouchers = vouchers.filter(programme__slug=slug)
    known = list(vouchers)
    used: dict[UUID, list[tuple[Month, int]]] = defaultdict(list)
    sums = Redemption.objects.filter(voucher__in=known).values_list("voucher_id", "month")
    for voucher_id, month, fen in sums.annotate(Sum("amount_fen")).order_by():
        used[voucher_id].append((Month.parse(month), fen))
    lying = balances([each.account for each in known])
    months: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for each in known:
        left = lying[each.account].posted
        lapse = will_lapse(used[each.pk], left, valid_from=_first_day(each), last_day=each.last_day)
        ends = f"{each.last_day.year}-{each.last_day.month:02d}"
        months[ends].append((left, lapse))
    return [
        LapseMonth(month, len(found), sum(x for x, _ in found), sum(x for _, x in found))
        for month, found in sorted(months.items())
    ]


def _first_day(voucher: Voucher) -> date:
    return voucher.valid_from.astimezone(SHANGHAI).date()
