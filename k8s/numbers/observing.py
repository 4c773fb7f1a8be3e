"""Reads a number from Meta, part by part; a part that cannot be read becomes the problem itself."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from k8s.meta.account import Account
from k8s.meta.session import Login, MetaError
from k8s.model.declared import Number
from k8s.model.last_seen import is_unread
from k8s.model.observed import ObservedNumber, Problem, Token


async def read_missing_parts(
    observed: ObservedNumber, login: Login, account: Account, number: Number
) -> ObservedNumber:
    """Read from Meta the parts that are None; without a good token there is nothing else to read."""
    if observed.token is None:
        observed = replace(observed, token=await _value_or_problem(account.token(login)))
    if isinstance(observed.token, Token) and observed.token.valid:
        return await _read_others(observed, login, account, number, observed.token)
    return _all_unread(observed, observed.token) if is_unread(observed.token) else observed


async def _read_others(
    observed: ObservedNumber, login: Login, account: Account, number: Number, token: Token
) -> ObservedNumber:
    if observed.phone is None:
        observed = replace(observed, phone=await _value_or_problem(account.phone(login, number)))
    if observed.subscription is None:
        observed = replace(observed, subscription=await _value_or_problem(account.subscription(login, token.app_id)))
    if observed.profile is None and number.profile and number.profile.fields():
        observed = replace(observed, profile=await _value_or_problem(account.profile(login, number)))
    return observed


def without_problems(observed: ObservedNumber) -> ObservedNumber:
    """Return the observation without the parts that failed, which are then tried again."""
    token = None if isinstance(observed.token, Token) and not observed.token.valid else _unless_problem(observed.token)
    return replace(
        observed,
        token=token,
        phone=_unless_problem(observed.phone),
        subscription=_unless_problem(observed.subscription),
        profile=_unless_problem(observed.profile),
        failures={},
    )


def _all_unread(observed: ObservedNumber, problem: Any) -> ObservedNumber:  # noqa: ANN401 - why the token is not known
    """Return the observation where nothing else is read because the token could not be checked."""
    return replace(
        observed,
        phone=observed.phone or problem,
        subscription=observed.subscription or problem,
        profile=problem if observed.profile is None else observed.profile,
    )


def _unless_problem(part: Any) -> Any:  # noqa: ANN401 - a part of any type
    return None if isinstance(part, Problem) else part


async def _value_or_problem(call: Awaitable[Any]) -> Any:  # noqa: ANN401 - the part, or why it could not be had
    try:
        return await call
    except MetaError as error:
        return error.problem
