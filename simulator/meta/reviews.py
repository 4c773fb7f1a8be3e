"""The life of templates: submission, review, pauses, quality; each change is followed by a webhook."""

import asyncio
from typing import Literal

from pydantic import BaseModel, Field

from simulator.json_type import Json
from simulator.meta.background import Background
from simulator.meta.business.accounts import Account
from simulator.meta.business.template_rules import check_content, check_creation
from simulator.meta.business.templates import Template
from simulator.meta.errors import INVALID_PARAMETER, TOO_MANY_CALLS, GraphError
from simulator.meta.messages.outbox import Outbox
from simulator.meta.messages.payloads import (
    Change,
    template_category_change,
    template_components_change,
    template_quality_change,
    template_status_change,
)
from simulator.meta.world import World

HOUR_SECONDS = 3600
EDITABLE_FIELDS = ("category", "components", "message_send_ttl_seconds")


class Review(BaseModel):
    """The review of submissions: after `seconds` they get the verdict. `creations_an_hour`: of one account."""

    seconds: float = Field(1, ge=0)
    verdict: Literal["approve", "reject", "wait"] = "approve"
    reason: str = "INVALID_FORMAT"
    creations_an_hour: int = Field(100, ge=1, description="docs: message templates, limitations")


class Reviews:
    """Meta's reviewers of templates."""

    def __init__(self, world: World, outbox: Outbox) -> None:
        self._world = world
        self._outbox = outbox
        self._background = Background()
        self.settings = Review()

    def create(self, account: Account, body: Json) -> Template:
        """Add a submitted template; the review follows. Raises GraphError."""
        content = check_creation(body)
        self._spend_creation(account)
        template = self._world.templates.add(account.id, content)
        self._submit(template)
        return template

    def edit(self, template: Template, body: Json) -> None:
        """Change category, components or time to live; it is reviewed again. Raises GraphError."""
        changes: Json = {name: body[name] for name in EDITABLE_FIELDS if name in body}
        if not changes:
            raise GraphError(INVALID_PARAMETER, title="Give category, components or message_send_ttl_seconds to edit.")
        template.check_editable(changes, self._world.clock.now())
        content = {"components": template.components} | changes
        checked = check_content(content, changes.get("category", template.category), template.parameter_format)
        for name, value in checked.items():
            setattr(template, name, value)
        template.edits.append(self._world.clock.now())
        if "components" in changes:
            self._post(template_components_change(template, self._world.clock.now()), template)
        self._submit(template)

    def delete(self, account: Account, name: str, template_id: str | None) -> None:
        """Delete by name, or name and id. Raises GraphError."""
        for template in self._world.templates.remove(account.id, name, template_id):
            template.status = "DELETED"
            self._post_status(template, "DELETED")

    def set_status(self, template: Template, status: str, reason: str | None = None) -> None:
        """Set a verdict, a pause, …, as Meta would, regardless of the status before."""
        event = "UNPAUSED" if (template.status, status) == ("PAUSED", "APPROVED") else status
        template.status, template.reviewed = status, template.reviewed + 1
        template.pauses += status == "PAUSED"
        template.rejected_reason = (reason or self.settings.reason) if status == "REJECTED" else "NONE"
        self._post_status(template, event)

    def set_quality(self, template: Template, quality: str) -> None:
        """Set the quality score that customers' reactions give the template."""
        previous, template.quality = template.quality, quality
        self._post(template_quality_change(template, previous, self._world.clock.now()), template)

    def set_category(self, template: Template, category: str) -> None:
        """Move the template to another category, as Meta does."""
        previous, template.category = template.category, category
        template.previous_category = previous
        self._post(template_category_change(template, previous, self._world.clock.now()), template)

    def reset(self) -> None:
        """Cancel all reviews and restore the settings."""
        self.cancel()
        self.settings = Review()

    def cancel(self) -> None:
        """Cancel every review."""
        self._background.cancel()

    def _submit(self, template: Template) -> None:
        template.status, template.rejected_reason = "PENDING", "NONE"
        template.reviewed += 1
        self._background.run(self._decide(template, template.reviewed, self.settings))

    async def _decide(self, template: Template, submission: int, settings: Review) -> None:
        await asyncio.sleep(settings.seconds)
        overtaken = template.reviewed != submission or template.status != "PENDING"
        if settings.verdict != "wait" and not overtaken:
            self.set_status(template, "APPROVED" if settings.verdict == "approve" else "REJECTED", settings.reason)

    def _spend_creation(self, account: Account) -> None:
        now = self._world.clock.now()
        while account.creations and account.creations[0] <= now - HOUR_SECONDS:
            account.creations.popleft()
        if len(account.creations) >= self.settings.creations_an_hour:
            text = f"{self.settings.creations_an_hour} templates an hour can be created in one account."
            raise GraphError(TOO_MANY_CALLS, user=("Too many templates created", text))
        account.creations.append(now)

    def _post_status(self, template: Template, event: str) -> None:
        self._post(template_status_change(template, event, self._world.clock.now()), template)

    def _post(self, change: Change, template: Template) -> None:
        self._outbox.post(change, lane=f"template {template.id}")
