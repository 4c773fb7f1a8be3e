"""Transcription of recordings, by OpenAI's API or a compatible server."""

from __future__ import annotations

from typing import Protocol

import httpx

from graph.settings import Settings, settings

TRANSCRIPTION_SECONDS = 45
OPENAI_URL = "https://api.openai.com/v1"
# The API checks the extension of the name and then the content; AAC and AMR have no extension in its list.
ENDINGS = {
    "audio/ogg": "ogg", "audio/opus": "ogg", "application/ogg": "ogg",
    "audio/mpeg": "mp3", "audio/mp3": "mp3",
    "audio/mp4": "m4a", "audio/x-m4a": "m4a", "audio/aac": "m4a", "audio/amr": "m4a",
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/webm": "webm", "audio/flac": "flac",
}  # fmt: skip


class Transcriber(Protocol):
    """A transcriber of recordings."""

    async def transcribe(self, recording: bytes, mime_type: str) -> str:
        """Return the words of a recording. Raises httpx.HTTPError if it cannot be transcribed."""


class OpenAITranscriber:
    """OpenAI's transcription API, or a compatible server (`POST /audio/transcriptions`)."""

    def __init__(self, config: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = (config.openai_base_url or OPENAI_URL).rstrip("/")
        self._key = config.openai_api_key.get_secret_value() if config.openai_api_key else "missing"
        self._model = config.transcription_model
        self._transport = transport

    async def transcribe(self, recording: bytes, mime_type: str) -> str:
        """Return the words of a recording. Raises httpx.HTTPError if it cannot be transcribed."""
        kind = mime_type.split(";", maxsplit=1)[0].strip().lower() or "audio/ogg"
        name = f"audio.{ENDINGS.get(kind, 'ogg')}"
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
    """Return the transcriber of this process."""
    return OpenAITranscriber(settings())
