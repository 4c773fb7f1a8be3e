"""Dockerfiles as data: enough of their grammar for what the tests ask."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Program:
    """A program, where its Dockerfile is, the lock it installs, and the packages that its image holds."""

    name: str
    folder: str
    lock: str
    packages: tuple[str, ...]

    @property
    def dockerfile(self) -> Path:
        """Its Dockerfile."""
        return ROOT / self.folder / "Dockerfile"

    @property
    def lock_file(self) -> Path:
        """The hash-locked requirements of its image."""
        return ROOT / f"requirements-{self.lock}.lock"


PROGRAMS = (
    Program("gateway", "gateway", "gateway", ("gateway",)),
    Program("agent", "graph", "agent", ("graph",)),
    Program("operator", "k8s", "operator", ("k8s", "gateway.whatsapp")),
    Program("simulator", "simulator", "simulator", ("simulator",)),
)


@dataclass
class Stage:
    """One FROM and what follows it: (instruction, rest of the line), continuation lines joined."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """The arguments of every step of that kind."""
        return [rest for kind, rest in self.steps if kind == instruction]

    def words(self, instruction: str) -> list[str]:
        """The last exec form of that instruction (ENTRYPOINT, CMD), empty without one."""
        found = self.all(instruction)
        words: list[str] = json.loads(found[-1]) if found else []
        return words


def stages(dockerfile: Path) -> tuple[dict[str, str], list[Stage]]:
    """The ARGs before the first FROM, and the stages."""
    text = re.sub(r"(?m)^\s*#.*\n", "", dockerfile.read_text())
    globals_: dict[str, str] = {}
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        kind, _, rest = line.strip().partition(" ")
        if kind == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif found and kind:
            found[-1].steps.append((kind, rest.strip()))
        elif kind == "ARG":
            name, _, default = rest.partition("=")
            globals_[name] = default
    return globals_, found


def copied_from_context(stage: Stage) -> list[str]:
    """Paths of the build context that the stage copies."""
    plain = [rest for rest in stage.all("COPY") if not rest.startswith("--from")]
    return [path for rest in plain for path in rest.split()[:-1]]
