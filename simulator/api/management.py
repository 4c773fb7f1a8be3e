"""The routes of the Business Management API: accounts, numbers, profiles, templates, subscriptions, tokens."""

from collections.abc import Awaitable, Callable

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.api.fault_responses import fault_response
from simulator.api.graph_call import VERSION, Call, bearer, open_call
from simulator.calls import CutConnection
from simulator.faults import BEFORE_KINDS, KINDS
from simulator.json_type import Json
from simulator.meta import nodes, tokens
from simulator.meta.business import verification
from simulator.meta.business.accounts import PROFILE, Account, Number
from simulator.meta.business.profiles import check_profile
from simulator.meta.business.templates import Template
from simulator.meta.carrier import Carrier
from simulator.meta.errors import (
    BLOCK_FAILED,
    INVALID_PARAMETER,
    MISSING_PARAMETER,
    UNKNOWN_PATH,
    GraphError,
    unknown_object,
)
from simulator.meta.messages.blocking import block
from simulator.meta.nodes import ACCOUNT_DEFAULTS, NUMBER_DEFAULTS, page, selected, template_node

NEWEST_MAJOR = 26
SUCCESS: Json = {"success": True}
NOT_SUBSCRIBED = (
    "Before override the current callback uri, your app must be subscribed to receive messages for WhatsApp Business "
    "Account."
)

Handler = Callable[[Call], Awaitable[Json]]


