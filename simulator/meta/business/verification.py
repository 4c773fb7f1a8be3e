"""Meta's check of a webhook's address when it is entered.

Source: docs/graph-api/webhooks/getting-started, verification requests.
"""

import httpx

from simulator.meta.errors import CALLBACK_REFUSED, INVALID_PARAMETER, GraphError

CHALLENGE = "1158201444"
MAX_CALLBACK_CHARACTERS = 200
TIMEOUT_SECONDS = 10


async def ask(client: httpx.AsyncClient, url: str, token: str, challenge: str = CHALLENGE) -> httpx.Response:
    """Send the verification request to the address. Raises httpx.TransportError."""
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge}
    return await client.get(url, params=query, timeout=TIMEOUT_SECONDS)


async def require(client: httpx.AsyncClient, url: object, token: object) -> str:
    """Return the address, if it answers with the challenge. Raises GraphError."""
    if not isinstance(url, str) or len(url) > MAX_CALLBACK_CHARACTERS or not url.startswith(("http://", "https://")):
        title = f"override_callback_uri should be a URL of at most {MAX_CALLBACK_CHARACTERS} characters"
        raise GraphError(INVALID_PARAMETER, title=title)
    if not isinstance(token, str) or not token:
        raise GraphError(INVALID_PARAMETER, title="The parameter verify_token is required.")
    try:
        answer = await ask(client, url, token)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise _failed(f"{type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise _failed(f"HTTP Status Code = {answer.status_code}; HTTP Message = {answer.reason_phrase}")
    if answer.text != CHALLENGE:
        raise _failed("The response does not match the challenge")
    return url


def _failed(what: str) -> GraphError:
    title = f"Callback verification failed with the following errors: {what}"
    return GraphError(CALLBACK_REFUSED, title=title)
