"""Access to the simulator: no page of another site, no foreign host name, and no request without the token gets in."""

import httpx
import pytest
from starlette.requests import Request

from simulator.access import is_at_this_machine, is_known
from simulator.control.accounts import AccountsControl
from simulator.control.control import Control
from simulator.control.people import PeopleControl

JSON = {"Content-Type": "application/json"}


def routes() -> list[tuple[str, str]]:
    """Method and path of the whole control API, as it is declared."""
    made = [Control.routes(Control.__new__(Control)), AccountsControl.routes(AccountsControl.__new__(AccountsControl))]
    made.append(PeopleControl.routes(PeopleControl.__new__(PeopleControl)))
    return sorted({(method, route.path) for some in made for route in some for method in route.methods or ()})


@pytest.fixture
def stranger(simulator):
    """A client without the token."""
    with httpx.Client(base_url=simulator.url, trust_env=False, timeout=30) as client:
        yield client


def test_all_of_the_control_api_wants_the_token(simulator, stranger) -> None:
    assert ("GET", "/_sim/tokens") in routes()
    for method, path in [*routes(), ("GET", "/phone/facts"), ("GET", "/_sim"), ("GET", "/_sim/unknown")]:
        if path == "/_sim/health":
            continue
        for header in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"}, {"Cookie": "token=x"}):
            answer = stranger.request(method, path, headers=header | JSON)
            assert answer.status_code == 401, (method, path, header)
            assert simulator.access_token not in answer.text
            assert simulator.app_secret not in answer.text
    assert stranger.get("/_sim/health").text == "ok"
    assert simulator.get("tokens")["tokens"]


def test_a_token_in_the_address_opens_files_and_nothing_else(simulator, stranger) -> None:
    url = simulator.control.post("/_sim/media", json={"sample": "voice"}).json()["url"]
    assert stranger.get(url, params={"token": simulator.token}).is_success
    assert stranger.get(url, params={"token": "wrong"}).status_code == 401
    for path in ("/_sim/tokens", "/_sim/media", "/_sim/media/../tokens", "/_sim/transcript"):
        assert stranger.get(path, params={"token": simulator.token}).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8100", "127.0.0.1.nip.io", "localhost.evil.example", ""]
)
def test_a_strange_name_gets_nothing_at_all(simulator, host: str) -> None:
    """DNS rebinding: to the browser, the page at that name and the simulator are one."""
    for path in ("/_sim/tokens", "/phone", "/phone/facts", "/_sim/health", "/v1/models", "/phone/static/js/api.js"):
        answer = simulator.control.get(path, headers={"Host": host})
        assert answer.status_code == 400, path
        assert simulator.token not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_page_can_send_without_asking_is_no_json(simulator, kind: str) -> None:
    answer = simulator.control.post("/_sim/faults", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert simulator.get("faults")["faults"] == []


def test_no_other_site_is_allowed_anything(simulator) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    asked |= {"Access-Control-Request-Headers": "authorization"}
    for answer in (simulator.control.options("/_sim/tokens", headers=asked), simulator.control.get("/phone")):
        assert not [name for name in answer.headers if name.startswith("access-control-allow")]
        assert answer.status_code != 200 or answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_page_is_given_the_token_on_this_machine_and_kept_nowhere(simulator, stranger) -> None:
    page = stranger.get("/phone")
    assert f'content="{simulator.token}"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
    for passed_on in ({"X-Forwarded-For": "10.0.0.9"}, {"Forwarded": "for=10.0.0.9"}, {"Host": "wa-simulator:8100"}):
        assert simulator.token not in stranger.get("/phone", headers=passed_on).text


def asked(host: str, peer: str | None) -> Request:
    headers = [(b"host", host.encode())]
    client = (peer, 1) if peer else None
    return Request({"type": "http", "method": "GET", "path": "/phone", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("host", "peer", "here"),
    [
        ("127.0.0.1:8100", "127.0.0.1", True),
        ("localhost:8100", "127.0.0.1", True),
        ("[::1]:8100", "::1", True),
        ("127.0.0.1:8100", "10.1.2.3", False),  # another pod, or the node
        ("10.1.2.4:8100", "127.0.0.1", False),
        ("wa-simulator.shop.svc:8100", "127.0.0.1", False),
        ("evil.example", "127.0.0.1", False),
        ("localhost", None, False),
        ("localhost", "not an address", False),
    ],
)
def test_only_this_machine_is_here(host: str, peer: str | None, here: bool) -> None:
    assert is_at_this_machine(asked(host, peer)) is here


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]:1", "10.2.3.4:8100", "localhost", "wa-simulator", "wa.shop.svc:1"]
)
def test_addresses_and_local_names_are_known(host: str) -> None:
    assert is_known(host)


def test_every_route_of_the_control_api_is_below_its_door() -> None:
    assert all(path.startswith("/_sim/") for _, path in routes())
