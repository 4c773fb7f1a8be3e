"""The tools: what the agent can do, and the policy that bounds every call (`policy`).

A tool knows the customer from the run's context only. It returns a short fact in Portuguese, also when it fails. A
change is asked about first (`common.propose`) and made in `changes`.

The docstring of a tool is a prompt: the model reads it and takes it as an instruction. So it is written for the model,
in Portuguese as all prompts are: what the tool does, when to call it, what it must not be used for. The lines under
`Args` become the descriptions of the arguments.
"""

from __future__ import annotations

from langchain.tools import BaseTool

from graph.tools.catalog import search_products, store_info
from graph.tools.changes import confirm_change, drop_change
from graph.tools.contact import request_phone_number
from graph.tools.conversation import ask_choice, conversation_history, request_human, transfer_to
from graph.tools.knowledge import search_knowledge
from graph.tools.orders import cancel_order, change_address, list_orders, order_status
from graph.tools.policy import ToolPolicy
from graph.tools.profile import forget, remember, show_profile
from graph.tools.proof import verify_customer
from graph.tools.tickets import create_ticket, get_ticket, list_tickets

__all__ = ["TOOLS", "ToolPolicy"]

TOOLS: list[BaseTool] = [
    order_status,
    list_orders,
    cancel_order,
    change_address,
    create_ticket,
    get_ticket,
    list_tickets,
    search_products,
    store_info,
    search_knowledge,
    conversation_history,
    remember,
    show_profile,
    forget,
    ask_choice,
    transfer_to,
    request_human,
    request_phone_number,
    verify_customer,
    confirm_change,
    drop_change,
]
