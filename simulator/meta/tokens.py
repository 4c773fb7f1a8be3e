"""Access tokens: authorisation, scopes, and the exchange of a short-lived token for a long-lived one.

Source: docs/graph-api/reference/debug_token, docs/facebook-login/guides/access-tokens.
"""

import hmac
import secrets
from datetime import UTC, datetime

from simulator.json_type import Json
from simulator.meta.business.accounts import LONG_LIVED_SECONDS, MANAGEMENT, MESSAGING, Token
from simulator.meta.errors import (
    EXPIRED_SUBCODE,
    INVALID_PARAMETER,
    INVALID_TOKEN,
    PERMISSION_DENIED,
    PERMISSION_MISSING,
    REVOKED_SUBCODE,
    WRONG_APP,
    WRONG_SECRET,
    GraphError,
)
from simulator.meta.world import World

USER_ID = "500000000000005"
MALFORMED = "Invalid OAuth access token - Cannot parse access token"


def authorise(world: World, value: str) -> Token:
    """Return the token, if it is good at this moment. Raises GraphError."""
    token = find(world, value)
    if token is None:
        raise GraphError(INVALID_TOKEN, title=MALFORMED)
    if not token.valid:
        title = (
            "Error validating access token: The session has been invalidated because the user changed their password"
        )
        raise GraphError(INVALID_TOKEN, title=title, subcode=REVOKED_SUBCODE)
    if _ended(token.expires_at, world.clock.now()):
        ended = datetime.fromtimestamp(token.expires_at, UTC).strftime("%A, %d-%b-%y %H:%M:%S UTC")
        title = f"Error validating access token: Session has expired on {ended}."
        raise GraphError(INVALID_TOKEN, title=title, subcode=EXPIRED_SUBCODE)
    return token


def require_scope(token: Token, scope: str) -> None:
    """Refuse a call for which the token lacks the scope. Raises GraphError."""
    if scope in token.scopes:
        return
    if scope == MESSAGING:
        raise GraphError(PERMISSION_DENIED, title="Application does not have permission for this action")
    raise GraphError(PERMISSION_MISSING, title="You do not have the necessary permissions required for this action.")


def find(world: World, value: str) -> Token | None:
    """Return the token of that value; an app's own token is `app_id|app_secret`."""
    app = f"{world.app.id}|{world.app.secret}"
    if hmac.compare_digest(app.encode(), value.encode()):
        return Token(app, type="APP", scopes=[])
    known = (one for one in world.tokens.values() if hmac.compare_digest(one.value.encode(), value.encode()))
    return next(known, None)


def inspect(world: World, value: str) -> Json:
    """Return the answer of `debug_token`."""
    token, now = find(world, value), world.clock.now()
    if token is None:
        error = {"code": INVALID_TOKEN, "message": "Invalid OAuth access token - Cannot parse access token"}
        return {"data": {"error": error, "is_valid": False, "scopes": []}}
    valid = token.valid and not _ended(token.expires_at, now)
    data: Json = {"app_id": world.app.id, "type": token.type, "application": world.app.name, "is_valid": valid}
    data |= {"data_access_expires_at": token.data_access_expires_at, "expires_at": token.expires_at}
    data |= {"issued_at": token.issued_at, "scopes": token.scopes, "user_id": USER_ID}
    targets = list(world.accounts) if token.accounts is None else token.accounts
    limited = [scope for scope in token.scopes if scope in {MANAGEMENT, MESSAGING}]
    data["granular_scopes"] = [{"scope": scope, "target_ids": targets} for scope in limited]
    if not valid:
        data["error"] = {"code": INVALID_TOKEN, "message": "Error validating access token", "subcode": EXPIRED_SUBCODE}
    return {"data": data}


def exchange(world: World, query: Json) -> Json:
    """Return the answer of `oauth/access_token`: the app's token, or a long-lived one. Raises GraphError."""
    if query.get("client_id") != world.app.id:
        raise GraphError(WRONG_APP)
    if not hmac.compare_digest(str(query.get("client_secret", "")).encode(), world.app.secret.encode()):
        raise GraphError(WRONG_SECRET, title="Error validating client secret.")
    if query.get("grant_type") == "client_credentials":
        return {"access_token": f"{world.app.id}|{world.app.secret}", "token_type": "bearer"}
    if query.get("grant_type") != "fb_exchange_token":
        raise GraphError(INVALID_PARAMETER, title="Invalid grant_type: must be fb_exchange_token or client_credentials")
    old = authorise(world, str(query.get("fb_exchange_token", "")))
    now = int(world.clock.now())
    ends = now + LONG_LIVED_SECONDS
    new = Token("EAA" + secrets.token_urlsafe(40), "USER", list(old.scopes), ends, ends, now, accounts=old.accounts)
    world.tokens[new.value] = new
    return {"access_token": new.value, "token_type": "bearer", "expires_in": LONG_LIVED_SECONDS}


def _ended(moment: int, now: float) -> bool:
    return moment != 0 and moment <= now
