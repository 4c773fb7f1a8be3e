"""Files in words, pictures as content of their own turn, and what cannot be read is said."""

import io
from collections.abc import Callable
from typing import Any

import docx
import httpx
import pytest

from graph import understand
from graph.channel import Channel
from graph.documents import WORD, UnreadableError, text_of
from graph.settings import settings
from tests.graph.talk import Talk, inbound, texts

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def pdf(text: str) -> bytes:
    """A one-page PDF by hand."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return (
        out + head + table + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    )


def word(text: str) -> bytes:
    document, file = docx.Document(), io.BytesIO()
    document.add_paragraph(text)
    document.add_table(1, 1).cell(0, 0).text = "na tabela"
    document.save(file)
    return file.getvalue()


def media(kind: str, mime_type: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    return inbound(text or "", kind=kind, media={"id": "m1", "mime_type": mime_type, "status": "stored", **more})


@pytest.fixture
def gateway(environment: pytest.MonkeyPatch) -> Callable[..., list[httpx.Request]]:
    """``gateway(content, status)``: what the gateway gives for any file; the requests that it got."""

    def serve(content: bytes, status: int = 200) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(status, content=content)

        environment.setenv("INTERNAL_TOKEN", "inside")
        settings.cache_clear()
        stand_in = Channel(settings(), httpx.MockTransport(answer))
        environment.setattr(understand, "channel", lambda: stand_in)
        return asked

    return serve


@pytest.fixture
def heard(environment: pytest.MonkeyPatch) -> Callable[..., list[httpx.Request]]:
    """``heard(text, status)``: what the transcription API says; the requests that it got."""

    def serve(text: str, status: int = 200) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(status, json={"text": text})

        made = understand.OpenAITranscriber(settings(), httpx.MockTransport(answer))
        environment.setattr(understand, "transcriber", lambda: made)
        return asked

    return serve


async def test_a_voice_note_is_transcribed_and_kept_as_text(talk: Talk, gateway: Any, heard: Any) -> None:
    fetched, asked = gateway(b"OggS..."), heard("Quero trocar a minha lente, cpf 529.982.247-25")
    talk.model.prepare("Claro")
    await talk.turn("t1", media("audio", "audio/ogg; codecs=opus", voice=True))
    said = "[áudio]\n[início: transcrição do áudio]\nQuero trocar a minha lente, cpf (CPF final 25)\n"
    assert talk.model.seen[0][0].text == said + "[fim: transcrição do áudio]"
    assert fetched[0].url.path == "/internal/media/m1"
    assert fetched[0].headers["authorization"] == "Bearer inside"
    assert str(asked[0].url) == "https://api.openai.com/v1/audio/transcriptions"
    assert b'filename="audio.ogg"' in asked[0].content
    assert b"gpt-transcribe" in asked[0].content


@pytest.mark.parametrize(("status", "text", "told"), [(500, "x", understand.NOT_HEARD), (200, " ", understand.SILENT)])
async def test_what_was_not_heard_is_said(
    talk: Talk, gateway: Any, heard: Any, status: int, text: str, told: str
) -> None:
    gateway(b"OggS")
    heard(text, status)
    talk.model.prepare("Pode escrever?")
    await talk.turn("t1", media("audio", "audio/ogg"), "e o pedido?")
    assert [message.text for message in talk.model.seen[0]] == [f"[áudio]\n{told}", "e o pedido?"]


@pytest.mark.parametrize(
    ("content", "mime_type", "text"),
    [
        (pdf("Grau -2,50"), "application/pdf", "Grau -2,50"),
        (word("Receita médica"), WORD, "Receita médica\nna tabela"),
        ("Olá, ção".encode(), "text/plain; charset=utf-8", "Olá, ção"),
    ],
)
async def test_a_document_gives_its_text(talk: Talk, gateway: Any, content: bytes, mime_type: str, text: str) -> None:
    gateway(content)
    talk.model.prepare("Li")
    await talk.turn("t1", media("document", mime_type, filename="receita", text="segue"))
    told = talk.model.seen[0][0].text
    assert told == f"[documento: receita] segue\n[início: conteúdo do arquivo]\n{text}\n[fim: conteúdo do arquivo]"


@pytest.mark.parametrize(
    ("content", "status", "mime_type"),
    [(b"", 200, "application/pdf"), (b"%PDF-1.4 broken", 200, "application/pdf"), (b"PK\x03\x04", 200, WORD),
     (b"x", 404, "text/plain"), (b"x", 410, "text/plain"), (b"MZ", 200, "application/x-msdownload")],
)  # fmt: skip
async def test_a_document_that_cannot_be_read_is_said(
    talk: Talk, gateway: Any, content: bytes, status: int, mime_type: str
) -> None:
    gateway(content, status)
    talk.model.prepare("Não consegui abrir")
    assert texts(await talk.turn("t1", media("document", mime_type))) == ["Não consegui abrir"]
    assert understand.NOT_READ in talk.model.seen[0][0].text


def test_a_long_document_is_read_as_far_as_the_limit() -> None:
    assert len(text_of(b"a" * 1_000_000, "text/plain", 100)) <= 400
    with pytest.raises(UnreadableError):
        text_of(b"\x00" * 100, "application/zip", 100)


async def test_a_picture_is_shown_in_its_own_turn_and_kept_as_a_reference(talk: Talk, gateway: Any) -> None:
    asked = gateway(PNG)
    talk.model.prepare("Vi a lente riscada.", "De nada")
    await talk.turn("t1", media("image", "image/png", "veja"))
    content = talk.model.seen[0][0].content
    assert isinstance(content, list)
    assert content[0] == {"type": "text", "text": "[imagem] veja"}
    assert content[1]["mime_type"] == "image/png"  # type: ignore[index]
    await talk.turn("t2", "Obrigada")
    assert [message.content for message in talk.model.seen[1]] == ["[imagem] veja", "Vi a lente riscada.", "Obrigada"]
    assert len(asked) == 1
    assert "base64" not in str(await talk.state())


async def test_a_picture_that_is_gone_is_said(talk: Talk, gateway: Any) -> None:
    gateway(b"", 410)
    talk.model.prepare("Não abriu")
    await talk.turn("t1", media("image", "image/jpeg"))
    assert talk.model.seen[0][0].text == f"[imagem]\n{understand.NOT_SEEN}"


@pytest.mark.parametrize("status", ["too_large", "expired", "failed"])
async def test_a_file_that_never_came_is_said_and_not_asked_for(talk: Talk, gateway: Any, status: str) -> None:
    asked = gateway(PNG)
    talk.model.prepare("ok")
    await talk.turn("t1", media("image", "image/jpeg", status=status), media("audio", "audio/ogg", status=status))
    assert asked == []
    assert all(len(message.text) > len("[imagem]") for message in talk.model.seen[0])


async def test_contacts_and_catalogue_orders_become_readable_lines(talk: Talk) -> None:
    card = {"name": {"formatted_name": "Dr. Ana"}, "phones": [{"phone": "+55 11 3333-4444"}]}
    talk.model.prepare("ok")
    await talk.turn(
        "t1",
        inbound("", kind="contacts", contacts=[card]),
        inbound("", kind="order", order={"items": [{"product": "LC-DIA", "quantity": 2}]}),
    )
    assert [message.text for message in talk.model.seen[0]] == [
        "[contatos enviados: 1: Dr. Ana, +55 11 3333-4444]",
        "[pedido feito pelo catálogo: 2 x LC-DIA]",
    ]
