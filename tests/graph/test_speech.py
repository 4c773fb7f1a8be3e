"""Recordings go to the transcription API as what they are, under names that it takes."""

from __future__ import annotations

import httpx
import pytest

from graph.files import UnreadableError
from graph.files.sounds import read
from graph.settings import settings
from graph.speech import ENDINGS, OpenAITranscriber

# platform.openai.com/docs/api-reference/audio/createTranscription: "flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, or webm"
TAKEN = {"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"}
RECORDINGS = {
    b"OggS\0\x02": "audio/ogg", b"ID3\x04": "audio/mpeg", b"\xff\xfb\x90": "audio/mpeg", b"\xff\xf1\x50": "audio/aac",
    b"\0\0\0\x18ftypM4A ": "audio/mp4", b"#!AMR\n": "audio/amr", b"RIFF\x24\0\0\0WAVE": "audio/wav",
    b"\x1aE\xdf\xa3": "audio/webm", b"fLaC": "audio/flac",
}  # fmt: skip


@pytest.mark.parametrize("content", RECORDINGS)
def test_a_recording_has_its_type_and_that_has_a_name(content: bytes) -> None:
    mime_type = read(content + bytes(20), "audio/ogg", 100)
    assert mime_type == RECORDINGS[content]
    assert mime_type in ENDINGS


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.4", b"RIFF\x24\0\0\0WEBP", b"PK\x03\x04"])
def test_what_is_no_recording_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(content, "audio/ogg", 100)


WHATSAPPS = ["audio/ogg; codecs=opus", "audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/OGG", "", "audio/x"]


@pytest.mark.parametrize("mime_type", WHATSAPPS)
async def test_every_name_ends_as_the_api_wants_it(environment: pytest.MonkeyPatch, mime_type: str) -> None:
    names: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        names.append(request.content.partition(b'filename="')[2].partition(b'"')[0].decode())
        return httpx.Response(200, json={"text": "Oi"})

    transcriber = OpenAITranscriber(settings(), httpx.MockTransport(answer))
    assert await transcriber.transcribe(b"x", mime_type) == "Oi"
    assert names[0].rpartition(".")[2] in TAKEN
    assert set(ENDINGS.values()) <= TAKEN
