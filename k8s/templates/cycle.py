"""One cycle of a MessageTemplate: read the account's list, plan, wait for a turn, act, return the status."""

from __future__ import annotations

from dataclasses import replace

from k8s.cluster import ClusterError, MissingKeysError
from k8s.meta.account import Account
from k8s.meta.answers import RATE_LIMITED
from k8s.meta.session import Login, MetaError
from k8s.model.actions import Action, EditTemplate, Plan
from k8s.model.declarations import Declarations
from k8s.model.declared import Number, Template
from k8s.model.json_object import Json
from k8s.model.last_seen import last_seen
from k8s.model.observed import ObservedTemplate, Problem
from k8s.resource import CycleContext, CycleResult, Memory, Resource, cycle_result
from k8s.templates.plan import plan_template, poll_after, status_after

_LIST_AGE_TOLERANCE_SECONDS = 1.0  # a list may be younger than asked for by this: cycles differ by less
_QUEUE_REFRESH_SECONDS = 20.0  # how often a place in the queue is brought up to date
_NUMBER_RECHECK_SECONDS = 30.0
_DUPLICATE_RECHECK_SECONDS = 60.0


class TemplateCycle:
    """A cycle of one template; made for one `run` or `clean_up`."""

    def __init__(self, context: CycleContext, resource: Resource, declared: Declarations, memory: Memory) -> None:
        self._context, self._resource, self._declared, self._memory = context, resource, declared, memory
        self._template = Template.model_validate(resource.spec)
        self._number = declared.number(resource.namespace, self._template.number_ref.name)
        self._key = self._template.name, self._template.language
        self._status: Json = dict(resource.status)

    async def run(self) -> CycleResult:
        """Bring the template to its declared state as far as possible now.

        Raises:
            ClusterError: The API server does not answer.
        """
        if self._template.suspend:
            return self._result(self._plan(ObservedTemplate()), self._context.resync_seconds)
        if self._number is None:
            return self._without_number()
        if duplicate_of := self._duplicate_of(self._number):
            return self._result(self._plan(ObservedTemplate(duplicate_of=duplicate_of)), _DUPLICATE_RECHECK_SECONDS)
        account = self._context.meta.account(self._number.business_account_id)
        observed = await self._observe(account, self._number)
        plan = self._plan(observed)
        if plan.actions:
            plan = await self._change(account, self._number, observed, plan.actions[0])
        next_in = self._memory.set_due(plan, self._context.clock(), self._context.resync_seconds)
        if "queuePosition" in plan.status:
            next_in = min(account.wait_seconds() or _QUEUE_REFRESH_SECONDS, _QUEUE_REFRESH_SECONDS)
        self._memory.checked = account.read_when
        return self._result(plan, next_in)

    async def clean_up(self) -> str | None:
        """With the policy Delete, delete the template at Meta; return a sentence where it stays there.

        Raises:
            MetaError: Meta could not be asked; try again.
            ClusterError: The API server could not.
        """
        number = self._declared.number(self._resource.namespace, self._template.number_ref.name, being_deleted=True)
        if number is not None:
            self._leave_queue(self._context.meta.account(number.business_account_id))
        if self._template.deletion_policy == "Orphan":
            return None
        if number is None:
            return f"The template stays at Meta, because WhatsAppNumber {self._template.number_ref.name} is gone"
        if duplicate_of := self._duplicate_of(number):
            return f"The template stays at Meta, because MessageTemplate {duplicate_of} declares it too"
        try:
            await self._delete(number)
        except MissingKeysError as missing:
            return f"The template stays at Meta, because there is no access token any more: {missing}"
        return None

    def _duplicate_of(self, number: Number) -> str | None:
        """Return another resource that declares this template and was created first."""
        first = self._declared.first_template(number.business_account_id, *self._key)
        return None if first == self._resource.key else first

    async def _delete(self, number: Number) -> None:
        account = self._context.meta.account(number.business_account_id)

        async def login() -> Login:
            token = await self._context.cluster.last_access_token(self._resource.namespace, number)
            return self._context.meta.login(token, number.graph_version or self._context.version)

        remote = await account.template(self._key, self._context.resync_seconds, login)
        if remote is None:
            return
        try:
            await account.delete(await login(), self._key, remote.id)
        except MetaError as error:  # refused, perhaps because it was deleted meanwhile
            if error.problem.kind == "temporary" or await account.template(self._key, 0, login) is not None:
                raise

    async def _observe(self, account: Account, number: Number) -> ObservedTemplate:
        """Find the template in the account's list, which is read again when it is due."""

        async def login() -> Login:
            return await self._login(number)

        resync = self._context.resync_seconds
        poll = min(poll_after(self._status, self._context.now()) or resync, resync)
        try:
            return ObservedTemplate(
                remote=await account.template(self._key, max(poll - _LIST_AGE_TOLERANCE_SECONDS, 0), login)
            )
        except MetaError as error:
            return ObservedTemplate(unread=error.problem)
        except MissingKeysError as missing:
            return ObservedTemplate(unread=Problem("waiting", "SecretMissing", f"Missing: {missing}"))

    async def _login(self, number: Number) -> Login:
        token = await self._context.cluster.access_token(self._resource.namespace, number)
        return self._context.meta.login(token, number.graph_version or self._context.version)

    async def _change(self, account: Account, number: Number, observed: ObservedTemplate, action: Action) -> Plan:
        """Make the change if it is this template's turn, and plan again with its result."""
        place = account.request_turn(self._resource.key, action)
        if place:
            return self._plan(replace(observed, queue=place))
        problem = await self._perform(account, number, action)
        if problem and problem.reason == RATE_LIMITED:  # it keeps its place
            return self._plan(replace(observed, queue=account.queue.join(self._resource.key)))
        self._leave_queue(account)
        if problem:
            return self._plan(replace(observed, failure=problem))
        self._status = status_after(action, self._template, self._status, self._context.now())
        return self._plan(ObservedTemplate(remote=account.last_known(self._key)))

    async def _perform(self, account: Account, number: Number, action: Action) -> Problem | None:
        try:
            login = await self._login(number)
            handle = await self._media(account, login)
            if isinstance(action, EditTemplate):
                await account.edit(login, self._template, action, handle)
            else:
                await account.create(login, self._template, handle)
        except (MetaError, ClusterError) as error:
            return error.problem
        except MissingKeysError as missing:
            return Problem("waiting", "Missing", f"Missing: {missing}")
        return None

    async def _media(self, account: Account, login: Login) -> str | None:
        """Upload the sample of a media header, where there is one."""
        source = self._template.samples.media
        if source is None:
            return None
        content = await self._context.cluster.file(self._resource.namespace, source)
        return await account.upload(login, source.key, content)

    def _leave_queue(self, account: Account) -> None:
        """Leave the queue, and wake the next template in it."""
        account.queue.leave(self._resource.key)
        first = account.queue.first()
        if first:
            self._context.wake_template(first)

    def _without_number(self) -> CycleResult:
        name = self._template.number_ref.name
        problem = Problem("waiting", "NumberNotFound", f"There is no WhatsAppNumber {name} in this namespace")
        return self._result(self._plan(ObservedTemplate(unread=problem)), _NUMBER_RECHECK_SECONDS)

    def _plan(self, observed: ObservedTemplate) -> Plan:
        now = self._context.now()
        last = last_seen(self._status, self._resource.generation, now, self._context.last_seen_lifetime)
        return plan_template(self._template, observed, self._status, last, now)

    def _result(self, plan: Plan, next_in: float) -> CycleResult:
        return cycle_result(plan, self._resource, self._context, next_in, self._memory.checked)
