"""The demo model: a script in place of a language model, so that the product runs without one.

It recognises a few requests in Portuguese (greeting, order, goods, shops, ticket, a name to remember), calls the tools
that the request offers, and puts their answers into words. All facts come from tools and messages.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.json_type import Json
from simulator.model.conversation import KNOWLEDGE_TOOL, TRANSFER_TOOL, VERIFY_TOOL, Conversation
from simulator.model.patterns import (
    ADDRESS,
    CANCEL,
    ERASE,
    GOODS,
    GREETING,
    KNOWN,
    MEMORY,
    NAME_ASKED,
    NAME_TOLD,
    NOTES,
    ORDER,
    ORDER_NUMBER,
    PASSAGE,
    PERSON,
    POSTCODE,
    PREFERENCE,
    PROBLEM,
    PRODUCT,
    REFUSED,
    RULES,
    STORE,
    SUMMARY,
    THANKS,
    TICKET_NUMBER,
    UNOPENED,
    UNSURE,
    VERIFIED,
)
from simulator.model.sentences import (
    ASK_AGAIN,
    ASK_NUMBER,
    CONFIRMED,
    INTRODUCTION,
    LEFT_ALONE,
    MORE,
    NO_SYSTEM,
    NOT_WRITTEN,
    OFFER,
)
from simulator.model.text_helpers import plain, shorten
from simulator.model.tools import Call, Tool, fill, result_text

PASSAGE_LENGTH = 600
QUESTIONS = ((UNOPENED, ASK_AGAIN), (ORDER, ASK_NUMBER))


@dataclass(frozen=True)
class Answer:
    """The model's text, or the tools that it calls first."""

    text: str | None = None
    calls: list[Call] = field(default_factory=list)


def answer(messages: list[Json], tools: list[Json], tool_choice: object = None) -> Answer:
    """Return the model's answer to this request."""
    conversation = Conversation.of(messages, tools)
    if SUMMARY.search(plain(conversation.instructions)):
        return Answer(_summarise(conversation))
    if conversation.results and not conversation.was_transferred:
        calls = list(_calls_after_verification(conversation))
        return Answer(calls=calls) if calls else Answer(_phrase_results(conversation))
    forced = _forced(conversation, tool_choice)
    if forced:
        return Answer(calls=[Call(forced.name, fill(forced.parameters, conversation.customer_text))])
    calls = [] if tool_choice == "none" else list(_requested_calls(conversation))
    return Answer(calls=calls) if calls else Answer(_reply_without_tools(conversation))


def _verification_calls(conversation: Conversation) -> Iterable[Call]:
    """Yield the call that verifies the customer, when there is a postcode and, now or before, an order's number."""
    postcode = POSTCODE.search(conversation.customer_text)
    if (
        postcode is None
        or ADDRESS.search(plain(conversation.customer_text))
        or not any(tool.name == VERIFY_TOOL for tool in conversation.tools)
    ):
        return
    texts = [POSTCODE.sub("", text) for text in (conversation.customer_text, *reversed(conversation.before))]
    numbers = next((found for text in texts if (found := ORDER_NUMBER.findall(text))), [])
    if numbers:
        yield Call(VERIFY_TOOL, {"order_id": numbers[-1], "postcode": postcode[0]})


def _calls_after_verification(conversation: Conversation) -> Iterable[Call]:
    """Yield the lookup of the order that the customer asked about before the verification."""
    name, text = conversation.results[-1]
    proven = VERIFIED.search(plain(text)) if name == VERIFY_TOOL else None
    if proven and any(tool.name == "order_status" for tool in conversation.tools):
        yield Call("order_status", {"order_id": proven[1]})


def _forced(conversation: Conversation, tool_choice: object) -> Tool | None:
    """Return the tool that the request demands."""
    if isinstance(tool_choice, dict):
        name = tool_choice.get("function", {}).get("name")
        return next((tool for tool in conversation.tools if tool.name == name), None)
    return conversation.tools[0] if tool_choice == "required" and not list(_requested_calls(conversation)) else None


