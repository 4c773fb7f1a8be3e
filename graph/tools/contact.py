"""Ask a customer who hides the phone number for it."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.contract.replies import ContactRequestReply
from graph.policy.departments import knows_number
from graph.prompts import TEXTS
from graph.tools.common import Runtime, end_with

KNOWN = "O número de telefone deste cliente já é conhecido."
ASKED = "O cliente foi convidado a compartilhar o número dele. Ele pode não querer: então siga sem ele."


@tool(parse_docstring=True)
async def request_phone_number(
    reason: Annotated[str, Field(min_length=1, max_length=300)], runtime: Runtime
) -> str | Command[Any]:
    """Pede ao cliente, que esconde o telefone, que compartilhe o número por um botão, e termina o turno.

    Use só quando algo não pode ser feito sem o número, como encontrar o cadastro dele. O cliente pode não querer: então
    continue sem o número e não peça de novo.

    Args:
        reason: Para que o número é preciso: uma frase inteira para o cliente, na língua dele.
    """
    if knows_number(runtime.context):
        return KNOWN
    text = f"{reason.strip()}\n{TEXTS['ask_number']}"
    return end_with(runtime, text, ASKED, ContactRequestReply(body=text))
