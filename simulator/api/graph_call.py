"""One call of the Graph API: its token, its parameters, and the objects that it concerns."""

from dataclasses import dataclass, field

import orjson
from starlette.requests import Request

from simulator.json_type import Json
from simulator.meta.business.accounts import MANAGEMENT, Account, Number, Token
from simulator.meta.errors import INVALID_PARAMETER, GraphError, unknown_object
from simulator.meta.tokens import authorise, require_scope
from simulator.meta.world import World

VERSION = "/v{major:int}.{minor:int}"


@dataclass
class Call:
    """A call whose token is good. `about`: the accounts that it concerns, for the usage header."""

    world: World
    request: Request
    token: Token
    parameters: Json
    about: list[Account] = field(default_factory=list)

    @property
    def verb(self) -> str:
        """The method in Meta's words for errors."""
        return self.request.method.lower()

    @property
    def major(self) -> int:
        """Which version of the API was called: 26 of v26.0."""
        return int(self.request.path_params["major"])

    @property
    def url(self) -> str:
        """The address without query."""
        return str(self.request.url.replace(query=None))

    def account(self, account_id: str, scope: str = MANAGEMENT) -> Account:
        """Return the account of that id, if the token may use it so. Raises GraphError."""
        account = self.world.accounts.get(account_id)
        if account is None or not self.token.may_see(account_id):
            raise unknown_object(account_id, self.verb)
        self.about.append(account)
        require_scope(self.token, scope)
        return account

    def number(self, number_id: str, scope: str = MANAGEMENT) -> Number:
        """Return the number of that id, if the token may use it so. Raises GraphError."""
        number = self.world.numbers.get(number_id)
        if number is None or not self.token.may_see(number.account_id):
            raise unknown_object(number_id, self.verb)
        self.account(number.account_id, scope)
        return number


async def open_call(world: World, request: Request) -> Call:
    """Check the token, and read the query and a body of JSON or of a form. Raises GraphError."""
    query = dict(request.query_params)
    token = authorise(world, bearer(request) or query.pop("access_token", ""))
    return Call(world, request, token, query | await _body(request))


def bearer(request: Request) -> str:
    """Return the token of the Authorization header, or nothing. Uploads say OAuth instead of Bearer."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() in {"bearer", "oauth"} else ""


def json_object(raw: bytes) -> Json:
    """Return the body. Strict: a lone surrogate or a NaN is refused as broken JSON. Raises GraphError."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise GraphError(INVALID_PARAMETER, title="Invalid JSON in the request's body.") from error
    if not isinstance(body, dict):
        raise GraphError(INVALID_PARAMETER, title="The request's body is not a JSON object.")
    return body


async def _body(request: Request) -> Json:
    kind = request.headers.get("content-type", "")
    if kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        return dict(await request.form())
    raw = await request.body()
    return json_object(raw) if raw and "octet-stream" not in kind and request.method != "GET" else {}
