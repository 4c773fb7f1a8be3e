"""Text that every store and phone accepts, in pieces that fit."""

import re
import unicodedata
from typing import Any

# Our own limit, whatever the recursion limit of the interpreter is: no webhook of Meta comes near it, and orjson
# writes 254 levels.
MAX_DEPTH = 200
_SURROGATE = re.compile("[\ud800-\udfff]")
# Meta refuses line breaks, tabs and more than four spaces in a row inside a parameter of a template.
_NOT_IN_PARAMETERS = re.compile(r"\s*[\n\r\t\v\f\u2028\u2029]\s*| {5,}")
_ZERO_WIDTH_JOINER = "\u200d"
# A sentence ends with its mark, closing quotes or brackets, and white space; the full-width marks need no space.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]*_~]*(?=\s)|[。！？]+")
_PARAGRAPH = re.compile(r"\n\s*\n")
# A cut before this share of the limit would make a part too small to be worth a message.
_SMALLEST_SHARE = 4
_FENCE = "```"
_BLOCK_START, _BLOCK_END = f"{_FENCE}\n", f"\n{_FENCE}"


def clean_text(text: str) -> str:
    """Return text without NUL characters and with U+FFFD for lone surrogates; everything else stays as it is."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return _SURROGATE.sub("\ufffd", text.replace("\0", ""))


class NestingError(ValueError):
    """JSON is nested deeper than `MAX_DEPTH` levels."""


def clean(value: Any, levels: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any JSON in, the same shape out
    """Return decoded JSON with every string clean, keys included.

    levels: how many objects and lists may stand inside each other.

    Raises:
        NestingError: There are more.
    """
    if isinstance(value, str):
        return clean_text(value)
    if not isinstance(value, dict | list | tuple):
        return value
    if not levels:
        raise NestingError(f"JSON may be nested {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        return {clean_text(key): clean(inner, levels - 1) for key, inner in value.items()}
    return [clean(inner, levels - 1) for inner in value]


def parameter(text: str) -> str:
    """Return a template's parameter with one space for white space that Meta refuses."""
    return _NOT_IN_PARAMETERS.sub(" ", text).strip()


def split_text(text: str, limit: int) -> list[str]:
    """Split text into parts of at most `limit` characters: at a paragraph, else a line, a sentence, a word.

    Only white space at the cuts is lost. A single word longer than the limit is cut between graphemes, so that no
    accent or emoji sequence is torn (one grapheme longer than the limit is torn after all). White space alone: [].
    """
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def split_formatted(text: str, limit: int) -> list[str]:
    """Split as `split_text` does; a code block that is cut ends with its part and begins again in the next one.

    limit: 16 characters or more, so that the fences fit.
    """
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _cut(rest, limit)
        if _in_block(rest, cut):
            cut = _cut_of_block(rest, limit - len(_BLOCK_END))
        inside = _in_block(rest, cut)
        parts.append(rest[:cut].rstrip() + (_BLOCK_END if inside else ""))
        rest = _rest_of_block(rest[cut:]) if inside else rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def _rest_of_block(text: str) -> str:
    """Return the rest with its block opened again, unless the block has ended. A line keeps its indentation."""
    if text.lstrip().startswith(_FENCE):
        return text.lstrip().removeprefix(_FENCE).lstrip()
    return _BLOCK_START + (text.lstrip("\n") if text.startswith("\n") else text.lstrip())


def _in_block(text: str, place: int) -> bool:
    return text.count(_FENCE, 0, place) % 2 == 1


def _cut_of_block(text: str, limit: int) -> int:
    """Return a cut with more than an opening fence before it, else the cut before the block."""
    cut = _cut(text, limit)
    opening = text.rfind(_FENCE, 0, cut)
    if not _in_block(text, cut) or cut > opening + len(_BLOCK_START):
        return cut
    if opening:
        return opening
    cut = _grapheme_cut(text, limit)
    while text[cut - 1 : cut + 1] == "``":  # no fence is torn
        cut -= 1
    return cut


def _cut(text: str, limit: int) -> int:
    """Return the end of the first part: a position from 1 to `limit`."""
    window = text[: limit + 1]  # one more: white space right after a full part is a place to cut
    smallest = max(1, limit // _SMALLEST_SHARE)
    places = (
        max((m.start() for m in _PARAGRAPH.finditer(window)), default=0),
        window.rfind("\n"),
        max((m.end() for m in _SENTENCE_END.finditer(window) if m.end() <= limit), default=0),
    )
    for place in places:
        if place >= smallest:
            return place
    word = max((i for i, char in enumerate(window) if i and char.isspace()), default=0)
    return word or _grapheme_cut(text, limit)


def _grapheme_cut(text: str, limit: int) -> int:
    for place in range(limit, 0, -1):
        if _is_boundary(text, place):
            return place
    return limit


def _is_boundary(text: str, place: int) -> bool:
    """Return whether a cut before text[place] leaves whole graphemes on both sides (a simple reading of UAX #29)."""
    before, after = text[place - 1], text[place]
    if _extends(after) or _ZERO_WIDTH_JOINER in (before, after) or (before, after) == ("\r", "\n"):
        return False
    if _is_flag_letter(before) and _is_flag_letter(after):
        start = place
        while start and _is_flag_letter(text[start - 1]):
            start -= 1
        return (place - start) % 2 == 0  # flags are pairs
    return not (_is_jamo(before) and _is_jamo(after))


def _extends(char: str) -> bool:
    code = ord(char)
    return unicodedata.category(char).startswith("M") or 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F


def _is_flag_letter(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _is_jamo(char: str) -> bool:
    return 0x1100 <= ord(char) <= 0x11FF
