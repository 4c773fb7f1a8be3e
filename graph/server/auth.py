"""Access to the agent server: clients with LANGGRAPH_TOKEN; with STUDIO also LangGraph Studio."""

from __future__ import annotations

import hmac
import logging

from langgraph_sdk import Auth

from graph.settings import settings

log = logging.getLogger(__name__)

REFUSED = "Send the agent server's token: Authorization: Bearer <LANGGRAPH_TOKEN>."

auth = Auth()


@auth.authenticate
async def authenticate(authorization: str | None) -> str:
    """Return the identity of the Authorization header. Raises a 401 for any header without the token."""
    if not authorized(authorization):
        raise Auth.exceptions.HTTPException(status_code=401, detail=REFUSED)
    return "gateway"


def authorized(authorization: str | None) -> bool:
    """Return whether the header holds the token, compared in constant time; False if no token is set."""
    token = settings().langgraph_token
    if token is None:
        log.error("LANGGRAPH_TOKEN is not set: every request is refused.")
        return False
    expected = f"Bearer {token.get_secret_value()}"
    return hmac.compare_digest((authorization or "").encode(), expected.encode())
