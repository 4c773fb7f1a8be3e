"""Support tickets."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.business import Priority, Ticket, TicketRequest, business
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.tools.access import trusted_keys, with_hint
from graph.tools.common import Runtime, line_of, lines_of, number_of, propose

LARGEST_NUMBER = 2**63 - 1  # of a bigint


@tool(parse_docstring=True)
async def create_ticket(
    subject: Annotated[str, Field(min_length=1, max_length=200)],
    description: Annotated[str, Field(min_length=1, max_length=4000)],
    runtime: Runtime,
    priority: Priority = "normal",
) -> str | Command[Any]:
    """Pergunta ao cliente, com botões, se um chamado deve ser aberto, e termina o turno com essa pergunta.

    Use quando houver um problema que você não resolve. O chamado só é aberto depois da confirmação, e então o cliente
    recebe o número: não diga antes que o chamado foi aberto e não faça a pergunta com as suas palavras.

    Args:
        subject: Assunto, em poucas palavras.
        description: O que aconteceu e o que o cliente quer, nas palavras dele.
        priority: Use urgent só quando houver risco à saúde ou à segurança.
    """
    request = TicketRequest(subject=mask(line_of(subject)), description=mask(lines_of(description)), priority=priority)
    if not request.subject or not request.description:
        return "O assunto e a descrição não podem ser vazios."
    asked = TEXTS["ask_ticket"].format(**request.model_dump() | {"priority": TEXTS[f"priority_{priority}"]})
    return propose(runtime, "create_ticket", request.model_dump(), asked)


@tool(parse_docstring=True)
async def get_ticket(ticket_id: Annotated[str, Field(max_length=64)], runtime: Runtime) -> str:
    """Consulta um chamado deste cliente: assunto, situação, data e descrição.

    Use quando o cliente perguntar por um chamado e der o número. Sem o número, use list_tickets.

    Args:
        ticket_id: Número do chamado, como o cliente disse.
    """
    number = number_of(ticket_id)
    known = number.isascii() and number.isdigit() and int(number) <= LARGEST_NUMBER
    ticket = await business().ticket(trusted_keys(runtime), int(number)) if known else None
    not_found = f"Nenhum chamado {ticket_id} foi encontrado para este cliente."
    return _whole(ticket) if ticket else with_hint(runtime, not_found)


@tool(parse_docstring=True)
async def list_tickets(runtime: Runtime) -> str:
    """Lista os chamados deste cliente com data, assunto e situação, do mais novo ao mais antigo.

    Use quando o cliente perguntar pelos chamados sem dar um número.
    """
    tickets = await business().tickets(trusted_keys(runtime))
    lines = (f"Chamado {one.id} de {one.created_at:%d/%m/%Y}: {one.subject}. {one.status}" for one in tickets)
    return "\n".join(lines) or with_hint(runtime, "Este cliente não tem chamados.")


def _whole(ticket: Ticket) -> str:
    return (
        f"Chamado {ticket.id}: {ticket.subject}. Situação: {ticket.status}. "
        f"Aberto em {ticket.created_at:%d/%m/%Y}. Descrição: {ticket.description}"
    )
