"""What is wrong with a model's answer: empty, refused, far too long, or in another language."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from langchain_core.messages import AIMessage

Fault = Literal["empty", "refusal", "long", "language"]

# One message of WhatsApp's; the instructions ask for much less.
LONG = 4096
# Frequent words that the other two languages do not have.
WORDS = {
    "pt": "não você vocês uma está são também os as do da dos das em um mas muito obrigada obrigado olá seu sua seus "
    "posso ajudar é pelo pela ao à mais foi já tem isso aqui pedido chamado",
    "en": "the and you your is are to of for with can have i'm sorry please order not this that we it be will help "
    "how my what on at from hello thanks but would could",
    "es": "el los las y usted una pero muy gracias hola puede puedo ayudar ayudarle su sus está del más también con "
    "lo siento qué cómo aquí hay pedido tiene tu",
}
FREQUENT = {name: frozenset(words.split()) for name, words in WORDS.items()}
FEW_WORDS = 5  # below that nobody can tell


def judge(message: AIMessage, locale: str) -> Fault | None:
    """The first thing that is wrong with an answer to the customer; None for a good one."""
    if _refused(message):
        return "refusal"
    text = message.text.strip()
    if not re.search(r"\w", text) and not _has_symbol(text):
        return "empty"
    if len(text) > LONG:
        return "long"
    return "language" if speaks_another_language(text, locale) else None


def speaks_another_language(text: str, locale: str) -> bool:
    """Whether a text is clearly not in the locale's language: by script, else by the most frequent words."""
    letters = [character for character in text if character.isalpha()]
    foreign = sum("LATIN" not in unicodedata.name(letter, "") for letter in letters)
    own = locale[:2].lower()
    if own not in FREQUENT:
        return False
    if len(letters) >= FEW_WORDS and foreign * 2 > len(letters):
        return True
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text.lower())
    counts = {name: sum(word in known for word in words) for name, known in FREQUENT.items()}
    other = max(count for name, count in counts.items() if name != own)
    return len(words) >= FEW_WORDS and other >= 3 and other > 2 * counts[own]


def _refused(message: AIMessage) -> bool:
    """OpenAI's two ways of refusing, and the finish reason of a filter (also of others)."""
    blocks = message.content if isinstance(message.content, list) else []
    if any(isinstance(block, dict) and block.get("type") == "refusal" for block in blocks):
        return True
    reason = message.response_metadata.get("finish_reason")
    return bool(message.additional_kwargs.get("refusal")) or reason == "content_filter"


def _has_symbol(text: str) -> bool:
    return any(unicodedata.category(character) == "So" for character in text)
