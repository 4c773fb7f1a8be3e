"""The part of the control API for Meta's own decisions: accounts, numbers, tokens, templates."""

from dataclasses import asdict, replace
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.control.common import Body
from simulator.json_type import Json
from simulator.meta.business.accounts import Number, Token
from simulator.meta.business.templates import STATUSES, Template
from simulator.meta.carrier import Carrier
from simulator.meta.messages.payloads import number_changes


class _Update(Body):
    def given(self) -> Json:
        """Return only the fields that the request sets."""
        return self.model_dump(exclude_unset=True)


class AccountUpdate(_Update):
    """An account (WABA)."""

    name: str | None = None
    currency: str | None = None
    subscribed: bool | None = None
    override: str | None = None
    account_review_status: str | None = None


class NumberUpdate(_Update):
    """A number; absent fields are those of the first number."""

    account_id: str | None = None
    display: str | None = None
    name: str | None = None
    access_token: str | None = None
    quality_rating: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] | None = None
    status: str | None = None
    name_status: str | None = None
    code_verification_status: str | None = None
    messaging_limit_tier: str | None = None
    throughput: Literal["STANDARD", "HIGH"] | None = None
    can_send_message: Literal["AVAILABLE", "LIMITED", "BLOCKED"] | None = None
    health_errors: list[Json] | None = None
    is_on_biz_app: bool | None = None
    escalation_partner: bool | None = None


class TokenUpdate(_Update):
    """A token; times in seconds since 1970, 0: never."""

    type: Literal["SYSTEM_USER", "USER"] | None = None
    scopes: list[str] | None = None
    expires_at: int | None = Field(None, ge=0)
    data_access_expires_at: int | None = Field(None, ge=0)
    valid: bool | None = None
    accounts: list[str] | None = None


class TemplateUpdate(_Update):
    """A change that Meta's reviewers, or customers' reports, make to a template."""

    status: str | None = None
    reason: str | None = None
    quality: Literal["GREEN", "YELLOW", "RED", "UNKNOWN"] | None = None
    category: Literal["MARKETING", "UTILITY", "AUTHENTICATION"] | None = None
    components: list[Json] | None = None


class TemplatesImport(_Update):
    """Templates to add as existing ones: without check, limit or webhook."""

    account_id: str
    templates: list[Json]


class AccountsControl:
    """Accounts, numbers, tokens and templates of one carrier's world."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def routes(self) -> list[Route]:
        """Return the routes of accounts, numbers, tokens and templates under `/_sim`."""
        return [
            Route("/_sim/accounts", self.accounts),
            Route("/_sim/accounts/{account_id}", self.account, methods=["PUT"]),
            Route("/_sim/numbers/{number_id}", self.number, methods=["PUT", "DELETE"]),
            Route("/_sim/tokens", self.tokens),
            Route("/_sim/tokens/{token}", self.token, methods=["PUT", "DELETE"]),
            Route("/_sim/templates", self.templates, methods=["GET", "POST"]),
            Route("/_sim/templates/{template_id}", self.template, methods=["PATCH"]),
        ]

    async def accounts(self, _: Request) -> Response:
        """List the app, the accounts and their numbers."""
        world = self._carrier.world
        hidden = {"calls", "creations"}
        accounts = [{k: v for k, v in vars(one).items() if k not in hidden} for one in world.accounts.values()]
        numbers = [one.as_json() for one in world.numbers.values()]
        return JSONResponse({"app": asdict(world.app), "accounts": accounts, "numbers": numbers})

    async def account(self, request: Request) -> Response:
        """Create or change an account."""
        update = AccountUpdate.model_validate_json(await request.body() or b"{}").given()
        account = self._carrier.world.account(request.path_params["account_id"], update.get("name"))
        for name, value in update.items():
            setattr(account, name, value)
        return JSONResponse({"id": account.id} | {name: getattr(account, name) for name in AccountUpdate.model_fields})

    async def number(self, request: Request) -> Response:
        """Add, change or remove a number; a change is followed by Meta's webhooks about it."""
        world, number_id = self._carrier.world, request.path_params["number_id"]
        if request.method == "DELETE":
            world.numbers.pop(number_id, None)
            return Response(status_code=204)
        update = NumberUpdate.model_validate_json(await request.body() or b"{}").given()
        old = world.numbers.get(number_id)
        new = world.add_number(replace(old, **update) if old else self._new_number(number_id, update))
        if old:
            for change in number_changes(old, new, world.clock.now()):
                self._carrier.outbox.post(change, lane=f"number {number_id}")
        return JSONResponse(new.as_json())

    async def tokens(self, _: Request) -> Response:
        """List all tokens."""
        return JSONResponse({"tokens": [vars(one) for one in self._carrier.world.tokens.values()]})

    async def token(self, request: Request) -> Response:
        """Create, change or delete a token; `valid` false revokes it."""
        tokens, value = self._carrier.world.tokens, request.path_params["token"]
        if request.method == "DELETE":
            tokens.pop(value, None)
            return Response(status_code=204)
        update = TokenUpdate.model_validate_json(await request.body() or b"{}").given()
        fresh = Token(value, issued_at=int(self._carrier.world.clock.now()))
        tokens[value] = replace(tokens.get(value, fresh), **update)
        return JSONResponse(vars(tokens[value]))

    async def templates(self, request: Request) -> Response:
        """List all templates, or add some."""
        templates = self._carrier.world.templates
        if request.method == "POST":
            update = TemplatesImport.model_validate_json(await request.body())
            account = self._carrier.world.account(update.account_id)
            added = [templates.add(account.id, {"status": "APPROVED"} | one) for one in update.templates]
            return JSONResponse({"templates": [_as_json(one) for one in added]}, 201)
        accounts = list(self._carrier.world.accounts)
        return JSONResponse({"templates": [_as_json(one) for account in accounts for one in templates.of(account)]})

    async def template(self, request: Request) -> Response:
        """Set status (rejected: with `reason`), quality or category; replace components without a webhook."""
        update = TemplateUpdate.model_validate_json(await request.body())
        template = self._carrier.world.templates.get(request.path_params["template_id"])
        if template is None:
            return JSONResponse({"error": "there is no such template"}, 404)
        if update.status is not None and update.status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}")
        if update.components is not None:
            template.components = update.components
        if update.category and update.category != template.category:
            self._carrier.reviews.set_category(template, update.category)
        if update.quality and update.quality != template.quality:
            self._carrier.reviews.set_quality(template, update.quality)
        if update.status:
            self._carrier.reviews.set_status(template, update.status, update.reason)
        return JSONResponse(_as_json(template))

    def _new_number(self, number_id: str, update: Json) -> Number:
        """Return a number like the first one, with the given fields changed."""
        first = next(iter(self._carrier.world.numbers.values()))
        display = f"+55 11 3000-{int(number_id[-4:] or 0) if number_id[-4:].isdecimal() else 1:04d}"
        bare = replace(first, id=number_id, display=display, override=None, profile={}, blocked=[], health_errors=[])
        return replace(bare, **update)


def _as_json(template: Template) -> Json:
    return template.as_json() | {"account_id": template.account_id, "edits": template.edits}
