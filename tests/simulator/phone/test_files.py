"""Pictures, documents, voice notes, places and contacts: sent from the page, fetched by the business."""

import struct

import pytest
from playwright.sync_api import expect

from tests.simulator.phone.screen import png
from tests.simulator.support.helpers import eventually

OPUS_SAMPLES_A_SECOND = 48_000


def received(business) -> dict:
    return eventually(lambda: business.items("messages"))[0]


@pytest.fixture
def fetch(cloud):
    """Return the bytes of an inbound file as a business gets them: first its address, then the file."""

    def get(media_id: str) -> tuple[dict, bytes]:
        version = str(cloud.base_url).rstrip("/").rsplit("/", 1)[0]
        described = cloud.get(f"{version}/{media_id}").raise_for_status().json()
        return described, cloud.get(described["url"]).raise_for_status().content

    return get


def test_a_picture_goes_with_its_caption(screen, business, fetch, screenshot) -> None:
    screen.attach_file("Imagem", "receita.png", "image/png", png())
    dialog = screen.dialog()
    dialog.get_by_label("Legenda").fill("Minha *receita*")
    screenshot(screen.page, "picture-before")
    dialog.get_by_role("button", name="Enviar").click()
    image = received(business)["image"]
    assert image["caption"] == "Minha *receita*"
    described, content = fetch(image["id"])
    assert (described["mime_type"], content) == ("image/png", png())
    shown = screen.bubbles().last
    expect(shown.locator("strong")).to_have_text("receita")
    eventually(lambda: shown.locator("img").evaluate("image => image.naturalWidth") == 320)
    screenshot(screen.page, "picture")
    shown.get_by_role("button", name="Ampliar").click()
    expect(screen.dialog().get_by_role("img")).to_be_visible()


def test_a_document_keeps_its_name(screen, business, fetch) -> None:
    screen.attach_file("Documento", "nota fiscal.pdf", "application/pdf", b"%PDF-1.4 conta")
    screen.dialog().get_by_role("button", name="Enviar").click()
    document = received(business)["document"]
    assert document["filename"] == "nota fiscal.pdf"
    assert fetch(document["id"])[1] == b"%PDF-1.4 conta"
    expect(screen.bubbles().last.get_by_role("link")).to_have_attribute("download", "nota fiscal.pdf")


def test_a_voice_note_is_uploaded(screen, business, fetch) -> None:
    screen.attach_file("Mensagem de voz (arquivo)", "voz.ogg", "audio/ogg; codecs=opus", b"OggS...")
    audio = received(business)["audio"]
    assert audio["voice"] is True
    described, content = fetch(audio["id"])
    assert described["mime_type"].startswith("audio/ogg")
    assert content == b"OggS..."


def test_a_voice_note_is_recorded_as_ogg_with_opus_in_one_channel(screen, business, fetch, screenshot) -> None:
    phone = screen.phone("Maria Souza")
    phone.get_by_role("button", name="Gravar mensagem de voz").click()
    expect(phone.get_by_role("timer")).to_have_text("0:01")
    screenshot(screen.page, "recording")
    phone.get_by_role("button", name="Enviar gravação").click()
    audio = received(business)["audio"]
    described, content = fetch(audio["id"])
    assert described["mime_type"].startswith("audio/ogg")
    assert content[:4] == b"OggS"
    head = content.index(b"OpusHead")
    assert content[head + 9] == 1, "channels"
    (samples,) = struct.unpack_from("<Q", content, content.rindex(b"OggS") + 6)
    assert samples >= OPUS_SAMPLES_A_SECOND
    player = screen.bubbles().last
    player.get_by_role("button", name="Ouvir").click()
    expect(player.get_by_role("button", name="Pausar")).to_be_visible()  # the browser can play what we wrote
    eventually(lambda: player.locator("audio").evaluate("audio => audio.ended || audio.currentTime > 0.1"))


def test_a_recording_can_be_thrown_away(screen, business) -> None:
    phone = screen.phone("Maria Souza")
    phone.get_by_role("button", name="Gravar mensagem de voz").click()
    expect(phone.get_by_role("timer")).to_be_visible()
    phone.get_by_role("button", name="Descartar gravação").click()
    expect(screen.box("Maria Souza")).to_be_visible()
    assert business.items("messages") == []


def test_a_place(screen, business, screenshot) -> None:
    screen.attach("Localização")
    screen.dialog().get_by_label("Nome do lugar").fill("Casa")
    screen.dialog().get_by_role("button", name="Enviar").click()
    location = received(business)["location"]
    assert (location["name"], location["latitude"]) == ("Casa", -23.561414)
    expect(screen.bubbles().last).to_contain_text("Casa")
    screenshot(screen.page, "place")


def test_a_contact(screen, business) -> None:
    screen.attach("Contato")
    screen.dialog().get_by_label("Nome").fill("Ana Lima")
    screen.dialog().get_by_role("button", name="Enviar").click()
    (contact,) = received(business)["contacts"]
    assert contact["name"]["formatted_name"] == "Ana Lima"
    assert contact["phones"][0]["phone"] == "+55 11 91234-5678"
    expect(screen.bubbles().last).to_contain_text("Ana Lima")
