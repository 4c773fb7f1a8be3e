"""Cards and CPFs are masked, however they are written; phones, CNPJs and numbers of the company's own data stay."""

import string
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graph.model.answer import sanitized
from graph.policy.masking import SPLIT, mask, mask_together, mask_values
from graph.policy.sensitive_numbers import PHONE
from tests.graph.support.model_server import ModelServer, say
from tests.graph.support.talk import Talk, texts

NUMBERS = (Path(__file__).parents[2] / "cases/P20_numbers.txt").read_text()
KEPT, MASKED = NUMBERS.split("not hidden though they are cards/CPFs: ")
CPF = "529.982.247-25"
CARD = "4111 1111 1111 1111"
SEPARATORS = [
    " ",
    ".",
    "-",
    "/",
    ",",
    "_",
    "\n",
    "  ",
    " - ",
    "\u00a0",
    "\u2009",
    "\u2013",
    "\u200b",
    "\u2060",
    "·",
    "*",
]


def with_check_digit(payload: str) -> str:
    """Return the digits with Luhn's check digit at their end."""
    return next(payload + last for last in string.digits if _luhn(payload + last))


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0


def digits(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(string.digits, min_size=least, max_size=most or least)


CARDS = st.one_of(
    *(digits(size - len(start) - 1).map(start.__add__).map(with_check_digit)
      for start, size in [("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15),
                          ("36", 14), ("3528", 16), ("6011", 16), ("6062", 16), ("65", 16), ("5067", 16)])
)  # fmt: skip


@pytest.mark.parametrize("line", KEPT.splitlines())
def test_what_is_no_card_stays(line: str) -> None:
    """Case P20_numbers."""
    assert mask(line) == line


@pytest.mark.parametrize(
    ("written", "shown"),
    [*zip(MASKED.split(" | "), ["[cartão final 1111]", "[cartão final 1111]", "cpf[CPF final 35]"], strict=True)],
)
def test_odd_forms_are_masked(written: str, shown: str) -> None:
    """Case P20_numbers."""
    assert mask(written) == shown


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"meu cpf é {CPF}", "meu cpf é [CPF final 25]"),
        ("52998224725", "[CPF final 25]"),
        ("529982247-25", "[CPF final 25]"),
        ("529 982 247 25", "[CPF final 25]"),
        ("CPF:529.982.247/25.", "CPF:[CPF final 25]."),
        ("123.456.789-00", "[CPF final 00]"),  # mistyped, but written as nothing else is
        (f"cartão {CARD}.", "cartão [cartão final 1111]."),
        ("4111111111111111", "[cartão final 1111]"),
        ("cartao4111111111111111val12/27", "cartao[cartão final 1111]val12/27"),
        (f"{CARD} 12/27 123", "[cartão final 1111] 12/27 123"),
        (f"pedido 42 {CARD}", "pedido 42 [cartão final 1111]"),
        ("3782 822463 10005", "[cartão final 0005]"),
        ("４１１１ １１１１ １１１１ １１１１", "[cartão final 1111]"),
        ("٤١١١١١١١١١١١١١١١", "[cartão final 1111]"),
        ("4️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣1️⃣", "[cartão final 1111]\ufe0f\u20e3"),
        (f"{CARD}; 5555 5555 5555 4444", "[cartão final 1111]; [cartão final 4444]"),
        (f"{CPF} {CARD}", "[CPF final 25] [cartão final 1111]"),
        ("4111|1111|1111|1111", "[cartão final 1111]"),
        ("4111 : 1111 : 1111 : 1111", "[cartão final 1111]"),
        ("4111\t1111\t1111\t1111", "[cartão final 1111]"),
        ("4111 ... 1111 ... 1111 ... 1111", "[cartão final 1111]"),
        ("(4111)(1111)(1111)(1111)", "([cartão final 1111])"),
    ],
)
def test_cards_and_cpfs(said: str, kept: str) -> None:
    assert mask(said) == kept
    assert mask(kept) == kept


@pytest.mark.parametrize(
    "said",
    [
        "pedido 12345, rastreio BR123456789",
        "me liga no 11987654321",
        "+55 11 98765-4321",
        "+4915112345675, wa.me/4915112345675",
        "41 3333-4440 41 3333-4444, 41 3333-4448",
        "4111 1111 1111 1112",
        "EAN 4006381333931",
        "CNPJ 11.444.777/0001-61, 11444777000161",
        "34191.79001 01043.510047 91020.150008 5 84410026000",
        "3524 0612 3456 7890 1234 5500 1000 0000 0110 0000 0017",
        "de 4111 para 1111 sem 1111 nem 1111",
        "4111;1111;1111;1112",
        "4111;1111;1111;1111;1111",
        "9999 | 4111 | 1111 | 1111 | 1111",
        "00000000000000, 4444 4444 4444 4444, 11111111111",
    ],
)
def test_other_numbers_stay(said: str) -> None:
    assert mask(said) == said


@given(CARDS, st.data())
def test_a_card_is_masked_whatever_stands_between_its_digits(card: str, data: st.DataObject) -> None:
    """Old cards of thirteen digits are an exception: they look like phones and barcodes."""
    between = st.sampled_from(["", "", "", *SEPARATORS])
    written = card[0] + "".join(data.draw(between) + digit for digit in card[1:])
    assert "[cartão final " in (said := mask(f"o meu é {written} obrigado"))
    assert sum(character.isdigit() for character in said) == 4


