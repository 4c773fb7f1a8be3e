"""Amounts of money as Brazilians write them."""

from __future__ import annotations

from decimal import Decimal


def brl(amount: Decimal | int) -> str:
    """Return an amount in BRL as Brazilians write it: R$ 1.234,50."""
    return f"R$ {amount:,.2f}".translate(str.maketrans(",.", ".,"))
