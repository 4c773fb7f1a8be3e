"""The agent servers: whether they answer and take our token, and whether their assistants keep the run contract."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from gateway.doctor.findings import Finding, problem, unchecked, warning
from gateway.numbers.channels import Channel
from gateway.runtime.agent_servers import AgentServers
from gateway.settings import Settings
from gateway.whatsapp.json_bytes import Json, decode
from gateway.whatsapp.reading import part, parts, text

PART = "agent"
_INPUT = frozenset({"turn_id", "inbound", "since", "unsent", "early"})
_OUTPUT = frozenset({"turn_id", "replies", "handoff"})
_AWAY_STEP = "look whether the agent server runs and what its log says; LANGGRAPH_URL names its address"
_NEWER_OUTPUT = frozenset({"verified", "steps", "transcripts", "usage"})


async def agent_server(settings: Settings, channels: list[Channel], http: httpx.AsyncClient) -> list[Finding]:
    """Check the agent servers, and each assistant that a channel names."""
    if settings.langgraph_token is None and "langgraph_url" not in settings.model_fields_set:
        return [unchecked(PART, "this process is not told of the agent server", "run it in the pod of `work`")]
    sends = any(one.access_token.get_secret_value() for one in channels)  # as `work` does, which alone has the token
    if settings.langgraph_token is None and channels and not sends:
        return [unchecked(PART, "this process has no token of the agent server's", "run it in the pod of `work`")]
    addresses = await AgentServers(settings.langgraph_url).addresses()
    if not addresses:
        return [
            problem(PART, f"DNS names no agent server: {settings.langgraph_url}", "look at LANGGRAPH_URL and at DNS")
        ]
    assistants = sorted({one.assistant for one in channels} or {settings.langgraph_assistant})
    found = await asyncio.gather(*(_server(url, assistants, _headers(settings), http) for url in addresses))
    away = [one for one in found if isinstance(one, _Away)]
    findings = [one for each in found if not isinstance(each, _Away) for one in each]
    level = problem if len(away) == len(addresses) else warning
    return [*(level(PART, one.sentence, _AWAY_STEP) for one in away), *dict.fromkeys(findings)]


@dataclass(frozen=True)
class _Away:
    sentence: str


async def _server(
    url: str, assistants: list[str], headers: dict[str, str], http: httpx.AsyncClient
) -> list[Finding] | _Away:
    try:
        (await http.get(f"{url}/ok")).raise_for_status()
        return [one for assistant in assistants for one in await _assistant(url, assistant, headers, http)]
    except httpx.HTTPError as error:
        return _Away(f"no answer from the agent server at {url} ({_shape(error)})")


async def version(settings: Settings, http: httpx.AsyncClient) -> str | None:
    """Return the version of an agent server's program; None where it does not say."""
    try:
        url = await AgentServers(settings.langgraph_url).any_well(http)
        answer = await http.get(f"{url}/info", headers=_headers(settings))
    except httpx.HTTPError:
        return None
    return text(_json(answer), "version")


def _headers(settings: Settings) -> dict[str, str]:
    token = settings.langgraph_token
    return {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}


async def _assistant(url: str, assistant: str, headers: dict[str, str], http: httpx.AsyncClient) -> list[Finding]:
    """Find the assistant by its id, or by its graph's name as runs may name it, and compare its schemas."""
    answer = await http.post(f"{url}/assistants/search", headers=headers, json={"limit": 1000})
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        step = "give `work` and the agent server the same LANGGRAPH_TOKEN"
        how = "refuses LANGGRAPH_TOKEN" if headers else "wants LANGGRAPH_TOKEN, which is not set"
        return [problem(PART, f"the agent server {how}: no turn is answered", step)]
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
