"""What the gateway itself says to a customer: only where the agent has nothing that it could answer.

Everything else that cannot be read reaches the agent with its status, and the agent says so in its own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TEXTS = {
    "pt_BR": {
        "message": "Ainda não consigo ver esse tipo de mensagem por aqui. Pode me contar por texto?",
        "too_large": "O arquivo que você enviou é grande demais para eu abrir. "
        "Pode mandar uma versão menor ou me contar por texto?",
        "unsupported": "Não consigo abrir esse tipo de arquivo. Pode me contar por texto?",
        "failed": "Não consegui abrir o arquivo que você enviou. Pode mandar de novo ou me contar por texto?",
    },
    "en": {
        "message": "I cannot see this kind of message here yet. Could you tell me in writing?",
        "too_large": "The file that you sent is too large for me to open. "
        "Could you send a smaller one, or tell me in writing?",
        "unsupported": "I cannot open this kind of file. Could you tell me in writing?",
        "failed": "I could not open the file that you sent. Could you send it again, or tell me in writing?",
    },
}


def unreadable(inbound: Sequence[dict[str, Any]], locale: str) -> str | None:
    """What to say to messages of which none can be read; None where the agent can answer one of them.

    inbound: the run contract's items. A caption can be read, whatever became of its file.
    """
    problems = [_problem(item) for item in inbound]
    if not problems or None in problems:
        return None
    texts = _TEXTS.get(locale, _TEXTS["en"])
    return "\n".join(dict.fromkeys(texts[problem] for problem in problems if problem))


def _problem(item: dict[str, Any]) -> str | None:
    if item["kind"] == "unsupported":
        return "message"
    status = (item.get("media") or {}).get("status", "stored")
    if status == "stored" or item.get("text"):
        return None
    return status if status in ("too_large", "unsupported") else "failed"
