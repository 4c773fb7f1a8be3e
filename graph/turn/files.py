"""The files of a turn: voice notes and documents become words, pictures are shown to the model.

Words go into the history. Pictures go to the model in their own turn only; the history keeps their ids. Each file is
read in its own process (`graph/files`), one after the other, within the limits of a turn. A note in brackets tells
the model about each file that cannot be read.
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
from pydantic import SecretStr

from graph.contract.state import Inbound, Media, Transcript
from graph.files import UnreadableError, documents
from graph.files.reader import OverBoundsError, Reader
from graph.history.transcript import PICTURES, clean, unanswered_messages
from graph.history.words import fenced
from graph.policy.masking import mask
from graph.server.gateway_client import NoCapabilityError, TooLargeError, gateway
from graph.settings import settings
from graph.turn.speech import TRANSCRIPTION_SECONDS, transcriber

log = logging.getLogger(__name__)

FILES_SECONDS = 60  # for all files of a turn, including the wait for a free process
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
BYTES_LIMITS = {"image": PICTURE_BYTES, "audio": RECORDING_BYTES}  # other files: the limit of a turn
REFUSED = "refused"  # the status of a picture that the model is not shown


@dataclass
class _Budget:
    """The files and bytes that the turn may still open, its deadline (the event loop's clock), and its capability."""

    files: int
    size: int
    deadline: float
    capability: SecretStr | None


@dataclass
class FilesRead:
    """The turn's messages after their files were read, and the contents of the files in words, by message id.

    `transcripts`: of the recordings in which somebody speaks.
    A picture that the model may be shown has its real type; any other picture has the status `refused`.
    """

    inbound: list[Inbound]
    contents: dict[str, str] = field(default_factory=dict)
    transcripts: list[Transcript] = field(default_factory=list)


async def read_files(inbound: Sequence[Inbound], capability: SecretStr | None) -> FilesRead:
    """Read the turn's files with the run's capability; a note in brackets stands for a file that cannot be read."""
    deadline = asyncio.get_running_loop().time() + FILES_SECONDS
    budget = _Budget(settings().files_per_turn, settings().file_bytes_per_turn, deadline, capability)
    results = [await _read_file(message, budget) if _stored(message) else _FileResult(message) for message in inbound]
    recordings = [one for one in results if one.recording]
    texts = await asyncio.gather(*map(_transcribe, recordings))
    heard = {one.message.id: text for one, text in zip(recordings, texts, strict=True)}
    contents = {one.message.id: one.content for one in results if one.content}
    contents |= {message: NOT_HEARD if text is None else _spoken(text) for message, text in heard.items()}
    shown = {message: mask(clean(text))[:TEXT_LIMIT] for message, text in heard.items() if text}
    transcripts = [Transcript(message=message, text=text) for message, text in shown.items()]
    return FilesRead([one.message for one in results], contents, transcripts)


async def with_pictures(messages: Sequence[AnyMessage], capability: SecretStr | None) -> list[AnyMessage]:
    """Return the messages for a model call; messages of this turn with a picture show it."""
    pictured = [one for one in unanswered_messages(messages) if one.additional_kwargs.get("picture")][-PICTURES_LIMIT:]
    if not pictured:
        return list(messages)
    bytes_left, shown = settings().file_bytes_per_turn, {}
    for one in pictured:
        content = await _picture(capability, one.additional_kwargs["picture"]["id"], min(bytes_left, PICTURE_BYTES))
        bytes_left -= len(content)
        shown[one.id] = _with_picture(one, content)
    return [shown.get(message.id, message) for message in messages]


def _stored(message: Inbound) -> bool:
    """Return whether the message has a stored file of a kind that is read here."""
    media = message.media
    return message.kind in NOTES and media is not None and media.status == "stored" and bool(media.id)


def _type(mime_type: str) -> str:
    return mime_type.split(";", maxsplit=1)[0].strip().lower()


@dataclass
class _FileResult:
    """A message after its file was read: its content in words, and a recording that is still to be transcribed."""

    message: Inbound
    content: str = ""
    recording: bytes = b""


async def _read_file(message: Inbound, budget: _Budget) -> _FileResult:
    """Read the file of a message, if the turn may still open it."""
    assert message.media is not None  # noqa: S101 - _stored
    if refusal := _refusal(message.kind, message.media, budget):
        return _refused(message, refusal)
    try:
        async with asyncio.timeout_at(budget.deadline):
            result, content = await _open(message.kind, message.media, budget)
    except TooLargeError:
        return _refused(message, TOO_LARGE)
    except (httpx.HTTPError, TimeoutError, NoCapabilityError, UnreadableError) as error:
        log.warning("a file was not read: %s, %s", message.kind, type(error).__name__)
        if isinstance(error, OverBoundsError):  # after one such file no other file of the turn is opened
            budget.files = 0
        return _refused(message, NOTES[message.kind])
    if message.kind == "document":
        return _FileResult(message, _fenced("conteúdo do arquivo", result) if result.strip() else NOT_READ)
    typed = message.model_copy(update={"media": message.media.model_copy(update={"mime_type": result})})
    return _FileResult(typed, recording=content if message.kind == "audio" else b"")


def _refusal(kind: str, media: Media, budget: _Budget) -> str:
    """Return why a file is not fetched, by its type and size; empty if it is fetched."""
    readable = {"audio": True, "document": documents.readable(_type(media.mime_type))}
    if not readable.get(kind, _type(media.mime_type) in PICTURES):
        return NOTES[kind]
    if not budget.files:
        return TOO_MANY
    return TOO_LARGE if (media.size or 0) > _size_limit(kind, budget) else ""


def _size_limit(kind: str, budget: _Budget) -> int:
    return min(budget.size, BYTES_LIMITS.get(kind, budget.size))


async def _open(kind: str, media: Media, budget: _Budget) -> tuple[str, bytes]:
    """Return the result of reading the file, and its bytes. Raises the errors of fetching and reading it."""
    fetch = partial(gateway().media, budget.capability, media.id, _size_limit(kind, budget))
    budget.files -= 1
    result, content = await Reader(settings().file_readers).read(kind, _type(media.mime_type), fetch)
    budget.size -= len(content)
    return result, content


def _refused(message: Inbound, note: str) -> _FileResult:
    assert message.media is not None  # noqa: S101 - _stored
    refused = message.media.model_copy(update={"status": REFUSED})
    return _FileResult(message.model_copy(update={"media": refused}), note)


async def _transcribe(one: _FileResult) -> str | None:
    """Return the words of a recording, empty if nobody speaks; None if they are not known."""
    assert one.message.media is not None  # noqa: S101 - _stored
    try:
        async with asyncio.timeout(TRANSCRIPTION_SECONDS):
            text = await transcriber().transcribe(one.recording, one.message.media.mime_type)
    except (httpx.HTTPError, TimeoutError, ValueError) as error:
        log.warning("a recording was not understood: %s", type(error).__name__)
        return None
    return text.strip()


def _spoken(text: str) -> str:
    return _fenced("transcrição do áudio", text) if text else SILENT


def _fenced(title: str, text: str) -> str:
    """Return words of another person, masked, between marks that they cannot contain: they are data."""
    return fenced(title, mask(clean(text)), TEXT_LIMIT)


async def _picture(capability: SecretStr | None, media_id: str, limit: int) -> bytes:
    """Return the bytes of the picture; empty if they are unavailable."""
    try:
        return await gateway().media(capability, media_id, limit)
    except (httpx.HTTPError, NoCapabilityError, TooLargeError) as error:
        log.warning("a picture was not fetched: %s", type(error).__name__)
        return b""


def _with_picture(message: AnyMessage, content: bytes) -> HumanMessage:
    if not content:
        return HumanMessage(f"{message.text}\n{NOT_SEEN}", id=message.id)
    mime_type = message.additional_kwargs["picture"]["mime_type"]
    shown = {"type": "image", "base64": base64.b64encode(content).decode(), "mime_type": mime_type}
    return HumanMessage([{"type": "text", "text": message.text}, shown], id=message.id)
