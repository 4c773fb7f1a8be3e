"""The contract of every sendable type: correct ones are accepted, wrong ones are refused in Meta's words.

The requests come from a raw client, and from the gateway's library with everything that it can write.
"""

import copy

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.api.client import CloudApi
from gateway.whatsapp.api.media import MediaApi
from gateway.whatsapp.errors import PairLimited, TemplateError, Temporary
from gateway.whatsapp.messages import messages as out
from gateway.whatsapp.messages.templates import header_media, quick_reply, template, url_button
from simulator.meta.errors import GraphError
from simulator.meta.messages.sends import parse_send
from tests.gateway.support.payloads import payloads

MARIA, WABA = "5511987654321", "200000000000002"
WAMID = "wamid.before"

BUTTON = {"type": "reply", "reply": {"id": "sim", "title": "Sim"}}
ROW = {"id": "r1", "title": "Vendas", "description": "Óculos e lentes"}
RIGHT = {
    "text": {"text": {"body": "Oi https://example.org", "preview_url": True}},
    "reaction": {"reaction": {"message_id": WAMID, "emoji": "👍"}},
    "reaction taken back": {"type": "reaction", "reaction": {"message_id": WAMID, "emoji": ""}},
    "image": {"image": {"link": "https://example.org/a.jpg", "caption": "c" * 1024}},
    "audio": {"audio": {"link": "https://example.org/a.ogg", "voice": True}},
    "video": {"video": {"link": "https://example.org/a.mp4"}},
    "document": {"document": {"link": "https://example.org/a.pdf", "filename": "a.pdf", "caption": "nota"}},
    "sticker": {"sticker": {"link": "https://example.org/a.webp"}},
    "location": {"location": {"latitude": "-23.5", "longitude": -46.6, "name": "Loja", "address": "Rua A, 1"}},
    "contacts": {"contacts": [{"name": {"formatted_name": "Ana", "first_name": "Ana"}, "phones": [{"phone": "+551"}]}]},
    "button": {
        "type": "interactive",
        "interactive": {
            "type": "button",
            "header": {"type": "image", "image": {"link": "https://example.org/a.jpg"}},
            "body": {"text": "b" * 1024},
            "footer": {"text": "f" * 60},
            "action": {"buttons": [BUTTON]},
        },
    },
    "list": {
        "type": "interactive",
        "interactive": {
            "type": "list",
            "header": {"type": "text", "text": "h"},
            "body": {"text": "b" * 4096},
            "action": {"button": "Escolher", "sections": [{"rows": [ROW]}]},
        },
    },
    "cta_url": {
        "type": "interactive",
        "interactive": {
            "type": "cta_url",
            "body": {"text": "Veja"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Abrir", "url": "https://example.org"}},
        },
    },
    "flow": {
        "type": "interactive",
        "interactive": {
            "type": "flow",
            "body": {"text": "Preencha"},
            "action": {
                "name": "flow",
                "parameters": {
                    "flow_message_version": "3",
                    "flow_id": "1",
                    "flow_cta": "Abrir",
                    "flow_action": "navigate",
                    "flow_action_payload": {"screen": "S", "data": {"a": 1}},
                },
            },
        },
    },
    "location request": {
        "type": "interactive",
        "interactive": {
            "type": "location_request_message",
            "body": {"text": "Onde você está?"},
            "action": {"name": "send_location"},
        },
    },
    "product": {
        "type": "interactive",
        "interactive": {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "2"}},
    },
    "template": {"template": {"name": "hello_world", "language": {"code": "en_US"}}},
}

