"""A customer's words without the person: e-mail addresses, links, numbers and names are left out.

A person looks at the result before it is kept, so it rather leaves out too much.
"""

from __future__ import annotations

import re
from collections.abc import Collection

EMAIL, LINK, NUMBER, NAME = "[e-mail]", "[link]", "[número]", "[nome]"
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_LINK = re.compile(r"https?://\S+")
_NUMBER = re.compile(r"[+#]?\d(?:[\d./() -]{0,30}\d){1,30}|\d{3,}")  # of three digits or more: orders, phones, days
_WORD = r"[^\W\d_]{2,30}"
_INTRODUCED = re.compile(
    rf"(?i:\b(?:me chamo|meu nome é|me llamo|aqui é [oa]|sou [oa]))\s+({_WORD}(?:\s+[A-ZÀ-Ý]{_WORD})*)"
)
_CAPITAL = re.compile(rf"(?<=[\w,;] )[A-ZÀ-Ý]{_WORD}(?:\s+(?:d[aeo]s?\s+)?[A-ZÀ-Ý]{_WORD})*")


def anonymous(text: str, known: Collection[str] = ()) -> str:
    """Return a text without e-mail addresses, links, numbers and names; capital words in `known` (lower case) stay."""
    text = _EMAIL.sub(EMAIL, _LINK.sub(LINK, text))
    text = _NUMBER.sub(lambda found: NUMBER if sum(map(str.isdigit, found[0])) > 2 else found[0], text)
    text = _INTRODUCED.sub(lambda found: found[0].removesuffix(found[1]) + NAME, text)
    return _CAPITAL.sub(lambda found: found[0] if found[0].lower() in known else NAME, text)
