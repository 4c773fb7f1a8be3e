"""The parts that all modules of the control API share: bodies, answers, and lookups by id."""

import json

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.meta.world import Number, World, digits_of


class Body(BaseModel):
    """The body of a request; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Ascii(JSONResponse):
    """JSON in ASCII only, so that lone surrogates, which people do send, can be shown."""

    def render(self, content: object) -> bytes:
        """Return the JSON's bytes."""
        return json.dumps(content).encode()


def number_of(world: World, number_id: str | None) -> Number:
    """Return the number of that id, or the first one. Raises ValueError when there is none."""
    numbers = world.numbers
    if number_id is None:
        return next(iter(numbers.values()))
    if number_id not in numbers:
        raise ValueError(f"there is no number {number_id!r}: choose from {', '.join(numbers)}")
    return numbers[number_id]


def wa_id_of(request: Request) -> str:
    """Return the id of the persona that the path names. Raises ValueError when it has no digits."""
    wa_id = digits_of(request.path_params["wa_id"])
    if not wa_id:
        raise ValueError("wa_id is not a phone number: give its digits, with the country code")
    return wa_id


def problem(status: int, text: str) -> Response:
    """Return an error in the control API's format."""
    return Ascii({"error": text}, status)


async def answer_problem(_: Request, error: Exception) -> Response:
    """Answer for an exception: a wrong request, or a gateway that does not answer the verification."""
    if isinstance(error, httpx.TransportError):
        return problem(502, f"the webhook does not answer: {type(error).__name__}: {error}")
    text = str(error.errors(include_url=False)) if isinstance(error, ValidationError) else str(error)
    return problem(422, text)
