"""The check digits of payment cards, barcodes, CPFs and CNPJs."""

from __future__ import annotations

from collections.abc import Collection


def is_luhn(digits: str) -> bool:
    """Return whether the check digit is correct (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def is_ean(digits: str) -> bool:
    """Return whether the check digit is correct (GS1 General Specifications: weights 1 and 3, modulo 10)."""
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


def is_cpf(digits: str) -> bool:
    """Return whether both check digits are correct (Receita Federal: weights 10 to 2, then 11 to 2, modulo 11)."""
    return len(set(digits)) > 1 and all(
        int(digits[length]) == _modulo_11(digits[:length], range(length + 1, 1, -1)) for length in (9, 10)
    )


def is_cnpj(digits: str) -> bool:
    """Return whether both check digits are correct (Receita Federal: weights 2 to 9 from the right, modulo 11)."""
    return len(set(digits)) > 1 and all(
        int(digits[length]) == _modulo_11(digits[:length], [(length - 1 - place) % 8 + 2 for place in range(length)])
        for length in (12, 13)
    )


def _modulo_11(digits: str, weights: Collection[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) * 10 % 11 % 10
