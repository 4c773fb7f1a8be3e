import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.errors import InvalidMessage, Permanent
from gateway.whatsapp.messages import caps
from gateway.whatsapp.messages.compose import split
from gateway.whatsapp.messages.messages import Media, Text, as_reply, message
from tests.gateway.support.payloads import payloads

TO = "5511987654321"


def body(reply):
    """Return the one payload of a reply, without its envelope."""
    [payload] = payloads(reply, to=TO)
    return payload[payload["type"]]


def buttons(count=1, key="1", title="Sim", **more):
    made = [{"id": f"{key[: len(key) - 1]}{n}", "title": f"{title[: len(title) - 1]}{n}"} for n in range(count)]
    return {"type": "buttons", "body": "Confirma?", "buttons": made, **more}


def row(n=0, **more):
    return {"id": f"r{n}", "title": "Pedidos", **more}


def choices(rows=None, **more):
    sections = [{"title": "", "rows": rows if rows is not None else [row()]}]
    return {"type": "list", "body": "Escolha", "button": "Ver", "sections": sections, **more}


def cta(**more):
    return {"type": "cta_url", "body": "Veja", "text": "Abrir", "url": "https://svlentes.com.br", **more}


def flow(**more):
    return {"type": "flow", "body": "Receita", "flow_id": "1", "cta": "Abrir", **more}


def image(**more):
    return {"type": "media", "kind": "image", "link": "https://x.y/z.jpg", **more}


def x(length):
    return "x" * length


def test_text_with_everything_around_it():
    [payload] = payloads({"type": "text", "text": "oi"}, to=TO, context="wamid.A", callback="ours")
    assert payload == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+5511987654321",
        "biz_opaque_callback_data": "ours",
        "type": "text",
        "text": {"body": "oi", "preview_url": False},
        "context": {"message_id": "wamid.A"},
    }


def test_a_preview_is_shown_where_there_is_a_link():
    assert body({"type": "text", "text": "veja https://x.y"})["preview_url"] is True
    assert body({"type": "text", "text": "veja https://x.y", "preview": False})["preview_url"] is False


def test_a_business_scoped_id_is_a_recipient():
    [payload] = payloads({"type": "text", "text": "oi"}, recipient="BR.123")
    assert payload["recipient"] == "BR.123"
    assert "to" not in payload


@pytest.mark.parametrize("to", ["5511987654321", "+5511987654321"])
def test_a_number_goes_out_with_its_plus(to):
    assert payloads(Text(text="oi"), to=to)[0]["to"] == "+5511987654321"


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"to": ""},
        {"to": "abc"},
        {"to": "011"},
        {"to": "+55 11"},
        {"recipient": ""},
        {"to": TO, "recipient": "BR.1"},
    ],
)
def test_an_address_must_be_one_and_whole(address):
    with pytest.raises(InvalidMessage):
        payloads(Text(text="oi"), **address)


def test_every_type():
    assert body(buttons(2, header="H", footer="F")) == {
        "type": "button",
        "header": {"type": "text", "text": "H"},
        "body": {"text": "Confirma?"},
        "footer": {"text": "F"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "0", "title": "Si0"}},
                {"type": "reply", "reply": {"id": "1", "title": "Si1"}},
            ]
        },
    }
    assert body(choices([row(description="Onde está")])) == {
        "type": "list",
        "body": {"text": "Escolha"},
        "action": {
            "button": "Ver",
            "sections": [{"rows": [{"id": "r0", "title": "Pedidos", "description": "Onde está"}]}],
        },
    }
    assert body(image(caption="veja")) == {"link": "https://x.y/z.jpg", "caption": "veja"}
    document = {"type": "media", "kind": "document", "media_id": "9", "filename": "nota.pdf"}
    assert body(document) == {"id": "9", "filename": "nota.pdf"}
    assert body(image(filename="foto.jpg")) == {"link": "https://x.y/z.jpg"}
    place = {"type": "location", "latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Av. Paulista"}
    assert body(place) == {"latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Av. Paulista"}
    card = {"name": {"formatted_name": "SVLentes"}, "phones": [{"phone": "+55 11 3000-0000"}]}
    assert body({"type": "contacts", "contacts": [card]}) == [card]
    assert body({"type": "reaction", "message_id": "wamid.A", "emoji": "👀"}) == {
        "message_id": "wamid.A",
        "emoji": "👀",
    }
    assert body({"type": "reaction", "message_id": "wamid.A", "emoji": ""})["emoji"] == ""
    assert body({"type": "template", "name": "pedido", "language": "pt_BR"}) == {
        "name": "pedido",
        "language": {"code": "pt_BR"},
    }
    assert body(cta()) == {
        "type": "cta_url",
        "body": {"text": "Veja"},
        "action": {"name": "cta_url", "parameters": {"display_text": "Abrir", "url": "https://svlentes.com.br"}},
    }
    assert body(flow(screen="START", data={"a": 1}))["action"] == {
        "name": "flow",
        "parameters": {
            "flow_message_version": "3",
            "flow_id": "1",
            "flow_cta": "Abrir",
            "flow_action": "navigate",
            "flow_action_payload": {"screen": "START", "data": {"a": 1}},
        },
    }
    assert "data" not in body(flow(screen="START", data={}))["action"]["parameters"]["flow_action_payload"]


