"""Absurd values cause no failure of the ports of `serve` and `work`."""

from starlette.routing import BaseRoute

from gateway.serve import serve
from gateway.settings import Settings
from gateway.store.customers import contacts
from gateway.store.database import Pool
from tests.absurd import Asked, Program
from tests.absurd import asked as asked
from tests.gateway.support.deliveries import NUMBER, SECRET
from tests.gateway.support.harness import INTERNAL_TOKEN
from tests.gateway.support.internal import capability, open_turn

TEMPLATES_TOKEN = "templates"
TEMPLATE = {"to": "5511987654321", "name": "aviso", "language": "pt_BR", "parameters": [], "components": [], "key": "1"}


async def test_no_absurd_value_is_a_failure(database: str, pool: Pool, asked: Asked) -> None:
    async with pool.connection() as conn:
        customer = await contacts.create(conn)
    shown = capability(await open_turn(pool, customer), customer)
    process = serve(
        Settings(
            _env_file=None, database_url=database, whatsapp_phone_number_id=NUMBER, whatsapp_app_secret=SECRET,
            internal_token=INTERNAL_TOKEN, templates_token=TEMPLATES_TOKEN, media_url="memory:///",
        )
    )  # fmt: skip
    problems = []
    async with process.lifespan():
        for door in process.doors:
            for token, json in ((shown, {"order": "12345"}), (TEMPLATES_TOKEN, TEMPLATE)):
                headers = {"host": "localhost", "authorization": f"Bearer {token}"}
                problems += await Program(door.app, routes_of(door.app), headers, json).problems(asked)
    assert not problems, "\n".join(problems)


def routes_of(app) -> list[BaseRoute]:
    while not hasattr(app, "routes"):
        app = app.app
    return list(app.routes)
