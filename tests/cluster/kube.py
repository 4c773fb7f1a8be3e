"""kubectl and helm as functions: one namespace of the cluster that KUBECONFIG names."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from tests import kubetools

HELM_OPTIONS = ("--take-ownership", "--wait", "--wait-for-jobs", "--timeout", "5m")
PATIENCE = 180.0  # seconds; far beyond what anything takes, so that a slow machine is no failure


def eventually(condition: Callable[[], Any], what: str, patience: float = PATIENCE, pause: float = 0.5) -> Any:
    """Ask until there is an answer; give it. A request that breaks off is asked again."""
    until = time.monotonic() + patience
    last = "nothing"
    while time.monotonic() < until:
        try:
            if found := condition():
                return found
        except CommandError as error:
            last = str(error)
        time.sleep(pause)
    raise AssertionError(f"in vain waited {patience:g} s for {what}; last: {last}")


class CommandError(Exception):
    """A command failed; the message has its last words."""


def run(command: Sequence[object], *, stdin: str | None = None, timeout: float = PATIENCE) -> str:
    """Return the output of a command. Raises CommandError."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(words[:6])} … took more than {timeout:g} s") from error
    if done.returncode:
        raise CommandError(f"{' '.join(words[:8])}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


class Kube:
    """One namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._kubectl = kubetools.kubectl()

    def __call__(self, *arguments: object, stdin: str | None = None, timeout: float = PATIENCE) -> str:
        """`kubectl arguments` in the namespace."""
        return run([self._kubectl, "--namespace", self.namespace, *arguments], stdin=stdin, timeout=timeout)

    def get(self, *arguments: object) -> dict[str, Any]:
        """`kubectl get … -o json`."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "-o", "json"))
        return found

    def items(self, *arguments: object) -> list[dict[str, Any]]:
        """The objects of a list."""
        found: list[dict[str, Any]] = self.get(*arguments)["items"]
        return found

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Server-side apply."""
        self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def has_api(self, name: str) -> bool:
        """Whether an aggregated API is there and answers (`v1beta1.metrics.k8s.io`)."""
        try:
            conditions = self.get("apiservice", name).get("status", {}).get("conditions", [])
        except CommandError:
            return False
        return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The component's pods that are not on their way out."""
        found = self.items("pods", "-l", f"app.kubernetes.io/component={component}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self, component: str) -> list[str]:
        """Names of the component's pods that are ready."""
        return [pod["metadata"]["name"] for pod in self.pods(component) if _is_ready(pod)]

    def python(self, pod: str, script: str, *arguments: str, timeout: float = PATIENCE) -> str:
        """Return the output of a Python script that runs in a pod of ours."""
        return self("exec", pod, "--", "python", "-c", script, *arguments, timeout=timeout)


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


class Forward:
    """`kubectl port-forward`, started when its port is asked for, and again when it ended with its pod."""

    def __init__(self, kube: Kube, target: str, port: int) -> None:
        self._command = [str(kubetools.kubectl()), "--namespace", kube.namespace, "port-forward", target, f":{port}"]
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The local port."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            eventually(self._start, "a port-forward")
        return self._port

    def _start(self) -> bool:
        # what it complains of goes to the same pipe, so that nobody has to read two
        process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._process = process
        assert process.stdout
        for line in process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+) ->", line):
                self._port = int(found[1])
                threading.Thread(target=_drain, args=(process,), daemon=True).start()
                return True
        self.close()
        return False

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _drain(process: subprocess.Popen[str]) -> None:
    """Read on, so that the pipe never fills."""
    assert process.stdout
    with process.stdout as output:
        for _ in output:
            pass


class Helm:
    """helm in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._helm = kubetools.helm()

    def __call__(self, *arguments: object, timeout: float = 600) -> str:
        """`helm arguments` in the namespace."""
        return run([self._helm, "--namespace", self.namespace, *arguments], timeout=timeout)

    def upgrade(
        self, release: str, chart: Path, *values: Path, extra: Mapping[str, Any], options: Sequence[str]
    ) -> str:
        """Install or upgrade with values files and, over them, `extra` values by dotted name; wait for all of it.

        The custom resource definitions may belong to an earlier release: they outlive it.
        """
        files = [word for path in values for word in ("--values", path)]
        sets = [word for name, value in extra.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]
        return self("upgrade", "--install", release, chart, *files, *sets, *HELM_OPTIONS, *options)
