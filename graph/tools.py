"""What the agent can do. A tool knows the customer from the run's context only; its answer is a short fact in
Portuguese, also when it failed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import httpx
import psycopg
from langchain.agents.middleware import AgentMiddleware, ToolCallRequest
from langchain.tools import BaseTool, ToolRuntime, tool
from langchain_core.messages import ToolMessage
from langgraph.types import Command
from pydantic import Field

from graph.business import NoCustomerError, Priority, Ticket, TicketRequest, business
from graph.channel import HistoryEntry, channel
from graph.context import Context
from graph.state import State

log = logging.getLogger(__name__)

Runtime = ToolRuntime[Context, State]

TOOL_SECONDS = 30
HISTORY_LIMIT = 50
UNAVAILABLE = "O sistema não respondeu. Não se sabe se algo foi feito: não afirme que foi. Tente de novo mais tarde."
NO_CUSTOMER = "Não há um cliente identificado nesta conversa."
AUTHORS = {"customer": "cliente", "agent": "assistente", "person": "atendente", "business_app": "atendente"}


@tool
async def order_status(order_id: Annotated[str, Field(max_length=64)], runtime: Runtime) -> str:
    """Status of one order of this customer.

    Args:
        order_id: The order's number, as the customer gave it.
    """
    order = await business().order(runtime.context.customer_keys, order_id.strip().lstrip("#"))
    if order is None:
        return f"Nenhum pedido {order_id} foi encontrado para este cliente."
    return f"Pedido {order.id}: {order.status}"


@tool
async def list_orders(runtime: Runtime) -> str:
    """All orders of this customer with their status, newest first."""
    orders = await business().orders(runtime.context.customer_keys)
    lines = [f"Pedido {order.id} de {order.ordered_on:%d/%m/%Y}: {order.status}" for order in orders]
    return "\n".join(lines) or "Este cliente não tem pedidos."


@tool
async def create_ticket(
    subject: Annotated[str, Field(min_length=1, max_length=200)],
    description: Annotated[str, Field(min_length=1, max_length=4000)],
    runtime: Runtime,
    priority: Priority = "normal",
) -> str:
    """Open a support ticket for this customer, who is told its number.

    Args:
        subject: What it is about, in a few words.
        description: What happened and what the customer wants, in the customer's words.
        priority: urgent only where health or safety is at stake.
    """
    request = TicketRequest(subject=subject, description=description, priority=priority)
    ticket = await business().open_ticket(runtime.context.customer_keys, request, _effect_key(runtime))
    return f"Chamado {ticket.id} aberto: {ticket.subject}"


@tool
async def get_ticket(ticket_id: Annotated[str, Field(max_length=64)], runtime: Runtime) -> str:
    """One support ticket of this customer.

    Args:
        ticket_id: The ticket's number.
    """
    number = ticket_id.strip().lstrip("#")
    known = number.isascii() and number.isdigit() and len(number) < 19  # fits a bigint
    ticket = await business().ticket(runtime.context.customer_keys, int(number)) if known else None
    return _ticket_fact(ticket) if ticket else f"Nenhum chamado {ticket_id} foi encontrado para este cliente."


@tool
async def conversation_history(runtime: Runtime, limit: Annotated[int, Field(ge=1, le=HISTORY_LIMIT)] = 20) -> str:
    """The last messages of this customer with the company, also those of other conversations, oldest first.

    Args:
        limit: How many messages.
    """
    if not runtime.context.customer_id:
        raise NoCustomerError
    entries = await channel().history(runtime.context.customer_id, limit)
    return "\n".join(_history_line(entry) for entry in entries) or "Não há mensagens anteriores."


TOOLS: list[BaseTool] = [order_status, list_orders, create_ticket, get_ticket, conversation_history]


class ToolErrors(AgentMiddleware[State, Context]):
    """Bounds every tool in time and turns the failures that have to be expected into a fact for the model.

    Anything else is a defect and fails the run.
    """

    state_schema = State

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run the tool; a fact with status ``error`` where something that it needs is away."""
        try:
            async with asyncio.timeout(TOOL_SECONDS):
                return await handler(request)
        except NoCustomerError:
            fact = NO_CUSTOMER
        except (psycopg.Error, httpx.HTTPError, TimeoutError) as error:
            log.warning("tool %s failed: %s", request.tool_call["name"], type(error).__name__)
            fact = UNAVAILABLE
        call = request.tool_call
        return ToolMessage(fact, tool_call_id=call["id"], name=call["name"], status="error")


def _effect_key(runtime: Runtime) -> str:
    """What makes an effect happen once: the turn and the model's call, which survive a crash together."""
    return f"{runtime.state['turn_id']}:{runtime.tool_call_id}"


def _ticket_fact(ticket: Ticket) -> str:
    return (
        f"Chamado {ticket.id}: {ticket.subject}. Situação: {ticket.status}. "
        f"Aberto em {ticket.created_at:%d/%m/%Y}. Descrição: {ticket.description}"
    )


def _history_line(entry: HistoryEntry) -> str:
    return f"{entry.timestamp} {AUTHORS.get(entry.author, entry.author)}: {entry.text or f'[{entry.kind}]'}"
