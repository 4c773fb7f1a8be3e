"""A customer says yes to the erasure of all their data: a request or the erasure, and they are told when it is done."""

from typing import Any

import pytest

from tests.gateway.support.deliveries import MARIA, NUMBER, payload, text
from tests.gateway.support.meta import refused, status
from tests.gateway.support.office import JOSE, NEEDLE, Office

KEPT = "Só continua guardado o que a empresa precisa manter: notas fiscais."


@pytest.fixture
def database_role() -> str:
    """Return the role that the process has in production."""
    return "wa_gateway"


def wishing(erasure: object) -> Any:
    """Return an agent that tells that the customer wants to be erased."""
    return lambda given: {
        "turn_id": given["turn_id"], "replies": [{"type": "text", "text": "Combinado"}], "handoff": None,
        "erasure": erasure,
    }  # fmt: skip


async def wish(office: Office, erasure: object = "request", number: str = MARIA) -> None:
    office.gateway.agent.answer = wishing(erasure)
    await office.gateway.receive(text(f"sim {NEEDLE}", wa_id=number))
    await office.gateway.settle()


async def carry_out(office: Office) -> Any:
    """Approve the request, as an admin does, and carry it out; return it as it ended."""
    [(request,)] = await office.gateway.sql(
        "UPDATE data_request SET state = 'waiting', due_at = now() WHERE asked_by = 'customer' RETURNING id"
    )
    return await office.go_on(request)


async def look_again(office: Office, times: int) -> None:
    """Let intake look again at the items that wait."""
    for _ in range(times):
        await office.gateway.sql("UPDATE event SET due_at = now() RETURNING 1")
        await office.gateway.intake.step()


async def requests(office: Office) -> list[tuple[Any, ...]]:
    return await office.gateway.sql(
        "SELECT kind, state, asked_by, round(extract(epoch FROM due_at - asked_at)) FROM data_request"
    )


async def test_a_yes_is_a_request_that_waits_for_a_person(office: Office) -> None:
    await wish(office)
    assert office.gateway.agent.runs[0]["context"]["erasure"] == "request"
    assert await requests(office) == [("erase", "asked", "customer", 0)]
    assert not await office.requests.go_on()
    await wish(office, "immediate")  # more than was offered: and a second wish
    assert await requests(office) == [("erase", "asked", "customer", 0)]


@pytest.mark.parametrize("told", [None, True, "everything", {"way": "immediate"}])
async def test_nothing_else_is_a_wish(office: Office, told: object) -> None:
    office.gateway.erasure = "immediate"
    office.gateway.turns = office.gateway.worker()
    await wish(office, told)
    assert await requests(office) == []


async def test_at_once_means_after_the_answer_and_for_a_trusted_number_only(office: Office) -> None:
    office.gateway.erasure = "immediate"
    office.gateway.turns = office.gateway.worker()
    await wish(office, "immediate")
    assert office.gateway.agent.runs[0]["context"]["erasure"] == "immediate"
    assert await requests(office) == [("erase", "waiting", "customer", 30)]
    assert await office.gateway.replies() == ["Combinado"]
    await office.gateway.sql("DELETE FROM data_request RETURNING 1")
    await office.gateway.receive(text("Oi", wa_id=JOSE))
    await office.gateway.sql("UPDATE contact_key SET doubt = 'unverified' WHERE value = %s RETURNING 1", JOSE)
    await wish(office, "immediate", JOSE)
    assert office.gateway.agent.runs[0]["context"]["erasure"] == "request"
    assert await requests(office) == [("erase", "asked", "customer", 0)]


