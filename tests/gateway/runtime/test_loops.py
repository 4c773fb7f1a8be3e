"""A loop continues after any failure of a step."""

import asyncio
import itertools

import psycopg
import pytest
from psycopg import errors

from gateway.runtime import loops
from gateway.runtime.loops import poll


@pytest.mark.parametrize("error", [psycopg.OperationalError("gone"), errors.ProgramLimitExceeded("x"), KeyError("x")])
async def test_a_step_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    pauses: list[float] = []
    stop = asyncio.Event()
    calls = itertools.count(1)

    async def pause(_: asyncio.Event, __: asyncio.Event, seconds: float) -> None:
        pauses.append(seconds)

    async def step() -> float:
        if (call := next(calls)) < 9 or call == 10:
            raise error
        if call == 11:
            stop.set()
        return 0.25

    monkeypatch.setattr(loops, "_pause", pause)
    await poll("test", step, wake=asyncio.Event(), stop=stop, at_most=1)
    patience = [1.0] * 8 if isinstance(error, psycopg.OperationalError) and error.sqlstate is None else _GROWING
    assert pauses == [*patience, 0.25, 1.0, 0.25]


_GROWING = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


async def test_a_loop_that_fails_is_not_woken_before_its_pause_is_over() -> None:
    stop, wake, calls = asyncio.Event(), asyncio.Event(), 0

    async def step() -> float:
        nonlocal calls
        calls += 1
        wake.set()
        raise KeyError

    task = asyncio.create_task(poll("test", step, wake=wake, stop=stop, at_most=1))
    await asyncio.sleep(0.1)
    assert calls == 1
    stop.set()
    await task
