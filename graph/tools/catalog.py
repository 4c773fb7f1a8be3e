"""What is sold, and where."""

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


@tool
async def search_products(
    words: Annotated[str, Field(min_length=1, max_length=200)], runtime: Runtime
) -> str | Command[Any]:
    """Products with price and stock that fit some words. Where one fits, the customer is shown its picture.

    Args:
        words: What the customer is looking for, for example: lente colorida verde.
    """
    found = await business().products(words, PRODUCTS_SHOWN)
    lines = "\n".join(f"- {_line(product)}" for product in found) or f"Nenhum produto foi encontrado para: {words}"
    if len(found) == 1 and found[0].image_url:
        return show(runtime, lines, MediaReply(kind="image", link=found[0].image_url, caption=found[0].name))
    return lines


@tool
async def store_info(runtime: Runtime) -> str | Command[Any]:
    """Addresses, opening hours and telephones of the shops. Where there is one, the customer is shown it on the map."""
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
