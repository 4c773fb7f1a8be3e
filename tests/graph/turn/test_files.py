"""Files in words, pictures as content of their own turn, and notes about files that cannot be read."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from graph.files.documents import PDF, WORD
from graph.files.reader import Reader
from graph.server.gateway_client import GatewayClient
from graph.settings import settings
from graph.turn import files
from graph.turn.speech import OpenAITranscriber
from tests.graph.files import bombs
from tests.graph.support.talk import CAPABILITY, Talk, inbound, texts

PNG = bombs.png()


def media(kind: str, mime_type: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    return inbound(text or "", kind=kind, media={"id": "m1", "mime_type": mime_type, "status": "stored", **more})


@pytest.fixture
def gateway(environment: pytest.MonkeyPatch) -> Callable[..., list[httpx.Request]]:
    """`gateway(content, status)`: what the gateway gives for any file; the requests that it got."""

    def serve(content: bytes, status: int = 200) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(status, content=content)

        settings.cache_clear()
        stand_in = GatewayClient(settings(), httpx.MockTransport(answer))
        environment.setattr(files, "gateway", lambda: stand_in)
        return asked

    return serve


@pytest.fixture
def heard(environment: pytest.MonkeyPatch) -> Callable[..., list[httpx.Request]]:
    """`heard(text, status)`: what the transcription API says; the requests that it got."""

    def serve(text: str, status: int = 200) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(status, json={"text": text})

        made = OpenAITranscriber(settings(), httpx.MockTransport(answer))
        environment.setattr(files, "transcriber", lambda: made)
        return asked

    return serve


async def test_a_voice_note_is_transcribed_and_kept_as_text(talk: Talk, gateway: Any, heard: Any) -> None:
    fetched, asked = gateway(b"OggS..."), heard("Quero trocar a minha lente, cpf 529.982.247-25")
    talk.model.prepare("Claro", "Pronto")
    voice = media("audio", "audio/ogg; codecs=opus", voice=True)
    output = await talk.turn("t1", voice)
    assert output["transcripts"] == [{"message": voice["id"], "text": "Quero trocar a minha lente, cpf [CPF final 25]"}]
    assert (await talk.turn("t2", "Oi"))["transcripts"] == []
    said = "[áudio]\n[início: transcrição do áudio]\nQuero trocar a minha lente, cpf (CPF final 25)\n"
    assert talk.model.seen[0][0].text == said + "[fim: transcrição do áudio]"
    assert fetched[0].url.path == "/internal/media/m1"
    assert fetched[0].headers["authorization"] == f"Bearer {CAPABILITY}"
    assert str(asked[0].url) == "https://api.openai.com/v1/audio/transcriptions"
    assert b'filename="audio.ogg"' in asked[0].content
    assert b"gpt-transcribe" in asked[0].content


@pytest.mark.parametrize(("status", "text", "told"), [(500, "x", files.NOT_HEARD), (200, " ", files.SILENT)])
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
        (bombs.pdf("Grau -2,50"), PDF, "Grau -2,50"),
        (bombs.word("Receita médica"), WORD, "Receita médica\nna tabela"),
        ("Olá, ção".encode(), "text/plain; charset=utf-8", "Olá, ção"),
        (b"Arma\xe7\xe3o \x96 \x93\xf3tima\x94;R$ 100", "text/csv", "Armação – “ótima”;R$ 100"),
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
    assert files.NOT_READ in talk.model.seen[0][0].text


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
    assert len(asked) == 2  # to be looked at, and to be shown
    assert "base64" not in str(await talk.state())


async def test_a_picture_that_is_gone_is_said(talk: Talk, gateway: Any) -> None:
    gateway(b"", 410)
    talk.model.prepare("Não abriu")
    await talk.turn("t1", media("image", "image/jpeg"))
    assert talk.model.seen[0][0].text == f"[imagem]\n{files.NOT_SEEN}"


async def test_a_picture_that_is_none_is_not_shown(talk: Talk, gateway: Any) -> None:
    gateway(b"<html>404 not found</html>")
    talk.model.prepare("Não abriu")
    await talk.turn("t1", media("image", "image/jpeg", "veja"))
    assert talk.model.seen[0][0].content == f"[imagem] veja\n{files.NOT_SEEN}"


async def test_a_picture_is_shown_as_what_it_is(talk: Talk, gateway: Any) -> None:
    gateway(bombs.webp(bombs.lossless()))
    talk.model.prepare("Vi")
    await talk.turn("t1", media("image", "image/jpeg"))
    assert talk.model.seen[0][0].content[1]["mime_type"] == "image/webp"  # type: ignore[index]


NEVER_FETCHED = [
    ("document", "application/x-msdownload", 10, files.NOT_READ),
    ("document", PDF, 20_000_001, files.TOO_LARGE),
    ("image", "image/tiff", 10, files.NOT_SEEN), ("image", "image/png", 8_000_001, files.TOO_LARGE),
    ("audio", "audio/ogg", 8_000_001, files.TOO_LARGE),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "mime_type", "size", "note"), NEVER_FETCHED)
async def test_type_and_size_are_looked_at_before_a_byte_is_fetched(
    talk: Talk, gateway: Any, kind: str, mime_type: str, size: int, note: str
) -> None:
    asked = gateway(b"x")
    talk.model.prepare("ok")
    await talk.turn("t1", media(kind, mime_type, size=size))
    assert asked == []
    assert talk.model.seen[0][0].text.endswith(note)


async def test_a_size_that_was_not_told_is_looked_at_where_the_answer_begins(
    talk: Talk, gateway: Any, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("FILE_BYTES_PER_TURN", "100")
    gateway(b"x" * 101)
    talk.model.prepare("ok")
    await talk.turn("t1", media("document", "text/plain"))
    assert talk.model.seen[0][0].text.endswith(files.TOO_LARGE)


def several(*sizes: int) -> list[dict[str, Any]]:
    """Documents of one turn, of these sizes."""
    return [media("document", "text/plain", size=size) for size in sizes]


async def test_five_files_a_turn(talk: Talk, gateway: Any) -> None:
    asked = gateway(b"Oi")
    talk.model.prepare("ok")
    await talk.turn("t1", *several(2, 2, 2, 2, 2, 2, 2))
    assert len(asked) == 5
    told = [files.TOO_MANY in message.text for message in talk.model.seen[0]]
    assert told == [False] * 5 + [True] * 2


async def test_so_many_bytes_a_turn(talk: Talk, gateway: Any, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FILE_BYTES_PER_TURN", "10")
    asked = gateway(b"seis..")
    talk.model.prepare("ok")
    await talk.turn("t1", *several(6, 6, 4))
    assert len(asked) == 2
    told = [files.TOO_LARGE in message.text for message in talk.model.seen[0]]
    assert told == [False, True, True]  # the third said that it had 4, and has 6


async def test_after_a_bomb_no_other_file_of_the_turn_is_opened(
    talk: Talk, gateway: Any, environment: pytest.MonkeyPatch
) -> None:
    ends = (sys.executable, "-c", "raise SystemExit(1)")  # as at its bounds
    environment.setattr(files, "Reader", partial(Reader, command=ends))
    asked = gateway(b"Oi")
    talk.model.prepare("ok")
    await talk.turn("t1", *several(2, 2), "e o pedido?")
    assert len(asked) == 1
    [first, second, words] = [message.text for message in talk.model.seen[0]]
    assert (files.NOT_READ in first, files.TOO_MANY in second, words) == (True, True, "e o pedido?")


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
