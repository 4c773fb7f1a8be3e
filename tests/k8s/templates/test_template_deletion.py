"""Templates that are deleted, and templates that two objects declare."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.meta.session import MetaError
from tests.k8s.conftest import ACCOUNT, Harness
from tests.k8s.support.apiserver import ApiServer
from tests.k8s.support.templates import BODY, CHANGED, at_meta, calls, declared


async def test_a_number_that_is_deleted_leaves_its_templates_as_they_are(operator: Harness, simulator: Any) -> None:
    template = declared(operator)
    await template.run()
    operator.undeclare("loja")
    await template.run(after=1)
    assert template.condition("Ready") == ("False", "NumberNotFound")
    assert template.status["templateId"]
    assert at_meta(simulator) is not None
    operator.number()
    await template.run(after=30)
    assert template.condition("Ready") == ("True", "Ready")
    assert calls(simulator, "POST", "/message_templates") == 1


async def test_of_two_that_declare_the_same_template_the_first_has_it(operator: Harness, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0})
    first = declared(operator)
    second = operator.template("outro", components=CHANGED, deletionPolicy="Delete")
    await second.run()
    assert second.condition("Ready") == ("False", "DeclaredTwice")
    assert "shop/pedido-enviado" in second.message("Ready")
    assert at_meta(simulator) is None
    await first.run()
    await second.run(after=60)
    assert first.condition("Ready") == ("True", "Ready")
    made = at_meta(simulator)
    assert made is not None
    assert made["components"][0]["text"] == BODY["text"]
    operator.undeclare("outro")
    assert "shop/pedido-enviado declares it too" in str(await second.clean_up())
    assert at_meta(simulator) is not None


async def test_an_object_that_takes_the_place_of_another_takes_over_its_template(
    operator: Harness, simulator: Any
) -> None:
    """A renamed object: the new one is applied, then the old one deleted."""
    old = declared(operator)
    old.change(deletionPolicy="Delete")
    await old.run()
    new = operator.template("renamed")
    await new.run(after=1)
    assert new.condition("Ready") == ("False", "DeclaredTwice")
    operator.undeclare("pedido-enviado")
    assert "shop/renamed declares it too" in str(await old.clean_up())
    await new.run(after=60)
    assert new.condition("Ready") == ("True", "Ready")
    assert calls(simulator, "POST", "/message_templates") == 1


async def test_the_same_name_in_another_language_or_account_is_another_template(
    operator: Harness, simulator: Any
) -> None:
    simulator.control.put("/_sim/accounts/77", json={})
    simulator.control.put("/_sim/numbers/88", json={"account_id": "77"})
    first = declared(operator)
    operator.number("filial", phoneNumberId="88", businessAccountId="77")
    others = [operator.template("en", language="en_US"), operator.template("other", numberRef={"name": "filial"})]
    for template in (first, *others):
        await template.run()
        assert template.condition("Ready") == ("True", "Ready")


async def test_deletion_leaves_the_template_unless_asked(operator: Harness, simulator: Any) -> None:
    template = declared(operator)
    await template.run()
    assert await template.clean_up() is None
    assert at_meta(simulator) is not None
    template.change(deletionPolicy="Delete")
    assert await template.clean_up() is None
    assert at_meta(simulator) is None


async def test_a_number_that_is_deleted_with_its_templates_waits_for_them(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    """`kubectl delete -f` of a folder, or an uninstall: in any order."""
    number = operator.number(deletionPolicy="Delete")
    await number.run()
    template = operator.template(deletionPolicy="Delete")
    await template.run()
    api.delete("secrets", "shop", "loja")  # gateways still have its token
    number.being_deleted = True
    for template.being_deleted in (False, True):
        with pytest.raises(MetaError, match="MessageTemplate pedido-enviado has to be deleted first"):
            await number.clean_up()
    assert await template.clean_up() is None
    assert at_meta(simulator) is None
    operator.undeclare("pedido-enviado")
    assert await number.clean_up() is None
    assert not simulator.get("accounts")["accounts"][0]["subscribed"]


async def test_a_number_that_is_deleted_alone_goes_soon(operator: Harness, simulator: Any) -> None:
    number = operator.number()
    template = operator.template(deletionPolicy="Delete")
    await template.run()
    number.being_deleted = True
    with pytest.raises(MetaError):
        await number.clean_up()
    assert await number.clean_up() is None
    assert at_meta(simulator) is not None


async def test_deleting_what_is_gone_already_is_done(operator: Harness, simulator: Any) -> None:
    template = declared(operator)
    template.change(deletionPolicy="Delete")
    await template.run()
    headers = {"Authorization": "Bearer simulator-token"}
    simulator.control.delete(f"/v26.0/{ACCOUNT}/message_templates?name=pedido_enviado", headers=headers)
    assert await template.clean_up() is None


async def test_deletion_waits_for_meta_but_not_for_what_will_never_come(
    operator: Harness, simulator: Any, api: ApiServer
) -> None:
    template = declared(operator)
    template.change(deletionPolicy="Delete")
    await template.run()
    simulator.fault("management", "error", code=2, status=503)
    with pytest.raises(MetaError):
        await template.clean_up()
    api.delete("secrets", "shop", "loja")
    assert "no access token any more" in str(await template.clean_up())
    operator.undeclare("loja")
    assert "WhatsAppNumber loja is gone" in str(await template.clean_up())
