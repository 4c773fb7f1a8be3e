"""The policy of tool calls: a tool has to be offered, calls are limited, and expected failures become facts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import psycopg
from langchain.agents.middleware import AgentMiddleware, ToolCallRequest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from graph.business import NoCustomerError, RefusedError
from graph.contract.context import Context
from graph.contract.state import State
from graph.policy.departments import offered_tools
from graph.server.gateway_client import NoCapabilityError
from graph.settings import settings
from graph.tools.common import NoStoreError

log = logging.getLogger(__name__)

TOOL_SECONDS = 30
UNAVAILABLE = "O sistema não respondeu. Não se sabe se algo foi feito: não afirme que foi. Tente de novo mais tarde."
NO_CUSTOMER = "Não há um cliente identificado nesta conversa."
NO_ACCESS = "Aqui não há acesso às mensagens do cliente nem aos dados do WhatsApp: esta conversa não veio de lá."
NO_MEMORY = "Não é possível guardar nem consultar lembranças aqui."
NOT_OFFERED = "Esta ferramenta não está disponível neste setor."
TOO_MANY = "Já foram feitas consultas demais para esta mensagem. Responda com o que já se sabe."


class ToolPolicy(AgentMiddleware[State, Context]):
    """Limits the number and the time of tool calls, and turns expected failures into facts for the model.

    Any other error is a defect and fails the run.
    """

    state_schema = State

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run the tool; return a fact with status `error` if it may not run or a service is unavailable."""
        call = request.tool_call
        # A model may name a tool that it was not offered, or that its department or channel does not have.
        if call["name"] not in offered_tools(request.state, request.runtime.context or Context()):
            return _error(request, NOT_OFFERED)
        if _place(request.state["messages"], call["id"]) >= settings().tool_calls_per_turn:
            return _error(request, TOO_MANY)
        try:
            async with asyncio.timeout(TOOL_SECONDS):
                return await handler(request)
        except NoCustomerError:
            return _error(request, NO_CUSTOMER)
        except NoCapabilityError:
            return _error(request, NO_ACCESS)
        except NoStoreError:
            return _error(request, NO_MEMORY)
        except RefusedError as refusal:
            return _error(request, str(refusal))
        except (psycopg.Error, httpx.HTTPError, TimeoutError) as error:
            log.warning("tool %s failed: %s", call["name"], type(error).__name__)
            return _error(request, UNAVAILABLE)


def _error(request: ToolCallRequest, text: str) -> ToolMessage:
    call = request.tool_call
    return ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")


def _place(messages: Sequence[AnyMessage], call_id: str | None) -> int:
    """Return the number of calls that the model made in this turn before this one."""
    ids: list[str | None] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage):
            ids = [call["id"] for call in message.tool_calls] + ids
    return ids.index(call_id) if call_id in ids else 0
