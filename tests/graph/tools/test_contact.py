"""The agent asks a customer who hides the number for it, says why, and reads the answer."""

import pytest

from graph.prompts import TEXTS
from tests.graph.support.talk import Talk, calls, context, inbound

WHY = "Para achar o seu pedido, preciso do número que você usou na compra."
ASK = calls(("request_phone_number", {"reason": WHY}))


@pytest.fixture
def hidden(talk: Talk) -> Talk:
    """A conversation with a customer of whom only the user id is known."""
    talk.context = {**context(), "customer_keys": [{"kind": "user_id", "value": "BR.1349120865530274"}]}
    return talk


async def test_it_is_asked_with_a_reason_and_a_button(hidden: Talk) -> None:
    hidden.model.prepare(ASK)
    output = await hidden.turn("t1", "Onde está meu pedido?")
    assert output["replies"] == [{"type": "contact_request", "body": f"{WHY}\n{TEXTS['ask_number']}"}]
    assert "request_phone_number" in hidden.model.tools[0]


async def test_the_model_reads_that_the_number_is_the_customers_own(hidden: Talk) -> None:
    hidden.model.prepare("Obrigada!")
    card = {"origin": "contact_request", "name": {"formatted_name": "Lia"}, "phones": [{"phone": "+55 11 91234-5678"}]}
    await hidden.turn("t1", inbound("Lia", kind="contacts", contacts=[card]))
    assert hidden.model.seen[0][-1].text == "[o cliente compartilhou o próprio número: Lia, +55 11 91234-5678]"


async def test_whose_number_is_known_is_not_asked(talk: Talk) -> None:
    talk.model.prepare(ASK, "Certo.")
    output = await talk.turn("t1", "Onde está meu pedido?")
    assert output["replies"] == [{"type": "text", "text": "Certo."}]
    assert "request_phone_number" not in talk.model.tools[0]
