"""Readings of Meta and of the cluster for tests of numbers."""

from __future__ import annotations

from typing import Any

from k8s.model import channels_file
from tests.k8s.conftest import ACCOUNT, NUMBER
from tests.k8s.support.apiserver import ApiServer


def channel_entry(api: ApiServer, number_id: str = NUMBER) -> dict[str, Any] | None:
    return channels_file.read(api.secret("shop", "operator-channels")["channels.json"]).get(number_id)


def account(simulator: Any) -> dict[str, Any]:
    return next(one for one in simulator.get("accounts")["accounts"] if one["id"] == ACCOUNT)


def calls(simulator: Any) -> list[str]:
    made = [f"{one['method']} {one['path'].rsplit('/', 1)[-1]}" for one in simulator.get("calls")["calls"]]
    return [one for one in made if "_sim" not in one]