class ManagementApi:
    """Management calls over one carrier's world."""

    def __init__(self, carrier: Carrier, client: httpx.AsyncClient) -> None:
        self._carrier = carrier
        self._world, self._reviews, self._faults = carrier.world, carrier.reviews, carrier.faults
        self._client = client

    def routes(self) -> list[Route]:
        """Return the routes of everything but messages and media."""
        templates = f"{VERSION}/{{object_id}}/message_templates"
        profile, apps = f"{VERSION}/{{object_id}}/whatsapp_business_profile", f"{VERSION}/{{object_id}}/subscribed_apps"
        blocks = f"{VERSION}/{{object_id}}/block_users"
        return [
            Route(f"{VERSION}/debug_token", self.debug_token),
            Route(f"{VERSION}/oauth/access_token", self.exchange, methods=["GET", "POST"]),
            Route(f"{VERSION}/{{object_id}}/phone_numbers", self._route(self._numbers)),
            Route(templates, self._route(self._templates)),
            Route(templates, self._route(self._create_template), methods=["POST"]),
            Route(templates, self._route(self._delete_template), methods=["DELETE"]),
            Route(apps, self._route(self._subscriptions)),
            Route(apps, self._route(self._subscribe), methods=["POST"]),
            Route(apps, self._route(self._unsubscribe), methods=["DELETE"]),
            Route(blocks, self._route(self._blocked)),
            Route(blocks, self._route(self._block), methods=["POST", "DELETE"]),
            Route(profile, self._route(self._profile)),
            Route(profile, self._route(self._set_profile), methods=["POST"]),
        ]

    async def node(self, request: Request) -> Response:
        """Answer `/{object_id}` of a number, an account or a template."""
        return await self._route(self.read_node if request.method == "GET" else self.change_node)(request)

    async def debug_token(self, request: Request) -> Response:
        """Answer `GET /debug_token?input_token=`: not limited, and only the faults of `management` apply."""
        if refusal := await fault_response(self._faults, "management", {"edge": "debug_token", "method": "GET"}):
            return refusal
        caller, wanted = bearer(request) or request.query_params.get("access_token", ""), request.query_params
        if "input_token" not in wanted:
            raise GraphError(INVALID_PARAMETER, title="The parameter input_token is required")
        tokens.authorise(self._world, caller)
        return JSONResponse(tokens.inspect(self._world, wanted["input_token"]))

    async def exchange(self, request: Request) -> Response:
        """Answer `GET /oauth/access_token`."""
        if refusal := await fault_response(
            self._faults, "management", {"edge": "access_token", "method": request.method}
        ):
            return refusal
        form = dict(await request.form()) if request.method == "POST" else {}
        return JSONResponse(tokens.exchange(self._world, dict(request.query_params) | form))

    async def read_node(self, call: Call) -> Json:
        """Return a number, an account or a template by its id."""
        object_id, fields = call.request.path_params["object_id"], call.parameters.get("fields")
        if object_id in self._world.numbers:
            node = nodes.number_node(self._world, call.number(object_id), call.major)
            return selected(node, fields, NUMBER_DEFAULTS, "WhatsAppBusinessPhoneNumber")
        if object_id in self._world.accounts:
            node = nodes.account_node(self._world, call.account(object_id))
            return selected(node, fields, ACCOUNT_DEFAULTS, "WhatsAppBusinessAccount")
        return template_node(self._template(call, object_id), fields)

    async def change_node(self, call: Call) -> Json:
        """Change the settings of a number, or edit a template."""
        object_id = call.request.path_params["object_id"]
        if object_id in self._world.numbers:
            await self._set_number(call.number(object_id), call.parameters)
            return SUCCESS
        template = self._template(call, object_id)
        self._reviews.edit(template, call.parameters)
        return SUCCESS | {"id": template.id, "name": template.name, "category": template.category}

    async def _numbers(self, call: Call) -> Json:
        account = call.account(call.request.path_params["object_id"])
        numbers = [one for one in self._world.numbers.values() if one.account_id == account.id]
        found = [nodes.number_node(self._world, one, call.major) for one in numbers]
        fields = call.parameters.get("fields")
        shown = [selected(one, fields, NUMBER_DEFAULTS, "WhatsAppBusinessPhoneNumber") for one in found]
        return page(shown, call.parameters, call.url)

    async def _templates(self, call: Call) -> Json:
        account = call.account(call.request.path_params["object_id"])
        names = ("name", "status", "category", "language")
        filters = {name: call.parameters[name] for name in names if call.parameters.get(name)}
        found = [one for one in self._world.templates.of(account.id) if _matches(one, filters)]
        return page([template_node(one, call.parameters.get("fields")) for one in found], call.parameters, call.url)

    async def _create_template(self, call: Call) -> Json:
        account = call.account(call.request.path_params["object_id"])
        template = self._reviews.create(account, call.parameters)
        return {"id": template.id, "status": template.status, "category": template.category}

    async def _delete_template(self, call: Call) -> Json:
        account = call.account(call.request.path_params["object_id"])
        if not call.parameters.get("name"):
            raise GraphError(INVALID_PARAMETER, title="The parameter name is required.")
        self._reviews.delete(account, call.parameters["name"], call.parameters.get("hsm_id"))
        return SUCCESS

    async def _subscriptions(self, call: Call) -> Json:
        account = call.account(call.request.path_params["object_id"])
        return {"data": [nodes.app_node(account, self._world.app)] if account.subscribed else []}

    async def _subscribe(self, call: Call) -> Json:
        """Subscribe the app; with an address, override its callback; without one, end the override."""
        account = call.account(call.request.path_params["object_id"])
        url = call.parameters.get("override_callback_uri")
        if not url:
            account.subscribed, account.override = True, None
            return SUCCESS
        if not account.subscribed:
            raise GraphError(INVALID_PARAMETER, title=NOT_SUBSCRIBED)
        account.override = await verification.require(self._client, url, call.parameters.get("verify_token"))
        return SUCCESS

    async def _unsubscribe(self, call: Call) -> Json:
        account = call.account(call.request.path_params["object_id"])
        account.subscribed, account.override = False, None
        return SUCCESS

    async def _profile(self, call: Call) -> Json:
        number = call.number(call.request.path_params["object_id"])
        node = number.profile | {"messaging_product": "whatsapp", "id": number.id}
        shown = selected(node, call.parameters.get("fields"), PROFILE, "WhatsAppBusinessProfile")
        del shown["id"]
        return {"data": [shown | {"messaging_product": "whatsapp"}]}

    async def _set_profile(self, call: Call) -> Json:
        number = call.number(call.request.path_params["object_id"])
        number.profile |= check_profile(call.parameters)
        return SUCCESS

    async def _blocked(self, call: Call) -> Json:
        number = call.number(call.request.path_params["object_id"])
        found = [{"messaging_product": "whatsapp", "wa_id": one} for one in number.blocked]
        return page(found, call.parameters, call.url)

    async def _block(self, call: Call) -> Json:
        """Block people who wrote in the last 24 hours, or unblock them."""
        number = call.number(call.request.path_params["object_id"])
        users = call.parameters.get("block_users")
        if call.parameters.get("messaging_product") != "whatsapp" or not isinstance(users, list):
            raise GraphError(INVALID_PARAMETER, title="messaging_product and block_users are required.")
        inputs = [str(one.get("user", "")) if isinstance(one, dict) else "" for one in users]
        done, failed = block(self._world, number, inputs, adding=call.request.method == "POST")
        lists: Json = {"added_users" if call.request.method == "POST" else "removed_users": done}
        if failed:
            raise GraphError(BLOCK_FAILED, "Failed to block some users, see the block_users response list for details")
        return {"messaging_product": "whatsapp", "block_users": lists}

    async def _set_number(self, number: Number, wish: Json) -> None:
        """Set `webhook_configuration`; all other settings (pin, name, …) are accepted and have no effect."""
        webhooks = wish.get("webhook_configuration")
        if webhooks is None and not wish:
            raise GraphError(MISSING_PARAMETER, "Nothing to change was given")
        if isinstance(webhooks, dict):
            url = webhooks.get("override_callback_uri")
            if url and not self._world.accounts[number.account_id].subscribed:
                raise GraphError(INVALID_PARAMETER, title=NOT_SUBSCRIBED)
            token = webhooks.get("verify_token")
            number.override = await verification.require(self._client, url, token) if url else None

    def _template(self, call: Call, template_id: str) -> Template:
        template = self._world.templates.get(template_id)
        if template is None or not call.token.may_see(template.account_id):
            raise unknown_object(template_id, call.verb)
        call.account(template.account_id)
        return template

    def _route(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler's endpoint: with version, faults, token, limit, and the usage header on every answer."""

        async def endpoint(request: Request) -> Response:
            if request.path_params["major"] > NEWEST_MAJOR:
                raise GraphError(UNKNOWN_PATH, title=f"Unknown path components: {request.url.path}")
            event = {"edge": _edge(request), "method": request.method}
            event |= {"id": request.path_params["object_id"], "text": (await request.body()).decode(errors="replace")}
            if refusal := await fault_response(self._faults, "management", event):
                return refusal
            answer, headers = await self._answer(handler, await open_call(self._world, request))
            taken = self._faults.take("management", event, KINDS["management"] - BEFORE_KINDS)
            return CutConnection() if "lost_answer" in taken else JSONResponse(answer, headers=headers)

        return endpoint

    async def _answer(self, handler: Handler, call: Call) -> tuple[Json, dict[str, str]]:
        account = self._account_of(call.request.path_params["object_id"])
        now = self._world.clock.now()
        try:
            if account:
                self._carrier.usage.spend(account, now)
            return await handler(call), self._carrier.usage.header(account, now) if account else {}
        except GraphError as error:
            error.headers |= self._carrier.usage.header(account, now) if account else {}
            raise

    def _account_of(self, object_id: str) -> Account | None:
        """Return the account whose limit a call about this object counts against."""
        found = self._world.numbers.get(object_id) or self._world.templates.get(object_id)
        return self._world.accounts.get(found.account_id if found else object_id)


def _edge(request: Request) -> str:
    """Return the last part of the path where it is an edge, and "node" for a node."""
    last = request.url.path.rsplit("/", 1)[-1]
    return "node" if last == request.path_params["object_id"] else last


def _matches(template: Template, filters: Json) -> bool:
    """Return whether a template fits the filters of the list: the name in part, all others in full."""
    name = filters.get("name", "")
    rest = {field: str(value).upper() for field, value in filters.items() if field != "name"}
    return name in template.name and all(getattr(template, one).upper() == value for one, value in rest.items())
