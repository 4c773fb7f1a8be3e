"""How `work` ends."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from gateway.settings import Settings
from gateway.work import Worker


async def test_sending_and_media_are_finished_although_turns_cannot_be_given_back(tmp_path: Path) -> None:
    """SIGTERM while Postgres is away."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    settings = Settings(
        _env_file=None, database_url=nowhere, media_url=f"file://{tmp_path}/media", drain_seconds=30, lease_seconds=1
    )
    worker = Worker(settings)  # its pool is not open: whoever asks it for a connection gets an error
    turn: Any = SimpleNamespace(id=uuid4(), conversation_id=uuid4(), lease=uuid4())
    worker._turns._held.begin(turn)
    sending, fetching = (asyncio.create_task(asyncio.sleep(0.1)) for _ in range(2))
    worker._sender._sending.add(sending)
    worker._media._fetching.add(fetching)
    await worker._drain()
    assert sending.done()
    assert fetching.done()
