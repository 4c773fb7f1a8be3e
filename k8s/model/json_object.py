"""The type of JSON objects: specs, statuses, Meta's bodies, entries of the channels file."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
