"""Delivery of webhooks: signed, in order without failures, at least once with them, and wrong on request."""

import asyncio

import pytest

from simulator.faults import Faults
from simulator.meta.messages.outbox import Outbox, Retries
from simulator.meta.messages.payloads import Change
from simulator.meta.messages.posting import Posting
from simulator.meta.world import Number, World
from tests.simulator.support.helpers import Business, eventually

MARIA, JOAO, ANA = "5511987654321", "5521911112222", "5531933334444"


def say(simulator, text, wa_id=MARIA):
    return simulator.post(f"personas/{wa_id}/messages", text=text)["id"]


def test_one_persons_messages_arrive_in_order(business, simulator) -> None:
    wanted = [f"mensagem {number}" for number in range(20)]
    for text in wanted:
        say(simulator, text)
    eventually(lambda: len(business.posts) == 20)
    assert business.texts() == wanted


@pytest.mark.parametrize("status", [500, 503, 429, 403, 301])
def test_anything_but_200_is_retried(business, simulator, status) -> None:
    simulator.configure(retries={"base_seconds": 0.01})
    business.answers = [status] * 3
    say(simulator, "de novo")
    eventually(lambda: not simulator.get("webhooks", pending=1)["webhooks"])
    assert business.texts() == ["de novo"] * 4
    attempts = simulator.get("webhooks")["webhooks"][0]["attempts"]
    assert [attempt["status"] for attempt in attempts] == [status] * 3 + [200]


