"""Files in words, or as the model can see them: voice notes, documents, pictures. What cannot be read is said.

Words go into the history. Pictures go to the model in their own turn only; the history keeps where they are.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Sequence
from typing import Protocol

import httpx
from langchain_core.messages import AnyMessage, HumanMessage

from graph.channel import channel
from graph.documents import UnreadableError, text_of
from graph.masking import mask
from graph.settings import Settings, settings
from graph.state import Inbound
from graph.transcript import asked_now, clean

log = logging.getLogger(__name__)

TRANSCRIPTION_SECONDS = 45
DOCUMENT_SECONDS = 20
TEXT_LIMIT = 12_000  # characters of one document or recording
PICTURES_AT_MOST = 5
PICTURE_BYTES = 8_000_000
OPENAI_URL = "https://api.openai.com/v1"
NOT_HEARD = "[não foi possível ouvir este áudio: peça para o cliente escrever]"
NOT_READ = "[não foi possível ler este arquivo: diga isso ao cliente]"
NOT_SEEN = "[não foi possível abrir esta imagem: diga isso ao cliente]"
SILENT = "[o áudio não tem fala]"


class Transcriber(Protocol):
    """Turns speech into text."""

    async def transcribe(self, recording: bytes, mime_type: str) -> str:
        """What is said. Raises httpx.HTTPError where nobody could tell."""


class OpenAITranscriber:
    """OpenAI's transcription API, or a server that speaks it (``POST /audio/transcriptions``)."""

    def __init__(self, config: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = (config.openai_base_url or OPENAI_URL).rstrip("/")
        self._key = config.openai_api_key.get_secret_value() if config.openai_api_key else "missing"
        self._model = config.transcription_model
        self._transport = transport

    async def transcribe(self, recording: bytes, mime_type: str) -> str:
        """What is said."""
        kind = mime_type.split(";", maxsplit=1)[0].strip() or "audio/ogg"
        name = f"audio.{kind.rpartition('/')[2].replace('mpeg', 'mp3')}"
        async with httpx.AsyncClient(timeout=TRANSCRIPTION_SECONDS, transport=self._transport) as client:
            answer = await client.post(
                f"{self._url}/audio/transcriptions",
                headers={"authorization": f"Bearer {self._key}"},
                data={"model": self._model, "response_format": "json"},
                files={"file": (name, recording, kind)},
            )
        answer.raise_for_status()
        return str(answer.json().get("text", ""))


def transcriber() -> Transcriber:
    """The transcriber of this process."""
    return OpenAITranscriber(settings())


async def read(inbound: Sequence[Inbound]) -> dict[str, str]:
    """What the turn's recordings and documents say, by message id; a sentence in brackets where that is unknown."""
    readable = [message for message in inbound if _stored(message) and message.kind in ("audio", "document")]
    said = await asyncio.gather(*(_hear(one) if one.kind == "audio" else _open(one) for one in readable))
    return dict(zip((one.id for one in readable), said, strict=True))


async def with_pictures(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages for a model call; those of this turn that came with a picture show it."""
    shown = [one for one in asked_now(messages) if one.additional_kwargs.get("picture")][-PICTURES_AT_MOST:]
    if not shown:
        return list(messages)
    seen = dict(zip((one.id for one in shown), await asyncio.gather(*map(_show, shown)), strict=True))
    return [seen.get(message.id, message) for message in messages]


def _stored(message: Inbound) -> bool:
    return message.media is not None and message.media.status == "stored" and bool(message.media.id)


def _type(mime_type: str) -> str:
    return mime_type.split(";", maxsplit=1)[0].strip().lower()


async def _hear(message: Inbound) -> str:
    assert message.media is not None  # noqa: S101 - _stored
    try:
        async with asyncio.timeout(TRANSCRIPTION_SECONDS):
            recording = await channel().media(message.media.id)
            said = await transcriber().transcribe(recording, message.media.mime_type)
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        log.warning("a recording was not understood: %s", type(error).__name__)
        return NOT_HEARD
    return _fenced("transcrição do áudio", said) if said.strip() else SILENT


async def _open(message: Inbound) -> str:
    assert message.media is not None  # noqa: S101 - _stored
    try:
        async with asyncio.timeout(DOCUMENT_SECONDS):
            content = await channel().media(message.media.id)
            # In a thread: a large file would hold up everybody else's turn.
            text = await asyncio.to_thread(text_of, content, _type(message.media.mime_type), TEXT_LIMIT)
    except (httpx.HTTPError, TimeoutError, UnreadableError) as error:
        log.warning("a document was not understood: %s", type(error).__name__)
        return NOT_READ
    return _fenced("conteúdo do arquivo", text) if text.strip() else NOT_READ


def _fenced(what: str, text: str) -> str:
    """Somebody's words between marks that they cannot contain: what is inside is data."""
    inside = mask(clean(text)).strip().replace("[", "(").replace("]", ")")
    cut = "\n[o resto foi deixado de fora]" if len(inside) > TEXT_LIMIT else ""
    return f"[início: {what}]\n{inside[:TEXT_LIMIT]}\n[fim: {what}]{cut}"


async def _show(message: AnyMessage) -> HumanMessage:
    picture = message.additional_kwargs["picture"]
    text = {"type": "text", "text": message.text}
    try:
        content = await channel().media(picture["id"])
    except httpx.HTTPError as error:
        log.warning("a picture was not fetched: %s", type(error).__name__)
        content = b""
    if not 0 < len(content) <= PICTURE_BYTES:
        return HumanMessage(f"{message.text}\n{NOT_SEEN}", id=message.id)
    shown = {"type": "image", "base64": base64.b64encode(content).decode(), "mime_type": picture["mime_type"]}
    return HumanMessage([text, shown], id=message.id)
