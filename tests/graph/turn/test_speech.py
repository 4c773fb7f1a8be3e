"""Recordings are sent to the transcription API with their real type, under names that it accepts."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.files import UnreadableError
from graph.files.recordings import read, seconds
from graph.settings import settings
from graph.turn.speech import ENDINGS, OpenAITranscriber

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


def ogg(*packets: bytes, flags: int = 0, granule: int = 0) -> bytes:
    """Return a page of packets, each shorter than 255 bytes."""
    head = b"OggS\0" + bytes([flags]) + granule.to_bytes(8, "little") + bytes(12)
    return head + bytes([len(packets), *map(len, packets)]) + b"".join(packets)


HEADS = ogg(b"OpusHead\1\1") + ogg(b"OpusTags")
# By the first byte: a frame of 20 ms; two of 20; as many as the second byte says, here three, of 40; one of 2.5.
PACKETS = {b"\x08x": 0.02, b"\x09x": 0.04, b"\x13\x03": 0.12, b"\x80x": 0.0025, b"\x78x": 0.02, b"\x1bx": 0.06 * 56}


@pytest.mark.parametrize("packet", PACKETS)
def test_the_length_of_a_voice_note_is_that_of_its_packets_whatever_it_says(packet: bytes) -> None:
    pages = [ogg(*[packet] * 100, granule=48) for _ in range(4)]
    assert seconds(HEADS + b"".join(pages)) == pytest.approx(400 * PACKETS[packet])
    assert seconds(HEADS + ogg(packet, packet, flags=1)) == pytest.approx(PACKETS[packet])  # the first goes on


@given(st.binary(max_size=300))
def test_the_length_of_anything_can_be_told(content: bytes) -> None:
    assert seconds(HEADS + b"OggS" + content) >= 0


def test_a_voice_note_of_hours_is_not_heard() -> None:
    """The company would have to pay for its transcription."""
    minute = ogg(*[b"\x08x"] * 250) * 12
    assert read(HEADS + minute * 15, "audio/ogg", 100) == "audio/ogg"
    with pytest.raises(UnreadableError):
        read(HEADS + minute * 15 + ogg(b"\x08x"), "audio/ogg", 100)
    hidden = b"OggS\0\0" + bytes(20) + bytes([255]) + bytes([255] * 255)  # a page that seems to hold the others
    with pytest.raises(UnreadableError):
        read(HEADS + hidden + minute * 16, "audio/ogg", 100)


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