@pytest.mark.parametrize(
    "said", [None, b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"?\r\n\r\n"]
)
async def test_a_connection_that_breaks_in_any_way_is_retried(said) -> None:
    """None: the connection is reset at once; else it is reset after the request, and after these bytes."""
    failures, opened = [said] * 3, []

    async def business(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        breaks = bool(failures)
        answer = failures.pop() if failures else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        if answer is not None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        if breaks:
            writer.transport.abort()
        else:
            writer.close()

    server = await asyncio.start_server(business, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    number = Number("1", "2", "+55 11 3000-0000", "Loja", "token", "secret", "verify")
    async with server, Posting() as posting, asyncio.timeout(10):
        outbox = Outbox(Faults(), World(number, address), posting)
        outbox.retries = Retries(base_seconds=0.001)
        outbox.post(Change(number.account_id, "account_alerts", {}), lane="account")
        while outbox.pending():
            await asyncio.sleep(0.001)
        await asyncio.gather(*(writer.wait_closed() for writer in opened), return_exceptions=True)
    assert [attempt.get("status") for attempt in outbox.all()[0].attempts] == [None, None, None, 200]


def test_nothing_is_forgotten_while_the_business_is_away(simulator, free_port) -> None:
    port = free_port()
    simulator.configure(webhook_url=f"http://127.0.0.1:{port}/webhook/whatsapp", retries={"most_seconds": 0.05})
    for number in range(5):
        say(simulator, f"guardada {number}")
    eventually(lambda: all(webhook["attempts"] for webhook in simulator.get("webhooks", pending=1)["webhooks"]))
    late = Business(port)
    try:
        eventually(lambda: not simulator.get("webhooks", pending=1)["webhooks"])
        assert sorted(late.texts()) == [f"guardada {number}" for number in range(5)]
        assert all(late.signed_well())
    finally:
        late.close()


def test_the_schedule_gets_slower_up_to_a_limit() -> None:
    waits = [Retries().wait(failures) for failures in range(1, 8)]
    assert waits == [0, 0.5, 1, 2, 4, 5, 5]
    assert Retries().wait(10_000) == 5


def test_duplicates_are_equal_to_the_byte(business, simulator) -> None:
    simulator.fault("webhook", "duplicate", copies=19, match={"kind": "messages"})
    say(simulator, "vinte")
    eventually(lambda: len(business.posts) == 20)
    assert len({body for _, body in business.posts}) == 1


@pytest.mark.parametrize(("shape", "entries", "changes"), [("messages", 1, 1), ("changes", 1, 3), ("entries", 3, 3)])
def test_a_batch_is_one_post(business, simulator, shape, entries, changes) -> None:
    simulator.fault("webhook", "batch", size=3, shape=shape)
    for wa_id in (MARIA, JOAO, ANA):
        say(simulator, f"de {wa_id}", wa_id)
    eventually(lambda: business.posts)
    say(simulator, "sozinha")
    eventually(lambda: len(business.posts) == 2)
    payload = business.payloads[0]
    assert len(payload["entry"]) == entries
    assert sum(len(entry["changes"]) for entry in payload["entry"]) == changes
    assert business.texts() == [f"de {wa_id}" for wa_id in (MARIA, JOAO, ANA)] + ["sozinha"]
    if shape == "messages":
        assert len(payload["entry"][0]["changes"][0]["value"]["contacts"]) == 3


def test_an_unfinished_batch_goes_out_in_time(business, simulator) -> None:
    simulator.fault("webhook", "batch", size=100, seconds=0.1)
    say(simulator, "a")
    say(simulator, "b")
    eventually(lambda: business.posts)
    assert (business.texts(), len(business.posts)) == (["a", "b"], 1)


def test_reordered_webhooks_come_backwards(business, simulator) -> None:
    simulator.fault("webhook", "reorder", size=3)
    for text in "abc":
        say(simulator, text)
    eventually(lambda: len(business.posts) == 3)
    assert business.texts() == ["c", "b", "a"]


def test_a_held_webhook_waits_for_its_release(business, simulator) -> None:
    fault = simulator.fault("webhook", "hold", contains="espera")
    say(simulator, "espera")
    say(simulator, "passa")
    eventually(lambda: business.posts)
    assert business.texts() == ["passa"]
    assert simulator.get(f"faults/{fault}")["waiting"] == 1
    simulator.post(f"faults/{fault}/release")
    eventually(lambda: business.texts() == ["passa", "espera"])


def test_dropped_and_badly_signed_webhooks(business, simulator) -> None:
    business.answers = [403]
    simulator.configure(retries={"base_seconds": 0.01})
    simulator.fault("webhook", "drop", contains="perdida")
    simulator.fault("webhook", "bad_signature", contains="falsa")
    say(simulator, "perdida")
    say(simulator, "falsa")
    eventually(lambda: len(business.posts) == 2)
    assert (business.texts(), business.signed_well()) == (["falsa", "falsa"], [False, True])


def test_removing_a_fault_ends_it(business, simulator) -> None:
    simulator.fault("webhook", "drop", times=None)
    say(simulator, "perdida")
    simulator.control.delete("/_sim/faults")
    say(simulator, "chega")
    eventually(lambda: business.posts)
    assert business.texts() == ["chega"]


def test_webhooks_of_ones_own_making(business, simulator) -> None:
    answers = simulator.post("webhooks", body={"object": "x"}, copies=5)["answers"]
    assert [answer["status"] for answer in answers] == [200] * 5
    simulator.post("webhooks", raw="{not json", signature=None)
    simulator.post("webhooks", raw_base64="/w==", signature="sha256=00")
    assert business.signed_well()[:5] == [True] * 5
    headers, body = business.posts[5]
    assert ("x-hub-signature-256" in headers, body) == (False, b"{not json")
    assert business.posts[6][1] == b"\xff"
    business.answers = [403]
    assert simulator.post("webhooks", body={})["answers"][0]["status"] == 403
    assert len(business.posts) == 8  # posted once, never retried


def test_verification(business, simulator) -> None:
    assert simulator.post("webhooks/verify")["verified"]
    wrong = simulator.post("webhooks/verify", token="wrong")
    assert (wrong["verified"], wrong["status"]) == (False, 403)


def test_characters_that_hurt_survive_to_the_webhook(business, simulator) -> None:
    message = '{"text": "nul \\u0000, metade \\ud83d, عربي, 👓"}'
    headers = {"Content-Type": "application/json"}
    path = f"/_sim/personas/{MARIA}/messages"
    simulator.control.post(path, content=message, headers=headers).raise_for_status()
    eventually(lambda: business.posts)
    assert rb"nul \u0000, metade \ud83d, " in business.posts[0][1]
    assert business.texts() == ["nul \0, metade \ud83d, عربي, 👓"]


def test_every_kind_of_message_can_be_spoken(business, simulator) -> None:
    location = {"type": "location", "location": {"latitude": -23.5, "longitude": -46.6}}
    simulator.post(f"personas/{MARIA}/messages", message=location, reply_to="wamid.before")
    item = eventually(lambda: business.items("messages"))[0]
    assert (item["type"], item["location"]["latitude"]) == ("location", -23.5)
    assert item["context"] == {"from": "551130000000", "id": "wamid.before"}


def test_the_transcript_can_be_waited_for(business, cloud, simulator) -> None:
    revision = simulator.get("transcript")["revision"]
    assert simulator.get("transcript", after=revision, wait=0.05)["messages"] == []
    say(simulator, "nova")
    shown = simulator.get("transcript", after=revision, wait=30)
    assert [message["text"] for message in shown["messages"]] == ["nova"]


def test_a_storm_of_retries_although_everything_was_taken(business, simulator) -> None:
    simulator.fault("webhook", "storm", copies=10, seconds=0.01)
    say(simulator, "de novo e de novo")
    eventually(lambda: len(business.posts) == 11)
    assert len({body for _, body in business.posts}) == 1
    eventually(lambda: len(simulator.get("webhooks")["webhooks"][0]["attempts"]) == 11)


def test_the_app_secret_can_change(business, simulator) -> None:
    simulator.configure(app_secret="next")
    say(simulator, "assinada de novo")
    eventually(lambda: business.posts)
    assert business.signed_well() == [False]
