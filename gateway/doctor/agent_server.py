"""The agent server: whether it answers and takes our token, and whether its assistant keeps the run contract."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from gateway.doctor.findings import Finding, problem, unchecked, warning
from gateway.numbers.channels import Channel
from gateway.settings import Settings
from gateway.whatsapp.json_bytes import Json, decode
from gateway.whatsapp.reading import part, parts, text

PART = "agent"
_INPUT = frozenset({"turn_id", "inbound", "since", "unsent", "early"})
_OUTPUT = frozenset({"turn_id", "replies", "handoff"})
_NEWER_OUTPUT = frozenset({"verified", "steps", "transcripts", "usage"})


async def agent_server(settings: Settings, channels: list[Channel], http: httpx.AsyncClient) -> list[Finding]:
    """Check the agent server, and each assistant that a channel names."""
    if settings.langgraph_token is None and "langgraph_url" not in settings.model_fields_set:
        return [unchecked(PART, "this process is not told of the agent server", "run it in the pod of `work`")]
    url = settings.langgraph_url.rstrip("/")
    token = settings.langgraph_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        (await http.get(f"{url}/ok")).raise_for_status()
        found = []
        for assistant in sorted({one.assistant for one in channels} or {settings.langgraph_assistant}):
            found += await _assistant(url, assistant, headers, http)
    except httpx.HTTPError as error:
        step = "look whether the agent server runs and what its log says; LANGGRAPH_URL names its address"
        return [problem(PART, f"no answer from the agent server at {url} ({_shape(error)})", step)]
    return found


async def version(settings: Settings, http: httpx.AsyncClient) -> str | None:
    """Return the version of the agent server's program; None where it does not say."""
    token = settings.langgraph_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        answer = await http.get(f"{settings.langgraph_url.rstrip('/')}/info", headers=headers)
    except httpx.HTTPError:
        return None
    return text(_json(answer), "version")


async def _assistant(url: str, assistant: str, headers: dict[str, str], http: httpx.AsyncClient) -> list[Finding]:
    """Find the assistant by its id, or by its graph's name as runs may name it, and compare its schemas."""
    answer = await http.post(f"{url}/assistants/search", headers=headers, json={"limit": 1000})
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        step = "give `work` and the agent server the same LANGGRAPH_TOKEN"
        return [problem(PART, "the agent server refuses LANGGRAPH_TOKEN: no turn is answered", step)]
    answer.raise_for_status()
    every = parts({"data": decode(answer.content)}, "data")
    ids = [text(one, "assistant_id") for one in every if assistant in (one.get("assistant_id"), one.get("graph_id"))]
    if not ids or ids[0] is None:
        names = ", ".join(sorted({str(one.get("graph_id")) for one in every})) or "none"
        step = f"set LANGGRAPH_ASSISTANT (assistant of the channel) to one that exists: {names}"
        return [problem(PART, f"the agent server has no assistant {assistant}: no turn is answered", step)]
    schemas = await http.get(f"{url}/assistants/{ids[0]}/schemas", headers=headers)
    schemas.raise_for_status()
    return _contract(assistant, _json(schemas))


def _contract(assistant: str, schemas: Json) -> list[Finding]:
    takes, gives = (part(part(schemas, name), "properties").keys() for name in ("input_schema", "output_schema"))
    missing = sorted({*(_INPUT - takes), *(_OUTPUT - gives)})
    step = "run the agent of the gateway's own version, or one that keeps the contract (graph/contract/state.py)"
    if missing:
        return [problem(PART, f"the assistant {assistant} does not keep the run contract: {_named(missing)}", step)]
    if older := sorted(_NEWER_OUTPUT - gives):
        return [warning(PART, f"the assistant {assistant} is older than this gateway: {_named(older)}", step)]
    return []


def _named(fields: Iterable[str]) -> str:
    return f"it lacks {', '.join(fields)}"


def _json(answer: httpx.Response) -> Json:
    try:
        found = decode(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shape(error: httpx.HTTPError) -> str:
    return f"status {error.response.status_code}" if isinstance(error, httpx.HTTPStatusError) else type(error).__name__
