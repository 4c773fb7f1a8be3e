"""Files of knowledge: Markdown with settings between two lines of `+++`, as people keep them in Git.

With `kind = "qa"` a file holds questions: each `##` is one, quotations (`>`) below it are its other wordings, the rest
is the answer. Any other file is one document.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from graph.knowledge.data import Text

SUFFIX = ".md"
FILE_BYTES_LIMIT = 1_000_000
SETTINGS = ("kind", "title", "department", "channel_id", "owner", "link", "valid_from", "valid_until")
# Spaces around the words are taken off afterwards: an expression that does it looks at a long line of them many times.
_QUESTION = re.compile(r"^##[ \t](.*\S.*)$", re.MULTILINE)
_TITLE = re.compile(r"^#[ \t](.*\S.*)$", re.MULTILINE)


class FileError(Exception):
    """A file cannot be read; the message says what is wrong with it, `code` names it for programs."""

    code = ""


def paths_in(folder: Path) -> list[Path]:
    """Return the files of a folder and of the folders in it, without hidden ones. Raises FileError for no folder."""
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder.")
    found = sorted(folder.rglob(f"*{SUFFIX}"))
    # A ConfigMap's files are links into a hidden folder.
    return [
        one
        for one in found
        if one.is_file() and not any(part.startswith(".") for part in one.relative_to(folder).parts)
    ]


def read(path: Path) -> dict[str, Text]:
    """Return the texts of a file: a document under an empty name, questions under themselves. Raises FileError."""
    if path.stat().st_size > FILE_BYTES_LIMIT:
        raise FileError(f"it is larger than {FILE_BYTES_LIMIT} bytes; divide it")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FileError("it is not UTF-8") from None
    return texts_of(path.stem, text)


def texts_of(name: str, text: str) -> dict[str, Text]:
    """Return the texts of a file's content, as `read` does. Raises FileError."""
    try:
        return _texts(name, text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"its settings are not TOML: {error}") from None
    except ValidationError as error:
        raise FileError(problem_of(error)) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets in brackets
        raise FileError("its settings have a value that is too long or nested too deeply") from None


def _texts(name: str, text: str) -> dict[str, Text]:
    head, body = _divided(text)
    if head.get("kind") == "qa":
        return _questions(head, body)
    title = _TITLE.search(body)
    fallback = title[1].strip() if title else name
    values = {"kind": "markdown", "title": fallback, **head, "content": body}
    return {"": Text.model_validate(values)}


def _divided(text: str) -> tuple[dict[str, Any], str]:
    """Return the settings and the text after them."""
    if not text.startswith("+++"):
        return {}, text
    parts = text.split("+++", 2)
    if len(parts) < 3:
        raise FileError("its settings do not end: a second line of +++ is missing")
    head = tomllib.loads(parts[1])
    if unknown := sorted(head.keys() - set(SETTINGS)):
        raise FileError(f"unknown settings: {', '.join(unknown)}; there are {', '.join(SETTINGS)}")
    return head, parts[2]


def _questions(head: dict[str, Any], body: str) -> dict[str, Text]:
    parts = _QUESTION.split(body)[1:]
    found: dict[str, Text] = {}
    for heading, answer in zip(parts[::2], parts[1::2], strict=True):
        question = heading.strip()
        lines = answer.splitlines()
        wordings = [line[1:].strip() for line in lines if line.startswith(">")]
        content = "\n".join(line for line in lines if not line.startswith(">"))
        if question in found:
            raise FileError(f"a question is there twice: {question}")
        found[question] = Text.model_validate({**head, "title": question, "wordings": wordings, "content": content})
    if not found:
        raise FileError("it has no question: each begins with ##")
    return found


def problem_of(error: ValidationError) -> str:
    """Return what is wrong with a text, in one line, without the text itself."""
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors())
