from pathlib import Path

import httpx
import pytest
from langgraph_sdk import Auth
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from graph.server.auth import CUSTOMER_PATH, authenticate, authorized
from graph.server.server import RequireToken, forget_runs
from graph.settings import settings


@pytest.fixture(autouse=True)
def token(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LANGGRAPH_TOKEN", "secret-1")
    settings.cache_clear()


@pytest.mark.parametrize("header", [None, "", "secret-1", "Bearer", "Bearer ", "bearer secret-1", "Bearer secret-1 "])
async def test_anything_but_the_token_is_refused(header: str | None) -> None:
    assert not authorized(header, "/threads")
    with pytest.raises(Auth.exceptions.HTTPException) as refused:
        await authenticate(header, "/threads")
    assert refused.value.status_code == 401


async def test_the_token_is_the_gateway() -> None:
    assert await authenticate("Bearer secret-1", "/threads") == "gateway"


async def test_the_token_of_the_console_is_good_for_one_path(environment: pytest.MonkeyPatch) -> None:
    assert not authorized("Bearer secret-1", CUSTOMER_PATH)
    assert not authorized("Bearer ", CUSTOMER_PATH)
    environment.setenv("BUSINESS_TOKEN", "secret-2")
    settings.cache_clear()
    assert await authenticate("Bearer secret-2", CUSTOMER_PATH) == "console"
    for path in ("/threads", "/store/items", f"{CUSTOMER_PATH}/", f"{CUSTOMER_PATH}/../../threads", ""):
        assert not authorized("Bearer secret-2", path)
    assert not authorized("Bearer secret-1", CUSTOMER_PATH)


async def test_without_a_token_nobody_gets_in(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment.delenv("LANGGRAPH_TOKEN")
    settings.cache_clear()
    assert not authorized("Bearer ", "/threads")
    assert not authorized("Bearer None", "/threads")
    assert "LANGGRAPH_TOKEN is not set" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/ok", 200), ("GET", "/metrics", 200), ("GET", "/docs", 401), ("OPTIONS", "/threads", 401)],
)
async def test_production_answers_probes_and_metrics_only(method: str, path: str, status: int) -> None:
    routes = [Route("/{rest:path}", lambda _: PlainTextResponse("in"), methods=["GET", "OPTIONS"])]
    app = Starlette(routes=routes, middleware=[Middleware(RequireToken)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agent") as client:
        assert (await client.request(method, path)).status_code == status
        headers = {"authorization": "Bearer secret-1"}
        assert (await client.request(method, path, headers=headers)).status_code == 200


def test_what_an_earlier_server_noted_about_its_runs_is_forgotten(tmp_path: Path) -> None:
    for name in (".langgraph_ops.pckl", ".langgraph_retry_counter.pckl", "other.txt"):
        (tmp_path / name).write_text("stale")
    forget_runs(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]
    forget_runs(tmp_path / "missing")
