"""Edits and revocations change what the agent sees, in the order in which they were made."""

import pytest

from tests.gateway.support.deliveries import T, message, raw_message, zoo
from tests.gateway.support.harness import Gateway, nothing


@pytest.fixture
def gateway(gateway: Gateway) -> Gateway:
    """A worker whose agent returns no replies."""
    gateway.agent.answer = nothing
    return gateway


def edit(of: str, text: str, at: int | None = None) -> dict[str, object]:
    inner = {"type": "text", "text": {"body": text}}
    return message(raw_message("edit", {"original_message_id": of, "message": inner}, at=at))


def revoke(of: str, at: int | None = None) -> dict[str, object]:
    return message(raw_message("revoke", {"original_message_id": of}, at=at))


async def test_the_agent_sees_the_edited_text(gateway: Gateway) -> None:
    first = raw_message(body="pedido 12345")
    await gateway.take(message(first), edit(first["id"], "pedido 12346"))
    await gateway.settle()
    assert [item["text"] for item in gateway.agent.runs[0]["input"]["inbound"]] == ["pedido 12346"]
    assert await gateway.agents_view() == ["pedido 12346"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
async def test_edits_count_in_the_order_in_which_they_were_made(gateway: Gateway, order: tuple[int, ...]) -> None:
    first = raw_message(body="a", at=T)
    told = [message(first), edit(first["id"], "b", T + 1), edit(first["id"], "c", T + 2)]
    await gateway.take(*(told[n] for n in order))
    assert await gateway.agents_view() == ["c"]
    assert [row[3] for row in await gateway.messages() if row[1] == "text"] == [True]


@pytest.mark.parametrize("late", [False, True])
async def test_a_pending_message_that_is_revoked_is_never_answered(gateway: Gateway, late: bool) -> None:
    first = raw_message(body="segredo")
    told = [message(first), revoke(first["id"], T * 2)]
    await gateway.take(*(reversed(told) if late else told))
    await gateway.settle()
    assert gateway.agent.runs == []
    assert await gateway.agents_view() == []
    assert await gateway.sql("SELECT due_at FROM conversation") == [(None,)]


async def test_the_rest_of_what_waits_is_answered(gateway: Gateway) -> None:
    first = raw_message(body="engano")
    await gateway.take(message(first), message(raw_message(body="bom dia")), revoke(first["id"]))
    await gateway.settle()
    assert [item["text"] for item in gateway.agent.runs[0]["input"]["inbound"]] == ["bom dia"]


async def test_a_revocation_after_its_turn_began_is_noted(gateway: Gateway) -> None:
    first = raw_message(body="segredo")
    await gateway.take(message(first))
    await gateway.settle()
    await gateway.take(revoke(first["id"]))
    assert await gateway.sql("SELECT revoked_at IS NOT NULL FROM message WHERE wamid = %s", first["id"]) == [(True,)]
    assert await gateway.agents_view() == []
    await gateway.take(message(raw_message(body="outra", context={"id": first["id"]})))
    assert await gateway.sql("SELECT content->'context'->>'text' FROM message ORDER BY seq DESC LIMIT 1") == [(None,)]


async def test_nobody_changes_what_another_said(gateway: Gateway) -> None:
    first = raw_message(body="meu")
    await gateway.take(message(first))
    for foreign in (edit(first["id"], "teu"), revoke(first["id"])):
        foreign["entry"][0]["changes"][0]["value"]["messages"][0]["from"] = "5511900000000"  # type: ignore[index]
        await gateway.take(foreign)
    assert await gateway.sql("SELECT content->>'text', revoked_at FROM message WHERE wamid = %s", first["id"]) == [
        ("meu", None)
    ]


async def test_an_edit_that_cannot_be_read_is_kept_for_a_later_version(gateway: Gateway) -> None:
    await gateway.take(zoo("edit", "unreadable"))
    assert await gateway.outcomes() == [("unknown", "the edit cannot be read")]


@pytest.mark.parametrize("first_comes_last", [False, True])
@pytest.mark.parametrize(
    ("kind", "body", "left"),
    [("text", "Olá", "Olá"), ("image", {"id": "M1", "mime_type": "image/jpeg", "caption": "assim"}, None)],
)
async def test_an_edit_without_a_text_loses_nothing(
    gateway: Gateway, kind: str, body: object, left: str | None, first_comes_last: bool
) -> None:
    first = raw_message(kind, body, at=T)
    inner = {"type": "image", "image": {"id": "M2", "mime_type": "image/jpeg"}}
    bare = message(raw_message("edit", {"original_message_id": first["id"], "message": inner}, at=T + 1))
    await gateway.take(*((bare, message(first)) if first_comes_last else (message(first), bare)))
    assert await gateway.outcomes() == [("done", None)] * 2
    assert await gateway.sql(
        "SELECT content->>'text', content->>'kind', awaits FROM message WHERE wamid = %s", first["id"]
    ) == [(left, kind, True)]


@pytest.mark.parametrize("late", [False, True])
async def test_a_message_that_is_revoked_loses_its_content_at_once_everywhere(gateway: Gateway, late: bool) -> None:
    first = raw_message(body="segredo", at=T)
    answer = raw_message(body="sobre isso", at=T + 1, context={"id": first["id"]})
    told = [message(first), edit(first["id"], "outro segredo"), message(answer), revoke(first["id"], T * 2)]
    await gateway.take(*(told[::-1] if late else told))
    rows = await gateway.sql("SELECT content::text FROM message")
    raws = await gateway.sql("SELECT convert_from(raw, 'UTF8') FROM event")
    assert len(rows) == 4
    assert "segredo" not in str(rows) + str(raws)
    assert "segredo" not in str(await gateway.sql("SELECT last_text FROM conversation"))