@given(CARDS, st.data())
def test_a_card_is_masked_however_many_messages_it_is_split_over(card: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(card) - 1), min_size=1, max_size=3)))
    parts = [card[start:end] for start, end in zip([0, *cuts], [*cuts, len(card)], strict=True)]
    # A part that is a whole phone, CPF, CNPJ or shorter card itself is read as that.
    assume(all(len(part) < 13 and mask(part) == part and not PHONE.search(part) for part in parts))
    said = mask_together(["o meu é " + parts[0], *parts[1:-1], parts[-1] + " obrigado"])
    assert said[0] == f"o meu é {SPLIT}"
    assert sum(character.isdigit() for text in said for character in text) == 4


def test_a_run_keeps_no_number_that_was_split_over_its_messages() -> None:
    inbound = [
        {"id": "4111111111111111", "text": "cartão 4111 1111"},
        {"id": "b", "text": None},
        {"id": "c", "text": "1111 1111 ok"},
        {"id": "d", "text": "cpf 529.982"},
        {"id": "e", "text": ".247-25"},
    ]
    kept = mask_values({"inbound": inbound})["inbound"]
    assert [one["text"] for one in kept] == [
        f"cartão {SPLIT}",
        None,
        "[cartão final 1111] ok",
        f"cpf {SPLIT}",
        "[CPF final 25]",
    ]
    assert kept[0]["id"] == "4111111111111111"


@given(
    st.lists(st.sampled_from(["11987654321", "5511987654321", "11.444.777/0001-61", "01310-100", "pedido 12345", "2"]))
)
def test_phones_and_orders_in_several_messages_stay(said: list[str]) -> None:
    assert mask_together(said) == said


@given(digits(9), st.sampled_from(["", ".", " ", "-", "\u00a0", "\u2013", "\u200b", " . "]))
def test_a_cpf_is_masked_whatever_stands_between_its_groups(nine: str, between: str) -> None:
    if len(set(nine)) == 1:
        return
    cpf = nine
    for size in (9, 10):
        cpf += str(
            sum(int(digit) * weight for digit, weight in zip(cpf, range(size + 1, 1, -1), strict=True)) * 10 % 11 % 10
        )
    assert mask(f"cpf{between.join([cpf[:3], cpf[3:6], cpf[6:9], cpf[9:]])}") == f"cpf[CPF final {cpf[-2:]}]"


FORMS = [
    "55{}{}{}",
    "+55{}{}{}",
    "https://wa.me/55{}{}{}",
    "55 {} {}{}",
    "55 {} {}-{}",
    "{} {}-{}",
    "({}) {}-{}",
    "55-{}-{}-{}",
]
PHONES = st.builds(
    lambda form, *parts: form.format(*parts),
    st.sampled_from(FORMS),
    st.integers(11, 99),
    digits(4).map("9{}".format) | digits(4),
    digits(4),
)


@given(st.lists(PHONES, min_size=1, max_size=3), st.sampled_from([", ", "\n", " ou ", " / "]))
@example(["5511987650000"], "")
def test_phones_stay(phones: list[str], between: str) -> None:
    said = between.join(phones)
    assert mask(said) == said


@given(digits(12))
@example("100000070001")
def test_cnpjs_stay(twelve: str) -> None:
    cnpj = twelve
    for size in (12, 13):
        weights = [(size - 1 - place) % 8 + 2 for place in range(size)]
        rest = sum(int(digit) * weight for digit, weight in zip(cnpj, weights, strict=True)) % 11
        cnpj += str(0 if rest < 2 else 11 - rest)
    written = f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"
    if len(set(cnpj)) > 1:
        assert mask(cnpj) == cnpj
        assert mask(written) == written


@given(st.text(st.sampled_from(string.digits + " .-/a\u200b+[]"), max_size=60))
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    assert mask(mask(text)) == mask(text)


def test_a_long_row_of_digits_takes_no_time() -> None:
    assert mask("4 " * 6000)
    assert mask("4111 " * 6000)


def test_numbers_of_tools_and_instructions_stay_in_what_the_model_says() -> None:
    found = ToolMessage("Pedido 4111 1111 1111 1111 enviado", tool_call_id="c", name="order_status")
    said = AIMessage("O pedido 4111111111111111 foi enviado; o cartão 5555 5555 5555 4444, não.")
    history = [HumanMessage("E o meu pedido?"), found]
    assert sanitized(said, history, last=True).text == (
        "O pedido 4111111111111111 foi enviado; o cartão [cartão final 4444], não."
    )
    assert sanitized(said, [], last=True).text.startswith("O pedido [cartão final 1111]")
    told = sanitized(said, [], last=True, instructions="Nosso contrato é o 4111111111111111")
    assert told.text.startswith("O pedido 4111111111111111")


async def test_the_model_reads_no_number_that_was_split_over_two_messages(
    http_talk: Talk, model_server: ModelServer
) -> None:
    model_server.script = lambda _: say("ok")
    await http_talk.turn("t1", "4111 1111", "1111 1111")
    assert "1111 1111" not in str(model_server.requests[0]["messages"])


async def test_what_the_model_and_the_customer_read(http_talk: Talk, model_server: ModelServer) -> None:
    """Case P20_numbers, with the phone of the shop in the model's text."""
    model_server.script = lambda _: say(NUMBERS)
    [told] = texts(await http_talk.turn("t1", NUMBERS))
    shown = (
        KEPT + "not hidden though they are cards/CPFs: [cartão final 1111] | [cartão final 1111] | cpf[CPF final 35]"
    )
    assert told == shown
    assert model_server.requests[0]["messages"][-1]["content"] == shown
