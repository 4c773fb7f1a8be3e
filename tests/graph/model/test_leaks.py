"""Reasoning and tool calls in a model's text, in the forms of many models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.model.leaks import holds_call, without_thoughts

TOOLS = {"order_status", "remember", "forget", "list_orders"}
SECRET = "margem de 30%"


@pytest.mark.parametrize(
    "said",
    [
        f"<think>\n{SECRET}\n</think>\n\nOlá!",
        f"<thinking>{SECRET}</thinking>Olá!",
        f"<reasoning>{SECRET}</reasoning>\nOlá!",
        f"<THOUGHT effort='low'>{SECRET}</THOUGHT >Olá!",
        f"<seed:think>{SECRET}</seed:think>Olá!",
        f"<|think|>{SECRET}<|/think|>Olá!",
        f"[THINK]{SECRET}[/THINK]Olá!",
        f"◁think▷{SECRET}◁/think▷Olá!",
        f"<think>a<think>{SECRET}</think>{SECRET}</think>Olá!",
        f"{SECRET}</think>Olá!",
        f"Olá!\n<think>{SECRET}",
        f"Olá! <reasoning>{SECRET}\n\n{SECRET}",
        f"<|channel|>analysis<|message|>{SECRET}<|end|><|start|>assistant<|channel|>final<|message|>Olá!<|return|>",
    ],
)
def test_thoughts_are_taken_out(said: str) -> None:
    assert without_thoughts(said) == "Olá!"


@pytest.mark.parametrize("said", [f"<think>{SECRET}", f"<|channel|>analysis<|message|>{SECRET}"])
def test_nothing_is_left_of_thoughts_alone(said: str) -> None:
    assert without_thoughts(said) == ""


@pytest.mark.parametrize("said", ["Se 1 < 2 e 3 > 2", "use <b>negrito</b>", " com espaços \n", "[imagem] ok", "a <- b"])
def test_other_texts_stay_as_they_are(said: str) -> None:
    assert without_thoughts(said) == said


words = st.text(alphabet="abç <>/|[]\n", max_size=30)


@given(words, words, st.sampled_from([("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]))
def test_no_thought_is_left(before: str, after: str, marks: tuple[str, str]) -> None:
    opens, closes = marks
    heard = without_thoughts(f"{before}{opens}{SECRET}{closes}{after}")
    assert SECRET not in heard
    assert without_thoughts(heard) == heard


@pytest.mark.parametrize(
    "said",
    [
        '<tool_call>\n{"name": "order_status", "arguments": {"order_id": "123"}}\n</tool_call>',
        '<tool_call>{"name": "order_st',
        "<function=order_status><parameter=order_id>1</parameter></function>",
        '<|python_tag|>order_status.call(order_id="1")',
        '[TOOL_CALLS][{"name": "x", "arguments": {}}]',
        "<｜tool▁calls▁begin｜>function<｜tool▁sep｜>order_status",
        '<function_calls><invoke name="order_status">',
        'Um momento. ```json\n{"tool": "order_status", "args": {"order_id": "1"}}\n```',
        '```tool_code\nprint(order_status("1"))\n```',
        '{"function": {"name": "x", "arguments": "{}"}}',
        "{'name': 'order_status', 'parameters': {}}",
        '{"arguments": {"a": 1}, "name": "x',
        'functions.order_status({"order_id":"1"})',
        'functions.order_status:0{"order_id":"1"}',
        'order_status(order_id="1")',
        'order_status{"order_id": 1}',
        '<|channel|>commentary to=functions.order_status<|message|>{"order_id":"1"}',
        '{"action": "remember", "action_input": "x"}',
    ],
)
def test_calls_in_any_notation_are_seen(said: str) -> None:
    assert holds_call(said, TOOLS)


@pytest.mark.parametrize(
    "said",
    [
        'O campo "name": João',
        "Seu pedido (12345): {em separação}",
        "Preço: R$ 10,00 [ver](https://loja.example/x?name=a)",
        "Mande {nome} e [cidade]",
        "Funções: ver pedido (status), guardar (remember)",
        "Passo 1: abra a caixa. Ação: lave as mãos.",
    ],
)
def test_words_are_no_calls(said: str) -> None:
    assert not holds_call(said, TOOLS)
