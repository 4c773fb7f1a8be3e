import pytest

from gateway.whatsapp.errors import InvalidMessage
from gateway.whatsapp.messages.templates import (
    copy_code,
    flow_button,
    header_location,
    header_media,
    header_text,
    quick_reply,
    template,
    url_button,
)
from gateway.whatsapp.numbers import wa_id_variants
from tests.gateway.support.payloads import payloads


def components(*args, **more):
    [payload] = payloads(template("pedido_enviado", "pt_BR", *args, **more), to="5511987654321")
    assert payload["template"]["language"] == {"code": "pt_BR"}
    return payload["template"].get("components")


def test_without_parameters():
    assert components() is None


def test_positional_and_named_parameters():
    assert components(["Maria", "12345"]) == [
        {"type": "body", "parameters": [{"type": "text", "text": "Maria"}, {"type": "text", "text": "12345"}]}
    ]
    assert components({"order_id": "12345"}) == [
        {"type": "body", "parameters": [{"type": "text", "parameter_name": "order_id", "text": "12345"}]}
    ]


def test_headers_and_buttons():
    assert components(header=header_media("image", link="https://x.y/z.jpg"))[0] == {
        "type": "header",
        "parameters": [{"type": "image", "image": {"link": "https://x.y/z.jpg"}}],
    }
    assert components(header=header_media("document", media_id="9", filename="n.pdf"))[0]["parameters"] == [
        {"type": "document", "document": {"id": "9", "filename": "n.pdf"}}
    ]
    assert components(header=header_text(["x"]))[0]["parameters"] == [{"type": "text", "text": "x"}]
    assert components(header=header_location(-23.5, -46.6, "Loja", "Av."))[0]["parameters"][0]["type"] == "location"
    made = components(
        ["x"], buttons=[quick_reply(0, "yes"), url_button(1, "12345"), copy_code(2, "SV20"), flow_button(3, "t")]
    )
    assert [button["sub_type"] for button in made[1:]] == ["quick_reply", "url", "copy_code", "flow"]
    assert [button["index"] for button in made[1:]] == ["0", "1", "2", "3"]
    assert made[2]["parameters"] == [{"type": "text", "text": "12345"}]
    assert flow_button(0, "t", {"a": 1})["parameters"] == [
        {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"a": 1}}}
    ]


def test_white_space_that_meta_refuses_becomes_a_space():
    [made] = components(["um\n\ndois\ttrês     quatro  cinco"])
    assert made["parameters"][0]["text"] == "um dois três quatro  cinco"


@pytest.mark.parametrize(
    "build",
    [
        lambda: template("a", "pt_BR", [""]),
        lambda: template("a", "pt_BR", ["\n"]),
        lambda: template("a", "pt_BR", {"Order ID": "1"}),
        lambda: header_media("image"),
        lambda: header_media("image", link="x.jpg"),
        lambda: quick_reply(10, "x"),
        lambda: url_button(0, ""),
    ],
)
def test_what_meta_would_refuse_is_refused_here(build):
    with pytest.raises(InvalidMessage):
        build()


@pytest.mark.parametrize(
    ("wa_id", "variants"),
    [
        ("5511987654321", ["5511987654321", "551187654321"]),
        ("+5511987654321", ["5511987654321", "551187654321"]),
        ("551187654321", ["551187654321", "5511987654321"]),
        ("553199876543", ["553199876543", "5531999876543"]),
        ("551130000000", ["551130000000"]),  # a landline
        ("551145678901", ["551145678901"]),  # a landline
        ("5511912345678", ["5511912345678"]),  # a range that never had eight digits
        ("5510987654321", ["5510987654321"]),  # no such area code
        ("16505551234", ["16505551234"]),
        ("5492954123456", ["5492954123456"]),
        ("", [""]),
    ],
)
def test_the_ninth_digit(wa_id, variants):
    assert wa_id_variants(wa_id) == variants
    for variant in variants:
        assert sorted(wa_id_variants(variant)) == sorted(variants)
