"""*Sem resposta*, people's word about answers, and where a text was used."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from gateway.store.people.people import Role
from graph.knowledge.tables import Knowledge
from tests.gateway.console.conftest import HOST, HTML, Browser
from tests.gateway.console.desk import Desk
from tests.gateway.console.knowledge.conftest import Enter
from tests.gateway.console.knowledge.test_pages import NASTY, PAGE, seen, show
from tests.graph.knowledge.conftest import PIX, published

UNANSWERED = f"{PAGE}/unanswered"


class Shop:
    """Conversations whose turns are known by their ids."""

    def __init__(self, desk: Desk, conn: psycopg.Connection) -> None:
        self.desk = desk
        self._conn = conn

    def asked(self, text: str, *steps: dict[str, Any], **columns: Any) -> tuple[UUID, UUID]:
        """Add a customer's question and an answer of the agent; return the conversation and the turn."""
        conversation = self.desk.conversation("Carla", f"55119{uuid4().int % 10**8:08}", **columns)
        message = self.desk.said(conversation, text)
        answer = self.desk.replied(conversation, {"type": "text", "text": "Não tenho essa informação."})
        self.desk.worked(answer, *steps)
        row = self._conn.execute("SELECT turn_id FROM message WHERE id = %s", [answer]).fetchone()
        assert row
        self._conn.execute("UPDATE message SET turn_id = %s WHERE id = %s", [row[0], message])
        self._conn.execute("UPDATE turn SET started_at = now() - interval '1 minute' WHERE id = %s", [row[0]])
        return conversation, row[0]


@pytest.fixture
def shop(desk: Desk, database: str) -> Iterator[Shop]:
    with psycopg.connect(database, autocommit=True) as conn:
        yield Shop(desk, conn)


async def post(browser: Browser, path: str, body: dict[str, Any]) -> Any:
    token = browser.token((await browser.get("/console/account", headers=HTML)).text)
    return await browser.post(path, json=body, headers={"origin": HOST, "x-csrf-token": token})


async def noted(known: Knowledge, questions: Sequence[tuple[str, str]]) -> None:
    for turn, text in questions:
        await known.unanswered.add(turn, text, None, None)


async def test_a_persons_later_answer_becomes_a_draft_and_the_question_goes_when_it_is_published(
    enter: Enter, known: Knowledge, shop: Shop
) -> None:
    conversation, turn = shop.asked("vcs tem estacionamento?")
    await noted(known, [(str(turn), f"vcs tem estacionamento? {NASTY}"), ("t2", f"tem estacionamento ai? {NASTY}")])
    shop.desk.replied(conversation, {"type": "text", "text": "Temos sim, na Rua das Flores."}, author="person")
    shop.desk.replied(conversation, {"type": "text", "text": "CPF 529.982.247-25 é só um teste."}, author="person")
    shop.desk.said(conversation, "Obrigada!")
    shop.desk.replied(conversation, {"type": "text", "text": "De nada!"}, author="person")
    browser = await enter(Role.MANAGER)
    page = await show(browser, UNANSWERED)
    for shown in ("2 vezes", "nada encontrado", f"/console/conversations/{conversation}", "Temos sim, na Rua"):
        assert shown in page, shown
    assert "De nada" not in page
    newest = (await known.unanswered.newest(1))[0].id
    made = await browser.submit(f"{UNANSWERED}/draft", {"question": str(newest)})
    assert made.headers["location"].endswith("/edit")
    path = made.headers["location"].removesuffix("/edit")
    edit = await show(browser, made.headers["location"])
    assert "Temos sim, na Rua das Flores." in edit
    assert "529.982" not in edit
    assert "vcs tem estacionamento?" in edit
    assert "Há um rascunho" in await show(browser, UNANSWERED)
    await browser.submit(f"{path}/publish", {"seen": await seen(browser, path)})
    assert "Nenhuma pergunta" in await show(browser, UNANSWERED)


async def test_without_a_later_answer_the_form_opens_with_the_question(enter: Enter, known: Knowledge) -> None:
    await noted(known, [("t1", "Vendem ração?")])
    browser = await enter(Role.MANAGER)
    [one] = await known.unanswered.newest(1)
    made = await browser.submit(f"{UNANSWERED}/draft", {"question": str(one.id)})
    assert made.headers["location"] == f"{PAGE}/new?question={one.id}"
    assert 'value="Vendem ração?"' in await show(browser, made.headers["location"])
    text = {"kind": "qa", "title": "Vendem ração?", "content": "Não.", "question": str(one.id)}
    assert (await browser.submit(PAGE, text)).status_code == 303
    assert (await known.unanswered.newest(1))[0].source_id is not None


async def test_a_question_is_taken_off_the_list(enter: Enter, known: Knowledge) -> None:
    await noted(known, [("t1", "Vendem ração?")])
    browser = await enter(Role.MANAGER)
    [one] = await known.unanswered.newest(1)
    assert (await browser.submit(f"{UNANSWERED}/settle", {"question": str(one.id)})).status_code == 303
    assert await known.unanswered.newest(1) == []
    assert (await browser.submit(f"{UNANSWERED}/settle", {"question": str(one.id)})).status_code == 404


