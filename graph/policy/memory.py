"""The long-term memory of a customer: a few facts that the customer told, kept in the store.

The customer may see them and have them erased. The caller masks documents and cards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langgraph.store.base import BaseStore

from graph.contract.context import Context

FACTS_KEPT = 30
FACT_LENGTH = 200
NAMESPACE = ("profiles",)


def profile_ids(context: Context) -> list[str]:
    """Return the ids under which facts of this customer may be kept; none without a customer.

    They are the ids of contacts that became part of this one, then the customer's own id.
    """
    if not context.customer_id:
        return []
    return [*(key.value for key in context.customer_keys if key.kind == "former_id"), context.customer_id]


async def facts(store: BaseStore | None, profiles: Sequence[str]) -> list[str]:
    """Return the facts of these profiles, each once, oldest first; none without a store."""
    items = [await store.aget(NAMESPACE, profile) for profile in profiles] if store else []
    return merged(item.value for item in items if item)


def merged(profiles: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the facts of stored profiles, each once, oldest first."""
    return list(dict.fromkeys(str(fact) for profile in profiles for fact in profile.get("facts", [])))


async def remember(store: BaseStore, customer_id: str, fact: str) -> list[str]:
    """Add a fact once, dropping the oldest if there are too many. Returns all facts."""
    new = " ".join(fact.split())[:FACT_LENGTH]
    known = [old for old in await facts(store, [customer_id]) if old.lower() != new.lower()]
    kept = [*known, new][-FACTS_KEPT:]
    await store.aput(NAMESPACE, customer_id, {"facts": kept}, index=False)
    return kept


async def erase(store: BaseStore, profiles: Sequence[str]) -> None:
    """Erase all facts of these profiles."""
    for profile in profiles:
        await store.adelete(NAMESPACE, profile)
