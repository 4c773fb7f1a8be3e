"""Files to attach without having any: made here, byte by byte, so that none is committed."""

import struct
import zlib

PNG, OGG, PDF, WEBP, TEXT = "image/png", "audio/ogg; codecs=opus", "application/pdf", "image/webp", "text/plain"
WIDTH, HEIGHT = 320, 200
VOICE_SECONDS = 3
FRAMES_A_SECOND, SAMPLES_A_FRAME = 50, 960  # Opus: 20 ms at 48 kHz
SILENCE = bytes.fromhex("f8fffe")  # an Opus frame of silence: mono, CELT, 20 ms
SERIAL = 0x51A1


def sample(name: str) -> tuple[bytes, str, str]:
    """Content, MIME type and file name of a sample. ValueError for an unknown name."""
    if name not in SAMPLES:
        raise ValueError(f"there is no sample {name!r}, only {', '.join(SAMPLES)}")
    make, mime_type, filename = SAMPLES[name]
    return make(), mime_type, filename


def _png() -> bytes:
    """A pair of glasses."""
    rows = (b"\0" + b"".join(_pixel(x, y) for x in range(WIDTH)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(b"".join(rows))), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _pixel(x: int, y: int) -> bytes:
    lens = min((x - left) ** 2 + (y - HEIGHT // 2) ** 2 for left in (100, 220))
    bridge = abs(y - 92) < 4 and 145 < x < 175
    if bridge or 45**2 < lens < 53**2:
        return bytes((30, 30, 40))
    return bytes((190, 220, 245)) if lens <= 45**2 else bytes((245, 240 - y // 8, 225 - y // 5))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _ogg() -> bytes:
    """A voice note: seconds of silence in Ogg/Opus (RFC 7845)."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 9) + b"simulator" + struct.pack("<I", 0)
    pages = [_page([head], 0, 0, 2), _page([tags], 1, 0, 0)]
    for second in range(VOICE_SECONDS):
        last = 4 if second == VOICE_SECONDS - 1 else 0
        granule = (second + 1) * FRAMES_A_SECOND * SAMPLES_A_FRAME
        pages.append(_page([SILENCE] * FRAMES_A_SECOND, second + 2, granule, last))
    return b"".join(pages)


def _page(packets: list[bytes], sequence: int, granule: int, flags: int) -> bytes:
    """One Ogg page (RFC 3533); packets are shorter than 255 bytes."""
    sizes = bytes(len(packet) for packet in packets)
    header = b"OggS" + struct.pack("<BBqIII", 0, flags, granule, SERIAL, sequence, 0) + bytes([len(sizes)]) + sizes
    page = bytearray(header + b"".join(packets))
    struct.pack_into("<I", page, 22, _ogg_crc(page))
    return bytes(page)


def _ogg_crc(content: bytearray) -> int:
    crc = 0
    for byte in content:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        crc &= 0xFFFFFFFF
    return crc


def _pdf() -> bytes:
    """One page that says what a prescription says."""
    lines = ["Receita de oculos", "OD esf -2,00 cil -0,50 eixo 180", "OE esf -1,75 cil -0,25 eixo 175"]
    moves = " 0 -24 Td ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 16 Tf 60 760 Td {moves} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources "
        b"<< /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def _webp() -> bytes:
    """A sticker of one pixel, lossless."""
    return bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")


def _text() -> bytes:
    return b"Preciso da segunda via da nota do pedido 12345.\n"


SAMPLES = {
    "image": (_png, PNG, "oculos.png"),
    "voice": (_ogg, OGG, "voz.ogg"),
    "pdf": (_pdf, PDF, "receita.pdf"),
    "sticker": (_webp, WEBP, "figurinha.webp"),
    "text": (_text, TEXT, "pedido.txt"),
}
