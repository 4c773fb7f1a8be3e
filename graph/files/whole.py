"""Read all of a document in its own process, and hear meanwhile how far it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from graph.files import UnreadableError, WrongFileError, child
from graph.files.reader import OverBoundsError, Reader, ended

WHOLE_SECONDS_LIMIT = 180
WHOLE_READER = Reader(at_once=1, seconds=WHOLE_SECONDS_LIMIT)


@dataclass
class Whole:
    """The text of a document; title: of a web page, else empty."""

    text: str = ""
    title: str = ""


async def read_whole(
    content: bytes, mime_type: str, limit: int, heard: Callable[[int], None], reader: Reader = WHOLE_READER
) -> Whole:
    """Return the text of a document of at most `limit` characters; `heard` is told the share that is read, in percent.

    Raises WrongFileError.
    """
    whole = Whole()
    try:
        async with (
            asyncio.timeout(reader.seconds),
            reader.process(child.WHOLE, mime_type, limit, content) as process,
        ):
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            async for line in process.stdout:
                heard(_add(whole, json.loads(line), limit))
            await ended(process)
    except WrongFileError:
        raise
    except (TimeoutError, OverBoundsError, UnreadableError, ValueError):  # ValueError: a line that is too long, or none
        raise WrongFileError("too_expensive") from None
    return whole


def _add(whole: Whole, line: dict[str, str | int], limit: int) -> int:
    """Add a line to the text, and return how much is read. Raises WrongFileError."""
    if "problem" in line:
        raise WrongFileError(str(line["problem"]))
    whole.title = str(line.get("title", whole.title))
    whole.text += str(line.get("text", ""))
    if len(whole.text) > limit:
        raise WrongFileError("too_long")
    return int(line.get("done", 0))
