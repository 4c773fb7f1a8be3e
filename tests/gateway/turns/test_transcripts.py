"""The words of a customer's recording, as the agent's run tells them, are kept with its file."""

from typing import Any

from gateway.store.inbox import media
from tests.gateway.support.deliveries import message, raw_message, text
from tests.gateway.support.harness import Gateway


async def test_a_transcript_is_kept_with_the_file_and_forgotten_with_it(gateway: Gateway) -> None:
    await gateway.receive(text("voz", message_id="wamid.VOICE"), text("Oi", message_id="wamid.TEXT"))
    await gateway.sql(
        """UPDATE message SET content = content || '{"kind": "audio", "media": {"id": "x", "mime_type": "audio/ogg"}}'
           WHERE wamid = 'wamid.VOICE' RETURNING id"""
    )
    [(file,)] = await gateway.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, path, wait_until)
           SELECT id, '1', 'x', 'audio', 'stored', '2026/11/x', now() FROM message WHERE wamid = 'wamid.VOICE'
           RETURNING id"""
    )
    told: list[Any] = [
        {"message": "wamid.VOICE", "text": "Quero \0trocar"}, {"message": "wamid.TEXT", "text": "no file"},
        {"message": "wamid.OTHER", "text": "of nobody"}, {"message": 7}, "junk",
    ]  # fmt: skip
    gateway.agent.answer = lambda given: {
        "turn_id": given["turn_id"], "replies": [{"type": "text", "text": "Claro"}], "transcripts": told,
    }  # fmt: skip
    await gateway.sql("DELETE FROM change RETURNING 1")
    await gateway.settle()
    assert await gateway.sql("SELECT id, transcript FROM media") == [(file, "Quero trocar")]
    changed = await gateway.sql("SELECT wamid FROM change c JOIN message m ON m.id = subject WHERE kind = 'edit'")
    assert changed == [("wamid.VOICE",)]  # pages that show it read it anew
    async with gateway.pool.connection() as conn:
        await media.forget(conn, [file])
    assert await gateway.sql("SELECT path, transcript FROM media") == [(None, None)]
    await gateway.sql("UPDATE media SET path = '2026/11/x', transcript = 'Quero trocar' RETURNING 1")
    await gateway.take(message(raw_message("revoke", {"original_message_id": "wamid.VOICE"})))
    assert await gateway.sql("SELECT path, transcript FROM media") == [("2026/11/x", None)]  # at once
