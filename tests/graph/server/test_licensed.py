"""The production configurations, and the Dockerfile of the licensed image, which langgraph writes."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from graph.server.server import STUDIO_ORIGIN

ROOT = Path(__file__).parents[3]


def config(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / name).read_text()))


def test_the_licensed_dockerfile_is_what_langgraph_writes_today(tmp_path: Path) -> None:
    folder = tmp_path / "whatsapp-agent"
    folder.mkdir()
    for name in ("langgraph.licensed.json", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    written = tmp_path / "Dockerfile.licensed"
    subprocess.run(
        [ROOT / ".venv/bin/langgraph", "dockerfile", "--config", folder / "langgraph.licensed.json", written],
        env={"PATH": os.environ["PATH"], "LANGGRAPH_CLI_NO_ANALYTICS": "1"},
        capture_output=True,
        check=True,
    )
    assert written.read_text() == (ROOT / "graph/Dockerfile.licensed").read_text(), "run: make licensed-dockerfile"


def test_the_licensed_image_keeps_its_own_persistence() -> None:
    licensed = config("langgraph.licensed.json")
    assert not {"store", "disable_persistence"} & set(licensed)
    assert set(licensed["checkpointer"]) == {"ttl"}


def test_the_licensed_image_keeps_the_newest_checkpoint_of_a_thread() -> None:
    assert config("langgraph.licensed.json")["checkpointer"]["ttl"]["strategy"] == "keep_latest"


@pytest.mark.parametrize("name", ["langgraph.licensed.json", "langgraph.production.json"])
def test_production_closes_the_door_of_studio(name: str) -> None:
    assert config(name)["auth"]["disable_studio_auth"] is True
    assert config(name)["http"]["app"] == "graph.app:production"


@pytest.mark.parametrize("name", ["langgraph.json", "langgraph.licensed.json", "langgraph.production.json"])
def test_routes_of_our_own_want_the_token_too(name: str) -> None:
    assert config(name)["http"]["enable_custom_route_auth"] is True


def test_the_server_allows_the_origins_that_we_take_for_studios() -> None:
    cors = config("langgraph.json")["http"]["cors"]
    assert cors["allow_origin_regex"] == STUDIO_ORIGIN.pattern
    assert all(STUDIO_ORIGIN.fullmatch(one) for one in cors["allow_origins"])


@pytest.mark.parametrize("name", ["langgraph.json", "langgraph.licensed.json", "langgraph.production.json"])
def test_no_configuration_sends_traces_to_langsmith_by_itself(name: str) -> None:
    assert not [setting for setting in config(name).get("env", {}) if "TRACING" in setting]


def test_every_configuration_serves_the_same_graph_with_the_same_bound() -> None:
    names = ("langgraph.json", "langgraph.licensed.json", "langgraph.production.json")
    for key in ("graphs", "env"):
        assert len({json.dumps(config(name)[key], sort_keys=True) for name in names}) == 1
