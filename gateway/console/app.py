"""The console's application: its rooms, and what stands before all of them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from gateway.console.access.account import Account
from gateway.console.access.oidc_pages import OidcPages
from gateway.console.access.sign_in import HOME, SignIn
from gateway.console.admin.audit import Audit
from gateway.console.admin.canned import Canned
from gateway.console.admin.people import People
from gateway.console.admin.personal_data import PersonalData
from gateway.console.composer.canned_files import CannedFiles
from gateway.console.composer.uploads import Uploads
from gateway.console.composer.writing import Writing
from gateway.console.conversation.business import Business
from gateway.console.conversation.holding import Holding
from gateway.console.conversation.media import Media
from gateway.console.conversation.page import Conversation
from gateway.console.conversation.presence import Presence
from gateway.console.decisions.bulk import Bulk
from gateway.console.errors import away, handlers
from gateway.console.headers import SecurityHeaders
from gateway.console.inbox.inbox import Inbox
from gateway.console.inbox.search import Search
from gateway.console.knowledge.listing import KNOWLEDGE
from gateway.console.knowledge.pages import knowledge_pages
from gateway.console.live.events import Events
from gateway.console.navigation import NAVIGATION
from gateway.console.parts import Parts
from gateway.console.rendering.pages import Pages
from gateway.console.routes import Page
from gateway.console.signed_in import SignedIn
from gateway.console.static_files import StaticFiles
from gateway.runtime.hosts import KnownHosts
from gateway.runtime.operations import alive
from gateway.runtime.passwords import Passwords
from gateway.store.people.people import Role


def rooms(parts: Parts) -> list[Page]:
    """Return the routes of all rooms; each says which role it needs."""
    passwords = Passwords()
    sign_in = SignIn(parts, passwords)
    return [
        Page("/", _home, Role.VIEWER),
        Page("/console", _home, Role.VIEWER),
        *sign_in.routes(),
        *OidcPages(parts, sign_in).routes(),
        *Account(parts, passwords).routes(),
        *People(parts, passwords).routes(),
        *Audit(parts).routes(),
        *PersonalData(parts).routes(),
        *Inbox(parts).routes(),
        *Search(parts).routes(),
        *Conversation(parts).routes(),
        *Business(parts).routes(),
        *Holding(parts).routes(),
        *Bulk(parts).routes(),
        *Canned(parts).routes(),
        *CannedFiles(parts).routes(),
        *Writing(parts).routes(),
        *Presence(parts).routes(),
        *Media(parts).routes(),
        *Uploads(parts).routes(),
        *Events(parts).routes(),
        *knowledge_pages(parts),
    ]


class Console(Starlette):
    """Starlette with the headers that protect around all of it, also around its own answer to an error of ours."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return all that a request passes."""
        return SecurityHeaders(super().build_middleware_stack(), secure=self.state.secure)


def make_app(parts: Parts) -> Starlette:
    """Return the application."""
    static, routes, settings = StaticFiles(), rooms(parts), parts.settings
    app = Console(
        routes=[*routes, static.route(), alive()],
        middleware=[
            Middleware(KnownHosts, names=settings.names.split(",")),
            Middleware(
                SignedIn, pool=parts.pool, settings=settings, cookies=parts.cookies,
                open_paths={page.path for page in routes if page.needs is None}, away=away,
            ),
        ],
        exception_handlers=handlers(),
    )  # fmt: skip
    app.router.redirect_slashes = False
    app.state.secure = settings.secure
    app.state.trace_url = settings.trace_url
    places = [one for one in NAVIGATION if one.path != KNOWLEDGE or settings.knowledge_token]
    app.state.pages = Pages(static, places, ZoneInfo(settings.console_timezone))
    return app


async def _home(_: Request) -> Response:
    return RedirectResponse(HOME, 302)
