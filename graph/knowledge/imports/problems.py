"""The problems that an import may have, each in a sentence of `problems.toml` for people."""

from __future__ import annotations

import tomllib
from pathlib import Path

from graph.knowledge.files import FileError

SENTENCES: dict[str, str] = tomllib.loads(Path(__file__).with_name("problems.toml").read_text(encoding="utf-8"))


class ImportProblem(FileError):  # noqa: N818 - a fact about a file, which is shown
    """Something is wrong with the file or the page; code: a key of `problems.toml`."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(SENTENCES[code].format(**values))
        self.code = code
