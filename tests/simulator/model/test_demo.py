"""The demo model's script: the requests that it recognises, its tool calls, and the source of its facts."""

import pytest

from graph.turn.files import NOT_HEARD, NOT_READ, NOT_SEEN, TOO_LARGE, TOO_MANY
from simulator.model.demo import ASK_AGAIN, answer
from simulator.model.tools import Call, fill, result_text


def tool(name, description="", required=(), /, **properties):
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


STRING = {"type": "string"}
PRIORITY = {"enum": ["low", "normal", "high", "urgent"], "type": "string", "default": "normal"}
TOOLS = [
    tool("order_status", "Status of one order of this customer.", ["order_id"], order_id=STRING),
    tool("list_orders", "All orders of this customer."),
    tool(
        "create_ticket",
        "Open a support ticket.",
        ["subject", "description"],
        subject={"type": "string", "maxLength": 30},
        description=STRING,
        priority=PRIORITY,
    ),
    tool("get_ticket", "One support ticket.", ["ticket_id"], ticket_id=STRING),
    tool("conversation_history", "The last messages.", limit={"type": "integer", "default": 20}),
    tool("request_human", "Ask a person to take over.", ["reason"], reason=STRING),
]
RENAMED = [
    tool("consultar_pedido", "Consulta um pedido.", ["numero"], numero={"type": "integer"}),
    tool("meus_pedidos", "Lista os pedidos."),
    tool("abrir_chamado", "Abre um chamado.", ["titulo", "texto"], titulo=STRING, texto=STRING),
]


def user(*texts):
    return [{"role": "user", "content": text} for text in texts]


def said(text):
    return {"role": "assistant", "content": text}


def after_tool(text, result, name="order_status"):
    call = {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    return [*user(text), asked, {"role": "tool", "tool_call_id": name, "content": result}]


def calls(*texts, tools=TOOLS, before=()):
    return [(call.name, call.arguments) for call in answer([*before, *user(*texts)], tools).calls]


@pytest.mark.parametrize(
    "text",
    [
        "Olá, quero saber do meu pedido 12345",
        "cadê minha encomenda #12345?",
        "12345",
        "o pedido 12345 já chegou? é o 12345 mesmo",
    ],
)
def test_an_order_is_looked_up_by_its_number(text) -> None:
    assert calls(text) == [("order_status", {"order_id": "12345"})]


def test_several_orders_and_messages_are_looked_up_together() -> None:
    wanted = [("order_status", {"order_id": "12345"}), ("order_status", {"order_id": "67890"})]
    assert calls("pedido 12345", "e o 67890?") == wanted


def test_renamed_tools_still_work() -> None:
    assert calls("e o pedido 67890?", tools=RENAMED) == [("consultar_pedido", {"numero": 67890})]
    assert calls("quais são meus pedidos?", tools=RENAMED) == [("meus_pedidos", {})]
    assert calls("abre um chamado", tools=RENAMED) == [
        ("abrir_chamado", {"titulo": "abre um chamado", "texto": "abre um chamado"})
    ]


def test_without_a_number_the_order_of_before_is_meant() -> None:
    before = [*user("quero saber do pedido 12345"), said("Pedido 12345: Em separação")]
    assert calls("e quando chega?", before=before) == [("order_status", {"order_id": "12345"})]
    assert calls("e quando chega?") == [("list_orders", {})]
    assert calls("quais são todos os meus pedidos?", before=before) == [("list_orders", {})]


def test_a_ticket_is_opened_with_what_was_said() -> None:
    text = "Minha lente veio com defeito e está doendo, é urgente, por favor me ajudem logo"
    name, arguments = calls(text)[0]
    assert name == "create_ticket"
    assert arguments["description"] == text
    assert arguments["priority"] == "urgent"
    assert len(arguments["subject"]) <= 30
    assert calls("veio errado")[0][1]["priority"] == "normal"


def test_another_departments_order_is_passed_on_without_a_word_about_it() -> None:
    person = tool("request_human", "Call a person; say numbers of orders and tickets.", ["reason"], reason=STRING)
    passing = tool("transfer_to", "Pass the conversation on.", ["department"], department=STRING)
    instructions = {"role": "system", "content": "Outros setores:\n- orders: Pedidos"}
    for text in ("pedido 12345", "quero saber do meu pedido"):
        assert calls(text, tools=[person, passing], before=[instructions]) == [
            ("transfer_to", {"department": "orders"})
        ]
    told = [*after_tool("pedido 12345", "Agora responde o setor Pedidos.", "transfer_to")]
    told += after_tool("pedido 12345", "Pedido 12345: Enviado")[1:]
    assert answer(told, TOOLS).text == "Pedido 12345: Enviado\nPosso ajudar em algo mais?"


def test_tickets_and_people_are_asked_for() -> None:
    assert calls("como está o chamado 42?") == [("get_ticket", {"ticket_id": "42"})]
    assert calls("quero falar com um atendente") == [("request_human", {"reason": "quero falar com um atendente"})]
    assert calls("o que eu disse antes?") == [("conversation_history", {})]


@pytest.mark.parametrize(
    ("result", "fact"),
    [
        ("Pedido 12345: Em separação", "Pedido 12345: Em separação"),
        ('{"order_id": "12345", "status": "Enviado", "note": null}', "Pedido: 12345. Situação: Enviado"),
        ('[{"id": 1}, {"id": 2}]', "• Número: 1\n• Número: 2"),
        ("[]", "Nada encontrado."),
        ("O sistema não respondeu: não afirme que foi feito.", "Não consegui confirmar"),
    ],
)
def test_facts_come_from_the_tool(result, fact) -> None:
    text = answer(after_tool("Olá, e o pedido 12345?", result), TOOLS).text
    assert text is not None
    assert text.startswith("Olá!")
    assert fact in text


PROOF = tool("verify_customer", "Check that an order is theirs.", ("order_id", "postcode"),
             order_id={"type": "string"}, postcode={"type": "string"})  # fmt: skip


@pytest.mark.parametrize("texts", [("Pedido 12345, CEP 01001-000",), ("Onde está o meu pedido 12345?", "01001000")])
def test_an_order_and_a_postcode_prove_who_one_is(texts) -> None:
    before = user(*texts[:-1])
    before += [said("Me diga o CEP da entrega, por favor.")] if before else []
    made = calls(texts[-1], tools=[*TOOLS, PROOF], before=before)
    assert made == [("verify_customer", {"order_id": "12345", "postcode": texts[-1].split()[-1]})]


def test_after_the_proof_the_order_is_looked_up_and_worded() -> None:
    fact = "Está confirmado que o pedido 12345 é do cliente. Agora dá para ver os detalhes."
    messages = after_tool("Pedido 12345, CEP 01001-000", fact, "verify_customer")
    assert [(one.name, one.arguments) for one in answer(messages, [*TOOLS, PROOF]).calls] == [
        ("order_status", {"order_id": "12345"})
    ]


def test_a_postcode_is_a_part_of_a_new_address() -> None:
    made = calls("Mude o endereço do pedido 12345 para Rua A, 1, 01001-000", tools=[*TOOLS, PROOF])
    assert "verify_customer" not in [name for name, _ in made]


def test_without_a_tool_nothing_is_invented() -> None:
    reply = answer(user("quero saber do pedido 12345"), [])
    assert (reply.calls, reply.text) == ([], "Claro! Qual é o número do pedido?")
    assert answer(user("pedido 12345"), TOOLS, "none").calls == []


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Oi, meu nome é Ana Paula e preciso de ajuda", "Ana Paula"),
        ("me chamo joão", "joão"),
        ("meu nome e Rita", "Rita"),
        ("Sou a Beatriz.", "Beatriz"),
        ("aqui é o Zé", "Zé"),
    ],
)
def test_a_name_is_remembered_from_the_messages(told, name) -> None:
    history = [*user(told), said("Prazer!")]
    assert name in (answer(user(told), TOOLS).text or "")
    assert name in (answer([*history, *user("Qual é o meu nome?")], TOOLS).text or "")
    assert "ainda não me disse" in (answer(user("Qual é o meu nome e o seu?"), TOOLS).text or "")


