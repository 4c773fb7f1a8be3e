"""A text in passages: each small enough to be read beside others, with the headings that it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.knowledge.data import ABOVE, Passage, Text

PASSAGE_LIMIT = 700  # characters
_HEADING = re.compile(r"(#{1,6})\s(.*)")
_FENCE = re.compile(r"\s*(```|~~~)")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def passages_of(text: Text) -> list[Passage]:
    """Return the passages of a text; a question is one, however long its answer is."""
    if text.kind == "qa":
        return [Passage(title=text.title, wordings=text.wordings, body=text.content)]
    return [
        Passage(title=title, wordings=text.wordings if not place else [], body=body)
        for place, (title, body) in enumerate(_parts(text.title, text.content))
    ]


def _parts(title: str, content: str) -> Iterator[tuple[str, str]]:
    """Yield a document's parts with their titles: the document's, then its headings down to the part."""
    for headings, blocks in _sections(content):
        path = [title, *(one for one in headings if one and one != title)]
        for body in _packed(blocks):
            yield ABOVE.join(path), body


def _sections(content: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield headings and blocks (paragraphs, lists) of Markdown; other text is one section."""
    headings: list[str] = []
    blocks: list[str] = [""]
    fenced = False
    for line in content.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.fullmatch(line)
        if heading:
            yield headings, blocks
            level = len(heading[1])
            words = heading[2].rstrip().rstrip("#").strip()
            headings = [*headings[: level - 1], *[""] * (level - 1 - len(headings)), words]
            blocks = [""]
        elif line.strip() or fenced:
            blocks[-1] += f"{line.rstrip()}\n"
        else:
            blocks.append("")
    yield headings, blocks


def _packed(blocks: list[str]) -> Iterator[str]:
    """Yield the blocks, as many together as a passage holds; a longer one is cut between sentences."""
    packed = ""
    for block in (piece for one in blocks if one.strip() for piece in _cut(one.strip())):
        if packed and len(packed) + len(block) + 2 > PASSAGE_LIMIT:
            yield packed
            packed = ""
        packed = f"{packed}\n\n{block}" if packed else block
    if packed:
        yield packed


def _cut(block: str) -> Iterator[str]:
    piece = ""
    for sentence in _SENTENCE.split(block) if len(block) > PASSAGE_LIMIT else [block]:
        if piece and len(piece) + len(sentence) + 1 > PASSAGE_LIMIT:
            yield piece
            piece = ""
        piece = f"{piece} {sentence}" if piece else sentence
    while len(piece) > 2 * PASSAGE_LIMIT:  # no sentence ends in it
        yield piece[:PASSAGE_LIMIT]
        piece = piece[PASSAGE_LIMIT:]
    yield piece
