from graph.context import Context


def test_the_schema_is_pydantics_and_made_once() -> None:
    made = Context.model_json_schema()
    assert made == super(Context, Context).model_json_schema()
    assert made is Context.model_json_schema()
    assert Context.model_json_schema(by_alias=False) != made
