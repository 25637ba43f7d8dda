"""How amounts and quantities are written on a printed report."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

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
    """Return a quantity with four decimals and separators; what is taken back in brackets."""
    found = Decimal(str(quantity))
    return f"{found:,.4f}" if found >= 0 else f"({-found:,.4f})"


@register.filter
def fen_back(amount_fen: int) -> str:
    """Return what is taken back, kept as a positive amount, as it is printed."""
    amount = int(amount_fen)
    return fen_signed(-amount) if amount > 0 else yuan_text(amount)


@register.filter
def nth(listed: Sequence[Any], place: int) -> Any:
    """Return one of a list by its place from 0."""
    return listed[place]
