"""Signing in with the company's account, at a provider that checks and signs for real."""

import time

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from gateway.console import process
from gateway.store.people import people
from gateway.store.people.people import Role
from tests.gateway.console.conftest import HTML, person
from tests.gateway.console.provider import CLIENT, ISSUER, SECRET, Provider

SETTINGS = {
    "oidc_issuer": ISSUER, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET,
    "console_url": "https://atende.example.com",
}  # fmt: skip


@pytest.fixture
def provider(monkeypatch) -> Provider:
    provider = Provider()
    client = httpx.AsyncClient

    def made() -> httpx.AsyncClient:
        return client(transport=provider.transport)

    monkeypatch.setattr(process, "new_http_client", made)
    return provider


@pytest.fixture
async def console(open_console, provider):
    return await open_console(**SETTINGS)


async def through(console, provider, **query: str) -> httpx.Response:
    """Sign in at the provider, and come back."""
    answer = await console.get("/console/oidc?next=/console/account", headers=HTML)
    assert answer.status_code == 302, answer.text
    back = provider.visit(answer.headers["location"]) | query
    return await console.get("/console/oidc/callback", params=back, headers=HTML)


async def is_in(console) -> bool:
    return (await console.get("/console/account", headers=HTML)).status_code == 200


async def test_a_person_of_that_login_enters_and_is_bound(console, provider, pool) -> None:
    ana = await person(pool, "ana@loja.com.br", Role.ATTENDANT)
    answer = await through(console, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/account")
    assert await is_in(console)
    async with pool.connection() as conn:
        bound = await people.by_subject(conn, f"{ISSUER}#subject-1")
    assert bound == ana


async def test_another_account_with_the_same_login_is_refused(console, provider, pool) -> None:
    await person(pool, "ana@loja.com.br", Role.ADMIN)
    await through(console, provider)
    console.cookies.clear()
    provider.claims = {"sub": "subject-2"}
    assert (await through(console, provider)).status_code == 403
    assert not await is_in(console)


async def test_a_bound_account_stays_the_persons_when_its_address_changes(console, provider, pool) -> None:
    await person(pool, "ana@loja.com.br", Role.ATTENDANT)
    await through(console, provider)
    console.cookies.clear()
    provider.claims = {"email": "ana.lima@loja.com.br"}
    assert (await through(console, provider)).status_code == 303


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "true"}, {"email": ""}])
async def test_an_address_that_nobody_verified_is_no_login(console, provider, pool, claims) -> None:
    await person(pool, "ana@loja.com.br", Role.ADMIN)
    provider.claims = claims
    assert (await through(console, provider)).status_code == 403


async def test_somebody_unknown_is_refused_or_made_with_the_role_of_the_setting(open_console, provider, pool) -> None:
    refusing = await open_console(**SETTINGS)
    assert (await through(refusing, provider)).status_code == 403
    making = await open_console(**SETTINGS, oidc_new_role="viewer")
    assert (await through(making, provider)).status_code == 303
    async with pool.connection() as conn:
        made = await people.by_login(conn, "ana@loja.com.br")
    assert made
    assert (made.name, made.role, made.has_password) == ("Ana Lima", Role.VIEWER, False)


async def test_somebody_disabled_is_refused(console, provider, pool) -> None:
    ana = await person(pool, "ana@loja.com.br", Role.ATTENDANT)
    async with pool.connection() as conn:
        await people.disable(conn, ana.id)
    assert (await through(console, provider)).status_code == 403


async def test_what_was_not_begun_here_is_refused(console, provider, open_console, pool) -> None:
    """A wrong state; another browser's flow (login CSRF); a flow that was used already; one that was never begun."""
    await person(pool, "ana@loja.com.br", Role.ATTENDANT)
    assert (await through(console, provider, state="another")).status_code == 403
    begun = await console.get("/console/oidc", headers=HTML)
    back = provider.visit(begun.headers["location"])
    other = await open_console(**SETTINGS)
    assert (await other.get("/console/oidc/callback", params=back, headers=HTML)).status_code == 403
    flow = console.cookies["__Host-console_flow"]
    assert (await console.get("/console/oidc/callback", params=back, headers=HTML)).status_code == 303
    console.cookies.set("__Host-console_flow", flow)
    assert (await console.get("/console/oidc/callback", params=back, headers=HTML)).status_code == 403


def _other_key(provider: Provider) -> None:
    provider.signer = RSAKey.generate_key(2048, {"kid": "first"})


def _shared_secret(provider: Provider) -> None:
    provider.signer = OctKey.import_key(SECRET.ljust(32, "x"), {"kid": "first"})
    provider.header = {"alg": "HS256", "kid": "first"}


def _unknown_key(provider: Provider) -> None:
    provider.header = {"alg": "RS256", "kid": "unknown"}


BROKEN = {
    "issuer": {"iss": "https://other.example.com"},
    "audience": {"aud": "another-client"},
    "audiences": {"aud": [CLIENT, "another"], "azp": "another"},
    "expired": {"exp": int(time.time()) - 3600},
    "nonce": {"nonce": "another"},
    "no subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "hash of the access token": {"at_hash": "wrong"},
    "key": _other_key,
    "shared secret": _shared_secret,
    "unknown key": _unknown_key,
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_token_that_is_not_right_lets_nobody_in(console, provider, pool, what) -> None:
    await person(pool, "ana@loja.com.br", Role.ATTENDANT)
    broken = BROKEN[what]
    if callable(broken):
        broken(provider)
    else:
        provider.claims = broken
    assert (await through(console, provider)).status_code == 403
    assert not await is_in(console)


async def test_a_new_key_of_the_issuer_is_fetched(console, provider, pool) -> None:
    await person(pool, "ana@loja.com.br", Role.ATTENDANT)
    assert (await through(console, provider)).status_code == 303
    console.cookies.clear()
    provider.key = provider.signer = RSAKey.generate_key(2048, {"kid": "second"})
    provider.header = {"alg": "RS256", "kid": "second"}
    assert (await through(console, provider)).status_code == 303


async def test_an_issuer_that_says_another_name_or_errs_is_refused_politely(console, provider) -> None:
    provider.issuer = "https://other.example.com"
    answer = await console.get("/console/oidc", headers=HTML)
    assert answer.status_code == 403
    assert "conta da empresa" in answer.text
    provider.issuer = ISSUER
    answer = await console.get("/console/oidc", headers=HTML)
    back = provider.visit(answer.headers["location"])
    answer = await console.get(
        "/console/oidc/callback", params={"error": "access_denied", "state": back["state"]}, headers=HTML
    )
    assert answer.status_code == 403


async def test_without_an_issuer_there_is_no_such_page(browser) -> None:
    assert (await browser.get("/console/oidc", headers=HTML)).status_code == 302
    assert "oidc" not in (await browser.get("/console/login", headers=HTML)).text
