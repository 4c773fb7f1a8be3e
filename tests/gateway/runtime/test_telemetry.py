"""Logs contain the type and place of an error, and never the personal data in it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.runtime.telemetry import configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def crash() -> None:
    try:
        int("segredo do cliente")
    except ValueError as error:
        raise RuntimeError("pedido de 5511987654321") from error


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("style", ["json", "text"])
def test_an_exception_is_named_and_placed_but_not_quoted(
    capsys: pytest.CaptureFixture[str], style: str, *, foreign: bool
) -> None:
    configure_logging("info", style)
    try:
        crash()
    except RuntimeError:
        (logging.getLogger("uvicorn.error") if foreign else structlog.get_logger("ours")).exception("it_crashed")
    said = capsys.readouterr().err
    for private in ("segredo", "5511987654321"):
        assert private not in said
    for wanted in ("it_crashed", "RuntimeError", "ValueError", "test_telemetry.py", "crash"):
        assert wanted in said
    if style == "json":
        assert json.loads(said)["event"] == "it_crashed"
