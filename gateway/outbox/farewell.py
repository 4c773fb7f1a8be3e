"""The message that all data of a person were erased, to the person who had asked for it. Nothing of it is kept.

It is no row of ours and waits in no queue: when it is sent, the conversation and the number are gone from all stores.
Its statuses find no message, and intake deletes such statuses of erased people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.customers.records import NotReachedError
from gateway.numbers.channels import Channels
from gateway.numbers.clients import MetaClients, address
from gateway.runtime.telemetry import SENDS
from gateway.store.customers.contacts import Key
from gateway.store.customers.data_requests import DataRequest
from gateway.whatsapp.errors import AccountBlocked, Temporary, WhatsAppError
from gateway.whatsapp.messages.caps import WINDOW_SECONDS
from gateway.whatsapp.messages.messages import Text
from gateway.whatsapp.messages.render import render

_TOO_LATE = "more than 24 hours since the customer wrote: tell them in another way"
_NO_CHANNEL = "the number to which the customer wrote is not configured any more"

#: Returns the words of the message: locale, what the company keeps, whether it erases its own data by itself.
Words = Callable[[str, Sequence[str], bool], str]


class Farewell:
    """Sends the message. words: its text."""

    def __init__(self, clients: MetaClients, channels: Channels, words: Words) -> None:
        self._clients = clients
        self._channels = channels
        self._words = words

    async def tell(self, request: DataRequest, to: Mapping[str, Any]) -> None:
        """Send the message once. to: `channel`, `keys` (kind and value), `wrote_at` of the customer's last message.

        Raises NotReachedError where it was not sent; passing: it may be sent later.
        """
        channel = self._channels.get(to["channel"])
        if channel is None:
            raise NotReachedError(_NO_CHANNEL, passing=False)
        if datetime.now(UTC) - datetime.fromisoformat(to["wrote_at"]) > timedelta(seconds=WINDOW_SECONDS):
            raise NotReachedError(_TOO_LATE, passing=False)
        kept = request.report.get("business", {}).get("kept", [])
        text = self._words(channel.locale, kept, "business" in request.report.get("left", {}))
        keys = [Key(kind, value) for kind, value in to["keys"]]
        payload = render(Text(text=text), **address(keys), callback=str(request.id))
        try:
            await self._clients.api(channel).send(channel.phone_number_id, payload)
        except (Temporary, AccountBlocked) as error:
            raise NotReachedError(str(error)) from error
        except WhatsAppError as error:  # refused for good, or it may have been sent
            raise NotReachedError(str(error), passing=False) from error
        SENDS.labels("accepted", "").inc()
