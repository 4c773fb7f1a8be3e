"""Orders, products and support tickets: a protocol, with Postgres or an HTTP API behind it.

This package knows nothing of models or messages.
"""

from __future__ import annotations

from functools import lru_cache

from graph.business.data import (
    Business,
    Erased,
    Item,
    NoCustomerError,
    NoProofError,
    NoSuchCallError,
    Order,
    Priority,
    Product,
    RefusedError,
    Ticket,
    TicketRequest,
)
from graph.business.demo import DEMO_KEY, create
from graph.business.http import HttpBusiness
from graph.business.postgres import PostgresBusiness
from graph.settings import settings

__all__ = [
    "DEMO_KEY",
    "Business",
    "Erased",
    "HttpBusiness",
    "Item",
    "NoCustomerError",
    "NoProofError",
    "NoSuchCallError",
    "Order",
    "PostgresBusiness",
    "Priority",
    "Product",
    "RefusedError",
    "Ticket",
    "TicketRequest",
    "business",
    "create",
]


@lru_cache
def business() -> Business:
    """Return the business data of this process: behind BUSINESS_API_URL if that is set, else in Postgres."""
    config = settings()
    if config.business_api_url:
        token = config.business_api_token
        return HttpBusiness(config.business_api_url, token.get_secret_value() if token else None)
    return PostgresBusiness(config.business_database)
