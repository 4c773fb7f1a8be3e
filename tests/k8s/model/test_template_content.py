"""Templates between Kubernetes and Meta's JSON."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from k8s.model import template_content
from k8s.model.declared import Template

FULL: dict[str, Any] = {
    "numberRef": {"name": "loja"},
    "name": "order_shipped",
    "language": "pt_BR",
    "category": "UTILITY",
    "components": {
        "header": {"format": "TEXT", "text": "Pedido {{1}}"},
        "body": {"text": "Olá {{1}}, o pedido {{2}} saiu."},
        "footer": {"text": "SVLentes"},
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Acompanhar"},
            {"type": "URL", "text": "Ver", "url": "https://example.com/{{1}}", "example": "https://example.com/1"},
            {"type": "PHONE_NUMBER", "text": "Ligar", "phoneNumber": "+551130000000"},
            {"type": "COPY_CODE", "example": "LENTES10"},
            {"type": "REQUEST_CONTACT_INFO"},
            {"type": "FLOW", "text": "Agendar", "flowId": "123", "flowAction": "navigate", "navigateScreen": "HORARIO"},
        ],
    },
    "samples": {"header": "12345", "body": {"2": "12345", "1": "Maria"}},
}
META = [
    {"type": "HEADER", "format": "TEXT", "text": "Pedido {{1}}", "example": {"header_text": ["12345"]}},
    {
        "type": "BODY",
        "text": "Olá {{1}}, o pedido {{2}} saiu.",
        "example": {"body_text": [["Maria", "12345"]]},
    },
    {"type": "FOOTER", "text": "SVLentes"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Acompanhar"},
            {"type": "URL", "text": "Ver", "url": "https://example.com/{{1}}", "example": ["https://example.com/1"]},
            {"type": "PHONE_NUMBER", "text": "Ligar", "phone_number": "+551130000000"},
            {"type": "COPY_CODE", "example": "LENTES10"},
            {"type": "REQUEST_CONTACT_INFO"},
            {
                "type": "FLOW",
                "text": "Agendar",
                "flow_id": "123",
                "flow_action": "navigate",
                "navigate_screen": "HORARIO",
            },
        ],
    },
]


def template(**changes: Any) -> Template:
    return Template.model_validate({**FULL, **changes})


def test_every_part_in_metas_json() -> None:
    assert template_content.to_meta(template()) == META


def test_named_parameters() -> None:
    made = template_content.to_meta(
        template(
            parameterFormat="NAMED",
            components={"header": {"format": "TEXT", "text": "{{shop}}:"}, "body": {"text": "Olá {{name}}!"}},
            samples={"header": "Centro", "body": {"name": "Maria"}},
        )
    )
    assert made[0]["example"] == {"header_text_named_params": [{"param_name": "shop", "example": "Centro"}]}
    assert made[1]["example"] == {"body_text_named_params": [{"param_name": "name", "example": "Maria"}]}


def test_ten_and_more_variables_keep_their_order() -> None:
    body = {str(n): f"v{n}" for n in range(12, 0, -1)}
    text = "a " + " ".join(f"{{{{{n}}}}}" for n in range(1, 13)) + " z"
    made = template_content.to_meta(template(components={"body": {"text": text}}, samples={"body": body}))
    assert made[0]["example"] == {"body_text": [[f"v{n}" for n in range(1, 13)]]}


def test_a_media_header_has_the_handle_of_its_sample() -> None:
    media = template(
        components={"header": {"format": "IMAGE"}, "body": {"text": "Oi."}},
        samples={"media": {"name": "files", "key": "sample.png"}},
    )
    assert template_content.to_meta(media, "4::aW")[0] == {
        "type": "HEADER",
        "format": "IMAGE",
        "example": {"header_handle": ["4::aW"]},
    }


def test_an_authentication_template_has_metas_texts() -> None:
    code = template(
        category="AUTHENTICATION",
        components={
            "footer": {"codeExpirationMinutes": 5},
            "buttons": [
                {
                    "type": "OTP",
                    "otpType": "ONE_TAP",
                    "autofillText": "Preencher",
                    "supportedApps": [{"packageName": "com.example", "signatureHash": "12345678901"}],
                }
            ],
        },
        samples={},
    )
    assert template_content.to_meta(code) == [
        {"type": "BODY"},
        {"type": "FOOTER", "code_expiration_minutes": 5},
        {
            "type": "BUTTONS",
            "buttons": [
                {
                    "type": "OTP",
                    "otp_type": "ONE_TAP",
                    "autofill_text": "Preencher",
                    "supported_apps": [{"package_name": "com.example", "signature_hash": "12345678901"}],
                }
            ],
        },
    ]


def test_what_was_sent_is_the_same() -> None:
    assert template_content.matches(template(), copy.deepcopy(META))


def change(path: list[Any], value: Any) -> list[dict[str, Any]]:
    changed: Any = copy.deepcopy(META)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([0, "example"], {"header_text": ["another"]}),
        ([1, "example"], None),
        ([0, "type"], "header"),
        ([0, "format"], "text"),
        ([2, "text"], "SVLentes "),
        ([3, "buttons", 5, "flow_id"], 123),
        ([3, "buttons", 0, "added_by_meta"], True),
    ],
)
def test_what_meta_writes_in_its_own_way_is_the_same(path: list[Any], value: Any) -> None:
    assert template_content.matches(template(), change(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([0, "text"], "Pedido"),
        ([1, "text"], "olá {{1}}, o pedido {{2}} saiu."),
        ([3, "buttons", 1, "url"], "https://example.org/{{1}}"),
        ([3, "buttons"], META[3]["buttons"][:5]),  # type: ignore[index]
        ([3, "buttons", 5, "flow_id"], None),
    ],
)
def test_what_customers_would_see_is_not_the_same(path: list[Any], value: Any) -> None:
    assert not template_content.matches(template(), change(path, value))


def test_a_part_more_or_less_is_not_the_same() -> None:
    assert not template_content.matches(template(), META[:3])
    parts = {key: value for key, value in FULL["components"].items() if key != "footer"}
    assert not template_content.matches(template(components=parts), META)


def test_components_in_metas_own_json_are_sent_and_not_compared() -> None:
    card = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Só hoje", "has_expiration": True}}
    offer = template(components={"body": {"text": "Oi."}, "further": [card]}, samples={})
    assert template_content.to_meta(offer)[-1] == card
    assert template_content.is_opaque(offer)
    assert template_content.matches(
        offer, [{"type": "BODY", "text": "Oi."}, {"type": "LIMITED_TIME_OFFER", "rewritten": 1}]
    )


def test_samples_do_not_count_in_the_fingerprint_of_what_meta_shows() -> None:
    assert template_content.remote_fingerprint(META) == template_content.remote_fingerprint(
        change([1, "example"], {"body_text": [["x"]]})
    )
    assert template_content.remote_fingerprint(META) != template_content.remote_fingerprint(change([1, "text"], "x"))