def test_a_reply_answers_what_it_says_and_a_reaction_nothing():
    assert (
        payloads({"type": "text", "text": "oi", "reply_to": "wamid.A"}, to=TO)[0]["context"]["message_id"] == "wamid.A"
    )
    reaction = {"type": "reaction", "message_id": "wamid.A", "emoji": "👀", "reply_to": "wamid.A"}
    assert "context" not in payloads(reaction, to=TO)[0]


# Each limit: the field in the error, the limit, and a reply whose field has a given size.
LIMITS = [
    ("biz_opaque_callback_data", caps.CALLBACK_DATA, None),
    ("interactive.action.buttons", caps.BUTTONS, buttons),
    ("interactive.action.buttons.0.title", caps.BUTTON_TITLE, lambda n: buttons(1, title=x(n))),
    ("interactive.action.buttons.0.id", caps.BUTTON_ID, lambda n: buttons(1, key=x(n))),
    ("interactive.header.text", caps.HEADER, lambda n: buttons(header=x(n))),
    ("interactive.footer.text", caps.FOOTER, lambda n: buttons(footer=x(n))),
    ("interactive.action.button", caps.LIST_BUTTON, lambda n: choices(button=x(n))),
    ("interactive.action.sections.rows", caps.LIST_ROWS, lambda n: choices([row(i) for i in range(n)])),
    (
        "interactive.action.sections",
        caps.LIST_SECTIONS,
        lambda n: choices(sections=[{"title": "T", "rows": [row(i)]} for i in range(n)]),
    ),
    (
        "interactive.action.sections.0.title",
        caps.SECTION_TITLE,
        lambda n: choices(sections=[{"title": x(n), "rows": [row()]}]),
    ),
    ("interactive.action.sections.0.rows.0.title", caps.ROW_TITLE, lambda n: choices([row(title=x(n))])),
    (
        "interactive.action.sections.0.rows.0.description",
        caps.ROW_DESCRIPTION,
        lambda n: choices([row(description=x(n))]),
    ),
    ("interactive.action.sections.0.rows.0.id", caps.ROW_ID, lambda n: choices([row(id=x(n))])),
    ("interactive.action.parameters.display_text", caps.CTA_TEXT, lambda n: cta(text=x(n))),
    ("interactive.action.parameters.flow_cta", caps.FLOW_CTA, lambda n: flow(cta=x(n))),
    (
        "contacts",
        caps.CONTACTS,
        lambda n: {"type": "contacts", "contacts": [{"name": {"formatted_name": "A"}}] * n},
    ),
    (
        "template.name",
        caps.TEMPLATE_NAME,
        lambda n: {"type": "template", "name": x(n), "language": "pt_BR"},
    ),
    (
        "template.components.button",
        caps.TEMPLATE_BUTTONS,
        lambda n: {"type": "template", "name": "a", "language": "pt_BR", "components": [{"type": "button"}] * n},
    ),
]


@pytest.mark.parametrize(("field", "limit", "reply"), LIMITS, ids=[field for field, *_ in LIMITS])
def test_both_sides_of_each_limit(field, limit, reply):
    def rendered(size):
        if reply is None:
            return payloads(Text(text="oi"), to=TO, callback=x(size))
        return payloads(reply(size), to=TO)

    assert len(rendered(limit)) == 1
    with pytest.raises(InvalidMessage) as caught:
        rendered(limit + 1)
    assert (caught.value.field, caught.value.limit, caught.value.length) == (field, limit, limit + 1)
    assert field in str(caught.value)
    assert str(limit) in str(caught.value)
    assert str(limit + 1) in str(caught.value)
    assert "xx" not in str(caught.value)
    assert isinstance(caught.value, Permanent)


@pytest.mark.parametrize(
    ("reply", "limit", "field"),
    [
        ({"type": "text", "text": "x"}, caps.TEXT_BODY, "text"),
        (buttons(), caps.BUTTONS_BODY, "body"),
        (choices(), caps.LIST_BODY, "body"),
        (cta(), caps.CTA_BODY, "body"),
        (flow(), caps.FLOW_BODY, "body"),
        (image(), caps.CAPTION, "caption"),
    ],
)
def test_a_body_at_its_limit_is_one_message_and_over_it_two(reply, limit, field):
    assert len(payloads({**reply, field: x(limit)}, to=TO)) == 1
    sent = payloads({**reply, field: x(limit + 1)}, to=TO, context="wamid.A", callback="ours")
    assert len(sent) == 2
    assert [payload.get("context") for payload in sent] == [{"message_id": "wamid.A"}, None]
    assert [payload["biz_opaque_callback_data"] for payload in sent] == ["ours", "ours"]


