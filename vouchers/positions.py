"""Where the value of vouchers is, read from the ledger."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from ledger.balances import Balance, balances
from vouchers.models import Voucher


@dataclass(frozen=True)
class Position:
    """Where the value of a voucher is: face = available + held + redeemed + expired + revoked.

    Units: fen.
    """

    face: int
    available: int
    held: int
    redeemed: int
    expired: int
    revoked: int


def vouchers_of_scheme(slug: str) -> Balance:
    """Return what lies on all vouchers of a scheme together, and what of it is held.

    One sum in the database: the start page asks for it, however many vouchers there are.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(b.debits_pending), 0)::bigint,"
            " coalesce(sum(b.debits_posted), 0)::bigint,"
            " coalesce(sum(b.credits_posted), 0)::bigint FROM ledger_account a"
            " JOIN ledger_accountbalance b ON b.account_id = a.id"
            " WHERE a.code = '2000' AND a.programme = %s",
            [slug],
        )
        held, out, into = cursor.fetchone()
    return Balance(debits_pending=held, debits_posted=out, credits_posted=into)


def voucher_position(voucher: Voucher) -> Position:
    """Return where the value of a voucher is, from the ledger."""
    return voucher_positions([voucher])[voucher.pk]


def voucher_positions(vouchers: list[Voucher]) -> dict[UUID, Position]:
    """Return the positions of many vouchers at once."""
    found = balances([each.account for each in vouchers])
    # Only of a voucher that is over something lapsed, to be told apart from what was redeemed;
    # all others are read from the ledger alone, however often they were used.
    over = Voucher.objects.filter(pk__in=[each.pk for each in vouchers], state="expired")
    sums = over.values("pk").annotate(total=Sum("redemptions__amount_fen", default=0))
    redeemed = {row["pk"]: row["total"] for row in sums}
    answer = {}
    for each in vouchers:
        there = found[each.account]
        used = int(redeemed.get(each.pk, there.debits_posted - each.returned_fen))
        # Beyond its face a voucher is credited only by corrections (900) of what was redeemed.
        taken_back = max(there.credits_posted - each.face_fen, 0)
        answer[each.pk] = Position(
            face=there.credits_posted - taken_back,
            available=there.available,
            held=there.debits_pending,
            redeemed=used - taken_back,
            expired=there.debits_posted - used - each.returned_fen,
            revoked=each.returned_fen,
        )
    return answer
