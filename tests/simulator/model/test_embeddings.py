"""Vectors of the demo model, asked for by OpenAI's own client."""

import httpx2
import openai
import pytest

from simulator.model import embeddings


@pytest.fixture
def client(simulator):
    with openai.OpenAI(
        base_url=f"{simulator.url}/v1", api_key="any", max_retries=0, http_client=httpx2.Client(trust_env=False)
    ) as client:
        yield client


def test_texts_of_the_same_meaning_are_closer(client) -> None:
    texts = ["Posso dormir de lente?", "Dá para dormir com as lentes?", "Qual é o frete?"]
    answer = client.embeddings.create(model="any", input=texts)
    asked, same, other = (one.embedding for one in answer.data)
    assert len(asked) == 512
    assert _product(asked, same) > _product(asked, other) + 0.2
    floats = client.embeddings.create(model="any", input=texts[0], encoding_format="float").data[0].embedding
    assert floats == pytest.approx(asked, abs=1e-6)


@pytest.mark.parametrize("given", [[], [""], [1], None, ["x"] * (embeddings.INPUTS_LIMIT + 1)])
def test_wrong_inputs_are_refused(client, given) -> None:
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="any", input=given)


def _product(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
