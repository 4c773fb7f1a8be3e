"""Cycles of a template against the simulator's Cloud API."""

from __future__ import annotations

from typing import Any

from tests.k8s.conftest import ACCOUNT, Harness
from tests.k8s.support.apiserver import ApiServer
from tests.k8s.support.templates import BODY, CHANGED, at_meta, calls, declared, review

ASKS = {"type": "REQUEST_CONTACT_INFO"}  # its label is WhatsApp's own


async def test_a_template_is_created_and_its_review_followed(operator: Harness, waiting: Any) -> None:
    template = declared(operator)
    result = await template.run()
    assert result is not None
    assert template.condition("Ready") == ("True", "Ready")
    assert template.condition("Approved") == ("False", "Pending")
    assert result.next_in == 60
    made = at_meta(waiting)
    assert made is not None
    assert made["components"] == [{**BODY, "example": {"body_text": [["Maria", "12345"]]}}]
    review(waiting, status="APPROVED", quality="GREEN")
    result = await template.run(after=60)
    assert result is not None
    assert template.condition("Approved") == ("True", "Approved")
    assert (template.status["state"], template.status["quality"]) == ("APPROVED", "GREEN")
    assert result.next_in == 600
    assert [event.reason for event in result.events] == ["Approved"]


async def test_a_template_may_ask_a_customer_who_hides_it_for_the_number(operator: Harness, waiting: Any) -> None:
    template = declared(operator)
    template.change(components={"body": {"text": "Precisamos do seu número."}, "buttons": [ASKS]}, samples={})
    for seconds in (1, 60, 600):
        await template.run(after=seconds)
    made = at_meta(waiting)
    assert made is not None
    assert made["components"][1] == {"type": "BUTTONS", "buttons": [ASKS]}
    assert template.condition("Synced") == ("True", "Synced")
    assert calls(waiting, "POST", "/message_templates") == 1


async def test_a_rejected_template_is_submitted_again_when_it_is_changed(operator: Harness, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, status="REJECTED", reason="TAG_CONTENT_MISMATCH")
    result = await template.run(after=60)
    assert result is not None
    assert template.condition("Approved") == ("False", "Rejected")
    assert template.status["rejectedReason"] == "TAG_CONTENT_MISMATCH"
    assert ("Warning", "Rejected") in {(event.type, event.reason) for event in result.events}
    await template.run(after=600)
    assert calls(waiting, "POST", "/message_templates") == 1
    template.change(category="MARKETING")
    await template.run(after=1)
    made = at_meta(waiting)
    assert made is not None
    assert (made["category"], made["status"]) == ("MARKETING", "PENDING")
    assert template.condition("Synced") == ("True", "Synced")
    assert "rejectedReason" not in template.status


async def test_an_approved_template_is_edited_once_a_day(operator: Harness, waiting: Any) -> None:
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


async def test_what_exists_is_adopted_and_drift_undone(operator: Harness, waiting: Any) -> None:
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


async def test_metas_rewriting_is_not_fought(operator: Harness, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, components=[{**BODY, "text": BODY["text"].replace("Olá", "Ola")}], status="APPROVED")
    for _ in range(3):
        await template.run(after=600)
    made = at_meta(waiting)
    assert made is not None
    assert made["edits"] == []
    assert template.condition("Synced") == ("True", "Synced")


async def test_one_that_vanished_is_created_again(operator: Harness, simulator: Any) -> None:
    simulator.configure(review={"seconds": 0})
    template = declared(operator)
    await template.run()
    headers = {"Authorization": "Bearer simulator-token"}
    simulator.control.delete(f"/v26.0/{ACCOUNT}/message_templates?name=pedido_enviado", headers=headers)
    await template.run(after=600)
    assert at_meta(simulator) is not None
    assert calls(simulator, "POST", "/message_templates") == 2


async def test_metas_refusal_is_told_in_metas_words(operator: Harness, simulator: Any) -> None:
    template = declared(operator)
    template.change(components={"body": {"text": "{{1}} {{2}} {{1}}"}})
    await template.run()
    assert template.condition("Ready") == ("False", "Refused")
    assert template.condition("Stalled") == ("True", "Refused")
    assert "Meta says: " in template.message("Ready")
    refusal = template.message("Ready")
    operator.restart()
    await template.run(after=600)
    assert (template.condition("Ready"), template.message("Ready")) == (("False", "Refused"), refusal)
    assert calls(simulator, "POST", "/message_templates") == 1
    template.change(components=CHANGED)
    await template.run(after=1)
    assert template.condition("Ready") == ("True", "Ready")


async def test_an_answer_that_was_lost_creates_nothing_twice(operator: Harness, waiting: Any) -> None:
    waiting.fault("management", "lost_answer", match={"method": "POST"})
    template = declared(operator)
    result = await template.run()
    assert result is not None
    assert template.condition("Ready") == ("Unknown", "MetaUnavailable")
    assert result.next_in == 10
    await template.run(after=10)
    assert template.condition("Ready") == ("True", "Ready")
    assert calls(waiting, "POST", "/message_templates") == 1


async def test_an_operator_that_dies_before_the_answer_adopts_what_it_made(operator: Harness, waiting: Any) -> None:
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


async def test_a_template_that_the_list_does_not_show_yet_is_not_made_twice(operator: Harness, waiting: Any) -> None:
    operator.number()
    await operator.template("other", name="other").run()
    made = {"name": "pedido_enviado", "language": "pt_BR", "category": "UTILITY", "components": [BODY]}
    waiting.post("templates", account_id=ACCOUNT, templates=[made])
    template = operator.template()
    await template.run(after=1)
    assert template.condition("Synced") == ("Unknown", "AlreadyExists")
    await template.run(after=10)
    assert template.condition("Synced") == ("True", "Synced")


async def test_a_bad_token_stops_templates_until_it_is_good_again(operator: Harness, simulator: Any) -> None:
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


async def test_pausing_and_a_category_of_metas_own_are_told(operator: Harness, waiting: Any) -> None:
    template = declared(operator)
    await template.run()
    review(waiting, status="PAUSED", category="MARKETING", quality="RED")
    await template.run(after=60)
    assert template.condition("Approved") == ("False", "Paused")
    assert template.condition("Synced") == ("True", "CategoryChanged")
    assert (template.status["category"], template.status["quality"]) == ("MARKETING", "RED")


async def test_a_number_that_comes_later_is_found(operator: Harness, simulator: Any) -> None:
    template = operator.template()
    await template.run()
    assert template.condition("Ready") == ("False", "NumberNotFound")
    operator.number()
    await template.run(after=30)
    assert template.condition("Ready") == ("True", "Ready")


async def test_a_number_without_secret_is_waited_for(operator: Harness, simulator: Any, api: ApiServer) -> None:
    api.delete("secrets", "shop", "loja")
    template = declared(operator)
    await template.run()
    assert template.condition("Ready") == ("False", "SecretMissing")


async def test_a_media_header_comes_with_its_sample(operator: Harness, simulator: Any, api: ApiServer) -> None:
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


async def test_a_suspended_template_is_left_alone(operator: Harness, simulator: Any) -> None:
    operator.number()
    template = operator.template(suspend=True)
    await template.run()
    assert template.condition("Ready") == ("True", "Suspended")
    assert at_meta(simulator) is None