# For each: the correct case, the path and the wrong value, and the code. `...` removes the value.
WRONG = [
    ("text", "text.body", ..., 131008),
    ("text", "text.body", "x" * 4097, 100),
    ("text", "text.surprise", 1, 100),
    ("text", "recipient_type", "everybody", 131009),
    ("text", "context", {}, 131008),
    ("reaction", "reaction.message_id", ..., 131008),
    ("reaction", "reaction.emoji", ..., 131008),
    ("image", "image.caption", "c" * 1025, 100),
    ("image", "image.id", "1", 131009),
    ("image", "image.link", ..., 131009),
    ("image", "image.link", "file:///etc/passwd", 131009),
    ("image", "image.filename", "a.jpg", 100),
    ("audio", "audio.caption", "não", 100),
    ("sticker", "sticker.caption", "não", 100),
    ("document", "document.filename", 7, 100),
    ("location", "location.latitude", 91, 131009),
    ("location", "location.longitude", ..., 131008),
    ("contacts", "contacts", {}, 131008),
    ("contacts", "contacts", [], 131009),
    ("contacts", "contacts.0.name", ..., 131008),
    ("contacts", "contacts.0.name.first_name", ..., 131009),
    ("button", "interactive.type", ..., 131008),
    ("button", "interactive.type", "buttons", 131009),
    ("button", "interactive.body.text", "b" * 1025, 131009),
    ("button", "interactive.body", ..., 131008),
    ("button", "interactive.footer.text", "f" * 61, 131009),
    ("button", "interactive.header.text", "both", 131009),
    ("button", "interactive.action.buttons", [], 131009),
    ("button", "interactive.action.buttons", [BUTTON] * 4, 131009),
    ("button", "interactive.action.buttons", [BUTTON] * 2, 131009),
    ("button", "interactive.action.buttons.0.reply.title", "t" * 21, 131009),
    ("button", "interactive.action.buttons.0.reply.title", "", 131009),
    ("button", "interactive.action.buttons.0.reply.id", "i" * 257, 131009),
    ("list", "interactive.action.button", "b" * 21, 131009),
    ("list", "interactive.action.sections", [{"rows": [ROW]}, {"rows": [ROW | {"id": "r2"}]}], 131009),
    ("list", "interactive.action.sections.0.rows", [ROW | {"id": str(n)} for n in range(11)], 131009),
    ("list", "interactive.action.sections.0.rows", [ROW, ROW], 131009),
    ("list", "interactive.action.sections.0.rows.0.title", "t" * 25, 131009),
    ("list", "interactive.action.sections.0.rows.0.description", "d" * 73, 131009),
    ("list", "interactive.action.sections.0.rows.0.id", "i" * 201, 131009),
    ("list", "interactive.header.type", "image", 131009),
    ("cta_url", "interactive.action.parameters.display_text", "t" * 21, 131009),
    ("cta_url", "interactive.action.parameters.url", "example.org", 131009),
    ("flow", "interactive.action.parameters.flow_id", ..., 131009),
    ("flow", "interactive.action.parameters.flow_action_payload.data", {}, 131009),
    ("flow", "interactive.action.parameters.flow_message_version", "2", 131009),
    ("location request", "interactive.action.name", "locate", 131009),
    ("product", "interactive.action.catalog_id", ..., 131008),
    ("template", "template.name", ..., 131008),
    ("template", "template.name", "bom_dia", 132001),
    ("template", "template.language.code", "pt_BR", 132001),
    ("template", "template.language", "en_US", 131009),
    ("template", "template.components", [{"type": "body", "parameters": [{"type": "text", "text": "a"}]}], 132000),
    ("template", "template.components", [{"type": "button", "sub_type": "url", "index": "0"}], 132000),
]


def message(name, **more):
    kind = next(iter(RIGHT[name]))
    part = {"type": kind} if kind != "type" else {}
    return {"messaging_product": "whatsapp", "to": f"+{MARIA}", **part, **copy.deepcopy(RIGHT[name]), **more}


def put(body, path, value):
    """Return the body with a value set (or removed) at a path like `a.0.b`."""
    *holders, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = body
    for step in holders:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return body


@pytest.mark.parametrize("name", RIGHT)
def test_right_ones_are_taken(cloud, simulator, name) -> None:
    simulator.configure(rules={"links": "trust"})
    answer = cloud.post("/messages", json=message(name))
    assert answer.status_code == 200, answer.text
    shown = simulator.get("transcript")["messages"][-1]
    kind = shown["type"]
    assert (shown["direction"], shown["content"][kind]) == ("out", message(name)[kind])


