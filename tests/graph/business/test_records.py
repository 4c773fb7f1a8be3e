"""Everything about one customer in the business data: read for an export, and erased."""

from graph.business import DEMO_KEY, Business, Erased, TicketRequest
from graph.contract.context import CustomerKey

STRANGER = CustomerKey(kind="wa_id", value="5511900000001")
TICKET = TicketRequest(subject="Lente secreta", description="arranhada", priority="low")


async def test_the_records_of_a_customer_are_whole_and_nobody_elses(data: Business) -> None:
    await data.open_ticket([STRANGER], TICKET, "t:1")
    found = await data.records([DEMO_KEY])
    assert [one["name"] for one in found["customers"]] == ["Maria Souza"]
    assert [len(order["items"]) for order in found["orders"]] == [1, 1, 2]
    assert "Lente secreta" not in str(found)
    assert (await data.records([STRANGER]))["tickets"][0]["subject"] == "Lente secreta"
    assert await data.records([CustomerKey(kind="wa_id", value="5511900000002")]) == {}


async def test_an_erasure_takes_one_customer_and_a_second_one_finds_nothing(data: Business) -> None:
    await data.open_ticket([STRANGER], TICKET, "t:1")
    assert await data.erase([STRANGER], "e:1") == Erased(erased={"tickets": 1, "customers": 1})
    assert await data.erase([STRANGER], "e:1") == Erased()
    assert await data.records([STRANGER]) == {}
    assert len((await data.records([DEMO_KEY]))["orders"]) == 3
