"""Reduced forms of a conversation, for a provider that refuses it: it would refuse the same conversation every time.

A note takes the place of each part that is left out, so that the model knows about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, RemoveMessage

from graph.history.tool_calls import paired
from graph.history.transcript import unanswered_messages

NOT_SHOWN = "[o cliente enviou uma imagem que não pode ser vista: diga isso ao cliente e peça que ele descreva]"
LEFT_OUT = "[mensagem do cliente que não pôde ser lida]"
HISTORY_LEFT_OUT = "[as mensagens anteriores desta conversa não puderam ser lidas e ficaram de fora]"
GIVEN_UP = "[estas mensagens ficaram sem resposta por uma falha do sistema; o cliente recebeu um pedido de desculpas]"


def reduced_forms(messages: Sequence[AnyMessage]) -> Iterator[list[AnyMessage]]:
    """Yield forms of the conversation, each with less in it: without pictures, without earlier unanswered messages, and
    without everything before the turn.

    A form that equals the previous one is left out: there are three at most.
    """
    form = list(messages)
    for less in (without_pictures, without_unanswered, without_history):
        lessened = less(form)
        if lessened != form:
            form = lessened
            yield form


def without_pictures(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages with a note in place of each picture of the turn."""
    shown = {one.id for one in unanswered_messages(messages) if "picture" in one.additional_kwargs}
    return [_unseen(message) if message.id in shown else message for message in messages]


def without_unanswered(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages without the customer's words of earlier turns that failed."""
    closings = [place for place, message in enumerate(messages) if message.text == GIVEN_UP]
    unanswered = {one.id for place in closings for one in unanswered_messages(messages[:place])}
    return [_left_out(message) if message.id in unanswered else message for message in messages]


def without_history(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages of the turn, after one note that stands for everything before."""
    now = unanswered_messages(messages)
    start = next((place for place, message in enumerate(messages) if now and message is now[0]), 0)
    if not start or (messages[0].text == HISTORY_LEFT_OUT and start == 1):
        return list(messages)
    return [HumanMessage(HISTORY_LEFT_OUT, id=messages[0].id), *messages[start:]]


def without_this_turn(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages without the customer's words of this turn, which ends without being read."""
    now = {one.id for one in unanswered_messages(messages)}
    return [_left_out(message) if message.id in now else message for message in messages]


def closed_history(messages: Sequence[AnyMessage], turn_id: str) -> list[AnyMessage]:
    """Return the history for a new turn: every tool call has its result, and a turn that was given up has an end."""
    whole = paired(messages)
    if unanswered_messages(whole):
        whole.append(AIMessage(GIVEN_UP, id=f"given-up:{turn_id}"))
    return whole


def difference(
    state: Sequence[AnyMessage], asked: Sequence[AnyMessage], form: Sequence[AnyMessage]
) -> list[BaseMessage]:
    """Return the update of the state's messages that turns `asked` into `form`."""
    stored = {message.id for message in state}
    same = {id(message) for message in asked}
    gone = {message.id for message in asked} - {message.id for message in form}
    changed = [message for message in form if id(message) not in same and message.id in stored]
    return [*(RemoveMessage(id=one.id) for one in state if one.id and one.id in gone), *changed]


def _unseen(message: AnyMessage) -> HumanMessage:
    return HumanMessage(f"{message.text}\n{NOT_SHOWN}", id=message.id)


def _left_out(message: AnyMessage) -> HumanMessage:
    return HumanMessage(LEFT_OUT, id=message.id)
