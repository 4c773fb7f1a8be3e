"""kopf's handlers: they wake, run and end the cycles of resources, and decide nothing themselves.

A timer of each resource waits until its next cycle is due or it is woken: the watch's events of creation, update and
restart wake it. So every cycle takes the same path, whatever its cause, and two of one resource never run at once. The
cycle itself writes the status: kopf's own patching ends a timer for ever when the API server does not answer.
"""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from typing import Any, cast

import kopf
import structlog
from pydantic import ValidationError

from k8s.cluster import ClusterError
from k8s.meta.session import MetaError
from k8s.model.conditions import as_status, fails, utc_now
from k8s.model.declarations import Declarations, Entry
from k8s.model.declared import GROUP, VERSION, Number, Template
from k8s.model.observed import Problem
from k8s.operator import CYCLES, NUMBERS, TEMPLATES, Operator, open_operator
from k8s.resource import Resource, backoff
from k8s.settings import Settings

log = structlog.get_logger(__name__)

FINALIZER = f"operator.{GROUP}/finalizer"
_ANNOTATION_PREFIX = f"operator.{GROUP}"
_WATCH_SECONDS = 290
_MIN_PAUSE_SECONDS = 0.2  # between two cycles of a resource


class Memo(kopf.Memo):
    """The object that kopf hands to every handler."""

    config: Settings
    operator: Operator
    stack: AsyncExitStack


