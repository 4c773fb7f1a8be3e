"""Departments: the agent's instructions and tools change with the department of the conversation."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graph.contract.context import Context, OwnDepartment
from graph.contract.state import State
from graph.prompts import DEPARTMENTS
from graph.settings import settings

log = logging.getLogger(__name__)

# Tools of every department, and tools that are offered only while they make sense.
COMMON_TOOLS = ("request_human", "ask_choice", "conversation_history", "remember", "show_profile", "forget")
TRANSFER_TOOL = "transfer_to"
PHONE_NUMBER_TOOL = "request_phone_number"
VERIFICATION_TOOL = "verify_customer"
KNOWLEDGE_TOOL = "search_knowledge"
CONFIRMATION_TOOLS = ("confirm_change", "drop_change")


@dataclass(frozen=True)
class Department:
    """A department; `about`: its matters, for the other departments to know; `tools`: names of its own tools."""

    name: str
    title: str
    about: str = ""
    instructions: str = ""
    tools: tuple[str, ...] = ()
    order: int = field(default=99, compare=False)


@lru_cache
def departments_in_files() -> dict[str, Department]:
    """Return the departments of `prompts/departments`, in their order. Raises TypeError for an unknown setting."""
    made = [_of_file(name, head, text) for name, head, text in DEPARTMENTS]
    return {one.name: one for one in sorted(made, key=lambda one: (one.order, one.name))}


def departments_of(context: Context) -> dict[str, Department]:
    """Return the channel's departments, in its order; all departments of the files if it names none that exists."""
    files = departments_in_files()
    if context.departments is None:
        return files
    chosen: dict[str, Department] = {}
    for one in context.departments:
        if isinstance(one, OwnDepartment):
            chosen[one.name] = Department(one.name, one.title, one.about, one.instructions, tuple(one.tools))
        elif one in files:
            chosen[one] = files[one]
        else:
            log.warning("There is no department %r in prompts/departments: it is left out.", one)
    return chosen or files


def current_department(state: State, context: Context) -> Department:
    """Return the conversation's department: the one that it was passed to, else the context's, else the first one."""
    available = departments_of(context)
    names = (state.get("department"), context.department, next(iter(available)))
    return next(available[name] for name in names if name in available)


def knows_number(context: Context) -> bool:
    """Return whether the customer's phone number is known: a customer with a user name may hide it."""
    return any(key.kind == "wa_id" for key in context.customer_keys)


def offered_tools(state: State, context: Context) -> frozenset[str]:
    """Return the names of the tools that may be used now. A tool that the channel leaves out is never offered."""
    names = {*current_department(state, context).tools, *COMMON_TOOLS}
    if len(departments_of(context)) > 1:
        names.add(TRANSFER_TOOL)
    if context.customer_keys and not knows_number(context):
        names.add(PHONE_NUMBER_TOOL)
    if context.verification != "verified":
        names.add(VERIFICATION_TOOL)
    if settings().knowledge:
        names.add(KNOWLEDGE_TOOL)
    if context.tools is not None:
        names &= set(context.tools)
    if state.get("pending"):
        names |= set(CONFIRMATION_TOOLS)
    return frozenset(names)


def _of_file(name: str, head: Mapping[str, Any], instructions: str) -> Department:
    values = {**head, "tools": tuple(head.get("tools", ()))}
    return Department(name, instructions=instructions, **values)
