"""The type of a JSON object, for every module of the simulator."""

from typing import Any

Json = dict[str, Any]