def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT."""
    memo = Memo(config=settings, stack=AsyncExitStack())
    kopf.run(standalone=True, namespaces=settings.namespaces(), memo=memo)


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: Memo, **_: object) -> None:
    """Configure kopf, and open the operator."""
    configure(settings)
    memo.operator = await memo.stack.enter_async_context(open_operator(memo.config))
    await memo.operator.context.cluster.check_definitions()


@kopf.on.cleanup()
async def stop(memo: Memo, **_: object) -> None:
    """Close it again."""
    await memo.stack.aclose()


def configure(settings: kopf.OperatorSettings) -> None:
    """Configure kopf: marks of our own on the resources, watches that end, no access beyond our namespaces."""
    settings.persistence.finalizer = FINALIZER
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=_ANNOTATION_PREFIX)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=_ANNOTATION_PREFIX)
    settings.posting.reporting_component = "whatsapp-agent-operator"
    settings.posting.reporting_instance = socket.gethostname()  # the pod
    settings.posting.event_name_prefix = "whatsapp-agent-"
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _WATCH_SECONDS + 30
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.scanning.disabled = True  # a Role is enough
    settings.background.cancellation_polling = 1
    settings.background.instant_exit_zero_time_cycles = 100
    settings.execution.default_backoff = 30


@kopf.index(GROUP, VERSION, NUMBERS, id="declared_numbers")
async def declared_numbers(spec: kopf.Spec, meta: kopf.Meta, **_: object) -> dict[Any, Any]:
    """Index all declared numbers before the first cycle: a template needs its number, and the channels file all."""
    return _indexed(Number, spec, meta)


@kopf.index(GROUP, VERSION, TEMPLATES, id="declared_templates")
async def declared_templates(spec: kopf.Spec, meta: kopf.Meta, **_: object) -> dict[Any, Any]:
    """Index all declared templates: where two declare the same one, the first owns it."""
    return _indexed(Template, spec, meta)


def _indexed(kind: type[Number] | type[Template], spec: kopf.Spec, meta: kopf.Meta) -> dict[Any, Any]:
    try:
        declared = kind.model_validate(dict(spec))
    except ValidationError:  # its own cycle writes that into its status
        return {}
    entry = Entry(str(meta.get("creationTimestamp")), declared, being_deleted=bool(meta.get("deletionTimestamp")))
    return {(meta.namespace, meta.name): entry}


@kopf.on.event(GROUP, VERSION, NUMBERS)
@kopf.on.event(GROUP, VERSION, TEMPLATES)
async def changed(
    type: str | None,  # noqa: A002 - kopf's name
    resource: kopf.Resource,
    namespace: str | None,
    name: str,
    uid: str,
    meta: kopf.Meta,
    memo: Memo,
    **_: object,
) -> None:
    """Wake the cycles of the resources that a change concerns."""
    operator, plural, key = memo.operator, resource.plural, f"{namespace}/{name}"
    if type == "DELETED":
        operator.drop(plural, key)
        return
    operator.heartbeat.event_seen(f"{plural}/{key}", str(meta.get("resourceVersion")))
    runtime = operator.runtime(plural, key, uid)
    if runtime.generation != meta.get("generation"):
        runtime.generation = meta.get("generation")
        runtime.schedule.wake()
        if plural == NUMBERS:
            operator.wake_templates(str(namespace))


@kopf.timer(GROUP, VERSION, NUMBERS, interval=_MIN_PAUSE_SECONDS)
@kopf.timer(GROUP, VERSION, TEMPLATES, interval=_MIN_PAUSE_SECONDS)
async def cycle(resource: kopf.Resource, body: kopf.Body, uid: str, memo: Memo, **kwargs: object) -> None:
    """Wait until the next cycle is due, and run it."""
    operator, plural = memo.operator, resource.plural
    runtime = operator.runtime(plural, f"{body.metadata.namespace}/{body.metadata.name}", uid)

    stopped = cast("kopf.DaemonStopped", kwargs["stopped"])

    async def stop_asked() -> object:
        return await stopped.wait()

    await runtime.schedule.wait(stop_asked)
    if stopped:
        return
    async with runtime.schedule.lock:
        result = await operator.reconcile(plural, runtime, _resource(body, runtime.status), _declared(kwargs))
    for event in result.events if result else ():
        kopf.event(body, type=event.type, reason=event.reason, message=event.message)


@kopf.on.delete(GROUP, VERSION, NUMBERS)
@kopf.on.delete(GROUP, VERSION, TEMPLATES)
async def delete(resource: kopf.Resource, body: kopf.Body, uid: str, memo: Memo, retry: int, **kwargs: object) -> None:
    """Clean up at Meta and in the channels file as the deletion policy says; try again until it succeeds."""
    operator, plural = memo.operator, resource.plural
    deleted = _resource(body, None)
    runtime = operator.runtime(plural, deleted.key, uid)
    async with runtime.schedule.lock:
        try:
            left = await CYCLES[plural](operator.context, deleted, _declared(kwargs), runtime.memory).clean_up()
        except ValidationError:
            left = "Nothing is undone, because the spec cannot be read"
        except (MetaError, ClusterError) as error:
            await _write_obstacle(operator, plural, deleted, error.problem)
            raise kopf.TemporaryError(error.problem.message, delay=backoff(retry + 1)) from None
    if left:
        log.warning("left_at_meta", kind=plural, resource=deleted.key, what=left)
        kopf.event(body, type="Warning", reason="LeftAtMeta", message=left)


async def _write_obstacle(operator: Operator, plural: str, deleted: Resource, problem: Problem) -> None:
    """Write into the status why a deletion is not done yet."""
    way_out = "" if problem.kind == "waiting" else " To leave it at Meta, set spec.deletionPolicy to Orphan"
    message = f"Cannot be deleted yet: {problem.message}{way_out}"
    conditions = as_status(
        [fails("Ready", "DeletionFailed", message)],
        deleted.status.get("conditions") or (),
        deleted.generation,
        utc_now(),
    )
    try:
        await operator.context.cluster.patch_status(plural, deleted.namespace, deleted.name, {"conditions": conditions})
    except ClusterError as error:  # the deletion itself is tried again anyway
        log.warning("cluster_away", kind=plural, resource=deleted.key, problem=error.problem.message)


def _resource(body: kopf.Body, status: dict[str, Any] | None) -> Resource:
    """Return the resource as it is now; status: as we wrote it, which the watch may not have brought back yet."""
    return Resource(
        namespace=str(body.metadata.namespace),
        name=str(body.metadata.name),
        generation=int(body.metadata.get("generation") or 0),
        spec=dict(body.spec),
        status=dict(body.status) if status is None else status,
    )


def _declared(kwargs: dict[str, object]) -> Declarations:
    """Return the indices, which kopf hands on by their names (its types do not say so)."""
    numbers, templates = (
        {key: next(iter(store)) for key, store in cast("kopf.Index[Any, Any]", kwargs[name]).items()}
        for name in ("declared_numbers", "declared_templates")
    )
    return Declarations(numbers, templates)
