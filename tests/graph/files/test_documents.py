"""Documents: correct characters, tables in their place, and no text from files of another type."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.files import UnreadableError
from graph.files.documents import PDF, WORD, read
from tests.graph.files import bombs

TEXT = "Preço de ocasião: 10 – 20 €, “à vista”\r\n"
ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "windows-1252": TEXT.encode("cp1252"),
    "utf-16-le with a mark": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16-be with a mark": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "utf-16-le": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
    "utf-32 with a mark": TEXT.encode("utf-32"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_text_in_any_usual_encoding(name: str) -> None:
    assert read(ENCODED[name], "text/csv", 12_000) == TEXT


@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc"]), min_size=1))
def test_what_is_written_in_windows_1252_arrives(text: str) -> None:
    content = text.encode("cp1252")
    try:
        utf8 = content.decode()
    except UnicodeDecodeError:
        utf8 = text
    assert read(content, "text/plain", 12_000) in (text, utf8)  # a few are both


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), st.integers(1, 50))
def test_a_text_that_is_cut_keeps_its_beginning(text: str, limit: int) -> None:
    assert read(text.encode(), "text/plain", limit)[:limit] == text.removeprefix("\ufeff")[:limit]


def test_a_long_text_is_read_as_far_as_the_limit() -> None:
    assert len(read(b"a" * 1_000_000, "text/plain", 100)) <= 404


MISLABELLED = [
    (b"\x7fELF\x01\x01\x00", "text/plain"), (bombs.png(), "text/csv"), (bombs.word("Oi"), "text/plain"),
    (bombs.word("Oi"), PDF), (bombs.pdf("Oi"), WORD), (b"<html></html>", PDF), (b"Oi", WORD),
    (b"Oi", "application/zip"), (b"", PDF), (b"PK\x03\x04", WORD), (b"%PDF-1.4 broken", PDF),
]  # fmt: skip


@pytest.mark.parametrize(("content", "mime_type"), MISLABELLED)
def test_what_is_something_else_is_refused(content: bytes, mime_type: str) -> None:
    with pytest.raises(UnreadableError):
        read(content, mime_type, 100)


def test_the_pages_of_a_pdf() -> None:
    assert read(bombs.pdf("Grau -2,50"), PDF, 100) == "Grau -2,50\n"


def test_word_as_another_program_writes_it() -> None:
    assert read(bombs.word("Receita", "médica"), WORD, 100) == "Receita\nmédica\nna tabela"


def test_the_rows_of_a_table_stand_where_it_stands() -> None:
    cell = "<w:tc>{}</w:tc>".format
    inner = f"<w:tbl><w:tr>{cell(bombs.paragraph('dentro'))}</w:tr></w:tbl>"
    row = "<w:tr>" + cell(bombs.paragraph("OD")) + cell("<w:p/>") + cell(bombs.paragraph("-2,50") + inner) + "</w:tr>"
    body = bombs.paragraph("antes") + f"<w:tbl>{row}</w:tbl>" + bombs.paragraph("depois")
    assert read(bombs.docx_of(body), WORD, 100) == "antes\nOD |  | -2,50 dentro\ndepois"


def test_tabs_and_breaks_count_and_the_stops_of_tabs_do_not() -> None:
    stops = "<w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>"
    run = "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>"
    assert read(bombs.docx_of(f"<w:p>{stops}{run}</w:p>"), WORD, 100) == "a\tb\nc"


def test_a_text_box_is_not_said_twice_and_what_was_deleted_not_at_all() -> None:
    mc = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    both = (
        f'<mc:AlternateContent xmlns:mc="{mc}"><mc:Choice>{bombs.paragraph("uma vez")}</mc:Choice>'
        f"<mc:Fallback>{bombs.paragraph('uma vez')}</mc:Fallback></mc:AlternateContent>"
        "<w:p><w:del><w:r><w:delText>nada</w:delText></w:r></w:del></w:p>"
    )
    assert read(bombs.docx_of(both), WORD, 100) == "uma vez"


def test_a_long_document_is_read_as_far_as_the_limit() -> None:
    content = bombs.docx_of("".join(bombs.paragraph(f"linha {number}") for number in range(50_000)))
    assert 100 < len(read(content, WORD, 100)) < 100_000


def test_entities_are_refused() -> None:
    with pytest.raises(UnreadableError):
        read(bombs.entities(), WORD, 100)
