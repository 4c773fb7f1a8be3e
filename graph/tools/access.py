"""What may be told to the customer of a run and changed for them: by which keys their data is asked for.

The gateway says how sure it is that the number is theirs (``Context.verification``); a proof in this turn raises it.
The model has no say in it.
"""

from __future__ import annotations

from graph.business import Order, business
from graph.contract.context import CustomerKey, Verification
from graph.prompts import TEXTS
from graph.tools.common import Runtime

# Facts for the model; the demo model and a hurried real one may pass them on as they are.
CHANGES_NEED_PROOF = f"Nada foi mudado. {TEXTS['ask_proof']}"
MORE_NEEDS_PROOF = f"Mais do que isso só depois de confirmar quem é. {TEXTS['ask_proof']}"
STAGES = {"open": "em preparação", "shipped": "enviado", "delivered": "entregue", "cancelled": "cancelado"}


def verification_level(runtime: Runtime) -> Verification:
    """What the customer's number may lead to now."""
    return "verified" if runtime.state.get("verified") else runtime.context.verification


def trusted_keys(runtime: Runtime) -> list[CustomerKey]:
    """The keys that certainly lead to this customer's data: the lasting ones, and the number unless it is in doubt."""
    sure = verification_level(runtime) in ("verified", "changes_need_proof")
    return [key for key in _keys(runtime) if sure or key.kind != "wa_id"]


def lasting_keys(runtime: Runtime) -> list[CustomerKey]:
    """The keys that are nobody else's, ever."""
    return [key for key in _keys(runtime) if key.kind != "wa_id"]


def number_keys(runtime: Runtime) -> list[CustomerKey]:
    """The number of now."""
    return [key for key in _keys(runtime) if key.kind == "wa_id"]


def stage_keys(runtime: Runtime) -> list[CustomerKey]:
    """The keys that may lead to the stage of orders, and to nothing else."""
    return number_keys(runtime) if verification_level(runtime) == "stages_only" else []


def _keys(runtime: Runtime) -> list[CustomerKey]:
    context = runtime.context
    present = [key for key in context.customer_keys if key.kind in ("wa_id", "user_id") and key.until is None]
    if not context.customer_keys or not context.customer_id:
        return present
    ours = [context.customer_id, *(key.value for key in context.customer_keys if key.kind == "former_id")]
    return [*present, *(CustomerKey(kind="customer_id", value=one) for one in ours)]


def with_hint(runtime: Runtime, text: str) -> str:
    """A fact that something was not found; what would help where the customer's number is in doubt."""
    return f"{text} {TEXTS['ask_proof']}" if verification_level(runtime) in ("stages_only", "unverified") else text


async def stage_of(runtime: Runtime, order_id: str) -> str | None:
    """How far an order of the number has come, in a word: all that is told while nobody knows whose the number is."""
    order = await business().order(stage_keys(runtime), order_id)
    return f"Pedido {order.id}: {STAGES[order.stage]}." if order else None


async def order_to_change(runtime: Runtime, order_id: str) -> Order | str | None:
    """An order that certainly is the customer's; a text where a proof is needed first; None where there is none."""
    if verification_level(runtime) == "changes_need_proof":
        return CHANGES_NEED_PROOF
    order = await business().order(trusted_keys(runtime), order_id)
    return CHANGES_NEED_PROOF if order is None and verification_level(runtime) != "verified" else order
