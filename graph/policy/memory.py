"""The long-term memory of a customer: a few facts that the customer told, kept in the store.

The customer may see them and have them erased. The caller masks documents and cards.
"""

from __future__ import annotations

from langgraph.store.base import BaseStore

FACTS_KEPT = 30
FACT_LENGTH = 200
NAMESPACE = ("profiles",)


async def facts(store: BaseStore | None, customer_id: str) -> list[str]:
    """Return the facts, oldest first; none without a store or a customer."""
    if store is None or not customer_id:
        return []
    item = await store.aget(NAMESPACE, customer_id)
    return [str(fact) for fact in item.value.get("facts", [])] if item else []


async def remember(store: BaseStore, customer_id: str, fact: str) -> list[str]:
    """Add a fact once, dropping the oldest if there are too many. Returns all facts."""
    new = " ".join(fact.split())[:FACT_LENGTH]
    known = [old for old in await facts(store, customer_id) if old.lower() != new.lower()]
    kept = [*known, new][-FACTS_KEPT:]
    await store.aput(NAMESPACE, customer_id, {"facts": kept}, index=False)
    return kept


async def erase(store: BaseStore, customer_id: str) -> None:
    """Erase all facts about the customer."""
    await store.adelete(NAMESPACE, customer_id)
