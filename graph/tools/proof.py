"""The proof that a customer whose number may have changed hands is the customer of an order."""

from __future__ import annotations

from typing import Annotated, Any

from langchain.tools import tool
from langgraph.types import Command
from pydantic import Field

from graph.business import NoCustomerError, NoProofError, business
from graph.business.data import postcode_of
from graph.policy.masking import mask
from graph.prompts import TEXTS
from graph.server.gateway_client import gateway
from graph.settings import settings
from graph.tools.access import lasting_keys, number_keys, trusted_keys, verification_level
from graph.tools.common import Runtime, end_with, fact, number_of
from graph.tools.conversation import handoff_text

NOT_NEEDED = "O cliente já está confirmado. Não é preciso perguntar mais nada."
NO_POSTCODE = "Falta o CEP da entrega, com oito números. Nenhuma tentativa foi usada."
PROVEN = "Está confirmado que o pedido {order_id} é do cliente. Agora dá para ver os detalhes e pedir mudanças."
WRONG = "O número do pedido e o CEP não conferem. Ainda dá para tentar mais {left} {times} hoje."
PERSON_CALLED = "Não foi possível confirmar quem é o cliente. Uma pessoa da equipe foi chamada."


@tool(parse_docstring=True)
async def verify_customer(
    order_id: Annotated[str, Field(min_length=1, max_length=64)],
    postcode: Annotated[str, Field(min_length=1, max_length=20)],
    runtime: Runtime,
) -> str | Command[Any]:
    """Confere se um pedido é deste cliente, pelo número do pedido e pelo CEP da entrega.

    Use quando os dados só puderem ser mostrados ou mudados depois de confirmar quem é o cliente, e só quando ele já
    tiver dito os dois. As tentativas são poucas por dia: nunca adivinhe o número nem o CEP.

    Args:
        order_id: Número do pedido, como o cliente disse.
        postcode: CEP do endereço de entrega, como o cliente disse.
    """
    if verification_level(runtime) == "verified":
        return NOT_NEEDED
    if not runtime.context.customer_id:
        raise NoCustomerError
    if settings().identity_proof == "person":
        return _to_a_person(runtime, order_id)
    if digits := postcode_of(postcode):
        return await _tried(runtime, number_of(order_id), digits)
    return NO_POSTCODE


async def _tried(runtime: Runtime, order_id: str, postcode: str) -> str | Command[Any]:
    """Use one of the day's tries and return its result."""
    left = await gateway().proof_tries(runtime.context.capability, order_id)
    try:
        proven = left is not None and await business().verify(lasting_keys(runtime), order_id, postcode)
    except NoProofError:
        return _to_a_person(runtime, order_id)
    if proven:
        return fact(runtime, PROVEN.format(order_id=order_id), verified=await _is_of_the_number(runtime, order_id))
    if not left:
        return _to_a_person(runtime, order_id)
    return WRONG.format(left=left, times="vez" if left == 1 else "vezes")


async def _is_of_the_number(runtime: Runtime, order_id: str) -> bool:
    """Return whether the number leads to the order too: then the number is the customer's.

    If not, only the data of their lasting keys is theirs, and the number's data belongs to another person.
    """
    known = trusted_keys(runtime) if verification_level(runtime) == "changes_need_proof" else number_keys(runtime)
    return await business().order(known, order_id) is not None


def _to_a_person(runtime: Runtime, order_id: str) -> Command[Any]:
    summary = f"O cliente quis confirmar quem é com o pedido {mask(number_of(order_id))}."
    handoff = {"reason": TEXTS["proof_needed"], "summary": summary}
    return end_with(runtime, handoff_text(runtime.state, runtime.context), PERSON_CALLED, handoff=handoff)
