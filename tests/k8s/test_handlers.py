"""The handlers' own small parts: their indices of other resources."""

from __future__ import annotations

from typing import Any

import kopf

from k8s.handlers import _declared, declared_numbers, declared_templates
from k8s.model.json_object import Json
from tests.k8s.conftest import ACCOUNT, NUMBER, NUMBER_SPEC, TEMPLATE_SPEC


async def indexed(index: Any, name: str, spec: Json, **meta: Any) -> Json:
    """Return the index as kopf would keep it: each value in a store of its own."""
    fields: Json = {"name": name, "namespace": "shop", "creationTimestamp": "2026-11-23T12:00:00Z", **meta}
    body = kopf.Body({"metadata": fields, "spec": spec})  # type: ignore[typeddict-item]
    found: Json = await index(spec=body.spec, meta=body.metadata)
    return {key: [value] for key, value in found.items()}


async def test_what_is_declared_is_known_until_it_is_deleted() -> None:
    numbers = await indexed(declared_numbers, "loja", NUMBER_SPEC)
    later = {"creationTimestamp": "2026-11-23T12:00:01Z"}
    templates = {
        **await indexed(declared_templates, "a", TEMPLATE_SPEC, **later),
        **await indexed(declared_templates, "b", TEMPLATE_SPEC),
    }
    found = _declared({"declared_numbers": numbers, "declared_templates": templates})
    assert found.ids("shop") == [NUMBER]
    assert found.first_number(NUMBER) == "shop/loja"
    assert found.first_template(ACCOUNT, "pedido_enviado", "pt_BR") == "shop/b"
    assert found.first_template(ACCOUNT, "pedido_enviado", "en_US") is None
    going = {"deletionTimestamp": "2026-11-23T13:00:00Z"}
    numbers = await indexed(declared_numbers, "loja", NUMBER_SPEC, **going)
    found = _declared({"declared_numbers": numbers, "declared_templates": templates})
    assert (found.ids("shop"), found.number("shop", "loja")) == ([], None)
    assert found.number("shop", "loja", being_deleted=True)
    assert await indexed(declared_templates, "b", {"name": 1}) == {}


async def test_of_two_of_the_same_second_the_first_by_name_counts() -> None:
    templates = {
        **await indexed(declared_templates, "b", TEMPLATE_SPEC),
        **await indexed(declared_templates, "a", TEMPLATE_SPEC),
    }
    numbers = await indexed(declared_numbers, "loja", NUMBER_SPEC)
    found = _declared({"declared_numbers": numbers, "declared_templates": templates})
    assert found.first_template(ACCOUNT, "pedido_enviado", "pt_BR") == "shop/a"
