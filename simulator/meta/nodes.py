"""Nodes of the Graph API: all fields of a node, the requested ones, and pages of a list.

Source: Meta's OpenAPI description of the Business Messaging API (v23) and docs/graph-api/results.
"""

import base64
import re

from simulator.json_type import Json
from simulator.meta.business.accounts import BUSINESS_ID, PROFILE, Account, App, Number
from simulator.meta.business.templates import Template
from simulator.meta.errors import INVALID_PARAMETER, GraphError
from simulator.meta.world import World

ID = "id"
NUMBER_DEFAULTS = (
    "verified_name", "code_verification_status", "display_phone_number", "quality_rating", "platform_type",
    "throughput", "webhook_configuration", ID,
)  # fmt: skip
ACCOUNT_DEFAULTS = (ID, "name", "currency", "timezone_id", "message_template_namespace")
TEMPLATE_DEFAULTS = ("name", "parameter_format", "components", "language", "status", "category", ID)
TIMEZONE_ID = "25"  # America/Sao_Paulo
PAGE_SIZE, MAX_PAGE_SIZE = 25, 1000
# The first since v24.0, the second until v23.0; source: WhatsApp, "Messaging limits", via API.
LIMIT_FIELD, OLD_LIMIT_FIELD, LIMIT_FIELD_SINCE_MAJOR = (
    "whatsapp_business_manager_messaging_limit",
    "messaging_limit_tier",
    24,
)
NESTED = re.compile(r"\{[^{}]*\}|\.[a-z_]+\([^()]*\)")  # field{…} and field.limit(3): only the field's name counts


def number_node(world: World, number: Number, major: int) -> Json:
    """Return every field of a phone number that this version of the API has."""
    account = world.accounts[number.account_id]
    callbacks = {"phone_number": number.override, "whatsapp_business_account": account.override}
    callbacks["application"] = world.app.callback
    return {
        ID: number.id,
        "display_phone_number": number.display,
        "verified_name": number.name,
        "quality_rating": number.quality_rating,
        "quality_score": {"score": number.quality_rating},
        "status": number.status,
        "name_status": number.name_status,
        "code_verification_status": number.code_verification_status,
        "platform_type": "CLOUD_API",
        "host_platform": "CLOUD_API",
        "account_mode": "LIVE",
        "throughput": {"level": number.throughput},
        LIMIT_FIELD if major >= LIMIT_FIELD_SINCE_MAJOR else OLD_LIMIT_FIELD: number.messaging_limit_tier,
        "is_official_business_account": False,
        "is_on_biz_app": number.is_on_biz_app,
        "is_pin_enabled": True,
        "webhook_configuration": {name: url for name, url in callbacks.items() if url},
        "health_status": health(number, account, world.app),
    }


def health(number: Number, account: Account, app: App) -> Json:
    """Return whether the number can send, for each entity that could prevent it."""
    ids = {"PHONE_NUMBER": number.id, "WABA": account.id, "BUSINESS": BUSINESS_ID, "APP": app.id}
    entities: list[Json] = [
        {"entity_type": kind, ID: one, "can_send_message": "AVAILABLE"} for kind, one in ids.items()
    ]
    entities[0]["can_send_message"] = number.can_send_message
    if number.health_errors:
        entities[0]["errors"] = number.health_errors
    return {"can_send_message": number.can_send_message, "entities": entities}


def account_node(world: World, account: Account) -> Json:
    """Return every field of an account."""
    numbers = [one for one in world.numbers.values() if one.account_id == account.id]
    return {
        ID: account.id,
        "name": account.name,
        "currency": account.currency,
        "timezone_id": TIMEZONE_ID,
        "message_template_namespace": f"namespace_{account.id}",
        "account_review_status": account.account_review_status,
        "business_verification_status": "verified",
        "country": "BR",
        "ownership_type": "SELF",
        "status": "ACTIVE",
        "owner_business_info": {ID: BUSINESS_ID, "name": account.name},
        "health_status": health(numbers[0], account, world.app) if numbers else {},
    }


def app_node(account: Account, app: App) -> Json:
    """Return an item of `subscribed_apps`."""
    link = f"https://www.facebook.com/games/?app_id={app.id}"
    node: Json = {"whatsapp_business_api_data": {ID: app.id, "name": app.name, "link": link}}
    return node | ({"override_callback_uri": account.override} if account.override else {})


def selected(node: Json, fields: str | None, defaults: tuple[str, ...], kind: str) -> Json:
    """Return the fields that were asked for (those that have a value), or the default ones. Raises GraphError."""
    asked = [name.strip() for name in NESTED.sub("", fields).split(",") if name.strip()] if fields else list(defaults)
    optional = {"previous_category", "message_send_ttl_seconds", OLD_LIMIT_FIELD, *PROFILE}  # without a value: left out
    for name in asked:
        if name not in node and name not in optional:
            raise GraphError(
                INVALID_PARAMETER, title=f"Tried accessing nonexisting field ({name}) on node type ({kind})"
            )
    return {name: node[name] for name in dict.fromkeys([*asked, ID]) if name in node}


def template_node(template: Template, fields: str | None) -> Json:
    """Return a template with the fields that were asked for."""
    return selected(template.as_json(), fields, TEMPLATE_DEFAULTS, "WhatsAppMessageTemplate")


def page(nodes: list[Json], query: Json, url: str) -> Json:
    """Return one page of a list: `limit`, `after`, `before`; `paging.next` if any. Raises GraphError."""
    limit = _limit(query.get("limit"))
    start = _position(query["after"]) + 1 if query.get("after") else 0
    if query.get("before"):
        start = max(0, _position(query["before"]) - limit)
    shown = nodes[start : start + limit]
    if not shown:
        return {"data": []}
    cursors = {"before": _cursor(start), "after": _cursor(start + len(shown) - 1)}
    paging: Json = {"cursors": cursors}
    if start + len(shown) < len(nodes):
        paging["next"] = f"{url}?limit={limit}&after={cursors['after']}"
    if start > 0:
        paging["previous"] = f"{url}?limit={limit}&before={cursors['before']}"
    return {"data": shown, "paging": paging}


def _limit(given: str | None) -> int:
    if given is None:
        return PAGE_SIZE
    if not str(given).isdecimal() or not 1 <= int(given) <= MAX_PAGE_SIZE:
        raise GraphError(INVALID_PARAMETER, title=f"Param limit must be a number from 1 to {MAX_PAGE_SIZE}.")
    return int(given)


def _cursor(index: int) -> str:
    return base64.b64encode(f"sim{index}".encode()).decode().replace("=", "ZD")


def _position(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor.replace("ZD", "="), validate=True).decode()
        return int(text.removeprefix("sim"))
    except ValueError as error:  # not base64, not UTF-8, not a number
        raise GraphError(INVALID_PARAMETER, title="Invalid cursors values.") from error
