"""The state of a namespace, for the report of a test that failed in the cluster."""

from __future__ import annotations

from tests.cluster.kube import CommandError, Kube

LINES = 40


def diagnosis(kube: Kube) -> str:
    """Pods, events and the end of every pod's log."""
    parts = [_say(kube, "get", "pods,jobs,hpa", "-o", "wide"), _say(kube, "get", "events", "--sort-by=.lastTimestamp")]
    for pod in _say(kube, "get", "pods", "-o", "name").split():
        parts.append(f"--- {pod}\n{_say(kube, 'logs', pod, '--all-containers', f'--tail={LINES}')}")
        parts.append(_say(kube, "logs", pod, "--previous", f"--tail={LINES}"))
    return "\n".join(part for part in parts if part)


def _say(kube: Kube, *arguments: str) -> str:
    """Return the output of kubectl. A pod without an earlier life, or that is gone by now, has nothing to say."""
    try:
        return kube(*arguments, timeout=30)
    except CommandError as error:
        return "" if "--previous" in arguments else str(error)
