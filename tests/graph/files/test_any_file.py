"""Files with damage of any kind: read, or refused in one of the ways that there are; never another error."""

from __future__ import annotations

import random

from graph.files import UnreadableError
from graph.files.documents import PDF, WORD
from graph.files.reader import OverBoundsError, Reader
from simulator.meta.samples import sample
from tests.graph.files import bombs
from tests.mutations import Memory, cases, damaged, seed

SHARE = 40  # a process for each file: fewer cases than where a function is called
FILES = (
    ("document", WORD, bombs.word("Oi", "prazo de entrega")),
    ("document", PDF, bombs.pdf("Oi")),
    ("document", PDF, sample("pdf")[0]),
    ("document", "text/plain", "preço à vista".encode()),
    ("image", "image/png", bombs.png()),
    ("image", "image/jpeg", bombs.jpeg(40, 30, 2)),
    ("image", "image/gif", bombs.gif(48, 27, 3)),
    ("image", "image/webp", bombs.webp(bombs.canvas(51, 51), *[bombs.moving(51, 51)] * 3)),
    ("audio", "audio/ogg; codecs=opus", sample("voice")[0]),
)


async def test_any_damage_of_a_file_ends_in_a_text_or_a_refusal() -> None:
    reader, chance, read = Reader(at_once=2), random.Random(seed()), 0  # noqa: S311  # not for secrets
    memory = Memory(count := cases() // SHARE)
    for number in range(count):
        memory.look(number)
        kind, mime_type, content = chance.choice(FILES)
        broken = damaged(content, chance)

        async def fetch(broken: bytes = broken) -> bytes:
            return broken

        try:
            text, _ = await reader.read(kind, mime_type, fetch)
        except (UnreadableError, OverBoundsError):
            continue
        assert len(text) <= 12_001
        read += 1
    assert read, "no file was read at all"
    memory.check()
