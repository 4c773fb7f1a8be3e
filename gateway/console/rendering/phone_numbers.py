"""Customers' phone numbers as people read them, whole or with all but the last digits hidden."""

from __future__ import annotations

import phonenumbers

from gateway.store.people.people import Person

_SHOWN_DIGITS = 4


def shown_number(person: Person | None, number: str) -> str:
    """Return a number (digits with country code) as this person may read it."""
    whole = _international(number)
    if person is not None and not person.masks_numbers:
        return whole
    digits = sum(map(str.isdigit, whole))
    hidden, shown = digits - min(_SHOWN_DIGITS, digits // 2), []
    for letter in whole:
        shown.append("•" if letter.isdigit() and hidden > 0 else letter)
        hidden -= letter.isdigit()
    return "".join(shown)


def _international(number: str) -> str:
    digits = "".join(filter(str.isdigit, number))
    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