def test_what_was_said_before_is_remembered() -> None:
    history = [*user("Vocês vendem lentes coloridas?"), said("Sim.")]
    text = answer([*history, *user("você lembra o que eu perguntei?")], TOOLS).text
    assert "Vocês vendem lentes coloridas?" in (text or "")


@pytest.mark.parametrize("text", ["Oi", "bom dia!", "Obrigada", "xyz", "👓", "", "[imagem]"])
def test_it_always_says_something(text) -> None:
    reply = answer(user(text), TOOLS)
    assert reply.text
    assert not reply.calls


def test_content_in_parts_is_read() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text", "text": "pedido 12345"}]
    assert answer([{"role": "user", "content": parts}], TOOLS).calls == [Call("order_status", {"order_id": "12345"})]


def test_a_demanded_tool_is_called() -> None:
    named = {"type": "function", "function": {"name": "create_ticket"}}
    assert answer(user("oi"), TOOLS, named).calls[0].name == "create_ticket"
    assert answer(user("oi"), TOOLS, "required").calls


def test_schemas_are_followed() -> None:
    schema = {
        "type": "object",
        "$defs": {"Kind": {"enum": ["a", "b"]}},
        "properties": {
            "kind": {"$ref": "#/$defs/Kind"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            "flag": {"type": "boolean"},
            "many": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "inner": {"type": "object", "properties": {"x": {"const": 7}}, "required": ["x"]},
            "optional": {"type": "string"},
        },
        "required": ["kind", "maybe", "flag", "many", "inner"],
    }
    expected = {"kind": "a", "maybe": 5, "flag": True, "many": ["eu tenho 5"], "inner": {"x": 7}}
    assert fill(schema, "eu tenho 5") == expected


def test_text_results_stay_as_they_are() -> None:
    assert result_text("  linha 1\nlinha 2 ") == "linha 1\nlinha 2"


SHOP = [*TOOLS, tool("search_products", "Products that fit some words.", ["words"], words=STRING)]


@pytest.mark.parametrize(
    "text",
    [
        "Quais lentes vocês têm para astigmatismo?",
        "tem óculos de sol?",
        "Que lentes vocês têm?",
        "Procuro uma solução para lentes",
        "Quero comprar lentes de descarte diário",
        "Quanto custa a lente colorida?",
    ],
)
def test_who_looks_for_goods_is_shown_products(text):
    assert calls(text, tools=SHOP) == [("search_products", {"words": text})]


@pytest.mark.parametrize(
    "text",
    [
        "Quero saber do meu pedido de lentes 12345",
        "Quais lentes vieram no meu pedido?",
        "Que lente arranhada, quero trocar",
        "Minhas lentes são mensais",
        "Quero um reembolso das lentes",
        "Acho que perdi minhas lentes",
    ],
)
def test_who_speaks_of_goods_that_were_bought_is_shown_none(text):
    assert "search_products" not in {name for name, _ in calls(text, tools=SHOP)}


@pytest.mark.parametrize("note", [NOT_READ, NOT_SEEN, NOT_HEARD, TOO_LARGE, TOO_MANY])
def test_who_sent_what_could_not_be_opened_is_told_so(note):
    assert answer(user(f"[documento: receita.pdf]\n{note}"), TOOLS).text == ASK_AGAIN
