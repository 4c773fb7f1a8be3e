"""The phone page as a person uses it, and the business on the other side."""

import struct
import zlib
from typing import Any

import httpx
from playwright.sync_api import Locator, Page

MARIA = "5511987654321"


class Screen:
    """The page. Elements are found by role and name, as a screen reader finds them."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = f"{url}/phone"
        # The tour was seen before: it does not open by itself in the middle of a test.
        page.add_init_script("localStorage.getItem('phone-tour') ?? localStorage.setItem('phone-tour', '[]')")

    def open(self, fragment: str = "") -> None:
        self.page.goto(self.url + fragment)

    def phone(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def box(self, name: str) -> Locator:
        return self.phone(name).get_by_role("textbox", name=f"Mensagem de {name}")

    def bubbles(self, name: str = "Maria Souza") -> Locator:
        return self.phone(name).locator(".message")

    def bubble(self, text: str, name: str = "Maria Souza") -> Locator:
        return self.bubbles(name).filter(has_text=text)

    def write(self, text: str, name: str = "Maria Souza") -> None:
        self.box(name).fill(text)
        self.box(name).press("Enter")

    def menu(self, bubble: Locator, item: str) -> None:
        """Open a message's menu and choose an entry."""
        bubble.hover()
        bubble.get_by_role("button", name="Ações da mensagem").click()
        self.page.get_by_role("menuitem", name=item).click()

    def attach(self, item: str, name: str = "Maria Souza") -> None:
        self.phone(name).get_by_role("button", name="Anexar").click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()

    def attach_file(self, item: str, file_name: str, mime_type: str, content: bytes) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.attach(item)
        chooser.value.set_files({"name": file_name, "mimeType": mime_type, "buffer": content})

    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def invite(self, name: str) -> None:
        self.page.get_by_role("button", name="Nova pessoa").click()
        self.dialog().get_by_label("Nome").fill(name)
        self.dialog().get_by_role("button", name="Enviar").click()
        self.phone(name).wait_for()

    def tools(self, tab: str) -> Locator:
        """Open the panel of that tab and return it."""
        opener = self.page.get_by_role("button", name="Passeio, falhas, relógio e endereços")
        if opener.get_attribute("aria-expanded") == "false":
            opener.click()
        self.page.get_by_role("tab", name=tab).click()
        return self.page.get_by_role("tabpanel", name=tab)


class Meta:
    """The business writes: requests to the Cloud API."""

    def __init__(self, cloud: httpx.Client, to: str) -> None:
        self._cloud = cloud
        self._to = to

    def send(self, kind: str, content: Any, **more: Any) -> str:
        """Send a message and return its wamid."""
        body = {"messaging_product": "whatsapp", "to": f"+{self._to}", "type": kind, kind: content, **more}
        answer = self._cloud.post("/messages", json=body)
        assert answer.is_success, answer.text
        return str(answer.json()["messages"][0]["id"])

    def text(self, body: str, **more: Any) -> str:
        return self.send("text", {"body": body}, **more)

    def read(self, message_id: str, *, typing: bool = False) -> None:
        body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        body |= {"typing_indicator": {"type": "text"}} if typing else {}
        answer = self._cloud.post("/messages", json=body)
        assert answer.is_success, answer.text


def png(width: int = 320, height: int = 200) -> bytes:
    """A picture: a gradient."""
    rows = (
        b"\0" + b"".join(bytes([x * 255 // width, y * 255 // height, 140]) for x in range(width)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
