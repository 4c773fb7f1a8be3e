"""Readings and changes of one account at Meta, within its budget; every failure is a `MetaError` with its problem."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from gateway.whatsapp.api.management import Management
from gateway.whatsapp.errors import WhatsAppError
from k8s.meta.answers import RATE_LIMITED, app_id_of, phone_of, problem_of, template_of, token_of
from k8s.meta.budget import HOUR_SECONDS, Budget, Clock, Place, Queue
from k8s.meta.session import Login, MetaError, measured
from k8s.model import template_content
from k8s.model.actions import Action, CreateTemplate, EditTemplate
from k8s.model.declared import Number, Template
from k8s.model.json_object import Json
from k8s.model.observed import Phone, Problem, RemoteTemplate, Subscription, Token

T = TypeVar("T")

DEFAULT_PAUSE_SECONDS = 60.0  # after "too many calls" without a time to wait
# Changes leave this share of the hour's calls to reads, so that the status stays true while many templates are made.
SHARE_KEPT_FOR_READS = 0.3

MIME_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
}
TEMPLATES_PER_PAGE = 100  # templates in one answer

TemplateKey = tuple[str, str]  # name and language of a template


class Account:
    """One WhatsApp Business Account: its templates as last read, the calls that are left, the queue for them."""

    def __init__(self, waba_id: str, calls: int, creates: int, clock: Clock, now: Callable[[], datetime]) -> None:
        self.waba_id = waba_id
        self.calls = Budget(calls, clock)
        self.creates = Budget(creates, clock)
        self.queue = Queue(clock)
        self._reserve = int(calls * SHARE_KEPT_FOR_READS)
        self._clock, self._now = clock, now
        self._reading = asyncio.Lock()
        self._templates: dict[TemplateKey, RemoteTemplate] = {}
        self._further_pages = 0
        self._read_at = float("-inf")
        self.read_when: datetime | None = None  # wall clock, for people

    def last_known(self, key: TemplateKey) -> RemoteTemplate | None:
        """Return a template as it was last read, or as the last change left it."""
        return self._templates.get(key)

    async def template(
        self, key: TemplateKey, max_age: float, login: Callable[[], Awaitable[Login]]
    ) -> RemoteTemplate | None:
        """Return a template as Meta lists it; the list of all is read again when it is older than max_age seconds.

        A list of many pages is read less often, so that it never uses up the hour's calls. While Meta allows no calls,
        a list that was read before is used.

        Raises:
            MetaError: The list could not be read.
        """
        async with self._reading:  # many callers at once, one reading
            if self._clock() - self._read_at > max(max_age, self._further_pages * HOUR_SECONDS / max(self._reserve, 1)):
                try:
                    await self._read((await login()).management)
                except MetaError as error:
                    if error.problem.reason != RATE_LIMITED or self.read_when is None:
                        raise
        return self._templates.get(key)

    async def _read(self, management: Management) -> None:
        listed = await self._call("list_templates", lambda: management.templates(self.waba_id))
        self._further_pages = len(listed) // TEMPLATES_PER_PAGE
        for _ in range(self._further_pages):  # each was a call of its own
            self.calls.spend()
        self._templates = {(one.name, one.language): template_of(one) for one in listed}
        self._read_at, self.read_when = self._clock(), self._now()

    def request_turn(self, key: str, action: Action) -> Place | None:
        """Return None where a change may be made now, else the place in the queue."""
        place = self.queue.join(key)
        allowed = self.calls.wait_seconds(self._reserve) <= 0
        if isinstance(action, CreateTemplate):
            allowed = allowed and self.creates.wait_seconds() <= 0
        return None if allowed and place.before == 0 else place

    def wait_seconds(self) -> float:
        """Return the seconds until a change may be made."""
        return max(self.calls.wait_seconds(self._reserve), self.creates.wait_seconds())

    async def create(self, login: Login, template: Template, media_handle: str | None = None) -> None:
        """Create a template. Raises MetaError."""
        body: Json = {
            "name": template.name,
            "language": template.language,
            "category": template.category,
            "parameter_format": template.parameter_format,
            "components": template_content.to_meta(template, media_handle),
        }
        self.creates.spend()
        answer = await self._change("create_template", lambda: login.management.create_template(self.waba_id, body))
        self._templates[template.name, template.language] = RemoteTemplate(
            id=str(answer.get("id") or ""),
            state=str(answer.get("status") or "PENDING"),
            category=answer.get("category") or template.category,
            components=tuple(body["components"]),
            assumed=True,
        )

    async def edit(self, login: Login, template: Template, edit: EditTemplate, media_handle: str | None = None) -> None:
        """Edit a template. Raises MetaError."""
        changes: Json = {"components": template_content.to_meta(template, media_handle)}
        if not edit.approved:  # Meta refuses a category for approved ones
            changes["category"] = template.category
        await self._change("edit_template", lambda: login.management.edit_template(edit.id, changes))
        self._templates[template.name, template.language] = RemoteTemplate(
            id=edit.id,
            state="PENDING",
            category=template.category,
            components=tuple(changes["components"]),
            assumed=True,
        )

    async def delete(self, login: Login, key: TemplateKey, template_id: str) -> None:
        """Delete a template in one language. Raises MetaError."""
        name, _ = key
        await self._change("delete_template", lambda: login.management.delete_template(self.waba_id, name, template_id))
        self._templates.pop(key, None)

    async def token(self, login: Login) -> Token:
        """Check the access token. Raises MetaError."""
        try:
            return token_of(await self._call("debug_token", lambda: login.management.token(login.token)))
        except MetaError as error:
            if error.problem.reason != "TokenInvalid":
                raise
            return Token(valid=False)

    async def phone(self, login: Login, number: Number) -> Phone:
        """Read a number as Meta describes it. Raises MetaError."""
        return phone_of(await self._call("read_number", lambda: login.management.phone_number(number.phone_number_id)))

    async def subscription(self, login: Login, app_id: str | None) -> Subscription:
        """Read whether our app gets the account's webhooks. Raises MetaError."""
        apps = await self._call("read_subscription", lambda: login.management.subscriptions(self.waba_id))
        ours = [app for app in apps if app_id in (None, app_id_of(app))]
        return Subscription(bool(ours), next((app.get("override_callback_uri") for app in ours), None))

    async def subscribe(self, login: Login, callback: str | None, verify_token: str, *, subscribed: bool) -> None:
        """Subscribe our app; Meta asks the callback at once whether it knows the verify token.

        subscribed: whether it is already; Meta lets only a subscribed app override its callback.

        Raises:
            MetaError: Meta refused it or does not answer.
        """
        management = login.management
        if not subscribed:
            await self._call("subscribe", lambda: management.subscribe(self.waba_id))
        if callback:
            await self._call("override_callback", lambda: management.subscribe(self.waba_id, callback, verify_token))

    async def unsubscribe(self, login: Login) -> None:
        """End the subscription of our app. Raises MetaError."""
        await self._call("unsubscribe", lambda: login.management.unsubscribe(self.waba_id))

    async def profile(self, login: Login, number: Number) -> Json:
        """Read the number's profile. Raises MetaError."""
        return await self._call("read_profile", lambda: login.management.profile(number.phone_number_id))

    async def set_profile(self, login: Login, number: Number, fields: Json) -> None:
        """Set fields of the number's profile. Raises MetaError."""
        await self._call("set_profile", lambda: login.management.set_profile(number.phone_number_id, fields))

    async def upload(self, login: Login, file: str, content: bytes) -> str:
        """Upload a file; return the handle for templates and profiles. file: a name whose ending is that of its type.

        Raises:
            MetaError: Meta refused it or does not answer.
        """
        app_id = (await self.token(login)).app_id
        if app_id is None:
            raise MetaError(
                Problem("blocked", "TokenInvalid", "Meta does not say which app the access token belongs to")
            )
        mime_type = MIME_TYPES[file.rpartition(".")[2]]
        return await self._call("upload", lambda: login.uploads.handle(app_id, content, mime_type))

    async def _change(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that changes templates; after a failure only a new reading shows its result."""
        try:
            return await self._call(name, call)
        except MetaError as error:
            # Edits and deletions are refused where the list is out of date; a refused creation does not mean that.
            if error.problem.reason != RATE_LIMITED and (
                error.problem.kind == "temporary" or name != "create_template"
            ):
                self._read_at = float("-inf")
            raise

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        wait = self.calls.wait_seconds()
        if wait > 0:
            message = f"The account has no calls left at Meta; the next is possible in {wait:.0f} s"
            raise MetaError(Problem("temporary", RATE_LIMITED, message, retry_after=wait))
        self.calls.spend()
        with measured(name):
            try:
                return await call()
            except WhatsAppError as error:
                problem = problem_of(error)
                if problem.reason == RATE_LIMITED:
                    # Creations have a limit of their own; if it was the other one, the next call meets that too.
                    limited = self.creates if name == "create_template" else self.calls
                    limited.pause(problem.retry_after or DEFAULT_PAUSE_SECONDS)
                raise MetaError(problem) from None  # the problem holds all that may be shown
