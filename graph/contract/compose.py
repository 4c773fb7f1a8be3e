"""Compose replies from a text and the parts that tools prepared: as few as possible, each within WhatsApp's limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from graph.contract.replies import (
    BUTTON_COUNT_LIMIT,
    BUTTON_TITLE_LIMIT,
    BUTTONS_BODY_LIMIT,
    CAPTION_LIMIT,
    LIST_BODY_LIMIT,
    ROW_COUNT_LIMIT,
    ROW_DESCRIPTION_LIMIT,
    ROW_ID_LIMIT,
    ROW_TITLE_LIMIT,
    TEXT_LIMIT,
    Button,
    ButtonsReply,
    ContactRequestReply,
    ListReply,
    MediaReply,
    Reply,
    Row,
    Section,
    TextReply,
)

# Marks of Markdown and of WhatsApp, and invisible characters: the gateway removes them from titles.
MARKS = re.compile(r"[*_~`\\\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x1f]|(?<=\])\([^)]*\)|[\[\]]")


def text_replies(text: str) -> list[TextReply]:
    """Return the text as one reply, which the gateway splits if it is too long; an empty list for a blank text."""
    return [TextReply(text=part) for part in split(text, TEXT_LIMIT)]


def split(text: str, limit: int) -> list[str]:
    """Return parts of at most `limit` characters, cut between paragraphs, else sentences, else words."""
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _boundary(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in [*parts, rest] if part]


def compose(text: str, parts: Sequence[Reply]) -> list[Reply]:
    """Combine a text and the parts that tools prepared into as few messages as possible, because each one costs.

    The text becomes the body of the last question with buttons or rows, or else the caption of a single file. Of
    several questions only the last one is asked.
    """
    asked = [part for part in parts if isinstance(part, ButtonsReply | ListReply | ContactRequestReply)]
    others = [part for part in parts if part not in asked]
    if asked:
        return [*others, *_with_body(text, asked[-1])]
    if len(others) == 1 and isinstance(others[0], MediaReply) and _captions(others[0], text):
        return [others[0].model_copy(update={"caption": text.strip() or others[0].caption})]
    return [*text_replies(text), *others]


def _with_body(text: str, part: ButtonsReply | ListReply | ContactRequestReply) -> list[Reply]:
    limit = LIST_BODY_LIMIT if isinstance(part, ListReply) else BUTTONS_BODY_LIMIT
    if len(text.strip()) > limit:
        return [*text_replies(text), part]
    return [part.model_copy(update={"body": text.strip() or part.body})]


def _captions(part: MediaReply, text: str) -> bool:
    return part.kind in ("image", "video", "document") and len(text.strip()) <= CAPTION_LIMIT


def choice(body: str, options: Sequence[str], button: str, title: str) -> ButtonsReply | ListReply:
    """Return a question with these answers: buttons for up to three short ones, else a list of up to ten.

    The answers come from `options_of`. If one of them has to be cut, all are numbered, so that answers with the same
    beginning can be told apart, and the whole text becomes the description.
    """
    if len(options) <= BUTTON_COUNT_LIMIT and all(len(option) <= BUTTON_TITLE_LIMIT for option in options):
        buttons = [Button(id=f"choice:{number}", title=option) for number, option in enumerate(options, 1)]
        return ButtonsReply(body=body[:BUTTONS_BODY_LIMIT], buttons=buttons)
    return menu(body, [(f"choice:{number}", option, "") for number, option in enumerate(options, 1)], button, title)


def options_of(options: Sequence[str]) -> list[str]:
    """Return answers as a phone shows them, in one line and without marks; each once, none empty, ten at most.

    Answers that differ only in marks or in capitals look alike to a customer: the first one stays.
    """
    first: dict[str, str] = {}
    for option in options:
        shown = " ".join(MARKS.sub("", " ".join(option.split())).split())
        first.setdefault(shown.casefold(), shown)
    return [shown for shown in first.values() if shown][:ROW_COUNT_LIMIT]


def menu(body: str, choices: Sequence[tuple[str, str, str]], button: str, title: str) -> ListReply:
    """Return a list of up to ten choices (id, text, description), numbered if one of the texts has to be cut."""
    numbered = any(len(text) > ROW_TITLE_LIMIT for _, text, _ in choices)
    rows = [_row(*one, number if numbered else 0) for number, one in enumerate(choices[:ROW_COUNT_LIMIT], 1)]
    return ListReply(body=body, button=button, sections=[Section(title=title, rows=rows)])


def _row(row_id: str, text: str, below: str, number: int) -> Row:
    title = f"{number}. {text}" if number else text
    if len(title) > ROW_TITLE_LIMIT:
        title, below = title[: ROW_TITLE_LIMIT - 1] + "…", ". ".join(filter(None, [text, below]))
    return Row(id=row_id[:ROW_ID_LIMIT], title=title, description=below[:ROW_DESCRIPTION_LIMIT] or None)


def dump(replies: Sequence[Reply]) -> list[dict[str, Any]]:
    """Return the replies as JSON values, without fields that are not set."""
    return [reply.model_dump(mode="json", exclude_none=True) for reply in replies]


def _boundary(text: str, limit: int) -> int:
    """Return where to cut: after the last paragraph, line, sentence or word that ends within the limit."""
    window = text[:limit]
    for marks in (("\n\n",), ("\n",), (". ", "! ", "? ", "… "), (" ",)):
        cut = max(window.rfind(mark) + len(mark) for mark in marks)
        if cut > limit // 2:  # an earlier cut would make many short messages
            return cut
    return limit
