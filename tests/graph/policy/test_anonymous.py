"""Words of customers without their names, numbers and addresses."""

import pytest

from graph.policy.anonymous import anonymous

KNOWN = {"pix", "recife"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Aceitam Pix?", "Aceitam Pix?"),
        ("vcs entregam em Recife? sou a Carla Menezes", "vcs entregam em Recife? sou a [nome]"),
        ("me chamo carla, qual o prazo", "me chamo [nome], qual o prazo"),
        ("oi, a Maria da Silva pode buscar?", "oi, a [nome] pode buscar?"),
        ("meu pedido 45012 e o 1.234-5 sumiram", "meu pedido [número] e o [número] sumiram"),
        ("liga no +55 (11) 98765-4321", "liga no [número]"),
        ("meu cpf é 529.982.247-25", "meu cpf é [número]"),
        ("manda pra carla.m+loja@exemplo.com.br", "manda pra [e-mail]"),
        ("é este? https://loja.exemplo.com.br/p/77?cliente=carla", "é este? [link]"),
        ("em até 10x?", "em até 10x?"),
    ],
)
def test_only_what_names_nobody_stays(said: str, kept: str) -> None:
    assert anonymous(said, KNOWN) == kept
    assert anonymous(kept, KNOWN) == kept


@pytest.mark.parametrize("text", ["1 " * 5000, "a@" * 5000, "A " * 5000, "sou a " * 2000, "x." * 5000 + "@"])
def test_no_text_takes_long(text: str) -> None:
    anonymous(text[:10_000])
