"""Files in words, or as the model can see them: voice notes, documents, pictures. What cannot be read is said.

Words go into the history. Pictures go to the model in their own turn only; the history keeps where they are. Each file
is looked at by a process of its own (``graph/files``), one after the other, and only as many and as much as a turn may.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import httpx
from langchain_core.messages import AnyMessage, HumanMessage

from graph.contract.state import Inbound, Media
from graph.files import UnreadableError, documents
from graph.files.reader import OverBoundsError, Reader
from graph.history.transcript import PICTURES, clean, unanswered_messages
from graph.policy.masking import mask
from graph.server.gateway_client import TooLargeError, gateway
from graph.settings import settings
from graph.turn.speech import TRANSCRIPTION_SECONDS, transcriber

log = logging.getLogger(__name__)

FILES_SECONDS = 60  # for all files of a turn, the wait for room included
TEXT_LIMIT = 12_000  # characters of one document or recording
PICTURES_LIMIT = 5
PICTURE_BYTES = RECORDING_BYTES = 8_000_000
NOT_HEARD = "[não foi possível ouvir este áudio: peça para o cliente escrever]"
NOT_READ = "[não foi possível ler este arquivo: diga isso ao cliente]"
NOT_SEEN = "[não foi possível abrir esta imagem: diga isso ao cliente]"
TOO_LARGE = "[este arquivo é grande demais para ser aberto: diga isso ao cliente]"
TOO_MANY = "[este arquivo não foi aberto, são muitos de uma vez: diga isso ao cliente]"
SILENT = "[o áudio não tem fala]"
NOTES = {"audio": NOT_HEARD, "document": NOT_READ, "image": NOT_SEEN}
BYTES_LIMITS = {"image": PICTURE_BYTES, "audio": RECORDING_BYTES}  # a recording is paid for; others: of a turn
REFUSED = "refused"  # the status of a picture that the model is not shown


@dataclass
class _Allowance:
    """What of a turn's files may still be opened: so many, so many bytes, until then (the event loop's clock)."""

    files: int
    size: int
    until: float


@dataclass
class Reading:
    """The turn's messages as they are after their files were looked at, and what these say, by message id.

    A picture that the model may be shown has its real type; another one has the status ``refused``.
    """

    inbound: list[Inbound]
    said: dict[str, str] = field(default_factory=dict)


async def read_files(inbound: Sequence[Inbound]) -> Reading:
    """Look at the turn's files; a sentence in brackets stands for what is not known of one."""
    until = asyncio.get_running_loop().time() + FILES_SECONDS
    left = _Allowance(settings().files_per_turn, settings().file_bytes_per_turn, until)
    looked = [await _looked_at(message, left) if _stored(message) else _Looked(message) for message in inbound]
    heard = [one for one in looked if one.recording]
    words = dict(zip((one.message.id for one in heard), await asyncio.gather(*map(_hear, heard)), strict=True))
    told = {one.message.id: one.told for one in looked if one.told}
    return Reading([one.message for one in looked], told | words)


