"""Calls of the model: reduced if its provider refuses, with the fallback model if it fails, retried after a fault."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from langchain.agents.middleware import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, SystemMessage

from graph.contract.context import Context
from graph.model.answer import sanitized
from graph.model.chat import chat_model
from graph.model.failures import MODEL_FAILURES, InvalidAnswerError, answer_within, is_refusal, may_succeed_reduced
from graph.model.guard import Fault
from graph.model.reduction import reduced_forms
from graph.prompts import language
from graph.settings import settings
from graph.turn.files import with_pictures

log = logging.getLogger(__name__)

Handler = Callable[[ModelRequest[Context]], Awaitable[ModelResponse[Any]]]
INVALID_ANSWERS_LIMIT = 2  # invalid answers of one model, after which it counts as failed
# The hint for a further attempt.
RETRY_HINTS: dict[Fault, str] = {
    "empty": "A sua resposta anterior veio vazia. Responda ao cliente.",
    "long": "A sua resposta anterior era longa demais. Responda em até 600 caracteres.",
    "cut": "A sua resposta anterior foi cortada no meio. Responda em até 600 caracteres.",
    "language": "A sua resposta anterior estava em outra língua. Responda em {language}.",
    "call": "A sua resposta anterior tinha uma chamada de ferramenta incompleta ou escrita como texto. "
    "Isso não funciona. Chame a ferramenta de novo, inteira, ou responda ao cliente só com palavras.",
}
# Faults after which tools are still needed; after the others only the wording has to change.
RETRIED_WITH_TOOLS: frozenset[Fault] = frozenset({"call", "cut"})


class RefusedError(Exception):
    """Every model refuses the customer's message, in every form."""


class _FailedError(Exception):
    """None of the models answered; `errors`: one error for each."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__(", ".join(type(error).__name__ for error in errors))
        self.refused = any(map(may_succeed_reduced, errors))
        self.passing = next((error for error in errors if not is_refusal(error)), None)


@dataclass(frozen=True)
class ModelAnswer:
    """An answer, and the messages of its request: the form of the conversation that was not refused."""

    message: AIMessage
    messages: list[AnyMessage]


@dataclass(frozen=True)
class ModelCall:
    """A prepared call. `last`: without tools. `models`: the models to ask, in order; None: the run's own.

    `discarded`: the answers that were not used, because they count as usage all the same.
    """

    request: ModelRequest[Context]
    handler: Handler
    last: bool
    models: tuple[str | None, ...] = (None,)
    discarded: list[AnyMessage] = field(default_factory=list)

    async def ask(self) -> ModelAnswer:
        """Return the answer to the first form of the conversation that is not refused.

        Raises RefusedError if every form is refused, else one of MODEL_FAILURES, which may be temporary.
        """
        form, context = list(self.request.messages), self.request.runtime.context or Context()
        lesser = reduced_forms(form)
        while True:
            try:
                shown = await with_pictures(form, context.capability)
                return ModelAnswer(await self._any_model(shown), form)
            except _FailedError as failed:
                less = next(lesser, None) if failed.refused else None
                if less is None:
                    raise failed.passing or RefusedError(str(failed)) from None
                log.warning("the conversation is refused (%s): it is asked with less", failed)
                form = less

    def retry(self, answer: ModelAnswer, fault: Fault, locale: str, models: tuple[str | None, ...]) -> ModelCall:
        """Return the next call after an answer that cannot be sent."""
        self.discarded.append(answer.message)
        system = self.request.system_message
        hint = RETRY_HINTS[fault].format(language=language(locale))
        instructions = SystemMessage(f"{system.text if system else ''}\n\n{hint}")
        request = self.request.override(system_message=instructions, messages=answer.messages)
        return replace(self, request=request, last=self.last or fault not in RETRIED_WITH_TOOLS, models=models)

    async def _any_model(self, messages: list[AnyMessage]) -> AIMessage:
        request = self.request.override(messages=messages)
        request = request.override(tools=[]) if self.last else request
        errors: list[Exception] = []
        for name in self.models:
            try:
                return await self._one_model(request.override(model=chat_model(name)) if name else request)
            except MODEL_FAILURES as error:
                log.warning("%s failed: %s", name or "the model", type(error).__name__)
                errors.append(error)
        raise _FailedError(errors)

    async def _one_model(self, request: ModelRequest[Context]) -> AIMessage:
        for _ in range(INVALID_ANSWERS_LIMIT - 1):
            try:
                return await self._once(request)
            except InvalidAnswerError as error:
                log.warning("the model answered with junk (%s): it is asked again", error)
        return await self._once(request)

    async def _once(self, request: ModelRequest[Context]) -> AIMessage:
        response = await answer_within(self.handler(request), settings().model_timeout_seconds)
        instructions = request.system_message.text if request.system_message else ""
        message = response.result[-1]
        try:
            return sanitized(message, self.request.messages, last=self.last, instructions=instructions)
        except InvalidAnswerError:
            self.discarded.append(cast("AnyMessage", message))
            raise


def models() -> tuple[str | None, ...]:
    """Return the run's own model and the fallback model, if there is one."""
    fallback = settings().agent_fallback_model
    return (None, fallback) if fallback else (None,)
