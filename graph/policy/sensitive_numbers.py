"""Find sensitive numbers in a text: payment cards and the Brazilian CPF.

A text is read as groups of digits of any script, with separators between them: spaces of all widths, dots, dashes,
invisible characters. A card is a window of whole groups with the beginning and the length of an issuer and a correct
check digit. Phones, CNPJs, IMEIs, order numbers, barcodes, payment slips and access keys of invoices are not cards and
stay unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from graph.policy.check_digits import is_cnpj, is_cpf, is_ean, is_luhn

# Beginnings and lengths of Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, Elo, Hipercard, Aura
# and Maestro (ISO/IEC 7812; https://en.wikipedia.org/wiki/Payment_card_number).
ISSUER = re.compile(
    r"""4(?:\d{12}|\d{15}|\d{18})
      | 5[1-5]\d{14} | 5[0678]\d{14,17}
      | 2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}
      | 3[47]\d{13} | 3(?:0[0-5]|[689]\d)\d{11} | 3[89]\d{14} | 35(?:2[89]|[3-8]\d)\d{12,15}
      | 6(?:011|062|2\d\d|3\d\d|4[4-9]\d|5\d\d|7\d\d)\d{12,15}""",
    re.VERBOSE,
)
CARD_DIGITS_MIN, CARD_DIGITS_MAX = 13, 19
CPF_DIGITS = 11  # no sensitive number has fewer
CARD_GROUPINGS = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (4, 3, 3, 3), (8, 8)}
CPF_GROUPINGS = {(11,), (9, 2), (3, 3, 3, 2), (1,) * 11}
CNPJ_GROUPINGS = {(14,), (2, 3, 3, 4, 2)}
NON_CARD_GROUPINGS = (
    (5, 5, 5, 6, 5, 6, 1, 14),
    (4,) * 11,
)  # a payment slip (boleto), the access key of an invoice (NF-e)

# A number marked as a phone, or written as Brazilian phones are: 11 98765-4321, 55 11 987654321.
PHONE = re.compile(
    r"""(?: (?:\+|wa\.me/|phone=|tel:)\+?\d{1,15}
          | (?<!\d)\d\d[\ -]9?\d{4}-\d{4}
          | (?<!\d)55([\ -]?)[1-9]\d\1(?:9?\d{8}|9?\d{4}[\ -]\d{4}) ) (?!\d)""",
    re.IGNORECASE | re.VERBOSE,
)
NON_ASCII = re.compile(r"[^\x00-\x7f]")
DIGITS = re.compile(r"\d+")
GAP_LIMIT = 4  # characters at most between two groups of a number
# Signs that separate two numbers; in a number they count only as in EQUAL_GROUPS.
SEPARATORS = set('\t;:|()[]{}<>$%&=?#"')
# Groups of four digits with the same signs between them; four of them may be a card: (4111)(1111)(1111)(1111).
EQUAL_GROUPS = re.compile(r"(?<!\d)\d{4}([^\w]{1,10})\d{4}(?:\1\d{4})+(?!\d)")


@dataclass(frozen=True, slots=True)
class SensitiveNumber:
    """A card or CPF in a text: its place, its digits and the mask that replaces it."""

    start: int
    end: int
    digits: str
    replacement: str


def find_sensitive(text: str) -> list[SensitiveNumber]:
    """Return the card numbers and CPFs of a text, in their order."""
    if sum(map(str.isdigit, text)) < CPF_DIGITS:
        return []
    shape = NON_ASCII.sub(lambda character: _normalized(character[0]), text)
    shape = PHONE.sub(lambda phone: "a" * len(phone[0]), shape)
    found = [one for number in _numbers(shape) for one in _Number(shape, number).find()]
    found += [
        one
        for one in _four_groups(shape)
        if not any(one.start < other.end and other.start < one.end for other in found)
    ]
    return sorted(found, key=lambda one: one.start)


@lru_cache(maxsize=4096)
def _normalized(character: str) -> str:
    """Return a digit of any script as 0 to 9, an invisible character as a space, any other character as it is."""
    if (digit := unicodedata.digit(character, None)) is not None:
        return str(digit)
    return " " if unicodedata.category(character) in ("Cf", "Mn", "Me") else character


def _four_groups(shape: str) -> Iterator[SensitiveNumber]:
    for found in EQUAL_GROUPS.finditer(shape):
        digits = "".join(DIGITS.findall(found[0]))
        if len(digits) == 16 and _is_card(digits):
            yield SensitiveNumber(found.start(), found.end(), digits, f"[cartão final {digits[-4:]}]")


def _numbers(shape: str) -> Iterator[list[re.Match[str]]]:
    """Yield lists of digit groups that may belong to one number."""
    together: list[re.Match[str]] = []
    for group in DIGITS.finditer(shape):
        if together and not _joined(shape[together[-1].end() : group.start()]):
            yield together
            together = []
        together.append(group)
    if together:
        yield together


def _joined(between: str) -> bool:
    return len(between) <= GAP_LIMIT and not any(one.isalpha() or one in SEPARATORS for one in between)


class _Number:
    """Groups of digits that may hold cards and CPFs: a group that one window has taken belongs to no other window."""

    def __init__(self, shape: str, groups: list[re.Match[str]]) -> None:
        self._shape = shape
        self._groups = groups
        self._sizes = tuple(len(group[0]) for group in groups)
        self._free = [True] * len(groups)

    def find(self) -> list[SensitiveNumber]:
        """Return the cards and CPFs; the usual ways of writing take precedence."""
        for sizes in NON_CARD_GROUPINGS:
            for start in range(len(self._groups) - len(sizes) + 1):
                if self._sizes[start : start + len(sizes)] == sizes:
                    self._take(start, start + len(sizes))
        self._each(self._begins(CNPJ_GROUPINGS), 11, 14, self._is_cnpj)
        issued = [n for n, group in enumerate(self._groups) if group[0][0] in "23456"]
        printed = [n for n in issued if self._sizes[n] in (4, 8) or self._sizes[n] >= CARD_DIGITS_MIN]
        cards = self._each(printed, CARD_DIGITS_MIN, CARD_DIGITS_MAX, self._is_printed_card)
        cards += self._each(issued, CARD_DIGITS_MIN + 1, CARD_DIGITS_MAX, lambda *window: _is_card(window[-1]))
        cpfs = self._each(self._begins(CPF_GROUPINGS), 11, 11, self._is_cpf)
        return [
            *(self._found(*window, "cartão", 4) for window in cards),
            *(self._found(*window, "CPF", 2) for window in cpfs),
        ]

    def _begins(self, shapes: Collection[tuple[int, ...]]) -> list[int]:
        first = {shape[0] for shape in shapes}
        return [n for n, size in enumerate(self._sizes) if size in first]

    def _each(
        self, starts: Sequence[int], least: int, most: int, wanted: Callable[[int, int, str], bool]
    ) -> list[tuple[int, int]]:
        """Take the wanted windows of `least` to `most` digits, of those that begin at one group the longest."""
        taken = []
        for start in starts:
            fits = [
                end for end, digits in self._windows(start, most) if len(digits) >= least and wanted(start, end, digits)
            ]
            if fits:
                self._take(start, fits[-1])
                taken.append((start, fits[-1]))
        return taken

    def _windows(self, start: int, most: int) -> Iterator[tuple[int, str]]:
        digits = ""
        for end in range(start, len(self._groups)):
            digits += self._groups[end][0]
            if not self._free[end] or len(digits) > most:
                return
            yield end + 1, digits

    def _take(self, start: int, end: int) -> None:
        self._free[start:end] = [False] * (end - start)

    def _found(self, start: int, end: int, what: str, shown: int) -> SensitiveNumber:
        digits = "".join(group[0] for group in self._groups[start:end])
        return SensitiveNumber(
            self._groups[start].start(), self._groups[end - 1].end(), digits, f"[{what} final {digits[-shown:]}]"
        )

    def _is_printed_card(self, start: int, end: int, digits: str) -> bool:
        sizes = self._sizes[start:end]
        barcode = len(digits) == CARD_DIGITS_MIN and is_ean(digits)
        return (len(sizes) == 1 or sizes in CARD_GROUPINGS) and _is_card(digits) and not barcode

    def _is_cnpj(self, start: int, end: int, digits: str) -> bool:
        return self._sizes[start:end] in CNPJ_GROUPINGS and is_cnpj(digits)

    def _is_cpf(self, start: int, end: int, digits: str) -> bool:
        if self._sizes[start:end] not in CPF_GROUPINGS:
            return False
        before, after = self._groups[start].start(), self._groups[end - 1].end()
        if self._shape[after : after + 1].isalpha():
            return False
        dots = [self._shape[group.end()] for group in self._groups[start : end - 1]][:2] == [".", "."]
        # Eleven digits in a row may be a phone: a CPF has correct check digits or the punctuation of a CPF.
        return is_cpf(digits) or (dots and self._shape[before - 1 : before] not in (".", ",", "-"))


def _is_card(digits: str) -> bool:
    return len(set(digits)) > 1 and bool(ISSUER.fullmatch(digits)) and is_luhn(digits)
