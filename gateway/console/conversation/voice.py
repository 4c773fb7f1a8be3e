"""Voice notes for browsers that play Opus in Apple's container only: Safari from 11 to 18.3.

The packets are copied as they are from Ogg into CAF; no sound is decoded. Sources: RFC 3533 (Ogg), RFC 6716 and 7845
(Opus), Apple's Core Audio Format Specification 1.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

LARGEST = 16 * 1024 * 1024  # bytes of a recording, which is what WhatsApp delivers
_MOST_PIECES = 150_000  # pages and segments of a recording: 15 minutes have 50,000, and the most take 0.3 s
_PAGE_HEAD = struct.Struct("<4sBBq4sIIB")
_FULL_SEGMENT = 255  # a packet goes on behind a segment of this length
_SAMPLES_PER_SECOND = 48_000
_LONGEST_PACKET = 5760  # samples: 120 ms
_LAYOUTS = {1: 100 << 16 | 1, 2: 101 << 16 | 2}  # kAudioChannelLayoutTag_Mono, _Stereo


class NotOpusError(ValueError):
    """The recording is not Opus in Ogg, is damaged, or has more pieces than a voice note has."""


@dataclass
class _Stream:
    """The packets of the first stream of a file. samples: its length, as its last page tells it."""

    packets: list[bytes] = field(default_factory=list)
    samples: int = 0


def caf(recording: bytes) -> bytes:
    """Return Opus in Ogg as Opus in CAF. Raises NotOpusError."""
    stream = _stream(recording)
    if len(stream.packets) < 3 or len(stream.packets[0]) < 19:
        raise NotOpusError("too short")
    head, audio = stream.packets[0], [one for one in stream.packets[2:] if one]
    channels, skipped, family = head[9], int.from_bytes(head[10:12], "little"), head[18]
    if not head.startswith(b"OpusHead") or channels not in _LAYOUTS or family:
        raise NotOpusError("no plain Opus")
    lengths = [_samples(packet) for packet in audio]
    same = lengths[0] if len(set(lengths)) == 1 else 0
    total = sum(lengths)
    valid = min(max(stream.samples, 0), total) or total
    return b"".join(
        (
            struct.pack(">4sHH", b"caff", 1, 0),
            _chunk(b"desc", struct.pack(">d4sIIIII", _SAMPLES_PER_SECOND, b"opus", 0, 0, same, channels, 0)),
            _chunk(b"chan", struct.pack(">III", _LAYOUTS[channels], 0, 0)),
            _chunk(b"pakt", _table(audio, [] if same else lengths, max(valid - skipped, 0), skipped, total - valid)),
            _chunk(b"data", bytes(4) + b"".join(audio)),
        )
    )


def _stream(recording: bytes) -> _Stream:
    stream, packet, serial, pieces = _Stream(), bytearray(), None, 0
    for samples, number, segments in _pages(recording):
        pieces += 1 + len(segments)
        if pieces > _MOST_PIECES:
            raise NotOpusError("too many pieces")
        serial = number if serial is None else serial
        if number != serial:
            continue
        stream.samples = max(stream.samples, samples)
        for segment in segments:
            packet += segment
            if len(segment) < _FULL_SEGMENT:
                stream.packets.append(bytes(packet))
                packet.clear()
    return stream


def _pages(recording: bytes) -> Iterator[tuple[int, bytes, Sequence[bytes]]]:
    """Yield of each page the position of its end in samples, the number of its stream, and its segments."""
    place = 0
    while place < len(recording):
        if len(recording) - place < _PAGE_HEAD.size:
            raise NotOpusError("cut off")
        mark, _, _, samples, number, _, _, count = _PAGE_HEAD.unpack_from(recording, place)
        place += _PAGE_HEAD.size
        lengths = recording[place : place + count]
        place += count
        if mark != b"OggS" or place + sum(lengths) > len(recording):
            raise NotOpusError("no page")
        segments = []
        for length in lengths:
            segments.append(recording[place : place + length])
            place += length
        yield samples, number, segments


def _samples(packet: bytes) -> int:
    """Return the length of a packet by its first bytes (RFC 6716, 3.1)."""
    mode, frames = packet[0] >> 3, (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[packet[0] & 3]
    sizes = (480, 960, 1920, 2880) if mode < 12 else (480, 960, 480, 960) if mode < 16 else (120, 240, 480, 960)
    if not 0 < (samples := frames * sizes[mode & 3]) <= _LONGEST_PACKET:
        raise NotOpusError("no packet")
    return samples


def _table(packets: Sequence[bytes], lengths: Sequence[int], valid: int, skipped: int, left: int) -> bytes:
    """Return the packet table: the size of each packet, and its length in samples where these differ."""
    rows = bytearray(struct.pack(">qqii", len(packets), valid, skipped, left))
    for number, packet in enumerate(packets):
        rows += _number(len(packet))
        if lengths:
            rows += _number(lengths[number])
    return bytes(rows)


def _number(value: int) -> bytes:
    """Return a number in groups of seven bits, the highest first; all but the last have the highest bit set."""
    groups = [value & 127]
    while value := value >> 7:
        groups.insert(0, value & 127 | 128)
    return bytes(groups)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">4sq", name, len(content)) + content
