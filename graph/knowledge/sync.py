"""A folder of files as the published knowledge: what changed is published, what is gone is taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from graph.knowledge import files
from graph.knowledge.data import Text
from graph.knowledge.store import KnowledgeStore


@dataclass
class Outcome:
    """The outcome of a synchronisation; problems: what is wrong with a file, by its path."""

    texts: int = 0
    published: int = 0
    taken_back: int = 0
    problems: dict[str, str] = field(default_factory=dict)


async def sync(store: KnowledgeStore, folder: Path, name: str) -> Outcome:
    """Publish the texts of a folder under a name, and take back those that it does not have any more.

    The texts of a wrong file stay as they were. Raises FileError for no folder, and psycopg.Error.
    """
    outcome = Outcome()
    texts: dict[str, Text] = {}
    for path in files.paths_in(folder):
        place = path.relative_to(folder).as_posix()
        try:
            found = files.read(path)
        except (files.FileError, OSError) as error:
            outcome.problems[place] = str(error)
            continue
        texts |= {f"{place}#{part}": text for part, text in found.items()}
    outcome.texts = len(texts)
    kept = [f"{place}#" for place in outcome.problems]
    outcome.published, outcome.taken_back = await store.replace(f"{name}:", texts, kept)
    return outcome
