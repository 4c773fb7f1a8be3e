"""Lists, threads, drafts and marks: what people see of conversations."""

from datetime import UTC, datetime

import pytest

from gateway.conversations import holding, labels
from gateway.store.composer import canned, notes
from gateway.store.desk import lists, presence, tags, thread
from gateway.store.desk.lists import Filter
from gateway.store.people.people import Role
from tests.gateway.support.deliveries import raw_message, text
from tests.gateway.support.harness import Gateway
from tests.gateway.support.people import conversation, now, person


async def many(gateway: Gateway, count: int) -> None:
    """Add conversations that wait for a person, each a minute longer than the one before; the last one has no clock."""
    await gateway.sql(
        """WITH k AS (INSERT INTO contact (name) SELECT 'c' || n FROM generate_series(1, %s) n RETURNING id, name)
           INSERT INTO conversation (channel_id, contact_id, holder, held_since, waits_since, closed_at, last_at)
           SELECT '1', id, 'person', now(), now() - substr(name, 2)::int * interval '1 min', NULL,
                  now() - substr(name, 2)::int * interval '1 hour' FROM k""",
        count,
    )
    await gateway.sql(
        "UPDATE conversation SET waits_since = NULL WHERE waits_since = (SELECT min(waits_since) FROM conversation)"
    )


@pytest.mark.parametrize("states", [("waiting",), None, ("waiting", "taken")])
async def test_pages_by_keyset_show_each_once(gateway: Gateway, states: tuple[str, ...] | None) -> None:
    await many(gateway, 23)
    ana = await person(gateway, "Ana")
    found, cursor = [], None
    async with gateway.pool.connection() as conn:
        for _ in range(6):
            page = await lists.page(conn, ana, Filter(states), limit=5, after=cursor)
            found += [row.customer_name for row in page.rows]
            if (cursor := page.next) is None:
                break
    longest_wait_first = [f"c{n}" for n in range(22, 0, -1)] + ["c23"]
    newest_first = [f"c{n}" for n in range(1, 24)]
    assert found == (longest_wait_first if states == ("waiting",) else newest_first)


async def test_filters_departments_and_counts(gateway: Gateway) -> None:
    await many(gateway, 3)
    ana, eva = await person(gateway, "Ana", departments=["vendas"]), await person(gateway, "Eva", Role.MANAGER)
    async with gateway.pool.connection() as conn:
        one, two, three = (await lists.page(conn, eva, Filter())).rows
        await labels.set_department(conn, one.id, eva, one.version, "vendas")
        await labels.set_department(conn, two.id, eva, two.version, "suporte")
        tag = await tags.create(conn, "VIP")
        assert await tags.create(conn, "vip ") == tag
        await labels.tag(conn, three.id, eva, tag)
        await holding.take(conn, three.id, eva, three.version)

        async def ids(who: object, **wanted: object) -> list[object]:
            return [row.id for row in (await lists.page(conn, who, Filter(**wanted))).rows]  # type: ignore[arg-type]

        assert await ids(ana) == [one.id, three.id]
        assert await ids(ana, states=("waiting",)) == [one.id]
        assert await ids(eva, department="suporte") == [two.id]
        assert await ids(eva, assignee_id=eva.id) == await ids(eva, tag_id=tag) == [three.id]
        assert await ids(eva, channel_id="2") == []
        assert await lists.one(conn, ana, two.id) is None
        row = await lists.one(conn, eva, three.id)
        assert row
        assert ([one["name"] for one in row.tags], row.assignee_name) == (["VIP"], "Eva")
        counts = await lists.counts(conn, ana)
        assert (counts.waiting, counts.snoozed, counts.mine) == (1, 0, 0)
        assert (await lists.counts(conn, eva)).mine == 1


