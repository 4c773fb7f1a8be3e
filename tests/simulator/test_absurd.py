"""Absurd values cause no failure of the simulator, which answers as Meta, the model and the phone do."""

from pathlib import Path

from simulator.app import create_app
from simulator.settings import Settings
from tests.absurd import Asked, Program
from tests.absurd import asked as asked


async def test_no_absurd_value_is_a_failure(asked: Asked, tmp_path: Path) -> None:
    number = Settings(_env_file=None).number()
    app = create_app(number, "http://127.0.0.1:9/none", tmp_path / "stack.json", "token")
    routes = app._app._app.routes
    problems = []
    for token in (number.access_token, "token"):
        headers = {"host": "localhost", "authorization": f"Bearer {token}"}
        problems += await Program(
            app, routes, headers, {"messaging_product": "whatsapp", "to": "5511987654321"}, expected={502}
        ).problems(asked)
    assert not problems, "\n".join(problems)
