"""The operator's log of errors, and the words that it never contains."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import BaseModel

from k8s.telemetry import configure_logging


class _Number(BaseModel):
    display: int


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("style", ["json", "text"])
def test_an_exception_is_named_and_placed_but_not_quoted(
    capsys: pytest.CaptureFixture[str], style: str, *, foreign: bool
) -> None:
    configure_logging("info", style)
    try:
        _Number.model_validate({"display": "Maria Souza 5511987654321"})
    except ValueError as error:
        logger = logging.getLogger("kopf") if foreign else structlog.get_logger("ours")
        logger.exception(f"Handler failed with {error!r}")  # noqa: TRY401  # as libraries do
    said = capsys.readouterr().err
    assert "Maria Souza" not in said
    assert "5511987654321" not in said
    for wanted in ("Handler failed", "ValidationError", "test_telemetry.py"):
        assert wanted in said


def test_an_exception_that_no_task_awaited_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")

    async def main() -> None:
        async def fails() -> None:
            raise RuntimeError("pedido de 5511987654321")

        task = asyncio.ensure_future(fails())
        await asyncio.wait([task])

    asyncio.run(main())
    said = capsys.readouterr().err
    assert "never retrieved" in said
    assert "5511987654321" not in said
