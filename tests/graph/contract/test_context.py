import pytest
from pydantic import ValidationError

from graph.contract.context import BusinessHours, Context


def test_the_schema_is_pydantics_and_made_once() -> None:
    made = Context.model_json_schema()
    assert made == super(Context, Context).model_json_schema()
    assert made is Context.model_json_schema()
    assert Context.model_json_schema(by_alias=False) != made


@pytest.mark.parametrize("name", ["America/São_Paulo", "America/Sao_Paolo", "America", "", "../etc/passwd"])
def test_a_zone_that_is_none_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match="is no time zone"):
        BusinessHours.model_validate({"timezone": name, "open": []})
