"""Web pages over TLS: the address is pinned after it was looked up, and the certificate is still that of the name."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from graph.knowledge.imports.pages import PageReader
from tests.graph.knowledge.imports.test_pages import HERE, here, html, names, problem

SHOP = "loja.example"


@dataclass
class SecureSite:
    """A web site with the certificate of SHOP. names: those that clients asked it for."""

    port: int
    trusted: ssl.SSLContext
    names: list[str]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of SHOP, signed by itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name, day = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SHOP)]), datetime.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(SHOP)]), critical=False)
    public, private = folder / "site.crt", folder / "site.key"
    public.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[SecureSite]:
    public, private = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asked: list[str] = []
    context.load_cert_chain(public, private)
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(html("<p>Segura</p>"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HERE, 0, ssl=context)
    async with server:
        trusted = ssl.create_default_context(cafile=str(public))
        yield SecureSite(server.sockets[0].getsockname()[1], trusted, asked)


async def test_a_page_is_fetched_from_the_site_whose_certificate_has_its_name(
    secure: SecureSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, {SHOP: HERE})
    file = await PageReader(allowed=here, trusted=secure.trusted).fetch(f"https://{SHOP}:{secure.port}/")
    assert (file.content, secure.names) == (b"<p>Segura</p>", [SHOP])


@pytest.mark.parametrize("wrong", ["another name", "an address", "nobody signed it"])
async def test_another_site_at_the_address_is_no_answer(
    secure: SecureSite, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    names(monkeypatch, {SHOP: HERE, "other.example": HERE})
    host = {"another name": "other.example", "an address": HERE}.get(wrong, SHOP)
    reader = PageReader(allowed=here, trusted=True if wrong == "nobody signed it" else secure.trusted)
    assert await problem(f"https://{host}:{secure.port}/", reader) == "not_reached"
