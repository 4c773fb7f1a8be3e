import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from graph.contract.compose import choice, dump, options_of, split, text_replies
from graph.contract.replies import REPLY, ButtonsReply, ListReply

BUTTON = {"id": "yes", "title": "Sim"}
ROW = {"id": "1", "title": "Óculos"}

GOOD: list[dict[str, Any]] = [
    {"type": "text", "text": "x" * 4096, "reply_to": "wamid.1"},
    {"type": "buttons", "body": "x" * 1024, "buttons": [BUTTON, {"id": "no", "title": "x" * 20}], "footer": "x" * 60},
    {"type": "list", "body": "x", "button": "Ver", "sections": [{"title": "x" * 24, "rows": [ROW]}], "header": "h"},
    {"type": "media", "kind": "document", "link": "https://example.com/a.pdf", "filename": "a.pdf"},
    {"type": "media", "kind": "image", "media_id": "7", "caption": "x" * 1024},
    {"type": "location", "latitude": -23.5, "longitude": -46.6, "name": "Loja"},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "Loja"}}] * 5},
    {"type": "template", "name": "order_update", "language": "pt_BR", "components": []},
    {"type": "reaction", "emoji": "👍", "message_id": "wamid.1"},
    {"type": "cta_url", "body": "Veja", "text": "Abrir", "url": "https://example.com"},
    {"type": "flow", "body": "Agende", "flow_id": "1", "cta": "Agendar", "data": {"a": 1}},
    {"type": "contact_request", "body": "x" * 1024},
]

BAD: list[dict[str, Any]] = [
    {"type": "text", "text": ""},
    {"type": "text", "text": "x" * 10_001},
    {"type": "text", "text": "x", "colour": "red"},
    {"type": "voice", "text": "x"},
    {"type": "buttons", "body": "x", "buttons": []},
    {"type": "buttons", "body": "x", "buttons": [{"id": str(n), "title": "x"} for n in range(4)]},
    {"type": "buttons", "body": "x", "buttons": [BUTTON, BUTTON]},
    {"type": "buttons", "body": "x" * 1025, "buttons": [BUTTON]},
    {"type": "buttons", "body": "x", "buttons": [{"id": "x" * 257, "title": "x"}]},
    {"type": "buttons", "body": "x", "buttons": [{"id": "x", "title": "x" * 21}]},
    {"type": "buttons", "body": "x", "buttons": [BUTTON], "header": "x" * 61},
    {"type": "list", "body": "x", "button": "x" * 21, "sections": [{"title": "x", "rows": [ROW]}]},
    {"type": "list", "body": "x", "button": "x", "sections": [{"title": "x", "rows": [ROW, ROW]}]},
    {"type": "list", "body": "x", "button": "x", "sections": [{"title": "x" * 25, "rows": [ROW]}]},
    {"type": "list", "body": "x", "button": "x", "sections": [{"title": "x", "rows": [ROW | {"id": "x" * 201}]}]},
    {
        "type": "list",
        "body": "x",
        "button": "x",
        "sections": [{"title": "x", "rows": [ROW | {"description": "x" * 73}]}],
    },
    {
        "type": "list",
        "body": "x",
        "button": "x",
        "sections": [{"title": "x", "rows": [{"id": f"{s}.{n}", "title": "x"} for n in range(6)]} for s in range(2)],
    },
    {"type": "media", "kind": "image"},
    {"type": "media", "kind": "image", "link": "https://example.com", "media_id": "7"},
    {"type": "media", "kind": "image", "media_id": "7", "caption": "x" * 1025},
    {"type": "location", "latitude": 91, "longitude": 0},
    {"type": "contacts", "contacts": [{}] * 6},
    {"type": "template", "name": "x" * 513, "language": "pt_BR"},
    {"type": "cta_url", "body": "x", "text": "x" * 21, "url": "https://example.com"},
]


@pytest.mark.parametrize("reply", GOOD, ids=lambda reply: reply["type"])
def test_a_reply_within_the_limits_survives_unchanged(reply: dict[str, Any]) -> None:
    assert dump([REPLY.validate_python(reply)]) == [reply]


@pytest.mark.parametrize("reply", BAD)
def test_a_reply_beyond_the_limits_is_refused(reply: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REPLY.validate_python(reply)


@given(st.text(alphabet=st.sampled_from("ab .!?\n😀"), max_size=400), st.integers(min_value=1, max_value=50))
def test_parts_fit_and_lose_only_white_space_at_the_cuts(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aaaa bbbb", ["aaaa", "bbbb"]),
        ("aaa.\n\nbb cc", ["aaa.", "bb cc"]),
        ("a. b. c. dd", ["a. b. c.", "dd"]),
        ("aa\nbbbb ccc", ["aa\nbbbb", "ccc"]),
        ("abcdefghijkl", ["abcdefghi", "jkl"]),
        ("  ", []),
    ],
)
def test_the_cut_prefers_paragraphs_then_sentences_then_words(text: str, parts: list[str]) -> None:
    assert split(text, 9) == parts or len(text) <= 9


O_ASK_CHOICE = json.loads((Path(__file__).parents[2] / "cases/O_ask_choice.json").read_text())


def test_choices_that_look_alike_when_cut_are_numbered_and_whole_below() -> None:
    asked = choice(O_ASK_CHOICE["question"], options_of(O_ASK_CHOICE["options"]), "Ver", "Opções")
    assert isinstance(asked, ListReply)
    rows = asked.sections[0].rows
    assert [row.title for row in rows] == [f"{number}. Lente de contato tór…" for number in (1, 2, 3)]
    assert [row.description for row in rows] == O_ASK_CHOICE["options"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["Sim", "**Sim**", "sim "], ["Sim"]),
        (["*Azul*", "Verde\nclaro"], ["Azul", "Verde claro"]),
        (["*", "👍", "👎"], ["👍", "👎"]),
        (["[Sim](https://example.com)", "Não"], ["Sim", "Não"]),
        (["b", "A", "a", "c", "B"], ["b", "A", "c"]),
    ],
)
def test_options_are_what_a_phone_shows_each_once(given: list[str], shown: list[str]) -> None:
    assert options_of(given) == shown


@given(st.lists(st.text(min_size=1, max_size=72), min_size=2, max_size=10))
def test_whatever_the_options_are_a_customer_can_tell_them_apart(options: list[str]) -> None:
    distinct = options_of(options)
    if len(distinct) < 2:
        return
    asked = choice("Qual?", distinct, "Ver", "Opções")
    titles = (
        [button.title for button in asked.buttons]
        if isinstance(asked, ButtonsReply)
        else [row.title for section in asked.sections for row in section.rows]
    )
    assert len({title.casefold() for title in titles}) == len(distinct)


def test_a_blank_text_gives_no_reply() -> None:
    assert text_replies(" \n") == []
