"""Files of knowledge that nobody writes on purpose: read in a time that grows with their length, or refused."""

from __future__ import annotations

import contextlib
import time

import pytest

from graph.knowledge.data import Text
from graph.knowledge.files import FileError, texts_of
from graph.knowledge.passages import passages_of

SPACES = " \t" * 50_000


@pytest.mark.parametrize(
    "text",
    [
        f"# {SPACES}x\n\nTexto.",
        f'+++\nkind = "qa"\n+++\n## {SPACES}x{SPACES}y\nSim.\n## {"a" + SPACES * 3}',
        f"Texto.\n\n# {SPACES}x{SPACES}\n\nMais.\n\n###{SPACES}{'#' * 50_000}x\n\nFim.",
    ],
)
def test_a_line_of_spaces_does_not_stop_the_server(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(FileError):  # a title may be too long
        for one in texts_of("a", text).values():
            passages_of(one)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("settings", [f"owner = {'[' * 5000}", f"title = {'9' * 5000}"])
def test_settings_that_no_program_should_read_are_refused_in_a_sentence(settings: str) -> None:
    with pytest.raises(FileError, match="too long or nested too deeply"):
        texts_of("a", f"+++\n{settings}\n+++\nTexto.")


def test_headings_stand_without_their_marks() -> None:
    [first, second] = passages_of(
        Text(kind="markdown", title="Guia", content="# Guia\n\nUm.\n\n## \tTrocas  ## \n\nDois.")
    )
    assert (first.title, second.title) == ("Guia", "Guia › Trocas")
