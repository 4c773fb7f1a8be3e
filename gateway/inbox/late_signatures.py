"""Find that items which came before their number was known are signed by its app after all.

Only `serve` has app secrets. `work` has such items wait, and takes them once they are marked as verified here.
"""

from __future__ import annotations

import structlog

from gateway.numbers.channels import Channels
from gateway.store.database import Pool
from gateway.store.inbox import events

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10.0


class LateSignatures:
    """The items that wait for their number; `step` is called in a loop."""

    def __init__(self, pool: Pool, channels: Channels) -> None:
        self._pool = pool
        self._channels = channels

    async def step(self) -> float:
        """Mark the items whose number, or account, is known now with the secret that signed them."""
        rules = self._channels.signers().rules()
        async with self._pool.connection() as conn:
            if verified := await events.verify(conn, rules):
                log.info("signatures_known", items=verified)
        return LOOK_SECONDS
