"""The panel of tools: faults, the clock, traffic, addresses."""

import re

from playwright.sync_api import expect

from simulator.faults import KINDS
from tests.simulator.support.helpers import eventually


def test_a_fault_is_set_by_a_tap_hits_and_is_used_up(screen, business, screenshot) -> None:
    panel = screen.tools("Falhas")
    expect(panel).to_contain_text("Nenhuma falha")
    panel.get_by_role("button", name="Duplicar a próxima mensagem").click()
    expect(panel.get_by_role("listitem")).to_contain_text("0 de 1")
    screenshot(screen.page, "faults")
    screen.write("uma vez")
    eventually(lambda: business.texts() == ["uma vez", "uma vez"])
    assert len({item["id"] for item in business.items("messages")}) == 1
    screen.tools("Falhas")
    expect(panel.get_by_role("listitem")).to_contain_text("1 de 1")


def test_a_fault_in_detail_fails_the_business_and_is_removed(screen, meta, cloud, simulator) -> None:
    panel = screen.tools("Falhas")
    panel.get_by_role("combobox", name="Onde", exact=True).select_option("send")
    panel.get_by_role("combobox", name="O que acontece").select_option("error")
    panel.get_by_label("Quantas vezes").fill("")
    panel.get_by_label("Código de erro").fill("131056")
    panel.get_by_role("button", name="Ativar falha").click()
    expect(panel.get_by_role("listitem")).to_contain_text("sempre · 131056")
    (fault,) = simulator.get("faults")["faults"]
    assert (fault["on"], fault["kind"], fault["code"], fault["times"]) == ("send", "error", 131056, None)
    body = {"messaging_product": "whatsapp", "to": "+5511987654321", "type": "text", "text": {"body": "oi"}}
    assert cloud.post("/messages", json=body).json()["error"]["code"] == 131056
    panel.get_by_role("button", name="Remover: Responder com erro").click()
    expect(panel).to_contain_text("Nenhuma falha")
    meta.text("agora sim")


def test_what_a_fault_holds_can_be_let_go(screen, business, simulator) -> None:
    simulator.fault("webhook", "hold")
    screen.write("espera")
    panel = screen.tools("Falhas")
    expect(panel.get_by_role("listitem")).to_contain_text("1 esperando")
    assert business.texts() == []
    panel.get_by_role("button", name="Soltar", exact=True).click()
    eventually(lambda: business.texts() == ["espera"])


def test_every_fault_has_a_name_in_portuguese(screen) -> None:
    panel = screen.tools("Falhas")
    places = panel.get_by_role("combobox", name="Onde", exact=True)
    for place, kinds in KINDS.items():
        places.select_option(place)
        options = panel.get_by_role("combobox", name="O que acontece").get_by_role("option").all_inner_texts()
        assert len(options) == len(kinds)
        assert not set(options) & kinds, "a kind without a name"
    assert not set(places.get_by_role("option").all_inner_texts()) & set(KINDS), "a place without a name"


def test_the_clock_closes_the_window(screen, business, simulator, screenshot) -> None:
    screen.write("oi")
    state = screen.phone("Maria Souza").get_by_role("status").first
    expect(state).to_contain_text("janela até")
    panel = screen.tools("Relógio")
    panel.get_by_role("button", name="+25 h").click()
    expect(panel.get_by_role("status")).to_contain_text("(+25 h)")
    expect(state).to_contain_text("janela fechada")
    assert round(simulator.get("clock")["offset_seconds"]) == 25 * 3600
    screenshot(screen.page, "clock")
    panel.get_by_role("button", name="Voltar à hora real").click()
    expect(state).to_contain_text("janela até")


def test_ticks_can_be_stopped(screen, meta, simulator) -> None:
    panel = screen.tools("Relógio")
    panel.get_by_label("Lida depois de").fill("")
    panel.get_by_role("button", name="Guardar").click()
    eventually(lambda: simulator.get("settings")["ticks"]["read"] is None)
    meta.text("não lida")
    expect(screen.bubble("não lida").locator(".ticks")).to_have_class("ticks delivered")


def test_the_traffic_shows_both_directions(screen, meta, business, screenshot) -> None:
    screen.write("oi")
    meta.text("olá")
    eventually(lambda: len(business.items("statuses")) == 3)
    panel = screen.tools("Tráfego")
    expect(panel.get_by_text(re.compile("webhook"))).to_have_count(4)
    line = panel.locator("summary").filter(has_text="/messages")
    line.click()
    expect(panel.locator("details[open] pre")).to_contain_text('"body": "olá"')
    screenshot(screen.page, "traffic")


def test_a_simulator_on_its_own_says_where_its_webhooks_go(screen, simulator) -> None:
    panel = screen.tools("Endereços")
    expect(panel.get_by_text("Webhook do gateway")).to_be_visible()
    expect(panel.get_by_role("link")).to_have_count(1)


def test_what_the_simulator_refuses_is_said(screen, new_page, simulator) -> None:
    panel = screen.tools("Falhas")
    panel.get_by_role("combobox", name="Onde", exact=True).select_option("webhook")
    panel.get_by_role("combobox", name="O que acontece").select_option("reorder")
    panel.get_by_label("Quantos", exact=True).fill("1")
    screen.page.evaluate("window.addEventListener('unhandledrejection', (event) => event.preventDefault())")
    panel.get_by_role("button", name="Ativar falha").click()
    expect(screen.page.get_by_role("alert")).to_contain_text("greater than or equal to 2")


def test_the_tour_is_a_tap_for_each_step(screen, business, simulator, screenshot) -> None:
    panel = screen.tools("Passeio")
    panel.get_by_role("button", name="Mandar a pergunta").click()
    expect(screen.bubble("pedido 12345")).to_be_visible()
    expect(panel.get_by_role("heading", name="Pergunte por um pedido (feito)")).to_be_visible()
    panel.get_by_role("button", name="Mandar uma foto").click()
    expect(screen.bubble("É este modelo")).to_be_visible()
    panel.get_by_role("button", name="Pedir uma pessoa").click()
    panel.get_by_role("button", name="Perder a resposta e escrever").click()
    eventually(lambda: len(business.items("messages")) == 4)
    assert [item["type"] for item in business.items("messages")] == ["text", "image", "text", "text"]
    assert [(one["on"], one["kind"]) for one in simulator.get("faults")["faults"]] == [("send", "lost_answer")]
    expect(panel).to_contain_text("O console só roda com make run.")
    screenshot(screen.page, "tour")
    screen.page.reload()
    expect(screen.tools("Passeio").get_by_role("heading", name="Peça uma pessoa (feito)")).to_be_visible()
