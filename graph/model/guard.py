"""The checks of a model's answer: empty, cut off, far too long, refused, or in another language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import pairwise
from typing import Literal

from langchain_core.messages import AIMessage

from graph.model.leaks import holds_call

# `call`: a tool call that cannot be made, because it is written as text or cut off. `cut`: an incomplete answer.
# `unread`: the model's provider refuses the customer's message.
Fault = Literal["empty", "refusal", "long", "language", "call", "cut", "unread"]

# Characters of one message of WhatsApp's; the instructions ask for much less.
ANSWER_LIMIT = 4096
# Frequent words of each language that the other two do not have.
LANGUAGE_WORDS = {
    "pt": "não você vocês uma está são também os as do da dos das em um mas muito obrigada obrigado olá seu sua seus "
    "posso ajudar é pelo pela ao à mais foi já tem isso aqui pedido chamado",
    "en": "the and you your is are to of for with can have i'm sorry please order not this that we it be will help "
    "how my what on at from hello thanks but would could",
    "es": "el los las y usted una pero muy gracias hola puede puedo ayudar ayudarle su sus está del más también con "
    "lo siento qué cómo aquí hay pedido tiene tu",
}
FREQUENT_WORDS = {name: frozenset(words.split()) for name, words in LANGUAGE_WORDS.items()}
CUT_REASONS = {"length", "max_tokens", "max_output_tokens"}
WORDS_MIN = 5  # fewer words do not show the language
FOREIGN_SHARE_MIN = 0.2  # of all words; sentences of the three languages have 30 to 60 % of these words

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# Text that is not the model's own words: quotations, code, links and addresses.
QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»|`[^`\n]*`|^>.*$|\bhttps?://\S+|\bwww\.\S+|\S+@\S+", re.MULTILINE)
# A name of several words; short words between its capitals belong to it ("Acuvue Oasys for Astigmatism").
NAME = re.compile(r"[A-ZÀ-Þ][\w'’-]*(?: (?:[a-z]{1,4} ){0,2}[A-ZÀ-Þ0-9][\w'’-]*)+")


def judge(message: AIMessage, locale: str, tools: Collection[str] = (), facts: str = "") -> Fault | None:
    """Return the first fault of an answer to the customer; None for a good answer, and for tool calls.

    `tools`: the names of all tools; `facts`: the results of tools, whose names may be in any language.
    """
    if message.tool_calls and not message.invalid_tool_calls:
        return None
    if _refused(message):
        return "refusal"
    text = message.text.strip()
    if message.invalid_tool_calls or message.additional_kwargs.get("function_call") or holds_call(text, tools):
        return "call"
    if _reasons(message) & CUT_REASONS:
        return "cut"
    if not re.search(r"\w", text) and not _has_symbol(text):
        return "empty"
    if len(text) > ANSWER_LIMIT:
        return "long"
    return "language" if speaks_another_language(text, locale, facts) else None


def speaks_another_language(text: str, locale: str, facts: str = "") -> bool:
    """Return whether a text is clearly not in the locale's language: by script, else by the most frequent words.

    Quoted words, names and phrases of `facts` do not count.
    """
    own = locale[:2].lower()
    if own not in FREQUENT_WORDS:
        return False
    own_words = QUOTED.sub(" ", text)
    letters = [character for character in own_words if character.isalpha()]
    foreign = sum("LATIN" not in unicodedata.name(letter, "") for letter in letters)
    if len(letters) >= WORDS_MIN and foreign * 2 > len(letters):
        return True
    words = _without_known(WORD.findall(NAME.sub(" ", own_words).lower()), WORD.findall(facts.lower()))
    counts = {name: sum(word in known for word in words) for name, known in FREQUENT_WORDS.items()}
    other = max(count for name, count in counts.items() if name != own)
    all_words = len(WORD.findall(own_words))
    return all_words >= WORDS_MIN and other >= 3 and other > 2 * counts[own] and other >= FOREIGN_SHARE_MIN * all_words


def _without_known(words: list[str], facts: list[str]) -> list[str]:
    """Return the words except those that stand side by side in the facts too, because names are copied from there."""
    pairs = set(pairwise(facts))
    known = {place + step for place, pair in enumerate(pairwise(words)) if pair in pairs for step in (0, 1)}
    return [word for place, word in enumerate(words) if place not in known]


def _reasons(message: AIMessage) -> set[str]:
    """Return why the model stopped, as OpenAI's two APIs and Anthropic's report it."""
    metadata = message.response_metadata
    details = metadata.get("incomplete_details")
    named = [metadata.get("finish_reason"), metadata.get("stop_reason")]
    named += [details.get("reason")] if isinstance(details, dict) else []
    return {str(reason).lower() for reason in named if reason}


def _refused(message: AIMessage) -> bool:
    """Return whether the answer is a refusal, in one of OpenAI's two forms, or was stopped by a content filter."""
    blocks = message.content if isinstance(message.content, list) else []
    if any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks):
        return True
    return bool(message.additional_kwargs.get("refusal")) or "content_filter" in _reasons(message)


def _has_symbol(text: str) -> bool:
    return any(unicodedata.category(character) == "So" for character in text)
