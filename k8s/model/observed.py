"""The findings at Meta and in the cluster, as plain values, which planning compares with the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from k8s.model.json_object import Json


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be read or done.

    kind: `temporary` (the state is not known; try again after retry_after seconds or a back-off), `waiting` (for
    something that may come any moment; try again as well), `refused` (the same will be refused again) or `blocked`
    (token, permission or account: a person has to act). message is for people who may see the resource.
    """

    kind: Literal["temporary", "waiting", "refused", "blocked"]
    reason: str
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """A number's credentials, from the Secrets that its spec names."""

    access_token: str = field(repr=False)
    app_secrets: tuple[str, ...] = field(repr=False)
    verify_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """The result of Meta's token check; accounts: the WABAs it may manage, None: all; expires_at None: never."""

    valid: bool
    app_id: str | None = None
    expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    accounts: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whether our app gets the account's webhooks, and the callback URL that overrides the app's own."""

    subscribed: bool
    override: str | None = None


@dataclass(frozen=True, slots=True)
class Phone:
    """A number as Meta describes it, in Meta's words."""

    display_number: str | None = None
    verified_name: str | None = None
    name_status: str | None = None
    state: str | None = None
    quality: str | None = None
    messaging_limit: str | None = None
    throughput: str | None = None
    can_send_message: str | None = None
    obstacles: tuple[str, ...] = ()  # why it cannot send, with Meta's advice
    coexists: bool = False  # also in use by the WhatsApp Business app


@dataclass(frozen=True, slots=True)
class ObservedNumber:
    """Everything about one number. A part that is None was not read, or has to be read again.

    missing: declared keys that do not exist; channel_entry: the number's entry in the channels Secret;
    channel_files_complete: whether the files of the gateways' processes in that Secret say the same;
    duplicate_of: an older resource that declares the same number; callback_conflicts: URLs by name of the other numbers
    of the account that declare another callback URL; foreign_callback: whether the callback's host is not allowed;
    picture: fingerprint of the declared picture; failures: why actions did not succeed, by name.
    """

    secrets: Secrets | None = None
    missing: tuple[str, ...] = ()
    token: Token | Problem | None = None
    phone: Phone | Problem | None = None
    subscription: Subscription | Problem | None = None
    profile: Json | Problem | None = None
    picture: str | Problem | None = None
    channel_entry: Json | None = field(default=None, repr=False)
    channel_files_complete: bool = False
    duplicate_of: str | None = None
    callback_conflicts: Mapping[str, str] = field(default_factory=dict)
    foreign_callback: bool = False
    failures: Mapping[str, Problem] = field(default_factory=dict)

    def read(self) -> tuple[object, ...]:
        """Return the parts that are read at Meta."""
        return self.token, self.phone, self.subscription, self.profile


@dataclass(frozen=True, slots=True)
class RemoteTemplate:
    """A template as Meta lists it; assumed: not read yet, but expected after Meta's answer to a change."""

    id: str
    state: str
    category: str | None = None
    components: tuple[Json, ...] = ()
    quality: str | None = None
    rejected_reason: str | None = None
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class ObservedTemplate:
    """One template at Meta (None: Meta has none of that name and language), and the obstacles to changing it.

    duplicate_of: an older resource that declares the same template; unread: why the list could not be read;
    failure: why the last change did not succeed; queue: how many are before it and how many wait in all, while the rate
    limit holds it back.
    """

    remote: RemoteTemplate | None = None
    duplicate_of: str | None = None
    unread: Problem | None = None
    failure: Problem | None = None
    queue: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """The operator's memory of a profile or template that it set: fingerprints as declared and as Meta showed it."""

    declared: str | None = None
    shown: str | None = None

    def settled(self, declared: str, shown: str) -> bool:
        """Return whether this was set already and Meta still shows it as then: a difference is no drift."""
        return self.declared == declared and self.shown in (None, shown)
