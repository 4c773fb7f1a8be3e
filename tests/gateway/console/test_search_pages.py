"""Search as the server writes it."""

import pytest

from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML


async def test_customers_and_messages_are_found_and_html_in_them_is_text(desk, signed_in) -> None:
    evil = "<img src=x onerror=alert(1)> grau"
    conversation = desk.conversation(f"Carla {evil}", "5511987654321")
    message = desk.said(conversation, f"Quero trocar o {evil} \x02<b>")
    browser = await signed_in(Role.VIEWER)
    page = (await browser.get("/console/search", params={"q": "grau"}, headers=HTML)).text
    assert "<img src=x" not in page
    assert "<b>" not in page
    assert f"message={message}" in page
    assert "<mark>grau</mark>" in page
    assert "Carla &lt;img" in page
    assert "+55 11 98765-4321" in page
    found = (await browser.get("/console/search/found", params={"q": "98765-4321"})).text
    assert str(conversation) in found


async def test_a_masked_number_is_neither_found_nor_shown(desk, signed_in) -> None:
    desk.conversation("Carla", "5511987654321")
    browser = await signed_in(Role.ATTENDANT, masks_numbers=True)
    found = (await browser.get("/console/search/found", params={"q": "987654321"})).text
    assert "Carla" not in found
    assert "não busca por números" in found
    found = (await browser.get("/console/search/found", params={"q": "carla"})).text
    assert "Carla" in found
    assert "98765" not in found


async def test_search_inside_a_conversation_gives_places_and_old_pages_reach_them(desk, signed_in) -> None:
    conversation, other = desk.conversation("Carla", "5511987654321"), desk.conversation("Bruno", "5511987654322")
    first = desk.said(conversation, "Meu grau mudou")
    for place in range(60):
        desk.said(conversation, f"Mensagem {place}")
    desk.said(other, "Outro grau")
    browser = await signed_in(Role.VIEWER)
    told = (await browser.get(f"/console/conversations/{conversation}/search", params={"q": "grau"})).json()
    assert [hit["id"] for hit in told["hits"]] == [str(first)]
    assert not told["more"]
    place = {"before": told["hits"][0]["seq"] + 30, "until": "2100-01-01T00:00:00Z", "far": "yes"}
    thread = (await browser.get(f"/console/conversations/{conversation}/thread", params=place)).text
    assert f"message-{first}" in thread


@pytest.mark.parametrize("params", [{"before": "x"}, {"after": "x"}, {"before": "9" * 30}])
async def test_a_cursor_that_is_none_is_refused(signed_in, params) -> None:
    browser = await signed_in(Role.VIEWER)
    assert (await browser.get("/console/search/found", params={"q": "carla", **params})).status_code == 400
