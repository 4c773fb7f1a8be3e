"""One cycle of a WhatsAppNumber: read the parts that are due, plan, act, plan again, return the status."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from k8s.cluster import ClusterError, MissingKeysError
from k8s.meta.session import Login, MetaError
from k8s.model import channels_file
from k8s.model.actions import Action, Plan, Publish, SetPicture, SetProfile, Subscribe
from k8s.model.declarations import Declarations
from k8s.model.declared import Number, fingerprint
from k8s.model.json_object import Json
from k8s.model.last_seen import is_unread, last_seen
from k8s.model.observed import ObservedNumber, Problem, Subscription
from k8s.numbers.observing import read_missing_parts, without_problems
from k8s.numbers.plan import plan_number
from k8s.resource import CycleContext, CycleResult, Memory, Resource, cycle_result

_MAX_PLANNING_ROUNDS = 4  # publish, subscribe, set the profile: an action may make another one possible
_NEVER = float("-inf")


class NumberCycle:
    """A cycle of one number; made for one `run` or `clean_up`."""

    def __init__(self, context: CycleContext, resource: Resource, declared: Declarations, memory: Memory) -> None:
        self._context, self._resource, self._declared, self._memory = context, resource, declared, memory
        self._number = Number.model_validate(resource.spec)
        self._account = context.meta.account(self._number.business_account_id)
        self._status: Json = dict(resource.status)
        self._observed = ObservedNumber()

    async def run(self) -> CycleResult | None:
        """Bring the number to its declared state as far as possible now; None when nothing is due.

        Raises:
            ClusterError: The API server does not answer.
        """
        if self._number.suspend:
            return cycle_result(self._plan(), self._resource, self._context, self._context.resync_seconds)
        await self._credentials()
        memory, now = self._memory, self._context.clock()
        if now < memory.due_at and memory.generation == self._resource.generation:
            return None
        await self._read_cluster()
        await self._read_meta()
        await self._act_on_plans()
        plan = self._plan()
        memory.observed, memory.generation = self._observed, self._resource.generation
        next_in = min(memory.set_due(plan, now, self._context.resync_seconds), self._context.secrets_seconds)
        result = cycle_result(plan, self._resource, self._context, next_in, memory.checked)
        result.status["channelsSecret"] = self._context.cluster.channels_secret
        return result

    async def clean_up(self) -> str | None:
        """Remove the number from the channels file and, with the policy Delete, unsubscribe the app.

        Returns a sentence where the app stays subscribed.

        Raises:
            MetaError: Meta could not be asked; try again.
            ClusterError: The API server could not.
        """
        namespace, known = self._resource.namespace, self._declared.ids(self._resource.namespace)
        # Both may be deleted one after the other: the first time, wait for templates that are not deleted yet too.
        first, self._memory.deletion_seen = not self._memory.deletion_seen, True
        if template := self._declared.to_be_deleted_first(namespace, self._resource.name, including_kept=first):
            raise MetaError(
                Problem("waiting", "TemplatesFirst", f"MessageTemplate {template} has to be deleted first.")
            )
        shared = self._declared.of_account(self._number.business_account_id)
        token: str | MissingKeysError | None = None
        if self._number.deletion_policy == "Delete" and not shared:
            token = await self._last_token(namespace)
        if await self._context.cluster.channels_files(namespace) is not None:
            await self._context.cluster.change_channels_files(
                namespace, lambda held: channels_file.merged(held, {}, known)
            )
        if isinstance(token, MissingKeysError):  # perhaps gone with its namespace: that must not stop the deletion
            return f"The app stays subscribed at Meta, because there is no access token any more: {token}"
        if token:
            await self._account.unsubscribe(self._login(token))
        return None

    async def _last_token(self, namespace: str) -> str | MissingKeysError:
        try:
            return await self._context.cluster.last_access_token(namespace, self._number)
        except MissingKeysError as missing:
            return missing

    def _plan(self) -> Plan:
        now = self._context.now()
        last = last_seen(self._status, self._resource.generation, now, self._context.last_seen_lifetime)
        return plan_number(self._number, self._observed, self._status, last, self._context.version, now)

    def _login(self, token: str) -> Login:
        return self._context.meta.login(token, self._number.graph_version or self._context.version)

    async def _credentials(self) -> None:
        """Read the Secrets. Earlier observations count while these stay the same; else all is read again."""
        memory, context = self._memory, self._context
        try:
            secrets = await context.cluster.secrets(self._resource.namespace, self._number)
            missing: tuple[str, ...] = ()
        except MissingKeysError as error:
            secrets, missing = None, error.missing
        mark = fingerprint([secrets.access_token, *secrets.app_secrets, secrets.verify_token] if secrets else missing)
        if mark != memory.secrets:
            memory.secrets, memory.due_at, memory.read_at, memory.failures = mark, _NEVER, _NEVER, 0
        stale = context.clock() - memory.read_at >= context.resync_seconds
        observed = ObservedNumber() if stale else without_problems(memory.observed)
        self._observed = replace(observed, secrets=secrets, missing=missing)

    async def _read_cluster(self) -> None:
        """Read the cluster: the present channel entry, other numbers of the account, the picture."""
        namespace, number = self._resource.namespace, self._number
        try:
            files = await self._context.cluster.channels_files(namespace) or {}
        except ClusterError as error:
            if error.problem.kind == "temporary":
                raise
            files = {}  # writing will fail too, and its condition then says why
        held = channels_file.read(files.get(channels_file.WHOLE_KEY))
        self._observed = replace(
            self._observed,
            channel_entry=held.get(number.phone_number_id),
            channel_files_complete=channels_file.are_complete(files),
            callback_conflicts=self._callback_conflicts(),
            foreign_callback=self._foreign_callback(),
            duplicate_of=self._duplicate_of(),
            picture=await self._picture(),
        )

    def _duplicate_of(self) -> str | None:
        first = self._declared.first_number(self._number.phone_number_id)
        return None if first == self._resource.key else first

    def _foreign_callback(self) -> bool:
        callback = self._number.callback
        return callback is not None and callback.host not in self._context.callback_hosts

    def _callback_conflicts(self) -> dict[str, str]:
        """Return the URLs by name of the other numbers of the account that declare another callback URL."""
        url = self._number.callback.url if self._number.callback else None
        others = self._declared.of_account(self._number.business_account_id).items()
        wanted = {name: one.callback.url for name, one in others if one.callback and not one.suspend}
        return {name: other for name, other in wanted.items() if url and other != url and name != self._resource.key}

    async def _picture(self) -> str | Problem | None:
        if self._number.profile is None or self._number.profile.picture is None:
            return None
        try:
            content = await self._context.cluster.file(self._resource.namespace, self._number.profile.picture)
        except MissingKeysError as missing:
            return Problem("waiting", "PictureMissing", f"Missing: {missing}")
        return hashlib.sha256(content).hexdigest()[:16]

    async def _read_meta(self) -> None:
        """Read from Meta the parts that are not known."""
        if self._observed.secrets is None or self._observed.duplicate_of:
            return
        try:
            login = self._login(self._observed.secrets.access_token)
        except MetaError as error:
            self._observed = replace(self._observed, token=error.problem)
            return
        before = self._observed
        self._observed = await read_missing_parts(self._observed, login, self._account, self._number)
        if self._observed is not before and not any(map(is_unread, self._observed.read())):
            self._memory.checked = self._context.now()
        if self._context.clock() - self._memory.read_at >= self._context.resync_seconds:
            self._memory.read_at = self._context.clock()

    async def _act_on_plans(self) -> None:
        """Plan and act until there is nothing left to do, or nothing more can be done."""
        for _ in range(_MAX_PLANNING_ROUNDS):
            plan = self._plan()
            self._status |= plan.status
            if not plan.actions:
                return
            for action in plan.actions:
                await self._act(action)

    async def _act(self, action: Action) -> None:
        """Take one action, and note its result."""
        try:
            await self._perform(action)
        except (MetaError, ClusterError) as error:
            self._note_failure(action, error.problem)
        except MissingKeysError as missing:
            self._note_failure(action, Problem("waiting", "PictureMissing", f"Missing: {missing}"))
        else:
            self._note_success(action)

    def _note_failure(self, action: Action, problem: Problem) -> None:
        self._observed = replace(self._observed, failures={**self._observed.failures, action.name: problem})

    async def _perform(self, action: Action) -> None:
        secrets, number, namespace = self._observed.secrets, self._number, self._resource.namespace
        if secrets is None:
            raise TypeError("An action was planned without credentials.")
        login = self._login(secrets.access_token)
        match action:
            case Publish(entry=entry):
                known = [*self._declared.ids(namespace), number.phone_number_id]
                changed: dict[str, Json | None] = {number.phone_number_id: entry}
                await self._context.cluster.change_channels_files(
                    namespace, lambda held: channels_file.merged(held, changed, known)
                )
            case Subscribe(callback=callback):
                found = self._observed.subscription
                subscribed = isinstance(found, Subscription) and found.subscribed
                await self._account.subscribe(login, callback, secrets.verify_token, subscribed=subscribed)
            case SetProfile(fields=fields):
                await self._account.set_profile(login, number, fields)
            case SetPicture(source=source):
                content = await self._context.cluster.file(namespace, source)
                handle = await self._account.upload(login, source.key, content)
                await self._account.set_profile(login, number, {"profile_picture_handle": handle})
            case _:
                raise TypeError(f"A number has no action {action.name}.")

    def _note_success(self, action: Action) -> None:
        applied = dict(self._status.get("applied") or {})
        match action:
            case Publish(entry=entry):
                self._observed = replace(self._observed, channel_entry=entry, channel_files_complete=True)
            case Subscribe(callback=callback):
                self._observed = replace(self._observed, subscription=Subscription(subscribed=True, override=callback))
            case SetProfile():
                applied["profile"] = fingerprint(self._number.profile.fields() if self._number.profile else {})
                self._observed = replace(self._observed, profile=None)  # the next reading shows how Meta changed it
            case SetPicture():
                applied["picture"] = str(self._observed.picture)
        self._status["applied"] = applied
