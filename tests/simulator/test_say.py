"""`say` against a simulator without a gateway: the printed replies, and the message when none comes."""

import pytest

from simulator.say import NoAnswerError, Phone
from tests.simulator.support.helpers import eventually

MARIA = "5511987654321"


def test_replies_come_as_they_arrive_each_once(business, cloud, simulator) -> None:
    phone = Phone(simulator.control, MARIA)
    phone.say("oi")
    texts = ["um", "dois"]
    for text in texts:
        body = {"messaging_product": "whatsapp", "to": MARIA, "type": "text", "text": {"body": text}}
        cloud.post("/messages", json=body).raise_for_status()
    eventually(lambda: len(business.items("statuses")) == 6)  # changes of a message are no new message
    assert list(phone.replies(answer_seconds=5, quiet_seconds=0.2)) == texts


def test_replies_of_before_are_not_shown(business, cloud, simulator) -> None:
    body = {"messaging_product": "whatsapp", "to": MARIA, "type": "text", "text": {"body": "antiga"}}
    cloud.post("/messages", json=body).raise_for_status()
    eventually(lambda: len(business.items("statuses")) == 3)
    phone = Phone(simulator.control, MARIA)
    phone.say("oi")
    with pytest.raises(NoAnswerError, match=r"The gateway took the message"):
        list(phone.replies(answer_seconds=0.2))


def test_a_gateway_that_is_away_is_named(simulator) -> None:
    phone = Phone(simulator.control, MARIA)
    phone.say("oi")
    with pytest.raises(NoAnswerError, match="does not take the webhook: ClientConnectorError"):
        list(phone.replies(answer_seconds=0.3))
