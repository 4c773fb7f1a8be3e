"""All of a document, in a process of its own: its progress, its headings, and what is wrong with it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docx
import pypdf
import pytest

from graph.files import WrongFileError
from graph.files.documents import PDF, WORD
from graph.files.web_page import read as read_page
from graph.files.whole import WHOLE_READER, Whole, read_whole
from tests.graph.files import bombs

LIMIT = 400_000


async def whole(content: bytes, mime_type: str) -> Whole:
    return await read_whole(content, mime_type, LIMIT, lambda _: None)


async def test_all_pages_of_a_pdf_are_read_and_the_progress_is_told() -> None:
    told: list[int] = []
    found = await read_whole(bombs.pages(*(f"Pagina {number}" for number in range(1, 41))), PDF, LIMIT, told.append)
    assert [line for line in found.text.splitlines() if line] == [f"Pagina {number}" for number in range(1, 41)]
    assert told == sorted(told)
    assert (told[0] < 10, told[-1]) == (True, 100)


async def test_a_word_document_keeps_its_headings() -> None:
    document, file = docx.Document(), io.BytesIO()
    document.add_heading("Trocas", 1)
    document.add_paragraph("Em até 7 dias.")
    document.add_heading("Frete", 2)
    document.add_paragraph("Por nossa conta.")
    document.save(file)
    found = await whole(file.getvalue(), WORD)
    assert found.text == "# Trocas\n\nEm até 7 dias.\n\n## Frete\n\nPor nossa conta."


def encrypted() -> bytes:
    writer, file = pypdf.PdfWriter(clone_from=io.BytesIO(bombs.pdf("Oi"))), io.BytesIO()
    writer.encrypt("segredo", algorithm="AES-256")
    writer.write(file)
    return file.getvalue()


WRONG: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "a password": (encrypted, PDF, "encrypted"),
    "pictures of pages": (lambda: bombs.pages("", ""), PDF, "scanned"),
    "another type": (lambda: b"<html></html>", PDF, "not_pdf"),
    "half a PDF": (lambda: bombs.pdf("Oi")[:200], PDF, "damaged"),
    "too many pages": (lambda: bombs.pages(*["x"] * 1001), PDF, "too_long"),
    "a tree of pages": (bombs.page_tree, PDF, "damaged"),
    "too many words": (lambda: bombs.pages(*["palavra " * 9000] * 7), PDF, "too_long"),
    "a bomb in a Word document": (bombs.zip_bomb, WORD, "unpacks_too_large"),
    "entities": (bombs.entities, WORD, "damaged"),
    "no Word": (lambda: bombs.pdf("Oi"), WORD, "not_word"),
    "another archive": (lambda: bombs.docx_of("").replace(b"document.xml", b"dokument.xml"), WORD, "not_word"),
    "an old Word document": (lambda: b"\xd0\xcf\x11\xe0" + bytes(512), WORD, "old_word"),
    "a Word document without text": (lambda: bombs.docx_of("<w:p/>"), WORD, "no_words"),
    "a long text": (lambda: b"a" * (LIMIT + 1), "text/plain", "too_long"),
    "a picture as text": (bombs.png, "text/plain", "not_text"),
    "spaces": (lambda: b" \n ", "text/plain", "no_words"),
    "a page of scripts": (lambda: b"<title>x</title><script>1</script>", "text/html", "no_words"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_file_says_what_is_wrong(name: str) -> None:
    make, mime_type, code = WRONG[name]
    with pytest.raises(WrongFileError) as caught:
        await whole(make(), mime_type)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "script", ["import time; time.sleep(600)", "bytearray(10**12)", "print('x')", "print('x' * 2**21)"]
)
async def test_a_file_that_costs_too_much_is_refused(tmp_path: Path, script: str) -> None:
    (tmp_path / "child.py").write_text(script)
    command = (sys.executable, "-I", "-S", str(tmp_path / "child.py"))
    reader = replace(WHOLE_READER, command=command, seconds=2)
    with pytest.raises(WrongFileError, match="too_expensive"):
        await read_whole(b"x", PDF, LIMIT, lambda _: None, reader)


PAGE = """<!doctype html><html><head><title> Trocas
 e devoluções </title><style>p {}</style></head><body><nav><a href="/">Início</a></nav>
<header>Loja</header><main><h1>Trocas</h1><p>Em até <b>7 dias</b>,<br>sem custo.</p><script>alert(1)</script>
<ul><li><p>lacrado</p></li><li>com nota</li></ul>
<table><tr><th>UF</th><th><p>Prazo</p></th></tr><tr><td>SP</td><td>2 dias</td></tr></table></main>
<footer>Rodapé</footer></body></html>"""


def test_a_web_page_is_its_main_part_as_markdown() -> None:
    found = read_page(PAGE.encode(), "text/html")
    assert found.title == "Trocas e devoluções"
    assert found.text.split("\n\n") == [
        "# Trocas", "Em até 7 dias,\nsem custo.", "- lacrado", "- com nota", "UF | Prazo", "SP | 2 dias",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        ("<p>Não</p>".encode("latin-1"), "text/html; charset=ISO-8859-1"),
        ('<meta charset="iso-8859-1"><p>Não</p>'.encode("latin-1"), "text/html"),
        ("<p>Não</p>".encode("cp1252"), "text/html; charset=unknown"),
        ("<p>Não</p>".encode(), "text/html"),
    ],
)
def test_a_web_page_in_any_usual_encoding(content: bytes, mime_type: str) -> None:
    assert read_page(content, mime_type).text == "Não"
