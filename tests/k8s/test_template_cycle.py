"""Cycles of a template against the simulator's Cloud API."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.budget import HOUR
from k8s.remote import Failed
from tests.k8s.apiserver import ApiServer
from tests.k8s.conftest import ACCOUNT, Kept, Operator
from tests.simulator.helpers import eventually

BODY = {"type": "BODY", "text": "Olá {{1}}, o pedido {{2}} saiu para entrega hoje."}
CHANGED = {"body": {"text": "Olá {{1}}, o seu pedido {{2}} chega amanhã."}}


@pytest.fixture
def waiting(simulator: Any) -> Any:
    """A simulator whose reviewers do nothing by themselves."""
    simulator.configure(review={"verdict": "wait"})
    return simulator


def at_meta(simulator: Any, name: str = "pedido_enviado") -> dict[str, Any] | None:
    found: list[dict[str, Any]] = simulator.get("templates")["templates"]
    return next((one for one in found if one["name"] == name), None)


def review(simulator: Any, name: str = "pedido_enviado", **verdict: Any) -> None:
    found = at_meta(simulator, name)
    assert found is not None
    simulator.control.patch(f"/_sim/templates/{found['id']}", json=verdict).raise_for_status()


def calls(simulator: Any, method: str, path: str) -> int:
    made = simulator.get("calls")["calls"]
    return sum(one["method"] == method and one["path"].split("?")[0].endswith(path) for one in made)


def declared(operator: Operator) -> Kept:
    operator.number()
    return operator.template()


async def test_a_template_is_created_and_its_review_followed(operator: Operator, waiting: Any) -> None:
    template = declared(operator)
    outcome = await template.run()
    assert outcome is not None
    assert template.condition("Ready") == ("True", "Ready")
    assert template.condition("Approved") == ("False", "Pending")
    assert outcome.next_in == 60
    made = at_meta(waiting)
    assert made is not None
    assert made["components"] == [{**BODY, "example": {"body_text": [["Maria", "12345"]]}}]
    review(waiting, status="APPROVED", quality="GREEN")
    outcome = await template.run(after=60)
    assert outcome is not None
    assert template.condition("Approved") == ("True", "Approved")
    assert (template.status["state"], template.status["quality"]) == ("APPROVED", "GREEN")
    assert outcome.next_in == 600
    assert [event.reason for event in outcome.events] == ["Approved"]


async def test_a_rejected_template_is_submitted_again_when_it_is_changed(operator: Operator, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, status="REJECTED", reason="TAG_CONTENT_MISMATCH")
    outcome = await template.run(after=60)
    assert outcome is not None
    assert template.condition("Approved") == ("False", "Rejected")
    assert template.status["rejectedReason"] == "TAG_CONTENT_MISMATCH"
    assert ("Warning", "Rejected") in {(event.type, event.reason) for event in outcome.events}
    await template.run(after=600)
    assert calls(waiting, "POST", "/message_templates") == 1
    template.change(category="MARKETING")
    await template.run(after=1)
    made = at_meta(waiting)
    assert made is not None
    assert (made["category"], made["status"]) == ("MARKETING", "PENDING")
    assert template.condition("Synced") == ("True", "Synced")
    assert "rejectedReason" not in template.status


async def test_an_approved_template_is_edited_once_a_day(operator: Operator, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, status="APPROVED")
    await template.run(after=60)
    template.change(components=CHANGED)
    await template.run(after=1)
    assert len(template.status["edits"]) == 1
    review(waiting, status="APPROVED")
    await template.run(after=60)
    template.change(components={"body": {"text": "Olá {{1}}, o seu pedido {{2}} chega na sexta."}})
    await template.run(after=1)
    assert template.condition("Synced") == ("False", "EditLimit")
    assert template.condition("Ready") == ("True", "EditLimit")
    waiting.post("clock", advance_seconds=86400)
    await template.run(after=86400)
    assert template.condition("Synced") == ("True", "Synced")
    made = at_meta(waiting)
    assert made is not None
    assert "sexta" in made["components"][0]["text"]


async def test_what_exists_is_adopted_and_drift_undone(operator: Operator, waiting: Any) -> None:
    existing = {"name": "pedido_enviado", "language": "pt_BR", "category": "UTILITY", "components": [BODY]}
    waiting.post("templates", account_id=ACCOUNT, templates=[existing])
    template = declared(operator)
    await template.run()
    assert template.condition("Synced") == ("True", "Synced")
    assert "adopted" in template.message("Synced")
    assert calls(waiting, "POST", "/message_templates") == 0
    review(waiting, components=[{"type": "BODY", "text": "Hackeado."}])
    await template.run(after=600)
    made = at_meta(waiting)
    assert made is not None
    assert made["components"][0]["text"] == BODY["text"]


async def test_metas_rewriting_is_not_fought(operator: Operator, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, components=[{**BODY, "text": BODY["text"].replace("Olá", "Ola")}], status="APPROVED")
    for _ in range(3):
        await template.run(after=600)
    made = at_meta(waiting)
    assert made is not None
    assert made["edits"] == []
    assert template.condition("Synced") == ("True", "Synced")


async def test_one_that_vanished_is_created_again(operator: Operator, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0})
    template = declared(operator)
    await template.run()
    headers = {"Authorization": "Bearer simulator-token"}
    simulator.control.delete(f"/v26.0/{ACCOUNT}/message_templates?name=pedido_enviado", headers=headers)
    await template.run(after=600)
    assert at_meta(simulator) is not None
    assert calls(simulator, "POST", "/message_templates") == 2


async def test_metas_refusal_is_told_in_metas_words(operator: Operator, simulator: Any) -> None:
    template = declared(operator)
    template.change(components={"body": {"text": "{{1}} {{2}} {{1}}"}})
    await template.run()
    assert template.condition("Ready") == ("False", "Refused")
    assert template.condition("Stalled") == ("True", "Refused")
    assert "Meta says: " in template.message("Ready")
    said = template.message("Ready")
    operator.restart()
    await template.run(after=600)
    assert (template.condition("Ready"), template.message("Ready")) == (("False", "Refused"), said)
    assert calls(simulator, "POST", "/message_templates") == 1
    template.change(components=CHANGED)
    await template.run(after=1)
    assert template.condition("Ready") == ("True", "Ready")


async def test_an_answer_that_was_lost_creates_nothing_twice(operator: Operator, waiting: Any) -> None:
    waiting.fault("management", "lost_answer", match={"method": "POST"})
    template = declared(operator)
    outcome = await template.run()
    assert outcome is not None
    assert template.condition("Ready") == ("Unknown", "MetaUnavailable")
    assert outcome.next_in == 10
    await template.run(after=10)
    assert template.condition("Ready") == ("True", "Ready")
    assert calls(waiting, "POST", "/message_templates") == 1


async def test_an_operator_that_dies_before_the_answer_adopts_what_it_made(operator: Operator, waiting: Any) -> None:
    """The creation went out, its answer came to nobody; the next operator finds the template."""
    template = declared(operator)
    never_written = dict(template.status)
    await template.run()
    template.status = never_written
    operator.restart()
    await template.run(after=1)
    assert template.condition("Synced") == ("True", "Synced")
    assert "adopted" in template.message("Synced")
    assert calls(waiting, "POST", "/message_templates") == 1


async def test_a_template_that_the_list_does_not_show_yet_is_not_made_twice(operator: Operator, waiting: Any) -> None:
    operator.number()
    await operator.template("other", name="other").run()
    made = {"name": "pedido_enviado", "language": "pt_BR", "category": "UTILITY", "components": [BODY]}
    waiting.post("templates", account_id=ACCOUNT, templates=[made])
    template = operator.template()
    await template.run(after=1)
    assert template.condition("Synced") == ("Unknown", "AlreadyExists")
    await template.run(after=10)
    assert template.condition("Synced") == ("True", "Synced")


async def test_a_bad_token_stops_templates_until_it_is_good_again(operator: Operator, simulator: Any) -> None:
    template = declared(operator)
    await template.run()
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": False})
    await template.run(after=600)
    assert template.condition("Ready") == ("False", "TokenInvalid")
    assert template.condition("Stalled") == ("True", "TokenInvalid")
    assert template.status["templateId"]
    simulator.control.put("/_sim/tokens/simulator-token", json={"valid": True})
    await template.run(after=120)
    assert template.condition("Ready") == ("True", "Ready")


async def test_a_number_that_is_deleted_leaves_its_templates_as_they_are(operator: Operator, simulator: Any) -> None:
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


async def test_pausing_and_a_category_of_metas_own_are_told(operator: Operator, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, status="PAUSED", category="MARKETING", quality="RED")
    await template.run(after=60)
    assert template.condition("Approved") == ("False", "Paused")
    assert template.condition("Synced") == ("True", "CategoryChanged")
    assert (template.status["category"], template.status["quality"]) == ("MARKETING", "RED")


async def test_templates_of_an_account_share_one_list(operator: Operator, waiting: Any) -> None:
    names = [f"aviso_{n}" for n in range(20)]
    texts = [{"name": name, "language": "pt_BR", "category": "UTILITY", "components": [BODY]} for name in names]
    waiting.post("templates", account_id=ACCOUNT, templates=texts)
    operator.number()
    templates = [operator.template(name, name=name) for name in names]
    for template in templates:
        await template.run(after=0.1)
    assert calls(waiting, "GET", "/message_templates") == 1
    assert {template.condition("Ready") for template in templates} == {("True", "Ready")}


async def test_the_list_of_500_costs_few_calls(operator: Operator, waiting: Any) -> None:
    names = [f"aviso_{n}" for n in range(500)]
    texts = [{"name": name, "language": "pt_BR", "category": "UTILITY", "components": [BODY]} for name in names]
    waiting.post("templates", account_id=ACCOUNT, templates=texts)
    operator.number()
    templates = [operator.template(name, name=name) for name in names]
    for template in templates:
        await template.run()
    assert {template.condition("Synced") for template in templates} == {("True", "Synced")}
    assert calls(waiting, "GET", "/message_templates") <= 6
    assert operator.meta.account(ACCOUNT).calls.left() == 200 - calls(waiting, "GET", "/message_templates")


async def test_a_long_list_is_read_less_often_while_a_review_is_followed(operator: Operator, waiting: Any) -> None:
    texts = [{"name": f"a{n}", "language": "pt_BR", "category": "UTILITY", "components": [BODY]} for n in range(500)]
    waiting.post("templates", account_id=ACCOUNT, templates=texts)
    template = declared(operator)
    await template.run()
    for _ in range(30):
        await template.run(after=60)
    review(waiting, status="APPROVED")
    assert calls(waiting, "GET", "/message_templates") <= 45  # a minute's list would have cost 186 of 200 an hour
    await template.run(after=360)
    assert template.condition("Approved") == ("True", "Approved")


async def test_more_templates_than_meta_takes_in_an_hour_wait_in_order(operator: Operator, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0, "creations_an_hour": 3})
    operator.number()
    templates = [operator.template(f"t{n}", name=f"t{n}") for n in range(6)]
    for template in templates:
        await template.run(after=0.1)
    assert [template.condition("Synced")[1] for template in templates] == ["Synced"] * 3 + ["Queued"] * 3
    assert [template.status.get("queuePosition") for template in templates[3:]] == [1, 2, 3]
    await templates[4].run(after=0.1)
    assert "place 2 of 3" in templates[4].message("Synced")
    assert calls(simulator, "POST", "/message_templates") == 4  # the fourth was told to wait, for all
    number = operator.number()
    await number.run()
    assert number.condition("Ready") == ("True", "Ready")  # creations have a limit of their own: reading goes on
    simulator.post("clock", advance_seconds=HOUR)
    operator.clock.seconds += 61  # the pause after "too many calls"
    for template in templates[3:]:
        await template.run(after=0.1)
        assert "queuePosition" not in template.status
    assert [template.condition("Synced")[1] for template in templates] == ["Synced"] * 6
    assert operator.woken[-2:] == ["shop/t4", "shop/t5"]


async def test_a_limit_of_our_own_leaves_calls_for_reading(operator: Operator, simulator: Any) -> None:
    account = operator.meta.account(ACCOUNT)
    while account.calls.left() > 200 * 0.3:
        account.calls.spend()
    template = declared(operator)
    await template.run()
    assert template.condition("Synced") == ("False", "Queued")
    assert calls(simulator, "GET", "/message_templates") == 1
    await template.run(after=HOUR)
    assert template.condition("Ready") == ("True", "Ready")


async def test_while_meta_is_away_what_was_known_stays(operator: Operator, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0})
    template = declared(operator)
    await template.run()
    eventually(lambda: (at_meta(simulator) or {}).get("status") == "APPROVED")
    await template.run(after=60)
    fault = simulator.fault("management", "cut", times=None)
    outcome = await template.run(after=600)
    assert outcome is not None
    assert template.condition("Ready") == ("True", "Ready")
    assert template.condition("Outdated") == ("True", "MetaUnavailable")
    assert outcome.next_in == 10
    operator.restart()
    await template.run(after=1201)
    assert template.condition("Ready") == ("Unknown", "MetaUnavailable")
    assert template.condition("Approved") == ("True", "Approved")
    simulator.control.delete(f"/_sim/faults/{fault}")
    await template.run(after=10)
    assert template.condition("Ready") == ("True", "Ready")
    assert not template.has("Outdated")


async def test_a_number_that_comes_later_is_found(operator: Operator, simulator: Any) -> None:
    template = operator.template()
    await template.run()
    assert template.condition("Ready") == ("False", "NumberNotFound")
    operator.number()
    await template.run(after=30)
    assert template.condition("Ready") == ("True", "Ready")


async def test_a_number_without_secret_is_waited_for(operator: Operator, simulator: Any, api: ApiServer) -> None:
    api.delete("secrets", "shop", "loja")
    template = declared(operator)
    await template.run()
    assert template.condition("Ready") == ("False", "SecretMissing")


async def test_a_media_header_comes_with_its_sample(operator: Operator, simulator: Any, api: ApiServer) -> None:
    template = declared(operator)
    header = {"header": {"format": "IMAGE"}, "body": {"text": "Chegaram as lentes novas."}}
    template.change(components=header, samples={"media": {"name": "brand", "key": "sample.png"}})
    await template.run()
    assert template.condition("Ready") == ("False", "Missing")
    assert "ConfigMap brand" in template.message("Ready")
    api.put("configmaps", "shop", "brand", {"sample.png": b"\x89PNG"})
    await template.run(after=10)
    assert template.condition("Ready") == ("True", "Ready")
    made = at_meta(simulator)
    assert made is not None
    assert made["components"][0]["example"]["header_handle"][0].startswith("4::")


async def test_of_two_that_declare_the_same_template_the_first_has_it(operator: Operator, simulator: Any) -> None:
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
    assert "shop/pedido-enviado declares it too" in str(await second.forget())
    assert at_meta(simulator) is not None


async def test_an_object_that_takes_the_place_of_another_takes_over_its_template(
    operator: Operator, simulator: Any
) -> None:
    """A renamed object: the new one is applied, then the old one deleted."""
    old = declared(operator)
    old.change(deletionPolicy="Delete")
    await old.run()
    new = operator.template("renamed")
    await new.run(after=1)
    assert new.condition("Ready") == ("False", "DeclaredTwice")
    operator.undeclare("pedido-enviado")
    assert "shop/renamed declares it too" in str(await old.forget())
    await new.run(after=60)
    assert new.condition("Ready") == ("True", "Ready")
    assert calls(simulator, "POST", "/message_templates") == 1


async def test_the_same_name_in_another_language_or_account_is_another_template(
    operator: Operator, simulator: Any
) -> None:
    simulator.control.put("/_sim/accounts/77", json={})
    simulator.control.put("/_sim/numbers/88", json={"account_id": "77"})
    first = declared(operator)
    operator.number("filial", phoneNumberId="88", businessAccountId="77")
    others = [operator.template("en", language="en_US"), operator.template("other", numberRef={"name": "filial"})]
    for template in (first, *others):
        await template.run()
        assert template.condition("Ready") == ("True", "Ready")


async def test_a_suspended_template_is_left_alone(operator: Operator, simulator: Any) -> None:
    operator.number()
    template = operator.template(suspend=True)
    await template.run()
    assert template.condition("Ready") == ("True", "Suspended")
    assert at_meta(simulator) is None


async def test_deletion_leaves_the_template_unless_asked(operator: Operator, simulator: Any) -> None:
    template = declared(operator)
    await template.run()
    assert await template.forget() is None
    assert at_meta(simulator) is not None
    template.change(deletionPolicy="Delete")
    assert await template.forget() is None
    assert at_meta(simulator) is None


async def test_a_number_that_is_deleted_with_its_templates_waits_for_them(
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    """`kubectl delete -f` of a folder, or an uninstall: in any order."""
    number = operator.number(deletionPolicy="Delete")
    await number.run()
    template = operator.template(deletionPolicy="Delete")
    await template.run()
    api.delete("secrets", "shop", "loja")  # gateways still have its token
    number.leaving = True
    for template.leaving in (False, True):
        with pytest.raises(Failed, match="MessageTemplate pedido-enviado has to be deleted first"):
            await number.forget()
    assert await template.forget() is None
    assert at_meta(simulator) is None
    operator.undeclare("pedido-enviado")
    assert await number.forget() is None
    assert not simulator.get("accounts")["accounts"][0]["subscribed"]


async def test_a_number_that_is_deleted_alone_goes_soon(operator: Operator, simulator: Any) -> None:
    number = operator.number()
    template = operator.template(deletionPolicy="Delete")
    await template.run()
    number.leaving = True
    with pytest.raises(Failed):
        await number.forget()
    assert await number.forget() is None
    assert at_meta(simulator) is not None


async def test_deleting_what_is_gone_already_is_done(operator: Operator, simulator: Any) -> None:
    template = declared(operator)
    template.change(deletionPolicy="Delete")
    await template.run()
    headers = {"Authorization": "Bearer simulator-token"}
    simulator.control.delete(f"/v26.0/{ACCOUNT}/message_templates?name=pedido_enviado", headers=headers)
    assert await template.forget() is None


async def test_deletion_waits_for_meta_but_not_for_what_will_never_come(
    operator: Operator, simulator: Any, api: ApiServer
) -> None:
    template = declared(operator)
    template.change(deletionPolicy="Delete")
    await template.run()
    simulator.fault("management", "error", code=2, status=503)
    with pytest.raises(Failed):
        await template.forget()
    api.delete("secrets", "shop", "loja")
    assert "no access token any more" in str(await template.forget())
    operator.undeclare("loja")
    assert "WhatsAppNumber loja is gone" in str(await template.forget())
