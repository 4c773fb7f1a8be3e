"""Small files that are expensive to read, and ordinary files for comparison."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import docx

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BODY = f'<w:document xmlns:w="{W}"><w:body>%s</w:body></w:document>'


# Word ---------------------------------------------------------------------------------------------------------------


def word(*paragraphs: str) -> bytes:
    """An honest document as another program writes it, with a table of one cell."""
    document, file = docx.Document(), io.BytesIO()
    for text in paragraphs:
        document.add_paragraph(text)
    document.add_table(1, 1).cell(0, 0).text = "na tabela"
    document.save(file)
    return file.getvalue()


def docx_of(body: str) -> bytes:
    """Return a document with this content in its body."""
    return docx_part(BODY % body)


def docx_part(xml: str) -> bytes:
    """Return a document with this main part."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("word/document.xml", xml)
    return file.getvalue()


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def spans() -> bytes:
    """One cell over 250,000 columns, with 10 kB of text."""
    cell = f'<w:tc><w:tcPr><w:gridSpan w:val="250000"/></w:tcPr>{paragraph("x" * 10_000)}</w:tc>'
    return docx_of(f"<w:tbl><w:tr>{cell}</w:tr></w:tbl>")


def empty_paragraphs() -> bytes:
    return docx_of("<w:p/>" * 2_000_000)


def nested_tables() -> bytes:
    begin, end = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
    return docx_of(begin * 50_000 + paragraph("fundo") + end * 50_000)


def zip_bomb() -> bytes:
    """300 MB of spaces before the first word."""
    file, blank = io.BytesIO(), b" " * 1_000_000
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        part.write(BODY.partition("%s")[0].encode())
        for _ in range(300):
            part.write(blank)
    return file.getvalue()


def many_entries() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"{number}", b"")
    return file.getvalue()


def entities() -> bytes:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return docx_part(f'<!DOCTYPE d [<!ENTITY a0 "ha">{levels}]>' + BODY % paragraph("&a9;"))


def long_attribute() -> bytes:
    return docx_of(f'<w:p w:x="{"a" * 15_000_000}"/>')


# PDF ----------------------------------------------------------------------------------------------------------------


def pdf(text: str) -> bytes:
    """Return an ordinary document of one page."""
    return pdf_of([_page(4), stream(f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()), FONT])


def pages(*texts: str) -> bytes:
    """Return an ordinary document with these texts on its pages."""
    count = len(texts)
    sheets = [_page(3 + count + 2 * number) for number in range(count)]
    words = [stream(f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode(), packed=True) for text in texts]
    return pdf_of([*sheets, *(one for text in words for one in (text, FONT))], count)


def pdf_of(objects: list[bytes], pages: int = 1, kids: bytes | None = None) -> bytes:
    """A document with these objects from number 3 on, the first of them its pages."""
    listed = kids or b" ".join(b"%d 0 R" % number for number in range(3, 3 + pages))
    root = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, pages)]
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate([*root, *objects], 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start, size = out.tell(), len(places) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, start))
    return out.getvalue()


FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def stream(content: bytes, *, packed: bool = False) -> bytes:
    data = zlib.compress(content, 9) if packed else content
    kind = b" /Filter /FlateDecode" if packed else b""
    return b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(data), kind, data)


def _page(contents: int) -> bytes:
    font = contents + 1
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
        b" /Resources << /Font << /F1 %d 0 R >> >> >>" % (contents, font)
    )


def shared_stream() -> bytes:
    """30 pages that share one stream of 500,000 empty words."""
    return pdf_of([_page(33)] * 30 + [stream(b"BT /F1 12 Tf " + b"()Tj " * 500_000 + b"ET", packed=True), FONT], 30)


def flate_bomb() -> bytes:
    """A gigabyte of spaces as the stream of a page."""
    packer, spaces = zlib.compressobj(9), b" " * 1_000_000
    first, again = (packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    whole = 1
    for _ in range(1_000):
        whole = zlib.adler32(spaces, whole)
    # A block after a full flush refers to nothing before it: to compress each of them anew takes seconds.
    data = first + again * 999 + packer.flush()[:-4] + whole.to_bytes(4, "big")
    packed = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(data), data)
    return pdf_of([_page(4), packed, FONT])


def page_tree() -> bytes:
    """Two hundred thousand pages, none of which says anything."""
    return pdf_of([b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"], 200_000, b"3 0 R " * 200_000)


def deep_tree() -> bytes:
    """A tree of pages of 60 levels; each level refers to the one below twice."""
    levels = [b"<< /Type /Pages /Kids [%d 0 R %d 0 R] /Count 2 >>" % (n + 4, n + 4) for n in range(60)]
    return pdf_of([*levels, b"<< /Type /Page /MediaBox [0 0 9 9] >>"], 1)


# Pictures -----------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 2, rows: bytes | None = None, *notes: bytes) -> bytes:
    """Return a grey picture; `rows`: its decompressed pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = zlib.compress(bytes((width + 1) * height) if rows is None else rows, 9)
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(notes) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def note(size: int, kind: bytes = b"zTXt") -> bytes:
    """Return a chunk whose text has so many bytes when decompressed."""
    words = b"Comment\0\1\0pt\0\0" if kind == b"iTXt" else b"Comment\0\0"
    return chunk(kind, words + zlib.compress(bytes(size), 9))


def frames(count: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", count, 0))


def jpeg(width: int = 8, height: int = 8, scans: int = 1) -> bytes:
    size = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x00" * 10
    return b"\xff\xd8\xff\xe0\x00\x04ab" + size + scan * scans + b"\xff\xd9"


def gif(width: int = 2, height: int = 2, count: int = 1, across: int = 2) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, across, 2, 0) + b"\x02\x02\x4c\x01\x00"
    pause = b"\x21\xf9\x04\x00\x00\x00\x00\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + (pause + frame) * count + b";"


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def lossless(width: int = 2, height: int = 2) -> tuple[bytes, bytes]:
    return b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14)


def lossy(width: int = 2, height: int = 2) -> tuple[bytes, bytes]:
    return b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)


def canvas(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def moving(width: int, height: int) -> tuple[bytes, bytes]:
    return b"ANMF", bytes(6) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + bytes(4)
