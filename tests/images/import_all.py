"""Import every module of some packages as in an image, where only certain distributions are installed.

Arguments: the repository's root, the names of those distributions (comma-separated), and the packages.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path


class OnlyInstalled:
    """Finds nothing that belongs only to other distributions."""

    def __init__(self, allowed: set[str]) -> None:
        self._others = {
            module
            for module, owners in metadata.packages_distributions().items()
            if not {owner.lower().replace("_", "-").replace(".", "-") for owner in owners} & allowed
        }

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Raises ModuleNotFoundError for what the image would not have."""
        if name.partition(".")[0] in self._others - {"graph", "gateway", "k8s", "simulator"}:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
        return None


def main(root: str, allowed: str, *packages: str) -> None:
    """Import all."""
    sys.path.insert(0, root)
    sys.meta_path.insert(0, OnlyInstalled(set(allowed.split(","))))  # type: ignore[arg-type] # a finder by its one method
    for package in packages:
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        for module in found:
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    if "graph" in packages:
        from graph.server.launch import server_environment

        os.environ |= server_environment(json.loads((Path(root) / "langgraph.production.json").read_text()), 1)
        importlib.import_module("langgraph_api.server")


if __name__ == "__main__":
    main(*sys.argv[1:])
