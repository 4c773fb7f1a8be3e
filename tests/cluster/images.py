"""The images under test: built by Docker, brought to the nodes by the command in IMAGE_LOAD."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from tests.cluster.kube import CommandError, run
from tests.images.dockerfile import PROGRAMS, ROOT, Program
from tests.kind import skaffold

TAG = os.environ.get("CLUSTER_TESTS_TAG") or "dev"
OFFICIAL_BASE = "docker.io/library/python:3.11-slim"
BUILD_SECONDS = 1200
CHART_NAMES = {"postgres": "postgres", "valkey": "redis"}


def base_image() -> str:
    """The base of our images: BASE_IMAGE, or the official one."""
    return os.environ.get("BASE_IMAGE") or OFFICIAL_BASE


def name_of(program: Program) -> str:
    """Its image."""
    return f"whatsapp-agent/{program.name}:{TAG}"


def build(program: Program, tag: str = TAG, context: Path = ROOT) -> str:
    """Build a program's image from a checkout, by the command line that skaffold has for it; give its name."""
    image = f"whatsapp-agent/{program.name}:{tag}"
    docker = skaffold.artifact(program.name)["docker"]
    given = {"BASE_IMAGE": base_image()}
    arguments = [word for name in docker["buildArgs"] for word in ("--build-arg", f"{name}={given[name]}")]
    where = ["--network", docker["network"], *arguments, "-f", context / docker["dockerfile"], "-t", image, context]
    run(["docker", "build", *where], timeout=BUILD_SECONDS)
    return image


def remove(program: Program, tag: str) -> None:
    """Forget an image."""
    run(["docker", "image", "rm", f"whatsapp-agent/{program.name}:{tag}"])


def build_all() -> list[str]:
    """Build the four."""
    return [build(program) for program in PROGRAMS]


def databases() -> dict[str, str]:
    """Images of Postgres and Valkey that the engine has from where the base image is from (a mirror); may be empty.

    Without them the nodes pull what the chart names.
    """
    source = base_image().rpartition("/")[0]
    if source == OFFICIAL_BASE.rpartition("/")[0]:
        return {}
    lines = run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", f"{source}/*"]).split()
    found = {name: [line for line in lines if line.startswith(f"{source}/{name}:")] for name in CHART_NAMES}
    return {name: images[0] for name, images in found.items() if images}


def load(*images: str) -> None:
    """Bring images to the nodes. Without IMAGE_LOAD they are there already, or the nodes pull them."""
    if command := os.environ.get("IMAGE_LOAD"):
        run([*shlex.split(command), *images], timeout=BUILD_SECONDS)


def values() -> dict[str, str]:
    """Chart values that name these images, dotted."""
    ours = {f"images.{program.name}.tag": TAG for program in PROGRAMS}
    for name, image in databases().items():
        repository, _, tag = image.rpartition(":")
        block = f"images.{CHART_NAMES[name]}"
        ours |= {f"{block}.registry": "", f"{block}.repository": repository, f"{block}.tag": tag}
    return ours


def megabytes(image: str) -> float:
    """Size of an image, in 10^6 bytes. One that was only built upon may have left no record, and is pulled."""
    if not run(["docker", "images", "--quiet", image]).strip():
        run(["docker", "pull", "--quiet", image], timeout=BUILD_SECONDS)
    return float(run(["docker", "image", "inspect", "--format", "{{.Size}}", image])) / 1e6


def layers(image: str) -> list[str]:
    """Digests of its layers, the base's first."""
    found: list[str] = json.loads(run(["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image]))
    return found


def config(image: str) -> dict[str, object]:
    """The image's configuration (User, Entrypoint, Labels …)."""
    found: dict[str, object] = json.loads(run(["docker", "image", "inspect", "--format", "{{json .Config}}", image]))
    return found


def in_image(image: str, *command: str) -> tuple[bool, str]:
    """Whether a command succeeds in a container hardened as the chart does it, and what it says."""
    hardened = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]  # noqa: S108
    first, *rest = command
    try:
        return True, run(["docker", "run", *hardened, "--entrypoint", first, image, *rest])
    except CommandError as error:
        return False, str(error)