async def test_unread_is_each_persons_own(gateway: Gateway) -> None:
    for said in ("1", "2", "3"):
        await gateway.receive(text(said))
    ana, rui = await person(gateway, "Ana"), await person(gateway, "Rui")
    async with gateway.pool.connection() as conn:
        [row] = (await lists.page(conn, ana, Filter())).rows
        assert (row.unread, row.last_text, row.newest) == (3, "3", 3)
        await presence.mark_read(conn, row.id, ana.id, 2)
        await presence.mark_read(conn, row.id, ana.id, 1)  # an older page, later
        unread = [(await lists.page(conn, who, Filter())).rows[0].unread for who in (ana, rui)]
    assert unread == [1, 3]


async def test_a_thread_in_pages_with_files_reactions_and_edits(gateway: Gateway) -> None:
    first = text("1")
    await gateway.receive(first, *(text(str(n)) for n in range(2, 8)))
    await gateway.receive(raw_message("reaction", {"message_id": first["id"], "emoji": "👍"}))
    await gateway.receive(raw_message("reaction", {"message_id": first["id"], "emoji": "❤️"}))
    await gateway.sql(
        """INSERT INTO media (message_id, channel_id, remote_id, kind, status, wait_until)
           SELECT id, '1', 'x', 'image', 'stored', now() FROM message WHERE seq = 1"""
    )
    conversation_id = await conversation(gateway)
    async with gateway.pool.connection() as conn:
        newest = await thread.page(conn, conversation_id, limit=3)
        older = await thread.page(conn, conversation_id, limit=3, before=newest[0].seq)
        after = await thread.page(conn, conversation_id, limit=2, after=older[-1].seq)
        [oldest] = await thread.page(conn, conversation_id, limit=3, before=older[0].seq)
        [(reaction,)] = await gateway.sql("SELECT id FROM message WHERE type = 'reaction' ORDER BY seq LIMIT 1")
        assert await thread.subject(conn, reaction) == oldest.id
        assert await thread.some(conn, conversation_id, [oldest.id]) == [oldest]
    texts = [[one.content["text"] for one in page] for page in (newest, older, after)]
    assert texts == [["5", "6", "7"], ["2", "3", "4"], ["5", "6"]]
    assert [one["emoji"] for one in oldest.reactions] == ["❤️"]
    assert [one["kind"] for one in oldest.media] == ["image"]


async def test_drafts_views_notes_and_canned_replies(gateway: Gateway) -> None:
    await gateway.receive(text("Olá"))
    ana, rui = await person(gateway, "Ana"), await person(gateway, "Rui")
    one = (await now(gateway)).id
    async with gateway.pool.connection() as conn:
        await notes.save_draft(conn, one, ana.id, "reply", "Oi", "wamid.1")
        await notes.save_draft(conn, one, ana.id, "note", "x")
        await notes.save_draft(conn, one, ana.id, "note", " ")
        assert [(d.mode, d.text, d.reply_to) for d in await notes.drafts(conn, one, ana.id)] == [
            ("reply", "Oi", "wamid.1")
        ]
        assert await notes.drafts(conn, one, rui.id) == []
        await presence.view(conn, one, ana.id)
        await presence.view(conn, one, rui.id, typing=True)
        assert [(v.name, v.typing) for v in await presence.viewers(conn, one)] == [("Ana", False), ("Rui", True)]
        await presence.leave(conn, one, ana.id)
        await conn.execute("UPDATE viewing SET seen_at = now() - interval '1 hour'")
        assert await presence.viewers(conn, one) == []
        assert await presence.forget(conn) == 1
        await notes.add(conn, one, ana.id, "Ana", "cliente antiga")
        assert [n.text for n in await notes.of(conn, one, until=datetime.now(UTC))] == ["cliente antiga"]
        await canned.save(conn, None, "prazo", "Prazo", "Chega em {dias} dias.")
        own = await canned.save(conn, ana.id, "prazo", "Prazo", "Chega já.")
        assert [(c.id, c.text) for c in await canned.for_person(conn, ana.id)] == [(own, "Chega já.")]
        assert [c.text for c in await canned.for_person(conn, rui.id)] == ["Chega em {dias} dias."]
        await canned.delete(conn, own)
        assert await canned.find(conn, own) is None
