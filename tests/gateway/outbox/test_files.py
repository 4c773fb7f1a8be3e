"""Files of people reach Meta right before their message, once for all its tries."""

from typing import Any
from uuid import uuid4

import obstore
from obstore.store import MemoryStore

from gateway.conversations import holding, writing
from gateway.numbers.channels import Channel, Channels, FallbackTemplate
from gateway.outbox.fallbacks import FallbackNews
from gateway.outbox.files import OutboundFiles
from gateway.outbox.template_texts import TemplateTexts
from gateway.store.composer import fallbacks, uploads
from gateway.store.composer.uploads import Upload
from gateway.store.database import Connection
from tests.gateway.support.deliveries import NUMBER, text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.meta import refused
from tests.gateway.support.people import now, person

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PICTURE = {"type": "media", "kind": "image", "caption": "Veja", "filename": "lente.png", "mime_type": "image/png"}


async def queued(gateway: Gateway, *, stored: bool = True) -> MemoryStore:
    """Queue a picture of a person's; the gateway's sender reads files from the store that is returned."""
    objects = MemoryStore()
    gateway.sender._files = OutboundFiles(gateway.pool, objects, gateway.clients.api)
    if stored:
        await obstore.put_async(objects, "2026/11/x", PNG)
    await gateway.receive(text("Olá"))
    ana, seen = await person(gateway, "Ana"), await now(gateway)
    upload = Upload(uuid4(), seen.id, ana.id, "2026/11/x", "image", "image/png", len(PNG), "lente.png")

    async def attach(conn: Connection, _: int, message_id: Any) -> None:
        await uploads.send(conn, message_id, upload)

    async with gateway.pool.connection() as conn:
        await holding.take(conn, seen.id, ana, seen.version)
        await uploads.add(conn, upload)
        await writing.send(conn, seen.id, ana, [PICTURE], attach=attach)
    return objects


async def test_a_picture_is_uploaded_once_and_sent_by_its_id(gateway: Gateway) -> None:
    await queued(gateway)
    gateway.meta.answers = [refused(131000, 500)]  # of the message: Meta takes nothing for now
    await gateway.send()
    await gateway.sql("UPDATE message SET send_at = now(), status = 'queued' WHERE direction = 'out' RETURNING 1")
    await gateway.send()
    assert len(gateway.meta.uploads) == 1
    assert PNG in gateway.meta.uploads[0]
    image = {"id": "upload-1", "caption": "Veja"}
    assert [body["image"] for body in gateway.meta.bodies] == [image, image]
    assert await gateway.statuses() == ["accepted"]


async def test_a_file_that_is_gone_fails_its_message_with_the_code_for_files(gateway: Gateway) -> None:
    await queued(gateway, stored=False)
    await gateway.send()
    assert gateway.meta.bodies == []
    assert await gateway.sql("SELECT status, error_code FROM message WHERE direction = 'out'") == [("failed", 131053)]


async def test_the_console_is_told_each_numbers_fallback_template(gateway: Gateway) -> None:
    template = FallbackTemplate(name="retomar", language="pt_BR")
    gateway.meta.templates = [
        {
            "name": "retomar", "language": "pt_BR", "category": "UTILITY", "status": "APPROVED", "id": "1",
            "components": [{"type": "BODY", "text": "Podemos continuar?"}],
        }
    ]  # fmt: skip
    channel = Channel(phone_number_id=NUMBER, waba_id="1", access_token="the-token", fallback_template=template)
    without = Channel(phone_number_id="2", access_token="the-token")
    texts = TemplateTexts(gateway.pool, gateway.clients.api)
    await FallbackNews(gateway.pool, Channels([channel, without]), texts).step()
    async with gateway.pool.connection() as conn:
        found = await fallbacks.of(conn, NUMBER)
        assert found
        assert (found.template["name"], found.text) == ("retomar", "Podemos continuar?")
        assert await fallbacks.of(conn, "2") is None
    await FallbackNews(gateway.pool, Channels([channel.model_copy(update={"fallback_template": None})]), texts).step()
    async with gateway.pool.connection() as conn:
        assert await fallbacks.of(conn, NUMBER) is None
