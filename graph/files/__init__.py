"""Customers' files, each read in its own process, which ends whatever the file contains.

`reader` starts that process (`child`), `whole` for all pages of a document of the knowledge; the other modules run in
it. They import little, because it starts for each file.
"""

from __future__ import annotations


class UnreadableError(Exception):
    """The file is damaged, is of another type than stated, or has a type that is not supported."""


class WrongFileError(UnreadableError):
    """The file is not what it was given as; code: what is wrong, a key of graph/knowledge/imports/problems.toml."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
