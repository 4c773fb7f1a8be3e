"""Reported cases (tests/cases), from the model's answer or the customer's file to the result on the other side."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.whatsapp.messages.compose import prepare
from gateway.whatsapp.messages.messages import Text
from graph.server.gateway_client import GatewayClient
from graph.settings import settings
from graph.turn import files as understand
from tests.gateway.whatsapp.test_markdown import read_on_the_phone
from tests.graph.support.model_server import ModelServer, say
from tests.graph.support.talk import Talk, inbound

TESTS = Path(__file__).parents[1]
CASES = TESTS / "cases"
BLOCK = re.compile(r"```[\s\S]+?```|`[^`\n]+`")  # as the phone page knows one


def answers(case: str) -> list[str]:
    return (CASES / case).read_text().split("\n---\n")


def characters(text: str) -> Counter[str]:
    return Counter(character for character in text if character.isalnum())


async def sent(talk: Talk, server: ModelServer, answer: str) -> str:
    """Return the messages for WhatsApp when the model gives this answer."""
    server.script = lambda _: say(answer)
    output = await talk.turn("t1", "Oi")
    parts = [part for reply in output["replies"] for part in prepare(reply)]
    assert all(isinstance(part, Text) for part in parts)
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def test_every_case_has_a_test() -> None:
    said = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    assert [path.name for path in sorted(CASES.iterdir()) if path.stem not in said] == []


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        *zip(
            answers("P09_single_line_fence.txt"),
            [
                "`BR123456789` é o seu código. Pague até amanhã.",
                "Aqui está o seu código:\n`BR123456789`\nO prazo de entrega é de 3 dias úteis.",
                "```\nCódigo: BR123456789\nPrazo: 3 dias\n```\nAté logo!",
            ],
            strict=True,
        ),
        *zip(
            answers("O_text_after_closing_fence.txt"),
            ["Copie o código:\n```\nBR123456789\n```\nDepois disso, ligue para a loja: é obrigatório."],
            strict=True,
        ),
    ],
)
async def test_no_letter_or_digit_of_an_answer_with_code_is_lost(
    http_talk: Talk, model_server: ModelServer, answer: str, read: str
) -> None:
    text = await sent(http_talk, model_server, answer)
    assert text == read
    assert characters(text) == characters(answer)
    assert "`" not in BLOCK.sub("", text)  # every mark belongs to a block with something in it


async def test_no_stray_stars_reach_the_phone(http_talk: Talk, model_server: ModelServer) -> None:
    [answer] = answers("P11_bold_then_letter.txt")
    text = await sent(http_talk, model_server, answer)
    assert read_on_the_phone(text)[0].split() == answer.replace("**", "").split()


@pytest.fixture
def file(environment: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`file(case)`: what the gateway gives for any file."""

    def serve(case: str) -> None:
        settings.cache_clear()
        transport = httpx.MockTransport(lambda _: httpx.Response(200, content=(CASES / case).read_bytes()))
        stand_in = GatewayClient(settings(), transport)
        environment.setattr(understand, "gateway", lambda: stand_in)

    return serve


@pytest.mark.parametrize("mime_type", ["text/csv", "text/plain"])
async def test_a_file_in_windows_1252_arrives(
    http_talk: Talk, model_server: ModelServer, file: Callable[[str], None], mime_type: str
) -> None:
    file("P22_cp1252.csv")
    media: dict[str, Any] = {"id": "m1", "mime_type": mime_type, "status": "stored", "filename": "preços.csv"}
    await http_talk.turn("t1", inbound("", kind="document", media=media))
    read = model_server.requests[-1]["messages"][-1]["content"]
    assert "Produto;Preço\nArmação azul;R$ 289,90\nLente à vista – “ótima”;R$ 100" in read
