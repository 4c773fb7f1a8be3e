"""The programs never import each other: the module that describes exceptions is the same in each of them."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from graph.exception_shapes import shape_of_exception

ROOT = Path(__file__).parents[1]


def test_the_copies_are_the_same() -> None:
    copies = [ROOT / place / "exception_shapes.py" for place in ("graph", "gateway/runtime", "k8s")]
    assert len({copy.read_text() for copy in copies}) == 1


class _Order(BaseModel):
    status: str


@pytest.mark.parametrize("line", ["Run failed: {type}({error})", "Task failed {error!r}", "it was: {error}", "failed"])
def test_a_validation_error_is_named_and_placed_but_not_quoted(line: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Order.model_validate({"status": ["Maria Souza 529.982.247-25"]})
    error = caught.value
    event = {"event": line.format(type=type(error), error=error), "exc_info": error, "exception": str(error)}
    said = str(shape_of_exception(None, "error", event))
    assert "Maria" not in said
    assert "ValidationError (" in said
