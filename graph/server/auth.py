"""Access to the agent server: clients with LANGGRAPH_TOKEN; with STUDIO also LangGraph Studio.

The console has BUSINESS_TOKEN and KNOWLEDGE_TOKEN instead, each good for its paths and nothing else.
"""

from __future__ import annotations

import hmac
import logging

from langgraph_sdk import Auth
from pydantic import SecretStr

from graph.settings import settings

log = logging.getLogger(__name__)

CUSTOMER_PATH = "/business/customer"
KNOWLEDGE_PATHS = "/knowledge/"
REFUSED = "Send the agent server's token: Authorization: Bearer <LANGGRAPH_TOKEN>."

auth = Auth()


@auth.authenticate
async def authenticate(authorization: str | None, path: str) -> str:
    """Return the identity of the Authorization header. Raises a 401 for any header without the path's token."""
    if not authorized(authorization, path):
        raise Auth.exceptions.HTTPException(status_code=401, detail=REFUSED)
    return "gateway" if _token_of(path) == "LANGGRAPH_TOKEN" else "console"


def authorized(authorization: str | None, path: str) -> bool:
    """Return whether the header holds the token of a path, compared in constant time; False if that is not set."""
    config = settings()
    name = _token_of(path)
    token: SecretStr | None = getattr(config, name.lower())
    if token is None:
        log.error("%s is not set: its requests are refused.", name)
        return False
    expected = f"Bearer {token.get_secret_value()}"
    return hmac.compare_digest((authorization or "").encode(), expected.encode())


def _token_of(path: str) -> str:
    """Return the setting whose token opens a path."""
    if path == CUSTOMER_PATH:
        return "BUSINESS_TOKEN"
    return "KNOWLEDGE_TOKEN" if path.startswith(KNOWLEDGE_PATHS) else "LANGGRAPH_TOKEN"
