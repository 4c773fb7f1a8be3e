"""Known and unknown host names: requests by DNS rebinding are refused, whatever the header contains."""

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.runtime.hosts import KnownHosts, is_known

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
PORT = st.sampled_from(["", ":80", ":8003"])


@given(address=st.ip_addresses(), port=PORT)
def test_addresses_are_known(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: str) -> None:
    assert is_known((f"[{address}]" if address.version == 6 else str(address)) + port)


@given(labels=st.lists(LABEL, min_size=2, max_size=5), port=PORT, end=st.sampled_from(["", "."]))
def test_names_that_the_internet_gives_out_are_strange(labels: list[str], port: str, end: str) -> None:
    name = ".".join([*labels[:-1], "example"])
    assert not is_known(name + end + port)
    assert is_known(name + port, {name})


@given(text=st.text(max_size=40))
def test_only_what_is_wholly_a_host_is_known(text: str) -> None:
    for made in (
        f"{text}@evil.example",
        f"evil.example/{text}",
        f"127.0.0.1.{text}.example",
        f"localhost.evil.example:{text}",
    ):
        assert not is_known(made)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "app.localhost", "wa-agent", "wa-agent.shop.svc:2024", "wa.shop.svc.cluster.local"],
)
def test_names_of_this_machine_and_of_a_cluster_are_known(host: str) -> None:
    assert is_known(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.nip.io", "localhost.", "svc", "a.svc.evil.example", ":80", "[::1", "a b"]
)
async def test_what_is_strange_is_refused_before_anything_else(host: str) -> None:
    app = Starlette(
        routes=[Route("/", lambda _: PlainTextResponse("in"))],
        middleware=[Middleware(KnownHosts, names=["Agent.Example", ""])],
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        refused = host != "svc"  # one without a dot: nobody on the internet has it
        assert (await client.get("/", headers={"host": host})).status_code == (400 if refused else 200)
        assert (await client.get("/", headers={"host": "agent.example:1"})).status_code == 200
