"""Write an amount of money in capital numerals (大写金额), as on a payment document.

Source: rules for filling in bills and settlement vouchers, annex 1 of the Payment and Settlement
    Measures (支付结算办法): ends at 元 gets 整, has 分 gets none, runs of zeros are one 零.
"""

import cn2an

LARGEST_FEN = 10**15  # ten trillion yuan: beyond any budget, and within what the numerals name


def capital_amount(amount_fen: int) -> str:
    """Return ``amount_fen`` as 人民币 in capital numerals.

    Units: fen.

    Raises:
        ValueError: a negative amount (write 冲减 with a positive amount instead), or one that is
            not a whole number of fen within reason.
    """
    whole = type(amount_fen) is int
    if not whole or not 0 <= amount_fen < LARGEST_FEN:
        raise ValueError("only an amount in whole fen from 0 up is written in capitals")
    text = f"{amount_fen // 100}.{amount_fen % 100:02d}"
    return "人民币" + str(cn2an.an2cn(text, "rmb"))
