"""A folder of Markdown as published knowledge."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from graph.knowledge.__main__ import DEMO, main
from graph.knowledge.files import FileError, paths_in, read
from graph.knowledge.sync import sync
from graph.knowledge.tables import Knowledge, knowledge

QA = """+++
kind = "qa"
owner = "Loja"
+++
## Aceitam Pix?
> dá pra pagar no pix

Sim, aceitamos Pix.

## Emitem nota?
Sim, sempre.
"""


async def test_the_same_files_twice_change_nothing(known: Knowledge, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(QA)
    first = await sync(known.sources, tmp_path, "docs")
    again = await sync(known.sources, tmp_path, "docs")
    assert (first.texts, first.published, again.published, again.taken_back) == (2, 2, 0, 0)
    [found] = await known.search.find("aceita pix", 5)
    assert (found.title, found.body, found.version) == ("Aceitam Pix?", "Sim, aceitamos Pix.", 1)


async def test_what_changes_is_published_and_what_goes_is_taken_back(known: Knowledge, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(QA)
    await sync(known.sources, tmp_path, "docs")
    (tmp_path / "a.md").write_text(QA.replace("Sim, aceitamos Pix.", "Só Pix.").split("## Emitem")[0])
    outcome = await sync(known.sources, tmp_path, "docs")
    assert (outcome.published, outcome.taken_back) == (1, 1)
    assert [one.body for one in await known.search.find("aceita pix", 5)] == ["Só Pix."]
    assert await known.search.find("nota", 5) == []
    (tmp_path / "a.md").write_text(QA)
    assert (await sync(known.sources, tmp_path, "docs")).published == 2
    assert await known.search.find("nota", 5)


async def test_a_wrong_file_changes_nothing_and_says_what_is_wrong(known: Knowledge, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(QA)
    await sync(known.sources, tmp_path, "docs")
    (tmp_path / "a.md").write_text(QA.replace("owner", "ownr"))
    (tmp_path / "b.md").write_text("# Guia\nTexto.")
    outcome = await sync(known.sources, tmp_path, "docs")
    assert "unknown settings: ownr" in outcome.problems["a.md"]
    assert (outcome.published, outcome.taken_back) == (1, 0)


async def test_other_folders_and_texts_of_people_stay(known: Knowledge, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(QA)
        await sync(known.sources, tmp_path / name, name)
    (tmp_path / "one" / "a.md").unlink()
    assert (await sync(known.sources, tmp_path / "one", "one")).taken_back == 2
    assert len(await known.search.find("aceita pix", 5)) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('+++\nkind = "qa"\n', "a second line of"),
        ("+++\nkind = qa\n+++\n## a\nb", "not TOML"),
        ('+++\nkind = "qa"\n+++\nnada', "no question"),
        ('+++\nkind = "qa"\n+++\n## a\nb\n## a\nc', "twice"),
        ('+++\nkind = "qa"\n+++\n## a\n', "content"),
        ('+++\nkind = "song"\n+++\ntexto', "kind"),
        ('+++\nlink = "http://x.example"\n+++\ntexto', "https://"),
        ("+++\nvalid_until = 2026-01-01\n+++\ntexto", "valid_until"),
        ("", "content"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a.md").write_text(text)
    with pytest.raises(FileError, match=problem):
        read(tmp_path / "a.md")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("Não".encode("latin-1"))
    with pytest.raises(FileError, match="UTF-8"):
        read(tmp_path / "a.md")


def test_no_folder_is_an_error_and_takes_nothing_back(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not a folder"):
        paths_in(tmp_path / "none")


@pytest.fixture
def commands(
    environment: pytest.MonkeyPatch, database: str, caplog: pytest.LogCaptureFixture
) -> Iterator[pytest.LogCaptureFixture]:
    """The log of commands that work on the test's database."""
    environment.setenv("DATABASE_URL", database)
    caplog.set_level("INFO")
    knowledge.cache_clear()
    yield caplog
    knowledge.cache_clear()


def test_the_commands(commands: pytest.LogCaptureFixture) -> None:
    assert main(["migrate", "--demo"]) == 0
    assert "43 texts: 43 published" in commands.text
    assert main(["sync", str(DEMO), "--name", "demo"]) == 0
    assert "43 texts: 0 published, 0 taken back" in commands.text
    assert main(["sync", "nowhere"]) == 1


def test_an_upgrade_publishes_the_folder_of_the_chart(commands: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(QA)
    assert main(["migrate", "--sync", str(tmp_path)]) == 0
    assert "2 texts: 2 published, 0 taken back" in commands.text
    assert main(["migrate", "--sync", str(tmp_path)]) == 0
    assert "2 texts: 0 published, 0 taken back" in commands.text
    (tmp_path / "a.md").write_text("+++")
    assert main(["migrate", "--sync", str(tmp_path)]) == 1
    assert "a.md: its settings do not end" in commands.text


def test_the_cases_are_checked_with_what_is_published(
    commands: pytest.LogCaptureFixture, database: str, tmp_path: Path
) -> None:
    assert main(["migrate"]) == 0
    assert main(["check"]) == 0
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO knowledge.evaluation_case (question) VALUES ('vcs emitem nota?')")
    assert main(["check"]) == 1
    assert "FAIL vcs emitem nota?: no passage" in commands.text
    (tmp_path / "a.md").write_text(QA)
    main(["sync", str(tmp_path)])
    assert main(["check"]) == 0
    assert "ok   vcs emitem nota?: Emitem nota?" in commands.text
