"""What the agent can do. A tool knows the customer from the run's context only; its answer is a short fact in
Portuguese, also when it failed; a change is asked about first (``common.propose``) and made in ``changes``.
"""

from __future__ import annotations

from langchain.tools import BaseTool

from graph.tools.catalog import search_products, store_info
from graph.tools.changes import confirm_change, drop_change
from graph.tools.contact import request_phone_number
from graph.tools.conversation import ask_choice, conversation_history, request_human, transfer_to
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
