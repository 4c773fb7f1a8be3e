"""The names by which WhatsApp knows people: numbers with their forms, and business-scoped user ids.

Since 2012 to 2016 (by area code) Brazilian mobile numbers have nine digits, the first a 9. Accounts made before kept
their eight-digit WhatsApp id, so a customer may write as 55 11 8765-4321 and be dialled as 55 11 98765-4321. Landlines
(first digit 2 to 5) never had a ninth digit. Source: Anatel, resolution 553/2010, and the numbering plan.
"""

import re

# A business-scoped user id (BSUID): the country, then up to 128 letters and digits; ENT: of linked portfolios.
# Source: developers.facebook.com, "Business-scoped user IDs" (2026).
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_PARENT = re.compile(r"[A-Z]{2}\.ENT\.")
# Forms of one number (Brazil's ninth digit, Mexico's 1, Argentina's 9, …) begin in one country and end alike.
_ALIKE = 6

# 55, an area code without zeros, the number. Old mobile numbers begin with 6 to 9; with 9 in front they are today's.
_OLD_MOBILE = re.compile(r"55([1-9][1-9])([6-9][0-9]{7})")
_NEW_MOBILE = re.compile(r"55([1-9][1-9])9([6-9][0-9]{7})")


def wa_id_variants(wa_id: str) -> list[str]:
    """Return the ids under which WhatsApp may know the owner of this one: itself first, then its other form if any.

    wa_id: digits with country code, a leading + is dropped. A number that is no Brazilian mobile is alone.
    """
    digits = wa_id.removeprefix("+")
    if match := _NEW_MOBILE.fullmatch(digits):
        return [digits, f"55{match.group(1)}{match.group(2)}"]
    if match := _OLD_MOBILE.fullmatch(digits):
        return [digits, f"55{match.group(1)}9{match.group(2)}"]
    return [digits]


def is_user_id(text: str) -> bool:
    """Return whether this is a business-scoped user id and no number, wherever it stands."""
    return _USER_ID.fullmatch(text) is not None


def is_parent_id(text: str) -> bool:
    """Return whether a user id is one of linked portfolios."""
    return _PARENT.match(text) is not None


def are_forms(one: str, other: str) -> bool:
    """Return whether two numbers may be forms of one; only for such numbers is Meta's word on that believed."""
    digits = one.isdigit() and other.isdigit() and min(len(one), len(other)) > _ALIKE
    return digits and one[0] == other[0] and one[-_ALIKE:] == other[-_ALIKE:]
