"""Products and shops."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.business import Product, business
from graph.contract.replies import LocationReply, MediaReply
from graph.prompts import STORES
from graph.tools.common import Runtime, show
from graph.tools.money import brl

PRODUCTS_SHOWN = 5


@tool(parse_docstring=True)
async def search_products(
    words: Annotated[str, Field(min_length=1, max_length=200)], runtime: Runtime
) -> str | Command[Any]:
    """Procura produtos à venda: nome, preço e estoque dos que mais combinam com as palavras.

    Use antes de falar de qualquer produto, preço ou estoque. Se só um produto for encontrado, o cliente recebe junto
    da sua resposta a foto dele. Se nenhum for encontrado, tente uma vez com outras palavras; não ofereça o que não
    apareceu aqui.

    Args:
        words: O que o cliente procura, por exemplo: lente colorida verde.
    """
    found = await business().products(words, PRODUCTS_SHOWN)
    lines = "\n".join(f"- {_line(product)}" for product in found) or f"Nenhum produto foi encontrado para: {words}"
    if len(found) == 1 and found[0].image_url:
        return show(runtime, lines, MediaReply(kind="image", link=found[0].image_url, caption=found[0].name))
    return lines


@tool(parse_docstring=True)
async def store_info(runtime: Runtime) -> str | Command[Any]:
    """Consulta endereço, horário e telefone das lojas.

    Use quando o cliente perguntar onde ficam as lojas ou quando abrem. Se houver uma só loja, o cliente recebe junto
    da sua resposta o ponto no mapa.
    """
    lines = "\n".join(
        f"{store['name']}: {store['address']}. {store['hours']}. Telefone: {store.get('phone', 'não informado')}"
        for store in STORES
    )
    places = [store for store in STORES if "latitude" in store]
    if len(STORES) == 1 and places:
        store = places[0]
        point = LocationReply(
            latitude=store["latitude"], longitude=store["longitude"], name=store["name"], address=store["address"]
        )
        return show(runtime, lines, point)
    return lines or "Não há lojas cadastradas."


def _line(product: Product) -> str:
    stock = "em estoque" if product.in_stock else "sem estoque"
    about = f" ({product.description})" if product.description else ""
    return f"{product.name}{about}: {brl(product.price)}, {stock}"
