"""Pending changes: carry out a confirmed change once, ask the customer again, or cancel it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from langchain.tools import tool
from langgraph.types import Command

from graph.business import RefusedError, TicketRequest, business
from graph.contract.state import Pending, asked_at
from graph.policy import memory
from graph.policy.confirmations import answerable, pending_change
from graph.tools.access import CHANGES_NEED_PROOF, trusted_keys, verification_level
from graph.tools.common import ONE_AT_A_TIME, Runtime, ask, expiry, fact, may_ask, store_of

NOTHING: Mapping[str, Any] = MappingProxyType({})
NOTES_ERASED = "As anotações do perfil deste cliente foram apagadas. Mensagens, pedidos e chamados continuam guardados."
# Worded so that the model may pass them on unchanged.
ALL_ASKED = (
    "O pedido para apagar todos os dados foi registrado, e uma pessoa da equipe confere. Nada foi apagado ainda: "
    "quando estiver feito, o aviso chega por aqui."
)
ALL_BEGINS = "Todos os dados são apagados logo depois desta mensagem. Quando estiver feito, o aviso chega por aqui."
NONE_PENDING = "Não há nada esperando confirmação, ou o prazo acabou. Nada foi feito: pergunte de novo, se for o caso."
TOO_SOON = "O cliente é perguntado no fim deste turno e ainda não respondeu. Nada foi feito."


class Outcome(NamedTuple):
    """A change that was carried out: the fact for the model, and an update of the state."""

    fact: str
    update: Mapping[str, Any] = NOTHING


@tool(parse_docstring=True)
async def confirm_change(runtime: Runtime) -> str | Command[Any]:
    """Mostra de novo ao cliente a pergunta que espera a confirmação dele, e termina o turno com ela.

    Use quando o cliente parecer querer a mudança, mas não tocou no botão nem disse um sim claro e sozinho. Esta
    ferramenta não faz a mudança: só o sim do próprio cliente faz. Não diga que algo foi feito.
    """
    state = runtime.state
    one = pending_change(state)
    if one is None or not answerable(one, asked_at(state)):
        return fact(runtime, NONE_PENDING, pending=None)
    if one["id"] == state.get("accepted"):
        done = await _carry_out(one, runtime)
        return fact(runtime, done.fact, pending=None, accepted=None, **done.update)
    if not may_ask(runtime):
        return TOO_SOON if one["turn_id"] == state["turn_id"] else ONE_AT_A_TIME
    return ask(runtime, Pending(**{**one, "turn_id": state["turn_id"], "expires_at": expiry(runtime)}))


@tool(parse_docstring=True)
async def drop_change(runtime: Runtime) -> Command[Any]:
    """Cancela a pergunta que espera a confirmação do cliente; a mudança não é feita.

    Use quando o cliente disser que não quer mais a mudança.
    """
    return fact(runtime, "A mudança foi deixada de lado. Nada foi feito.", pending=None)


async def _carry_out(one: Pending, runtime: Runtime) -> Outcome:
    # A change that was proposed before the customer's phone or number changed needs a proof now.
    if verification_level(runtime) == "changes_need_proof" and not _is_open_to_all(one):
        return Outcome(CHANGES_NEED_PROOF)
    try:
        return await CHANGES[one["tool"]](one, runtime)
    except RefusedError as refusal:
        return Outcome(str(refusal))


def _is_open_to_all(one: Pending) -> bool:
    """Return whether a change needs no proof: a ticket of one's own, and a wish that a person decides about."""
    return one["tool"] == "create_ticket" or one["arguments"].get("what") == "everything"


async def _open_ticket(one: Pending, runtime: Runtime) -> Outcome:
    request = TicketRequest.model_validate(one["arguments"])
    ticket = await business().open_ticket(trusted_keys(runtime), request, one["id"])
    return Outcome(f"Chamado {ticket.id} aberto: {ticket.subject}")


async def _cancel_order(one: Pending, runtime: Runtime) -> Outcome:
    order = await business().cancel_order(trusted_keys(runtime), one["arguments"]["order_id"], one["id"])
    return Outcome(f"Pedido {order.id}: {order.status}")


async def _change_address(one: Pending, runtime: Runtime) -> Outcome:
    wanted = one["arguments"]
    order = await business().change_address(trusted_keys(runtime), wanted["order_id"], wanted["address"], one["id"])
    return Outcome(f"Pedido {order.id}: será entregue em {order.address}")


async def _forget(one: Pending, runtime: Runtime) -> Outcome:
    """Erase the notes; of all data the gateway, at the end of the turn (`erasure` of the run contract)."""
    if one["arguments"].get("what") == "everything":
        # Never more than the customer read, nor than the gateway allows now.
        at_once = {one["arguments"]["how"], runtime.context.erasure} == {"immediate"}
        told, how = (ALL_BEGINS, "immediate") if at_once else (ALL_ASKED, "request")
        return Outcome(told, {"erasure": how})
    await memory.erase(store_of(runtime), memory.profile_ids(runtime.context))
    return Outcome(NOTES_ERASED)


CHANGES: dict[str, Callable[[Pending, Runtime], Awaitable[Outcome]]] = {
    "create_ticket": _open_ticket,
    "cancel_order": _cancel_order,
    "change_address": _change_address,
    "forget": _forget,
}