def _requested_calls(conversation: Conversation) -> Iterable[Call]:
    """Yield the tool calls that the customer's text asks for."""
    text = plain(conversation.customer_text)
    ticket = TICKET_NUMBER.search(text)
    if PERSON.search(text) and (tool := conversation.tool("human", "handoff", "person", "atendente")):
        yield Call(tool.name, fill(tool.parameters, conversation.customer_text))
        return
    if special := list(_verification_calls(conversation)) or list(_specific_calls(conversation, text)):
        yield from special
    elif _is_about_rules(text) and (calls := list(_searches(conversation))):
        yield from calls
    elif ticket and (tool := _ticket_reader(conversation)):
        yield tool.lookup(ticket[1])
    elif PROBLEM.search(text) and (tool := _ticket_opener(conversation)):
        yield Call(tool.name, fill(tool.parameters, conversation.customer_text))
    elif ORDER.search(text) or ORDER_NUMBER.search(text):
        yield from _order_calls(conversation)
    elif MEMORY.search(text) and not conversation.before and (tool := conversation.tool("history", "histor")):
        yield Call(tool.name, {})


def _specific_calls(conversation: Conversation, text: str) -> Iterable[Call]:
    """Yield the call of a tool that is known by its name; another department may have the tool."""
    number = next(iter(ORDER_NUMBER.findall(conversation.customer_text)), None)
    address = ADDRESS.search(text)
    if CANCEL.search(text) and number and ORDER.search(text):
        yield from _call_by_name(conversation, "cancel_order", "orders", order_id=number)
    elif address and number and address[1].strip():
        wanted = conversation.customer_text[-len(address[1]) :].strip()
        yield from _call_by_name(conversation, "change_address", "orders", order_id=number, address=wanted)
    elif KNOWN.search(text):
        yield from _call_by_name(conversation, "show_profile")
    elif ERASE.search(text):
        yield from _call_by_name(conversation, "forget", what="notes" if NOTES.search(text) else "everything")
    elif PREFERENCE.search(text):
        yield from _call_by_name(conversation, "remember", fact=shorten(conversation.customer_text, 200))
    elif STORE.search(text):
        yield from _call_by_name(conversation, "store_info")
    elif _is_shopping(text) and not number:
        yield from _call_by_name(
            conversation, "search_products", "sales", words=shorten(conversation.customer_text, 200)
        )


def _is_about_rules(text: str) -> bool:
    """Return whether the customer asks about a rule of the company, rather than about an order or a product."""
    return bool(RULES.search(text)) and not ORDER_NUMBER.search(text)


def _searches(conversation: Conversation) -> Iterable[Call]:
    """Yield the search in what the company has written down, where the request offers it."""
    yield from _call_by_name(conversation, KNOWLEDGE_TOOL, question=shorten(conversation.customer_text, 400))


def _is_shopping(text: str) -> bool:
    """Return whether the customer wants to buy something, rather than asks about a purchase."""
    goods = GOODS.search(text) and not ORDER.search(text)
    return bool(PRODUCT.search(text) or goods) and not PROBLEM.search(text)


def _call_by_name(conversation: Conversation, name: str, department: str = "", **arguments: str) -> Iterable[Call]:
    """Yield the call of a tool, or the transfer to the department that has it."""
    if any(tool.name == name for tool in conversation.tools):
        yield Call(name, arguments)
    elif department:
        yield from conversation.transfer_to(department)


def _summarise(conversation: Conversation) -> str:
    """Return the last messages of the customer, which is all the summary that a script can give."""
    lines = [line for line in conversation.customer_text.splitlines() if line.startswith("Cliente: ")]
    return "Em aberto: " + " / ".join(shorten(line.removeprefix("Cliente: "), 80) for line in lines[-10:])


