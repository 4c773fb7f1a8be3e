"""Numbers that are nobody's business are masked before anything is stored: payment cards and the Brazilian CPF."""

from __future__ import annotations

import re
from typing import Any

# 13 to 19 digits, in groups or not; and 11 digits, as 123.456.789-09 or in a row. Not as part of a longer word.
CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-])")
CPF = re.compile(r"(?<![\w.+-])(?:\d{3}[. ]\d{3}[. ]\d{3}[- ]\d{2}|\d{9}-?\d{2})(?![\w-])")


def mask(text: str) -> str:
    """The text with card numbers (Luhn) and CPFs (their check digits, or their dots) masked but for the last digits."""
    return CPF.sub(_mask_cpf, CARD.sub(_mask_card, text))


def mask_values(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A JSON value with ``mask`` on all strings and whole numbers in it; ids (``id``, ``…_id``) stay as they are."""
    match value:
        case str():
            return mask(value)
        case int() if mask(str(value)) != str(value):
            return mask(str(value))
        case dict():
            return {
                key: item if key == "id" or key.endswith("_id") else mask_values(item) for key, item in value.items()
            }
        case list():
            return [mask_values(item) for item in value]
        case _:
            return value


def _mask_card(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    return f"[cartão final {digits[-4:]}]" if _luhn(digits) else found[0]


def _mask_cpf(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    # Eleven digits in a row may be a telephone: only what checks as a CPF is one.
    written_as_one = "." in found[0]
    return f"[CPF final {digits[-2:]}]" if written_as_one or _is_cpf(digits) else found[0]


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _is_cpf(digits: str) -> bool:
    """Both check digits fit (Receita Federal: weights 10 to 2, then 11 to 2, modulo 11)."""
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        weighted = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(digits[:length]))
        if int(digits[length]) != weighted * 10 % 11 % 10:
            return False
    return True