async def with_pictures(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages for a model call; those of this turn that came with a picture show it."""
    shown = [one for one in unanswered_messages(messages) if one.additional_kwargs.get("picture")][-PICTURES_LIMIT:]
    if not shown:
        return list(messages)
    left, seen = settings().file_bytes_per_turn, {}
    for one in shown:
        content = await _picture(one.additional_kwargs["picture"]["id"], min(left, PICTURE_BYTES))
        left -= len(content)
        seen[one.id] = _shown(one, content)
    return [seen.get(message.id, message) for message in messages]


def _stored(message: Inbound) -> bool:
    """Whether the message has a file of a kind that is opened here."""
    media = message.media
    return message.kind in NOTES and media is not None and media.status == "stored" and bool(media.id)


def _type(mime_type: str) -> str:
    return mime_type.split(";", maxsplit=1)[0].strip().lower()


@dataclass
class _Looked:
    """A message after its file was looked at: what is told of it, and the recording that is still to be heard."""

    message: Inbound
    told: str = ""
    recording: bytes = b""


async def _looked_at(message: Inbound, left: _Allowance) -> _Looked:
    """Look at a message's file, where the turn may still open it."""
    assert message.media is not None  # noqa: S101 - _stored
    if refusal := _refusal(message.kind, message.media, left):
        return _not_opened(message, refusal)
    try:
        async with asyncio.timeout_at(left.until):
            said, content = await _opened(message.kind, message.media, left)
    except TooLargeError:
        return _not_opened(message, TOO_LARGE)
    except (httpx.HTTPError, TimeoutError, UnreadableError) as error:
        log.warning("a file was not read: %s, %s", message.kind, type(error).__name__)
        if isinstance(error, OverBoundsError):  # whoever sends one such file gets no second one opened in this turn
            left.files = 0
        return _not_opened(message, NOTES[message.kind])
    if message.kind == "document":
        return _Looked(message, _fenced("conteúdo do arquivo", said) if said.strip() else NOT_READ)
    really = message.model_copy(update={"media": message.media.model_copy(update={"mime_type": said})})
    return _Looked(really, recording=content if message.kind == "audio" else b"")


def _refusal(kind: str, media: Media, left: _Allowance) -> str:
    """Why a file is not even fetched, as far as type and size say; empty where it is."""
    readable = {"audio": True, "document": documents.readable(_type(media.mime_type))}
    if not readable.get(kind, _type(media.mime_type) in PICTURES):
        return NOTES[kind]
    if not left.files:
        return TOO_MANY
    return TOO_LARGE if (media.size or 0) > _most(kind, left) else ""


def _most(kind: str, left: _Allowance) -> int:
    return min(left.size, BYTES_LIMITS.get(kind, left.size))


async def _opened(kind: str, media: Media, left: _Allowance) -> tuple[str, bytes]:
    """What a process says of the file, and its bytes. Raises what those raise that fetch and read it."""
    fetch = partial(gateway().media, media.id, _most(kind, left))
    left.files -= 1
    said, content = await Reader(settings().file_readers).read(kind, _type(media.mime_type), fetch)
    left.size -= len(content)
    return said, content


def _not_opened(message: Inbound, note: str) -> _Looked:
    assert message.media is not None  # noqa: S101 - _stored
    refused = message.media.model_copy(update={"status": REFUSED})
    return _Looked(message.model_copy(update={"media": refused}), note)


async def _hear(one: _Looked) -> str:
    assert one.message.media is not None  # noqa: S101 - _stored
    try:
        async with asyncio.timeout(TRANSCRIPTION_SECONDS):
            said = await transcriber().transcribe(one.recording, one.message.media.mime_type)
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        log.warning("a recording was not understood: %s", type(error).__name__)
        return NOT_HEARD
    return _fenced("transcrição do áudio", said) if said.strip() else SILENT


def _fenced(what: str, text: str) -> str:
    """Somebody's words between marks that they cannot contain: what is inside is data."""
    inside = mask(clean(text)).strip().replace("[", "(").replace("]", ")")
    cut = "\n[o resto foi deixado de fora]" if len(inside) > TEXT_LIMIT else ""
    return f"[início: {what}]\n{inside[:TEXT_LIMIT]}\n[fim: {what}]{cut}"


async def _picture(media_id: str, limit: int) -> bytes:
    """The picture's bytes; none where they are not to be had."""
    try:
        return await gateway().media(media_id, limit)
    except (httpx.HTTPError, TooLargeError) as error:
        log.warning("a picture was not fetched: %s", type(error).__name__)
        return b""


def _shown(message: AnyMessage, content: bytes) -> HumanMessage:
    if not content:
        return HumanMessage(f"{message.text}\n{NOT_SEEN}", id=message.id)
    mime_type = message.additional_kwargs["picture"]["mime_type"]
    shown = {"type": "image", "base64": base64.b64encode(content).decode(), "mime_type": mime_type}
    return HumanMessage([{"type": "text", "text": message.text}, shown], id=message.id)
