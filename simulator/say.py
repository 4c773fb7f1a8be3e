"""Send one message from a terminal through the whole product: simulator, signed webhook, gateway, agent, and back."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

ANSWER_SECONDS = 120  # a turn may take this long with a slow model
QUIET_SECONDS = 2  # a reply is the last one when no other follows for this long
POLL_SECONDS = 5


class NoAnswerError(Exception):
    """No reply arrived in time; the message says how far the customer's message got."""


class Phone:
    """A persona's phone at the simulator. `client` has the simulator's address as its base."""

    def __init__(self, client: httpx.Client, wa_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._wa_id = wa_id
        self._clock = clock

    def say(self, text: str) -> str:
        """Send a text and return its wamid. Raises httpx.HTTPError."""
        answer = self._client.post(f"/_sim/personas/{self._wa_id}/messages", json={"text": text})
        answer.raise_for_status()
        self._after = answer.json()["revision"]
        return str(answer.json()["id"])

    def replies(self, answer_seconds: float = ANSWER_SECONDS, quiet_seconds: float = QUIET_SECONDS) -> Iterator[str]:
        """Yield the texts that the business sends from now on, as they arrive. Raises NoAnswerError when none does."""
        deadline = self._clock() + answer_seconds
        seen: set[str] = set()
        while (left := deadline - self._clock()) > 0:
            for message in self._changes(min(left, POLL_SECONDS)):
                # A reaction is not a reply; the reply comes later.
                if message["direction"] == "out" and message["type"] != "reaction" and message["id"] not in seen:
                    seen.add(message["id"])
                    deadline = self._clock() + quiet_seconds
                    yield message["text"] or f"[{message['type']}]"
        if not seen:
            raise NoAnswerError(f"No answer after {answer_seconds:g} s. {self._explain_silence()}")

    def _changes(self, wait: float) -> list[dict[str, Any]]:
        query = {"wa_id": self._wa_id, "after": self._after, "wait": wait}
        answer = self._client.get("/_sim/transcript", params=query).raise_for_status().json()
        self._after = answer["revision"]
        messages: list[dict[str, Any]] = answer["messages"]
        return messages

    def _explain_silence(self) -> str:
        """Return a sentence that says whether the gateway acknowledged the webhook."""
        pending = self._client.get("/_sim/webhooks", params={"pending": 1}).raise_for_status().json()["webhooks"]
        attempts = [attempt for webhook in pending for attempt in webhook["attempts"]]
        if not attempts:
            return "The gateway took the message: read the logs of gateway work and the agent."
        last = attempts[-1]
        return f"The gateway does not take the webhook: {last.get('error') or 'HTTP ' + str(last['status'])}."
