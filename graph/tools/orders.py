"""Orders: look them up, cancel them, change their delivery address."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.business import Order, business
from graph.contract.compose import menu
from graph.contract.replies import ListReply
from graph.prompts import TEXTS
from graph.tools.access import MORE_NEEDS_PROOF, STAGES, order_to_change, stage_keys, stage_of, trusted_keys, with_hint
from graph.tools.common import Runtime, line_of, number_of, propose, show
from graph.tools.money import brl

OrderId = Annotated[str, Field(max_length=64)]


@tool(parse_docstring=True)
async def order_status(order_id: OrderId, runtime: Runtime) -> str:
    """Consulta um pedido deste cliente: situação, itens, preços e endereço de entrega.

    Use quando o cliente perguntar por um pedido e der o número, e antes de cancelar ou mudar um pedido. Sem o número,
    use list_orders. Nunca tente números que o cliente não disse.

    Args:
        order_id: Número do pedido, como o cliente disse.
    """
    number = number_of(order_id)
    if order := await business().order(trusted_keys(runtime), number):
        return _whole(order)
    if stage := await stage_of(runtime, number):
        return f"{stage} {MORE_NEEDS_PROOF}"
    return with_hint(runtime, _not_found(order_id))


@tool(parse_docstring=True)
async def list_orders(runtime: Runtime) -> str | Command[Any]:
    """Lista todos os pedidos deste cliente com data e situação, do mais novo ao mais antigo.

    Use quando o cliente perguntar pelos pedidos sem dar um número. Se houver mais de um pedido, o cliente recebe junto
    da sua resposta um menu para escolher: não repita a lista inteira no texto.
    """
    orders = await business().orders(trusted_keys(runtime))
    if not orders:
        return await _stages(runtime)
    lines = "\n".join(f"Pedido {one.id} de {one.ordered_on:%d/%m/%Y}: {one.status}" for one in orders)
    return show(runtime, lines, _menu(orders)) if len(orders) > 1 else lines


@tool(parse_docstring=True)
async def cancel_order(order_id: OrderId, runtime: Runtime) -> str | Command[Any]:
    """Pergunta ao cliente, com botões, se o pedido deve ser cancelado, e termina o turno com essa pergunta.

    Use quando o cliente quiser cancelar um pedido que ainda não foi enviado. Nada é cancelado enquanto ele não
    confirmar: não diga que o pedido foi cancelado e não faça a pergunta com as suas palavras.

    Args:
        order_id: Número do pedido.
    """
    order = await order_to_change(runtime, number_of(order_id))
    if isinstance(order, str):
        return order
    if (refusal := _refusal(order, order_id)) or order is None:
        return refusal
    return propose(runtime, "cancel_order", {"order_id": order.id}, TEXTS["ask_cancel"].format(order_id=order.id))


@tool(parse_docstring=True)
async def change_address(
    order_id: OrderId, address: Annotated[str, Field(min_length=8, max_length=300)], runtime: Runtime
) -> str | Command[Any]:
    """Pergunta ao cliente, com botões, se o pedido deve ir para outro endereço, e termina o turno com ela.

    Use quando o cliente der um novo endereço para um pedido que ainda não foi enviado. Nada muda enquanto ele não
    confirmar: não diga que o endereço foi mudado e não faça a pergunta com as suas palavras.

    Args:
        order_id: Número do pedido.
        address: Novo endereço inteiro: rua, número, cidade, estado e CEP. Peça ao cliente o que faltar, não invente.
    """
    order = await order_to_change(runtime, number_of(order_id))
    if isinstance(order, str):
        return order
    if (refusal := _refusal(order, order_id)) or order is None:
        return refusal
    wanted = {"order_id": order.id, "address": line_of(address)}
    if not wanted["address"]:
        return "Falta o endereço."
    return propose(runtime, "change_address", wanted, TEXTS["ask_address"].format(**wanted))


async def _stages(runtime: Runtime) -> str:
    """Return the stages of orders that may be the customer's, without their numbers, which are half of the proof."""
    orders = await business().orders(stage_keys(runtime))
    if not orders:
        return with_hint(runtime, "Este cliente não tem pedidos.")
    lines = "\n".join(f"Um pedido: {STAGES[one.stage]}." for one in orders)
    return f"{lines}\n{MORE_NEEDS_PROOF}"


def _not_found(order_id: str) -> str:
    return f"Nenhum pedido {order_id} foi encontrado para este cliente."


def _refusal(order: Order | None, order_id: str) -> str:
    """Return why an order cannot be changed; empty if nothing is known against it."""
    if order is None:
        return _not_found(order_id)
    return "" if order.stage == "open" else f"O pedido {order.id} não pode mais ser alterado: {order.status}."


def _whole(order: Order) -> str:
    lines = [f"Pedido {order.id}: {order.status}"]
    lines += [f"- {item.quantity} x {item.name}, {brl(item.price)} cada" for item in order.items]
    if order.items:
        lines.append(f"Total dos produtos: {brl(sum(item.quantity * item.price for item in order.items))}")
    return "\n".join([*lines, f"Entrega em: {order.address}"] if order.address else lines)


def _menu(orders: list[Order]) -> ListReply:
    choices = [(f"order:{order.id}", f"Pedido {order.id}", order.status) for order in orders]
    return menu(TEXTS["orders_body"], choices, TEXTS["orders_button"], TEXTS["orders_title"])