async def test_the_customer_is_told_once_it_is_done_and_nothing_of_it_is_kept(office: Office) -> None:
    await wish(office)
    ended = await carry_out(office)
    assert (ended.state, ended.facts, ended.report["told"]) == ("done", {}, 1)
    [body] = office.gateway.meta.bodies
    assert body["to"] == f"+{MARIA}"
    assert body["text"]["body"].startswith("Pronto: apagamos todos os seus dados, como você pediu.")
    assert KEPT in body["text"]["body"]
    assert body["biz_opaque_callback_data"] == str(ended.id)
    after = [status(name, "wamid.OUT1", str(ended.id), timestamp="4000000000") for name in ("sent", "read")]
    await office.gateway.take(payload(statuses=after))
    await look_again(office, 1)
    assert await office.everything(NEEDLE, MARIA) == []
    assert await office.gateway.sql("SELECT count(*) FROM event") == [(0,)]
    assert await office.gateway.sql("SELECT count(*) FROM contact") == [(0,)]


async def test_a_late_status_of_an_erased_message_brings_no_number_back(office: Office) -> None:
    [message] = await office.gateway.queue("Oi")
    await office.gateway.send()
    await office.erase(await office.contact())
    read = status("read", "wamid.OUT1", message, timestamp="4000000000")
    await office.gateway.take(payload(statuses=[read]))
    await look_again(office, 1)
    assert await office.everything(MARIA) == []
    del read["biz_opaque_callback_data"]  # then it may be of a message whose id is not known yet
    await office.gateway.take(payload(statuses=[read]))
    await look_again(office, 5)
    assert await office.everything(MARIA) == []


async def test_the_status_of_a_new_message_to_somebody_who_was_erased_once_counts(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    await office.erase(await office.contact())
    await office.gateway.receive(text("voltei", timestamp=4_000_000_000))
    [message] = await office.gateway.queue("Oi de novo")
    await office.gateway.send()
    await office.gateway.take(payload(statuses=[status("read", "wamid.OUT1", message, timestamp="4000000000")]))
    assert await office.gateway.statuses() == ["read"]


async def test_nobody_is_told_after_the_window_has_closed_and_the_report_says_so(office: Office) -> None:
    await wish(office)
    await office.gateway.sql("UPDATE conversation SET last_inbound_at = now() - interval '25 hours' RETURNING 1")
    ended = await carry_out(office)
    assert (ended.state, ended.facts) == ("done", {})
    assert ended.report["left"]["farewell"].startswith("more than 24 hours since the customer wrote")
    assert office.gateway.meta.bodies == []


async def test_a_refusal_for_now_is_tried_again_a_few_times(office: Office) -> None:
    await wish(office)
    office.gateway.meta.answers = [refused(130429, 429)]
    waiting = await carry_out(office)
    assert (waiting.state, waiting.step, waiting.facts["tell"]["channel"]) == ("waiting", "farewell", NUMBER)
    assert (await carry_out(office)).report["told"] == 1
    assert len(office.gateway.meta.bodies) == 2


async def test_the_erasure_is_done_where_meta_never_takes_the_message(office: Office) -> None:
    await wish(office)
    office.gateway.meta.always = refused(130429, 429)
    for _ in range(5):
        ended = await carry_out(office)
    assert (ended.state, ended.facts, list(ended.report["left"])) == ("done", {}, ["farewell"])


async def test_a_lost_answer_of_meta_is_not_repeated(office: Office) -> None:
    await wish(office)
    office.gateway.meta.answers = [TimeoutError()]
    ended = await carry_out(office)
    assert (ended.state, list(ended.report["left"]), len(office.gateway.meta.bodies)) == ("done", ["farewell"], 1)


async def test_who_did_not_ask_is_not_told_nor_who_is_not_erased_everywhere(office: Office) -> None:
    await office.gateway.receive(text("Olá"))
    await office.erase(await office.contact())
    await wish(office, number=JOSE)
    contact, office.agent.statuses = await office.contact(JOSE), [404, 404]
    assert (await carry_out(office)).state == "waiting"
    await office.gateway.sql("UPDATE data_request SET attempts = 14 WHERE state = 'waiting' RETURNING 1")
    assert (await carry_out(office)).state == "unfinished"
    assert office.gateway.meta.bodies == []
    assert (await office.erase(contact)).report["told"] == 1  # the rest, later