def _ticket_reader(conversation: Conversation) -> Tool | None:
    openers = {tool.name for tool in [_ticket_opener(conversation)] if tool}
    readers = [tool for tool in conversation.tools if tool.required and tool.name not in openers]
    return Conversation([], [], [], readers).tool("ticket", "chamado")


def _ticket_opener(conversation: Conversation) -> Tool | None:
    about = [t for t in conversation.tools if re.search("ticket|chamado|support", f"{t.name} {t.description}".lower())]
    return next((t for t in about if re.search(r"create|open|abr|cri|novo|new", t.name.lower())), None)


def _order_calls(conversation: Conversation) -> Iterable[Call]:
    """Yield the lookups of the orders named now or before, or of all; transfer where this department has no tool."""
    one = conversation.tool("order", "pedido", needs_arguments=True)
    if one and not one.takes_number:  # its description only mentions orders
        one = None
    every = conversation.tool("order", "pedido", needs_arguments=False)
    numbers = ORDER_NUMBER.findall(conversation.customer_text)
    plural = re.search(r"\b(meus pedidos|todos|quais)\b", plain(conversation.customer_text))
    if not numbers and not plural:
        numbers = ORDER_NUMBER.findall("\n".join(t for t in conversation.before if ORDER.search(plain(t))))[-1:]
    if numbers and one:
        yield from (one.lookup(number) for number in dict.fromkeys(numbers))
    elif every:
        yield Call(every.name, {})
    elif not one:
        yield from conversation.transfer_to("orders")


def _phrase_results(conversation: Conversation) -> str:
    """Return the tools' answers in words."""
    facts = [_fact(name, text) for name, text in conversation.results if name != TRANSFER_TOOL]
    facts = [CONFIRMED.format(told[1]) if (told := VERIFIED.search(plain(fact))) else fact for fact in facts]
    facts = [NO_SYSTEM if UNSURE.search(plain(fact)) else fact for fact in facts]
    opening = _greeting(conversation)
    return f"{opening}{' ' if opening else ''}" + "\n".join(dict.fromkeys(facts)) + f"\n{MORE}"


def _fact(name: str, result: str) -> str:
    """Return a tool's answer in words; of passages the first one, with its number."""
    if name != KNOWLEDGE_TOOL:
        return result_text(result)
    passage = PASSAGE.search(result)
    return f"{shorten(passage[2], PASSAGE_LENGTH)} [{passage[1]}]" if passage else NOT_WRITTEN


def _reply_without_tools(conversation: Conversation) -> str:
    """Return an answer without a tool."""
    text, name = plain(conversation.customer_text), _customer_name(conversation.before + conversation.now)
    if REFUSED.fullmatch(text.strip()):
        return LEFT_ALONE
    if NAME_ASKED.search(text):
        return f"Seu nome é {name}. {MORE}" if name else "Você ainda não me disse o seu nome. Como posso te chamar?"
    if told := _customer_name(conversation.now):
        return f"Prazer, {told}! {INTRODUCTION} {OFFER}"
    if MEMORY.search(text) and conversation.before:
        return f"Sim, eu lembro. Antes você escreveu: “{conversation.before[-1]}”. {MORE}"
    if asked := next((question for words, question in QUESTIONS if words.search(text)), None):
        return asked
    if THANKS.search(text):
        return f"De nada{f', {name}' if name else ''}! Quando precisar, é só chamar."
    if opening := _greeting(conversation):
        return f"{opening} {INTRODUCTION} {OFFER}"
    return f"Entendi. {INTRODUCTION} {OFFER}"


def _greeting(conversation: Conversation) -> str:
    if not GREETING.search(plain(conversation.customer_text)):
        return ""
    name = _customer_name(conversation.before + conversation.now)
    return f"Olá, {name}!" if name else "Olá!"


def _customer_name(texts: list[str]) -> str | None:
    """Return the name that the customer gave last."""
    found = [match[1] or match[2] for text in texts for match in NAME_TOLD.finditer(text)]
    return found[-1].strip() if found else None
