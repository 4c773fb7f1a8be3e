"""Access to the customer's data: the keys that may be used to show or change it.

The gateway says how certain it is that the number is the customer's (`Context.verification`); a proof in this turn
raises it. The model has no influence on it.
"""

from __future__ import annotations

from graph.business import Order, business
from graph.contract.context import Context, CustomerKey, Verification
from graph.prompts import TEXTS
from graph.tools.common import Runtime

# Facts for the model, worded so that it may pass them on unchanged.
CHANGES_NEED_PROOF = f"Nada foi mudado. {TEXTS['ask_proof']}"
MORE_NEEDS_PROOF = f"Mais do que isso só depois de confirmar quem é. {TEXTS['ask_proof']}"
# Levels at which the number leads to the customer's data.
SURE: tuple[Verification, ...] = ("verified", "changes_need_proof")
STAGES = {"open": "em preparação", "shipped": "enviado", "delivered": "entregue", "cancelled": "cancelado"}


def verification_level(runtime: Runtime) -> Verification:
    """Return the access that the customer's number gives now."""
    return "verified" if runtime.state.get("verified") else runtime.context.verification


def trusted_keys(runtime: Runtime) -> list[CustomerKey]:
    """Return the keys that certainly belong to this customer: the lasting ones, the number unless in doubt."""
    return trusted(runtime.context, verification_level(runtime))


def trusted(context: Context, level: Verification) -> list[CustomerKey]:
    """Return the keys of a context that certainly belong to its customer, where the number has a level of trust."""
    sure = level in SURE
    return [key for key in _keys(context) if sure or key.kind != "wa_id"]


def lasting_keys(runtime: Runtime) -> list[CustomerKey]:
    """Return the keys that can never belong to another person."""
    return [key for key in _keys(runtime.context) if key.kind != "wa_id"]


def number_keys(runtime: Runtime) -> list[CustomerKey]:
    """Return the current number as a key."""
    return [key for key in _keys(runtime.context) if key.kind == "wa_id"]


def stage_keys(runtime: Runtime) -> list[CustomerKey]:
    """Return the keys that may be used to look up the stage of orders, and nothing else."""
    return number_keys(runtime) if verification_level(runtime) == "stages_only" else []


def _keys(context: Context) -> list[CustomerKey]:
    present = [key for key in context.customer_keys if key.kind in ("wa_id", "user_id") and key.until is None]
    if not context.customer_keys or not context.customer_id:
        return present
    ours = [context.customer_id, *(key.value for key in context.customer_keys if key.kind == "former_id")]
    return [*present, *(CustomerKey(kind="customer_id", value=one) for one in ours)]


def with_hint(runtime: Runtime, text: str) -> str:
    """Return a fact that something was not found, with a hint at the proof if the customer's number is in doubt."""
    return f"{text} {TEXTS['ask_proof']}" if verification_level(runtime) in ("stages_only", "unverified") else text


async def stage_of(runtime: Runtime, order_id: str) -> str | None:
    """Return the stage of an order of the number, in a word: nothing else is told while the number is in doubt."""
    order = await business().order(stage_keys(runtime), order_id)
    return f"Pedido {order.id}: {STAGES[order.stage]}." if order else None


async def order_to_change(runtime: Runtime, order_id: str) -> Order | str | None:
    """Return an order that certainly is the customer's, a text if a proof is needed first, or None if there is none."""
    if verification_level(runtime) == "changes_need_proof":
        return CHANGES_NEED_PROOF
    order = await business().order(trusted_keys(runtime), order_id)
    return CHANGES_NEED_PROOF if order is None and verification_level(runtime) != "verified" else order