def test_long_bodies_come_before_their_buttons_and_long_captions_after_their_media():
    before, last = split(buttons(body="a" * 1000 + ". " + "b" * 100, reply_to="wamid.A"))
    assert before == Text(text="a" * 1000 + ".", reply_to="wamid.A")
    assert (last.body, last.reply_to, len(last.buttons)) == ("b" * 100, None, 1)
    first, after = split(image(caption="a" * 1000 + ". " + "b" * 100, reply_to="wamid.A"))
    assert (first.caption, first.reply_to) == ("a" * 1000 + ".", "wamid.A")
    assert after == Text(text="b" * 100)


@pytest.mark.parametrize("kind", ["audio", "sticker"])
def test_what_cannot_have_a_caption_is_followed_by_it(kind):
    assert split({"type": "media", "kind": kind, "media_id": "1", "caption": "ouça"}) == [
        Media(kind=kind, media_id="1"),
        Text(text="ouça"),
    ]


@given(st.text(min_size=1, max_size=12000).filter(lambda text: text.strip("\0 \n\t")))
def test_no_text_breaks_a_limit(text):
    for payload in payloads({"type": "text", "text": text}, to=TO) if text.replace("\0", "").strip() else []:
        assert 0 < len(payload["text"]["body"]) <= caps.TEXT_BODY
        assert "\0" not in payload["text"]["body"]


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"type": "song"},
        {"type": "text"},
        {"type": "text", "text": ""},
        {"type": "text", "text": " \n"},
        {"type": "text", "text": "\0"},
        {"type": "text", "text": 7},
        buttons(0),
        {**buttons(), "buttons": [{"id": "1", "title": "A"}, {"id": "1", "title": "B"}]},
        {**buttons(), "buttons": [{"id": "1", "title": "A"}, {"id": "2", "title": "A"}]},
        {**buttons(), "buttons": [{"id": "", "title": "A"}]},
        buttons(body=""),
        choices([]),
        choices(sections=[]),
        choices([row(), row()]),
        choices(sections=[{"title": "", "rows": [row(0)]}, {"title": "B", "rows": [row(1)]}]),
        {"type": "media", "kind": "image"},
        {"type": "media", "kind": "image", "link": "https://x.y", "media_id": "1"},
        {"type": "media", "kind": "image", "link": "file:///etc/passwd"},
        {"type": "media", "kind": "hologram", "media_id": "1"},
        {"type": "location", "latitude": 90.1, "longitude": 0},
        {"type": "location", "latitude": 0, "longitude": -180.1},
        {"type": "location", "latitude": float("nan"), "longitude": 0},
        {"type": "contacts", "contacts": []},
        {"type": "contacts", "contacts": [{"name": {}}]},
        {"type": "reaction", "message_id": "", "emoji": "👀"},
        {"type": "template", "name": "", "language": "pt_BR"},
        {"type": "template", "name": "a", "language": ""},
        cta(url="svlentes.com.br"),
        flow(flow_id=""),
    ],
)
def test_what_whatsapp_would_refuse_is_refused_here(reply):
    with pytest.raises(InvalidMessage) as caught:
        payloads(reply, to=TO)
    assert caught.value.field


def test_an_error_never_quotes_the_message():
    with pytest.raises(InvalidMessage) as caught:
        message({"type": "text", "text": {"segredo": 1}})
    assert "segredo" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    with pytest.raises(InvalidMessage) as caught:
        message({"type": "segredo"})
    assert "segredo" not in str(caught.value)


@pytest.mark.parametrize("reply", [buttons(2), choices(), image(), cta(), flow(), {"type": "text", "text": "oi"}])
def test_a_message_survives_as_a_reply(reply):
    assert message(as_reply(message(reply))) == message(reply)


def test_nul_and_lone_surrogates_do_not_reach_the_phone():
    assert body({"type": "text", "text": "a\0b\ud800c"})["body"] == "ab\ufffdc"
    assert body(Text(text="a\0b\ud800c"))["body"] == "ab\ufffdc"


def test_line_breaks_in_raw_components_of_a_template_never_reach_meta():
    raw = [
        {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]},
        {"type": "body", "parameters": [{"type": "text", "parameter_name": "order", "text": " a\n\tb      c\r\nd "}]},
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{"type": "payload", "payload": "x"}],
        },
        {"type": "footer"},
    ]
    [payload] = payloads({"type": "template", "name": "n", "language": "pt_BR", "components": raw}, to="5511987654321")
    header, body, button, footer = payload["template"]["components"]
    assert body["parameters"] == [{"type": "text", "parameter_name": "order", "text": "a b c d"}]
    assert (header, button, footer) == (raw[0], raw[2], raw[3])


@pytest.mark.parametrize("given", [{"type": "text"}, {"type": "text", "text": 7}, {"type": "text", "text": " \n "}])
def test_a_parameter_without_text_is_refused_by_place(given):
    raw = [{"type": "body", "parameters": [given]}]
    with pytest.raises(InvalidMessage, match=r"template\.body\.1"):
        payloads({"type": "template", "name": "n", "language": "pt_BR", "components": raw}, to="5511987654321")
