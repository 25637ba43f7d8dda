"""The transfers this room books: which account gives, which one takes, under which code.

Units: fen; compute in GFLOPS-seconds. Source: the ledger's chart of accounts and transfer types.
"""

from uuid import UUID

from ledger import chart
from ledger.chart import TransferCode
from ledger.identifiers import new_id
from ledger.periods import Month
from ledger.transfers import Phase, Transfer
from vouchers.models import Hold, Programme, Voucher


def granting(programme: Programme, amount_fen: int) -> Transfer:
    """Take money granted by finance into the budget of a scheme (100)."""
    return Transfer(
        id=new_id(),
        debit=chart.treasury(programme.slug),
        credit=programme.account,
        amount=amount_fen,
        code=TransferCode.GRANT,
    )


def issuing(voucher: Voucher) -> Transfer:
    """Give a new voucher its face value out of the budget (200)."""
    return Transfer(
        id=new_id(),
        debit=voucher.programme.account,
        credit=voucher.account,
        amount=voucher.face_fen,
        code=TransferCode.ISSUE,
    )


def returning(voucher: Voucher, amount_fen: int) -> Transfer:
    """Give unspent value of a revoked voucher back to the budget (220)."""
    return Transfer(
        id=new_id(),
        debit=voucher.account,
        credit=voucher.programme.account,
        amount=amount_fen,
        code=TransferCode.REVOKE,
    )


def rebudgeting(programme: Programme, amount_fen: int) -> Transfer:
    """Put lapsed value back into the budget (510)."""
    return Transfer(
        id=new_id(),
        debit=chart.expired(programme.slug),
        credit=programme.account,
        amount=amount_fen,
        code=TransferCode.REBUDGET_LAPSED,
    )


def pending(hold: Hold, pending_id: UUID, amount_fen: int) -> Transfer:
    """Bind an amount for an order (300)."""
    return Transfer(
        id=pending_id,
        debit=hold.voucher.account,
        credit=chart.redeemed(hold.voucher.programme.slug, hold.provider_ref),
        amount=amount_fen,
        code=TransferCode.RESERVE,
        phase=Phase.PENDING,
        expires_at=hold.expires_at,
    )


def posting(hold: Hold, amount_fen: int) -> Transfer:
    """Make part of what is bound final (310)."""
    return Transfer(
        id=new_id(),
        debit=hold.voucher.account,
        credit=chart.redeemed(hold.voucher.programme.slug, hold.provider_ref),
        amount=amount_fen,
        code=TransferCode.POST_RESERVED,
        phase=Phase.POST,
        pending_id=hold.pending_id,
    )


def voiding(hold: Hold, amount_fen: int, *, overdue: bool = False) -> Transfer:
    """Let what is bound go (320), or end it because its time is over (330)."""
    return Transfer(
        id=new_id(),
        debit=hold.voucher.account,
        credit=chart.redeemed(hold.voucher.programme.slug, hold.provider_ref),
        amount=amount_fen,
        code=TransferCode.EXPIRE_RESERVED if overdue else TransferCode.VOID_RESERVED,
        phase=Phase.VOID,
        pending_id=hold.pending_id,
    )


def tying(voucher: Voucher, provider_ref: str, month: Month, compute: int) -> Transfer:
    """Tie reported computing to a voucher (710)."""
    return Transfer(
        id=new_id(),
        debit=chart.unmatched(provider_ref, month),
        credit=chart.used_voucher(voucher.programme.slug, voucher.pk),
        amount=compute,
        code=TransferCode.MATCH_VOUCHER,
    )


def lapsing(voucher: Voucher, amount_fen: int) -> Transfer:
    """Let value of a voucher lapse (500)."""
    return Transfer(
        id=new_id(),
        debit=voucher.account,
        credit=chart.expired(voucher.programme.slug),
        amount=amount_fen,
        code=TransferCode.LAPSE,
    )
