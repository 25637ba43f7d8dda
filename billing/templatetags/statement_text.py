"""How amounts and quantities are written on a printed report."""

from decimal import Decimal

from django import template

from ledger.amounts import yuan_text

register = template.Library()


@register.filter
def fen(amount_fen: int) -> str:
    """Return fen as yuan with separators."""
    return yuan_text(int(amount_fen))


@register.filter
def fen_signed(amount_fen: int) -> str:
    """Return fen as yuan; a negative amount in brackets and with the word 冲减."""
    amount = int(amount_fen)
    return yuan_text(amount) if amount >= 0 else f"冲减 ({yuan_text(-amount)})"


@register.filter
def pfh_text(quantity: str) -> str:
    """Return a quantity with four decimals and separators."""
    return f"{Decimal(str(quantity)):,.4f}"
