"""The real type of a picture and its size when decoded. Nothing is decoded to pixels.

Sources: the PNG (third edition), GIF89a, JPEG (ITU-T T.81) and WebP (RFC 9649) specifications.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from graph.files import UnreadableError

PIXELS_LIMIT = 50_000_000  # of all frames together; a decoder needs four bytes for each
SCANS_LIMIT = 100  # of a progressive JPEG, each over all pixels
NOTES_BYTES_LIMIT = 4_000_000  # unpacked profiles and comments of a PNG
PIECE_BYTES = 16_384  # bytes unpacked at a time
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a PNG, by its colour type
SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that say its size
MARKERS_WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD9)])  # markers of a JPEG without a length


def read(content: bytes, _: str, __: int) -> str:
    """Return the picture's real type. Raises UnreadableError for other files, and for pictures too large to decode."""
    try:
        mime_type, width, height, frames = _measured(content)
    except (struct.error, IndexError, KeyError, ValueError, zlib.error) as error:
        raise UnreadableError(type(error).__name__) from error
    _check_pixels(width, height, max(frames, 1))
    return mime_type


def _check_pixels(width: int, height: int, frames: int) -> None:
    if not 0 < width * height * frames <= PIXELS_LIMIT:
        raise UnreadableError("too many pixels, or none")


def _measured(content: bytes) -> tuple[str, int, int, int]:
    """Return type, width, height, number of frames."""
    if content.startswith(PNG_SIGNATURE):
        return "image/png", *_png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", *_jpeg(content)
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif", *_gif(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", *_webp(content)
    raise UnreadableError("no picture")


# PNG -----------------------------------------------------------------------------------------------------------------


def _png(content: bytes) -> tuple[int, int, int]:
    width, height, depth, colour = struct.unpack_from(">IIBB", content, 16)
    _check_pixels(width, height, 1)
    row = (width * CHANNELS[colour] * depth + 7) // 8 + 1
    # Interlaced rows are more and shorter.
    _unpack([data for kind, data in _chunks(content) if kind == b"IDAT"], 2 * row * height + 1024)
    for kind, data in _chunks(content):
        if kind in (b"iCCP", b"zTXt", b"iTXt"):
            _unpack([_packed(kind, data)], NOTES_BYTES_LIMIT)
    frames = [struct.unpack_from(">I", data)[0] for kind, data in _chunks(content) if kind == b"acTL"]
    return width, height, max(frames, default=1)


def _chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    place, view = 8, memoryview(content)
    while place + 8 <= len(content):
        length = struct.unpack_from(">I", content, place)[0]
        yield content[place + 4 : place + 8], view[place + 8 : place + 8 + length]
        place += 12 + length


def _packed(kind: bytes, data: memoryview) -> bytes:
    """Return the compressed part of a chunk; empty if it has none."""
    _, _, rest = bytes(data).partition(b"\0")
    if kind != b"iTXt":
        return rest[1:]
    return rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""


def _unpack(parts: list[memoryview] | list[bytes], most: int) -> None:
    """Decompress without keeping the result. Raises UnreadableError if it has more than `most` bytes."""
    stream, size = zlib.decompressobj(), 0
    for piece in (part[place : place + PIECE_BYTES] for part in parts for place in range(0, len(part), PIECE_BYTES)):
        rest: bytes | memoryview = piece
        while rest:
            size += len(stream.decompress(rest, 4 * PIECE_BYTES))
            if size > most:
                raise UnreadableError("more than it needs")
            rest = stream.unconsumed_tail


# JPEG ----------------------------------------------------------------------------------------------------------------


def _jpeg(content: bytes) -> tuple[int, int, int]:
    # In the data of a scan, FF is always followed by 0.
    if content.count(b"\xff\xda") > SCANS_LIMIT:
        raise UnreadableError("too many scans")
    sizes = [struct.unpack_from(">HH", content, place + 5) for place in _size_segments(content)]
    return max(width for _, width in sizes), max(height for height, _ in sizes), 1


def _size_segments(content: bytes) -> Iterator[int]:
    """Yield the places of the segments that hold the size."""
    place = 2
    while content[place] == 0xFF and (marker := content[place + 1]) != 0xDA:
        if marker in SIZE_MARKERS:
            yield place
        if marker == 0xFF:  # a fill byte
            place += 1
        else:
            place += 2 + _segment_length(content, place, marker)


def _segment_length(content: bytes, place: int, marker: int) -> int:
    """Return the bytes of a segment after its marker."""
    if marker in MARKERS_WITHOUT_LENGTH:
        return 0
    return max(int(struct.unpack_from(">H", content, place + 2)[0]), 2)


# GIF -----------------------------------------------------------------------------------------------------------------


def _gif(content: bytes) -> tuple[int, int, int]:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    place, frames = 13 + _table(flags), 0
    while content[place : place + 1] not in (b";", b""):
        if content[place] == 0x21:  # an extension
            place += 2
        elif content[place] != 0x2C:
            raise UnreadableError("no block of a GIF")
        else:
            across, down, flags = struct.unpack_from("<HHB", content, place + 5)
            width, height, frames = max(width, across), max(height, down), frames + 1
            place += 11 + _table(flags)
        while content[place]:
            place += content[place] + 1
        place += 1
    return width, height, frames


def _table(flags: int) -> int:
    """Return the bytes of the colour table that the flags announce."""
    return 3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0


# WebP ----------------------------------------------------------------------------------------------------------------


def _webp(content: bytes) -> tuple[int, int, int]:
    sizes, frames, place = [], 0, 12
    while place + 8 <= len(content):
        kind, length = content[place : place + 4], struct.unpack_from("<I", content, place + 4)[0]
        if size := _webp_size(kind, content[place + 8 : place + 26]):
            sizes.append(size)
        frames += kind == b"ANMF"
        place += 8 + length + length % 2
    return max(width for width, _ in sizes), max(height for _, height in sizes), frames


def _webp_size(kind: bytes, data: bytes) -> tuple[int, int] | None:
    match kind:
        case b"VP8X":
            return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
        case b"ANMF":
            return 1 + int.from_bytes(data[6:9], "little"), 1 + int.from_bytes(data[9:12], "little")
        case b"VP8L":
            bits = int.from_bytes(data[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 6)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None