async def test_a_question_in_vain_becomes_a_case_that_fails_before_its_answer_is_published_and_passes_after(
    enter: Enter, known: Knowledge
) -> None:
    asked = "sou a Carla Menezes, pedido 45012, quais formas de pagamento vcs aceitam?"
    await noted(known, [("t1", asked)])
    browser = await enter(Role.MANAGER)
    [one] = await known.unanswered.newest(1)
    proposed = await show(browser, f"{PAGE}/cases/new?question={one.id}")
    without = "sou a [nome], pedido [número], quais formas de pagamento vcs aceitam?"
    assert f'value="{without}"' in proposed
    assert "Carla" not in proposed
    assert await known.cases.all() == []
    for _ in range(2):
        made = await browser.submit(f"{PAGE}/cases", {"question": without}, page=f"{PAGE}/cases")
        assert made.headers["location"] == f"{PAGE}/cases"
    page = await show(browser, f"{PAGE}/cases")
    assert "0 de 1 passam" in page
    assert "falha" in page
    await published(known, PIX)
    page = await show(browser, f"{PAGE}/cases")
    assert "1 de 1 passam" in page
    assert PIX.title in page
    [case] = await known.cases.all()
    assert (await browser.submit(f"{PAGE}/cases/{case.id}/delete", page=f"{PAGE}/cases")).status_code == 303
    assert (await browser.submit(f"{PAGE}/cases/{case.id}/delete", page=f"{PAGE}/cases")).status_code == 404


async def test_a_bad_answer_is_marked_with_its_reason_and_its_question_waits_for_an_answer(
    enter: Enter, known: Knowledge, shop: Shop
) -> None:
    conversation, turn = shop.asked("Meu CPF é 529.982.247-25, aceitam Pix?")
    browser = await enter(Role.ATTENDANT)
    path = f"/console/conversations/{conversation}"
    mark = {"turn": str(turn), "good": False, "reason": f"Aceitamos sim {NASTY}"}
    assert (await post(browser, f"{path}/mark", mark)).status_code == 200
    page = await show(browser, path)
    assert "Aceitamos sim &lt;script&gt;" in page
    [one] = await known.unanswered.newest(5)
    assert (one.reason, one.turn_id, "529.982" in one.question) == ("thumb", str(turn), False)
    assert "resposta ruim" in await show(browser, UNANSWERED)
    assert (await post(browser, f"{path}/mark", mark | {"good": True, "reason": ""})).status_code == 200
    assert "Aceitamos sim" not in await show(browser, path)


@pytest.mark.parametrize("what", ["other turn", "other department", "no turn"])
async def test_only_answers_in_conversations_that_a_person_sees_are_marked(
    enter: Enter, pool: Any, shop: Shop, what: str
) -> None:
    conversation, turn = shop.asked("Aceitam Pix?", department="suporte" if what == "other department" else None)
    browser = await enter(Role.ATTENDANT)
    async with pool.connection() as conn:
        await conn.execute("UPDATE person SET departments = '{vendas}'")
    wanted = {"other turn": str(uuid4()), "no turn": None}.get(what, str(turn))
    path = f"/console/conversations/{conversation}/mark"
    assert (await post(browser, path, {"turn": wanted, "good": True})).status_code == 404


async def test_a_text_says_where_it_was_used(enter: Enter, known: Knowledge, shop: Shop, pool: Any) -> None:
    version = await published(known, PIX)

    def step(*, used: bool, source: str = str(version.source_id)) -> dict[str, Any]:
        passage = {"id": 1, "source": source, "version": 1, "title": "Pix", "used": used}
        return {"tool": "search_knowledge", "arguments": "", "result": "", "passages": [passage]}

    shown, _ = shop.asked("Aceitam Pix?", step(used=True), step(used=False))
    hidden, _ = shop.asked("Pix?", step(used=True), department="suporte")
    others = [shop.asked("E nota?", step(used=False), step(used=True, source=str(uuid4()))), shop.asked("Oi")]
    browser = await enter(Role.ATTENDANT)
    async with pool.connection() as conn:
        await conn.execute("UPDATE person SET departments = '{vendas}'")
    page = await show(browser, f"{PAGE}/{version.source_id}")
    assert "2 respostas usaram este texto" in page
    assert f"/console/conversations/{shown}" in page
    assert not [one for one in (hidden, *(other for other, _ in others)) if str(one) in page]


async def test_the_index_finds_the_uses(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("SET enable_seqscan = off")
        plan = conn.execute(
            """EXPLAIN SELECT FROM turn t WHERE jsonb_path_exists(t.steps, '$[*].passages[*]') AND t.steps @>
               '[{"passages": [{"source": "x", "used": true}]}]'"""
        ).fetchall()
    assert "turn_passages" in str(plan)
