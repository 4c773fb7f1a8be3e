"""The carrier between phones and the business: takes messages from both sides and lets their ticks happen."""

import asyncio
import secrets

from pydantic import BaseModel, Field

from simulator.faults import Faults, Taken
from simulator.meta.background import Background
from simulator.meta.errors import INVALID_VALUE, UNDELIVERABLE, GraphError
from simulator.meta.outbox import Outbox
from simulator.meta.payloads import message_change, status_change
from simulator.meta.reviews import Reviews
from simulator.meta.sends import Envelope, Read
from simulator.meta.usage import Usage
from simulator.meta.world import Json, Message, Number, Persona, World, digits_of, new_wamid

TYPING_SECONDS = 25  # Meta: the indicator is dismissed by the reply or after 25 seconds


class Ticks(BaseModel):
    """Seconds after acceptance at which a message of the business gets each status; None: never."""

    sent: float | None = Field(0.05, ge=0)
    delivered: float | None = Field(0.1, ge=0)
    read: float | None = Field(0.5, ge=0)

    def in_order(self) -> list[tuple[str, float]]:
        """The statuses that happen, and when."""
        return [(name, seconds) for name, seconds in self.model_dump().items() if seconds is not None]


class Carrier:
    """What Meta does with messages."""

    def __init__(self, world: World, outbox: Outbox, faults: Faults) -> None:
        self.world = world
        self.outbox = outbox
        self.faults = faults
        self.reviews = Reviews(world, outbox)
        self.usage = Usage()
        self.ticks = Ticks()
        self._background = Background()

    def receive(self, number: Number, persona: Persona, content: Json) -> Message:
        """A person writes: keep it and post it to the business."""
        now = self.world.clock.now()
        message = Message(new_wamid(), "in", persona.wa_id, number.id, content, now)
        self.world.add(message)
        self.outbox.post(message_change(number, persona, message), lane=persona.wa_id)
        return message

    def accept(self, number: Number, send: Envelope, taken: Taken) -> Json:
        """The business writes: keep it, answer as Meta does, and let its ticks follow."""
        persona = self.world.find_persona(send.address)
        wa_id = persona.wa_id if persona else digits_of(send.address)
        content = send.message_content()
        data = send.biz_opaque_callback_data
        message = Message(new_wamid(), "out", wa_id, number.id, content, self.world.clock.now(), data)
        self.world.add(message)
        self._background.run(
            self._tick(number, persona or self._nobody(wa_id), message, self._failure(persona, taken), taken)
        )
        contact = {"input": send.address, "wa_id": wa_id} | ({"user_id": persona.user_id} if persona else {})
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.id}]}

    def read(self, read: Read) -> None:
        """The business has read a person's message, and may show that it types. Raises GraphError."""
        message = self.world.messages.get(read.message_id)
        if message is None or message.direction != "in":
            raise GraphError(INVALID_VALUE, "Parameter 'message_id' is not the id of a message that was received")
        self._add_status(message, "read")
        if read.typing_indicator:
            self.world.show_typing(message.wa_id, TYPING_SECONDS)

    def reset(self) -> None:
        """Forget everything that was going on, faults and settings included."""
        self.cancel()
        self.faults.remove()
        self.reviews.reset()
        self.usage = Usage()
        self.outbox.reset()
        self.world.reset()
        self.ticks = Ticks()

    def cancel(self) -> None:
        """End everything that goes on."""
        self._background.cancel()
        self.reviews.cancel()
        self.outbox.cancel()

    def _failure(self, persona: Persona | None, taken: Taken) -> GraphError | None:
        """Why an accepted message will not arrive, if it will not."""
        if fault := taken.get("failed"):
            return GraphError(fault.code, fault.message)
        if persona is None:
            return GraphError(UNDELIVERABLE, "The recipient's number is not a WhatsApp account.")
        return None

    async def _tick(
        self, number: Number, persona: Persona, message: Message, failure: GraphError | None, taken: Taken
    ) -> None:
        if "undelivered" in taken:
            return
        steps = [("failed", self.ticks.sent or 0)] if failure else self.ticks.in_order()
        passed = 0.0
        for status, seconds in steps:
            await asyncio.sleep(max(0, seconds - passed))
            passed = seconds
            self._add_status(message, status, failure)
            change = status_change(number, persona, message, status, self.world.clock.stamp(), failure)
            self.outbox.post(change, lane=message.id)

    def _add_status(self, message: Message, status: str, failure: GraphError | None = None) -> None:
        entry: Json = {"status": status, "timestamp": self.world.clock.stamp()}
        message.statuses.append(entry | ({"errors": [failure.webhook_error()]} if failure else {}))
        self.world.changed(message)

    def _nobody(self, wa_id: str) -> Persona:
        return Persona(wa_id, "", "BR." + secrets.token_hex(8).upper())