@pytest.mark.parametrize(("name", "path", "value", "code"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_ones_are_refused(cloud, simulator, name, path, value, code) -> None:
    answer = cloud.post("/messages", json=put(message(name), path, value))
    error = answer.json()["error"]
    assert (error["code"], error["type"]) == (code, "OAuthException"), error
    assert answer.status_code == (404 if code == 132001 else 400)
    assert error["fbtrace_id"]
    assert simulator.get("transcript")["messages"] == []


paths = st.sampled_from([(name, path) for name, path, _, _ in WRONG])
junk = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2) | st.just({})


@given(paths, junk)
def test_junk_anywhere_is_refused_or_taken_never_a_crash(where, value) -> None:
    name, path = where
    codes = set()
    try:
        parse_send(put(message(name), path, value))
    except GraphError as error:
        codes.add(error.code)
    assert codes <= {100, 131008, 131009}


PARTS = [
    out.Text(text="Olá! https://example.org"),
    out.Text(text="parágrafo. " * 900),
    out.Buttons(body="Certo?", buttons=[out.Button(id="1", title="Sim"), out.Button(id="2", title="Não")], footer="f"),
    out.Choices(body="Onde?", button="Ver", sections=[out.Section(title="A", rows=[out.Row(id="1", title="Um")])]),
    out.Media(kind="document", link="https://example.org/a.pdf", filename="a.pdf", caption="nota"),
    out.Location(latitude=-23.5, longitude=-46.6, name="Loja"),
    out.Contacts(contacts=[{"name": {"formatted_name": "Ana", "first_name": "Ana"}}]),
    out.Template(name="hello_world", language="en_US"),
    out.Reaction(emoji="👀", message_id=WAMID),
    out.CtaUrl(body="Veja", text="Abrir", url="https://example.org", header="h"),
    out.Flow(body="Preencha", flow_id="1", cta="Abrir", screen="S", data={"a": 1}, token="t"),
]


@pytest.fixture
async def api(simulator):
    async with httpx.AsyncClient(trust_env=False) as http:
        yield CloudApi(http, access_token=simulator.access_token, base_url=simulator.url)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
async def test_what_the_gateways_library_writes_is_taken(simulator, api, part) -> None:
    simulator.configure(rules={"links": "trust"})
    bodies = payloads(part, to=MARIA, callback="ours", context=WAMID)
    sent = [await api.send(simulator.phone_number_id, payload) for payload in bodies]
    assert [one.wa_id for one in sent] == [MARIA] * len(bodies)
    shown = [one for one in simulator.get("transcript")["messages"] if one["direction"] == "out"]
    assert [one["id"] for one in shown] == [one.wamid for one in sent]
    assert {one["biz_opaque_callback_data"] for one in shown} == {"ours"}


async def test_media_by_id_goes_the_whole_way(simulator, api) -> None:
    media = MediaApi(api, [simulator.url])
    media_id = await media.upload(simulator.phone_number_id, b"\x89PNG small", "image/png", "a.png")
    [payload] = payloads(out.Media(kind="image", media_id=media_id, caption="veja"), to=MARIA)
    await api.send(simulator.phone_number_id, payload)
    shown = simulator.get("transcript")["messages"][-1]
    assert simulator.control.get(shown["media_url"]).content == b"\x89PNG small"


COMPONENTS = [
    {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::x"]}},
    {"type": "BODY", "text": "Olá {{1}}, o pedido {{2}} saiu.", "example": {"body_text": [["Ana", "1"]]}},
    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Obrigada"},
                                    {"type": "URL", "text": "Ver", "url": "https://a.test/{{1}}", "example": ["1"]}]},
]  # fmt: skip


async def test_templates_are_filled_in_and_checked(simulator, api) -> None:
    named = [{"type": "BODY", "text": "Olá {{nome}}, tudo bem por aí?"}]
    made = [
        {"name": "saiu", "language": "pt_BR", "category": "UTILITY", "components": COMPONENTS},
        {"name": "ola", "language": "pt_BR", "category": "MARKETING", "components": named, "parameter_format": "NAMED"},
    ]
    ids = [one["id"] for one in simulator.post("templates", account_id=WABA, templates=made)["templates"]]
    image = header_media("image", link="https://example.org/a.png")
    buttons = [quick_reply(0, "grata"), url_button(1, "12345")]

    async def send(filled):
        [payload] = payloads(filled, to=MARIA)
        return await api.send(simulator.phone_number_id, payload)

    await send(template("saiu", "pt_BR", ["Maria", "12345"], header=image, buttons=buttons))
    rendered = simulator.get("transcript")["messages"][-1]["rendered"]
    assert rendered["body"] == "Olá Maria, o pedido 12345 saiu."
    assert [one.get("url") or one["payload"] for one in rendered["buttons"]] == ["grata", "https://a.test/12345"]
    await send(template("ola", "pt_BR", {"nome": "Maria"}))
    for wrong, code in [
        (template("saiu", "pt_BR", ["Maria"], header=image, buttons=buttons), 132000),
        (template("saiu", "pt_BR", ["Maria", "1"], buttons=buttons), 132012),
        (template("saiu", "pt_BR", ["Maria", "1" * 1100], header=image, buttons=buttons), 132005),
        (template("ola", "pt_BR", {"name": "Maria"}), 132000),
    ]:
        with pytest.raises(TemplateError) as refused:
            await send(wrong)
        assert refused.value.code == code
    for status, code in [("PAUSED", 132015), ("DISABLED", 132016), ("REJECTED", 132001)]:
        simulator.control.patch(f"/_sim/templates/{ids[1]}", json={"status": status}).raise_for_status()
        with pytest.raises(TemplateError) as refused:
            await send(template("ola", "pt_BR", {"nome": "Maria"}))
        assert refused.value.code == code


async def test_pairs_and_numbers_have_rates(simulator, api) -> None:
    [payload] = payloads(out.Text(text="oi"), to=MARIA)
    for _ in range(45):
        await api.send(simulator.phone_number_id, payload)
    with pytest.raises(PairLimited):
        await api.send(simulator.phone_number_id, payload)
    simulator.post("clock", advance_seconds=6)
    await api.send(simulator.phone_number_id, payload)
    simulator.post("reset")
    simulator.control.put(f"/_sim/numbers/{simulator.phone_number_id}", json={"is_on_biz_app": True})
    simulator.post("clock", now="2030-01-01T00:00:00Z")
    with pytest.raises(Temporary) as limited:  # noqa: PT012 - one of them is one too many
        for n in range(200):
            [other] = payloads(out.Text(text="oi"), to=f"55119{n:08d}")
            await api.send(simulator.phone_number_id, other)
    assert limited.value.code == 130429
