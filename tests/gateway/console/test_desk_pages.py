"""The inbox and the conversation as the server writes them."""

from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML, person


async def test_the_longest_wait_comes_first(desk, signed_in) -> None:
    for name, minutes in (("Bruno", 3), ("Carla", 40), ("Davi", 12)):
        conversation = desk.conversation(name, f"55119{minutes:08}")
        desk.said(conversation, "Oi")
        desk.waits(conversation, "Pediu uma pessoa", f"{name} quer trocar o grau.", minutes=minutes)
    browser = await signed_in(Role.ATTENDANT)
    page = (await browser.get("/console/", headers=HTML)).text
    assert page.index("Carla") < page.index("Davi") < page.index("Bruno")
    assert "40 min" in page
    assert "Pediu uma pessoa" in page


async def test_lists_count_the_window_down_where_a_person_is_needed(desk, signed_in) -> None:
    for name, minutes in (("Bruno", 30), ("Carla", 23 * 60), ("Davi", 25 * 60)):
        conversation = desk.conversation(name, f"55119{minutes:08}")
        desk.said(conversation, "Oi", minutes=minutes)
        desk.waits(conversation, "Pediu uma pessoa", minutes=minutes)
    eva = desk.conversation("Eva", "5511900000009")
    desk.said(eva, "Oi", minutes=30)
    browser = await signed_in(Role.ATTENDANT)
    rows = (await browser.get("/console/list?view=waiting")).text.split('<li class="line"')[1:]
    assert ["Janela fechada" in row for row in rows] == [True, False, False]
    assert ["data-soon" in row for row in rows] == [True, True, False]
    assert "data-until>23 h</time>" in rows[2]
    assert "window-chip" not in (await browser.get("/console/list?view=closed")).text.split("Eva")[1]


async def test_a_conversation_shows_all_kinds_of_messages(desk, signed_in) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    desk.said(conversation, "*Oi*, tudo bem?")
    desk.said(
        conversation, kind="interactive", interactive={"type": "nfm_reply", "data": {"grau": "-2.5", "flow_token": "s"}}
    )
    desk.said(conversation, kind="location", location={"latitude": -23.5, "longitude": -46.6, "name": "Praça"})
    desk.said(
        conversation,
        kind="order",
        order={"items": [{"product": "L-1", "quantity": 2, "price": 10.5, "currency": "BRL"}]},
    )
    desk.said(
        conversation, kind="contacts", contacts=[{"name": {"formatted_name": "Zé"}, "phones": [{"phone": "+55 11"}]}]
    )
    desk.replied(conversation, {"type": "buttons", "body": "Qual?", "buttons": [{"id": "a", "title": "Azul"}]})
    desk.replied(conversation, {"type": "text", "text": "Falhou"}, author="person", status="failed", error_code=131026)
    browser = await signed_in(Role.ATTENDANT)
    answer = await browser.get(f"/console/conversations/{conversation}", headers=HTML)
    assert answer.status_code == 200, answer.text
    for shown in (
        "<strong>Oi</strong>",
        "grau",
        "-2.5",
        "Praça",
        "2 × R$ 10,50",
        "Zé",
        "Azul",
        "não recebe mensagens",
    ):
        assert shown in answer.text, shown
    assert "flow_token" not in answer.text


async def test_orders_say_which_of_their_parts_are_not_known(desk, signed_in) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    desk.said(conversation, kind="order", order={"catalog": "c", "items": []})
    desk.said(conversation, kind="order", order={"items": [{"quantity": 2}, {"product": "L-2"}]})
    desk.said(conversation, "Tem?", context={"product": {"catalog": "c", "product": "<b>L-3"}})
    page = (await (await signed_in(Role.VIEWER)).get(f"/console/conversations/{conversation}", headers=HTML)).text
    for shown in (
        "não informou os itens deste pedido", "<dt>Produto sem código</dt><dd>2 ×</dd>",
        "<dt>L-2</dt><dd>sem quantidade nem preço</dd>", "Sobre o produto &lt;b&gt;L-3 do catálogo",
    ):  # fmt: skip
        assert shown in page, shown


async def test_html_of_customers_is_text_everywhere(desk, signed_in) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    conversation = desk.conversation(evil, "5511987654321", department=evil)
    message = desk.said(conversation, evil, kind="document", media={"filename": evil, "status": "stored"})
    desk.file(message, "document", "text/html", "x/y")
    desk.waits(conversation, evil, evil)
    browser = await signed_in(Role.ATTENDANT)
    page = await browser.get(f"/console/conversations/{conversation}", headers=HTML)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert page.text.count("&lt;script&gt;alert(1)") >= 5


async def test_what_the_agent_did_is_told_with_a_link_to_its_trace(desk, open_console, pool) -> None:
    conversation = desk.conversation("Carla", "5511987654321")
    desk.said(conversation, "E o pedido 12345?")
    answer = desk.replied(conversation, {"type": "text", "text": "Foi enviado."})
    run = desk.worked(
        answer, {"tool": "order_status", "arguments": '{"order_id": "12345"}', "result": "<b>enviado</b>"}
    )
    browser = await open_console(trace_url="https://traces.example/r/{run_id}")
    await person(pool, "ana", Role.VIEWER)
    await browser.sign_in("ana")
    page = (await browser.get(f"/console/conversations/{conversation}", headers=HTML)).text
    for shown in (
        "O agente usou 1 ferramenta",
        "Consultou um pedido",
        "&lt;b&gt;enviado",
        f"https://traces.example/r/{run}",
    ):
        assert shown in page, shown
    assert "<b>enviado" not in page
