"""Which vouchers make up an approved amount.

Pure. FLEX gives one voucher of the whole amount. FIXED gives the fewest vouchers of the edition's
denominations, the largest first; what is left below the smallest denomination becomes one last
voucher of its own amount, so that the enterprise holds exactly what was approved and published.

Units: fen. Source: validity of the programme edition (form and denominations).
"""

from collections.abc import Sequence

FIXED = "FIXED"
MOST_IN_A_SET = 200


def faces(amount_fen: int, form: str, denominations_fen: Sequence[int]) -> tuple[int, ...]:
    """Return the face values that make up an amount, the largest first.

    Raises:
        ValueError: nothing to make up, a denomination of nothing, or a set beyond all reason.
    """
    if amount_fen <= 0 or any(each <= 0 for each in denominations_fen):
        raise ValueError("amounts and denominations are above nothing")
    if form != FIXED or not denominations_fen:
        return (amount_fen,)
    made: list[int] = []
    left = amount_fen
    for each in sorted(set(denominations_fen), reverse=True):
        count, left = divmod(left, each)
        if len(made) + count > MOST_IN_A_SET:
            raise ValueError(f"a set has at most {MOST_IN_A_SET} vouchers")
        made += [each] * count
    return (*made, left) if left else tuple(made)
