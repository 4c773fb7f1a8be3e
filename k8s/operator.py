"""The running operator: the context of its cycles, and the schedule, memory and last status of each resource."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog
from pydantic import ValidationError

from k8s import health, telemetry
from k8s.cluster import Cluster, ClusterError, connect
from k8s.meta.client import Meta
from k8s.model.actions import Plan
from k8s.model.conditions import fails, merge_patch, summary
from k8s.model.declarations import Declarations
from k8s.model.json_object import Json
from k8s.numbers.cycle import NumberCycle
from k8s.resource import CycleContext, CycleResult, Memory, Resource, Schedule, backoff, cycle_result
from k8s.settings import Settings
from k8s.templates.cycle import TemplateCycle

log = structlog.get_logger(__name__)


NUMBERS, TEMPLATES = "whatsappnumbers", "messagetemplates"
CYCLES: dict[str, type[NumberCycle] | type[TemplateCycle]] = {NUMBERS: NumberCycle, TEMPLATES: TemplateCycle}
_MAX_CONCURRENT_CYCLES = 10  # the API server and Meta serve others too
_META_TIMEOUT = httpx.Timeout(20, connect=5)
# Calls are rare, and a connection that Meta closes meanwhile costs a call: open a new one for each.
_META_CONNECTIONS = httpx.Limits(keepalive_expiry=2)
_QUALITY_VALUES = {"GREEN": 3, "YELLOW": 2, "RED": 1}


@dataclass(slots=True)
class ResourceRuntime:
    """One resource while the operator runs; status: as last written, None before."""

    uid: str
    schedule: Schedule = field(default_factory=Schedule)
    memory: Memory = field(default_factory=Memory)
    generation: int | None = None
    status: Json | None = None


class Operator:
    """The running operator."""

    def __init__(self, settings: Settings, meta: Meta, cluster: Cluster) -> None:
        self.context = CycleContext(
            meta=meta,
            cluster=cluster,
            version=settings.whatsapp_api_version,
            resync_seconds=settings.operator_resync_seconds,
            secrets_seconds=settings.operator_secrets_seconds,
            wake_template=lambda key: self.wake(TEMPLATES, key),
            callback_hosts=settings.callback_hosts(),
        )
        self.heartbeat = health.Heartbeat(time.monotonic, 2 * settings.operator_resync_seconds + 120)
        self._runtimes: dict[tuple[str, str], ResourceRuntime] = {}
        self._at_once = asyncio.Semaphore(_MAX_CONCURRENT_CYCLES)

    def runtime(self, plural: str, key: str, uid: str) -> ResourceRuntime:
        """Return the runtime of a resource; a new one where the resource is new, or another of the same name."""
        found = self._runtimes.get((plural, key))
        if found is None or found.uid != uid:
            found = self._runtimes[plural, key] = ResourceRuntime(uid)
        return found

    def drop(self, plural: str, key: str) -> None:
        """Remove the runtime of a deleted resource."""
        self._runtimes.pop((plural, key), None)
        self.heartbeat.resource_deleted(f"{plural}/{key}")

    def wake(self, plural: str, key: str) -> None:
        """Start the next cycle of a resource at once."""
        if found := self._runtimes.get((plural, key)):
            found.schedule.wake()

    def wake_templates(self, namespace: str) -> None:
        """Start the next cycle of all templates of a namespace: a number that they need has changed."""
        for plural, key in self._runtimes:
            if plural == TEMPLATES and key.startswith(f"{namespace}/"):
                self.wake(plural, key)

    async def reconcile(
        self, plural: str, runtime: ResourceRuntime, resource: Resource, declared: Declarations
    ) -> CycleResult | None:
        """Run one cycle and write its status; return its result, None when nothing was due or the cluster is away."""
        async with self._at_once:
            started = time.perf_counter()
            try:
                result = await self._cycle(plural, runtime, resource, declared)
                if result:
                    await self._write(plural, runtime, resource, result)
            except ClusterError as error:
                runtime.memory.failures += 1
                runtime.schedule.next_in = backoff(runtime.memory.failures)
                telemetry.RECONCILES.labels(plural, "error").inc()
                log.warning("cluster_away", kind=plural, resource=resource.key, problem=error.problem.message)
                return None
        self.heartbeat.cycle_ended()
        if result is None:
            left = runtime.memory.due_at - time.monotonic()
            runtime.schedule.next_in = max(min(left, self.context.secrets_seconds), 0.0)
            return None
        runtime.schedule.next_in = result.next_in
        telemetry.RECONCILES.labels(plural, "ok").inc()
        telemetry.RECONCILE.labels(plural).observe(time.perf_counter() - started)
        return result

    async def _cycle(
        self, plural: str, runtime: ResourceRuntime, resource: Resource, declared: Declarations
    ) -> CycleResult | None:
        try:
            return await CYCLES[plural](self.context, resource, declared, runtime.memory).run()
        except ValidationError as error:  # stored before the definition became stricter
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            conditions = summary([fails("Ready", "InvalidSpec", f"spec.{where}: {first['msg']}", stalled=True)], "")
            plan = Plan(actions=(), conditions=tuple(conditions), status={})
            return cycle_result(plan, resource, self.context, self.context.resync_seconds)

    async def _write(self, plural: str, runtime: ResourceRuntime, resource: Resource, result: CycleResult) -> None:
        patch = merge_patch(resource.status, result.status)
        if patch:
            version = await self.context.cluster.patch_status(plural, resource.namespace, resource.name, patch)
            self.heartbeat.status_written(f"{plural}/{resource.key}", version)
        runtime.status = result.status
        for event in result.events:
            log.info("changed", kind=plural, resource=resource.key, type=event.type, reason=event.reason)

    def collect(self) -> None:
        """Bring the gauges up to date."""
        ready: Counter[tuple[str, str]] = Counter()
        states: Counter[str] = Counter()
        for gauge in (telemetry.RESOURCES, telemetry.TEMPLATES, telemetry.TOKEN_DAYS, telemetry.QUALITY):
            gauge.clear()
        for (plural, key), runtime in self._runtimes.items():
            status = runtime.status or {}
            ready[plural, _ready(status)] += 1
            if plural == TEMPLATES:
                states[status.get("state", "none")] += 1
            else:
                _collect_number(key, status)
        for labels, count in ready.items():
            telemetry.RESOURCES.labels(*labels).set(count)
        for state, count in states.items():
            telemetry.TEMPLATES.labels(state).set(count)
        accounts = self.context.meta.accounts()
        telemetry.WAITING.set(sum(len(account.queue) for account in accounts))
        telemetry.CALLS_LEFT.set(min((account.calls.left() for account in accounts), default=0))


@asynccontextmanager
async def open_operator(settings: Settings) -> AsyncIterator[Operator]:
    """Connect to the cluster and to Meta, and serve health and metrics."""
    client = httpx.AsyncClient(timeout=_META_TIMEOUT, limits=_META_CONNECTIONS)
    async with connect(settings.operator_channels_secret) as cluster, client as http:
        calls, creates = settings.meta_calls_per_hour, settings.meta_template_creates_per_hour
        operator = Operator(settings, Meta(http, settings.whatsapp_graph_url, calls=calls, creates=creates), cluster)
        async with health.serve(
            settings.operator_host, settings.operator_port, operator.heartbeat, operator.collect
        ) as port:
            log.info("serving", health=f"http://{settings.operator_host}:{port}/healthz")
            yield operator


def _ready(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions") or ()
    return next((str(one.get("status")) for one in conditions if one.get("type") == "Ready"), "Unknown")


def _collect_number(key: str, status: Mapping[str, Any]) -> None:
    namespace, _, name = key.partition("/")
    days = (status.get("token") or {}).get("daysLeft", "")
    if days.lstrip("-").isdigit():
        telemetry.TOKEN_DAYS.labels(namespace, name).set(int(days))
    quality = (status.get("phone") or {}).get("quality")
    telemetry.QUALITY.labels(namespace, name).set(_QUALITY_VALUES.get(quality or "", 0))
