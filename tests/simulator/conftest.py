"""A business that receives webhooks, and a raw client of the Cloud API."""

from collections.abc import Iterator

import httpx
import pytest

from tests.simulator.support.helpers import Business


@pytest.fixture
def business(simulator) -> Iterator[Business]:
    receiver = Business()
    simulator.configure(webhook_url=receiver.url, ticks={"sent": 0.01, "delivered": 0.02, "read": 0.03})
    yield receiver
    receiver.close()


@pytest.fixture
def cloud(simulator) -> Iterator[httpx.Client]:
    """A raw client of the Cloud API with the right token."""
    base = f"{simulator.url}/v26.0/{simulator.phone_number_id}"
    headers = {"Authorization": f"Bearer {simulator.access_token}"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=30) as client:
        yield client
