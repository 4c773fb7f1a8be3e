from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.contract.state import Inbound
from graph.history.descriptions import describe
from graph.history.words import clean


@given(st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x10FFFF)))
def test_clean_text_can_be_stored_and_sent(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("a\0b", "ab"), ("\ud83d", "\ufffd"), ("\ud83d\ude00", "😀"), ("x\udfff😀", "x\ufffd😀"), ("עברית", "עברית")],
)
def test_clean_keeps_what_is_good(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"kind": "text", "text": " Oi "}, "Oi"),
        ({"kind": "text", "text": None}, "[mensagem vazia]"),
        ({"kind": "text", "text": "Sim", "context": {"text": "Confirma?"}}, "[em resposta a: Confirma?]\nSim"),
        ({"kind": "button", "text": "Quero"}, "Quero"),
        ({"kind": "image", "text": "Meus óculos", "media": {"id": "1"}}, "[imagem] Meus óculos"),
        ({"kind": "document", "media": {"id": "1", "filename": "receita.pdf"}}, "[documento: receita.pdf]"),
        ({"kind": "audio", "media": {"id": "1", "voice": True}}, "[áudio]"),
        ({"kind": "interactive", "interactive": {"id": "choice:1", "title": "Sim"}}, "Sim"),
        ({"kind": "interactive", "text": "Sim", "interactive": {"id": "choice:1", "title": "Sim"}}, "Sim"),
        ({"kind": "location", "location": {"latitude": 1, "longitude": 2}}, "[localização: (1.0, 2.0)]"),
        (
            {"kind": "location", "location": {"latitude": 1, "longitude": 2, "name": "Casa", "address": "Rua A"}},
            "[localização: Casa, Rua A (1.0, 2.0)]",
        ),
        ({"kind": "location", "location": {"latitude": "here"}}, "[localização]"),
        ({"kind": "contacts", "contacts": [{}, {}]}, "[contatos enviados: 2]"),
        ({"kind": "reaction", "reaction": {"message_id": "w", "emoji": "👍"}}, "[reagiu com 👍]"),
        ({"kind": "reaction", "reaction": {"message_id": "w", "emoji": ""}}, "[retirou a reação]"),
        ({"kind": "order", "order": {}}, "[pedido feito pelo catálogo]"),
        ({"kind": "hologram"}, "[mensagem de um tipo que não é possível ler aqui]"),
    ],
)
def test_every_kind_is_described(message: dict[str, Any], text: str) -> None:
    assert describe(Inbound.model_validate({"id": "wamid.1", **message})) == text


DETAILS = ("media", "interactive", "location", "contacts", "reaction", "order", "context")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    st.fixed_dictionaries(
        {"id": st.just("wamid.1"), "kind": st.text(max_size=9)},
        optional=dict.fromkeys(DETAILS, json_values),
    )
)
def test_a_detail_that_cannot_be_read_costs_nothing_else(message: dict[str, Any]) -> None:
    assert describe(Inbound.model_validate({**message, "text": "Oi"})).endswith("Oi")
