"""Pictures: their real type counts, not the stated one, and none is larger than a decoder can hold."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.files import UnreadableError
from graph.files.pictures import read
from tests.graph.files import bombs

HONEST = {
    "png": (bombs.png(), "image/png"),
    "png with notes": (bombs.png(2, 2, None, bombs.note(9), bombs.note(9, b"iTXt"), bombs.frames(3)), "image/png"),
    "jpeg": (bombs.jpeg(4000, 3000, 10), "image/jpeg"),
    "jpeg with a fill byte": (bombs.jpeg().replace(b"\xff\xc2", b"\xff\xff\xc2"), "image/jpeg"),
    "gif": (bombs.gif(480, 270, 100), "image/gif"),
    "webp, lossy": (bombs.webp(bombs.lossy(4000, 3000)), "image/webp"),
    "webp, lossless": (bombs.webp(bombs.lossless(4000, 3000)), "image/webp"),
    "webp, extended": (bombs.webp(bombs.canvas(512, 512), bombs.lossless(512, 512)), "image/webp"),
    "webp, moving": (bombs.webp(bombs.canvas(512, 512), *[bombs.moving(512, 512)] * 20), "image/webp"),
}


@pytest.mark.parametrize("name", HONEST)
def test_a_picture_has_its_type_whatever_it_was_called(name: str) -> None:
    content, mime_type = HONEST[name]
    assert read(content, "image/jpeg", 100) == mime_type


BOMBS = {
    "png of 60,000 x 60,000": bombs.png(60_000, 60_000, b""),
    "png whose pixels unpack to more": bombs.png(2, 2, bytes(50_000_000)),
    "png with a comment of 50 MB": bombs.png(2, 2, None, bombs.note(50_000_000)),
    "png with a profile of 50 MB": bombs.png(2, 2, None, bombs.note(50_000_000, b"iCCP")),
    "png with a text of 50 MB": bombs.png(2, 2, None, bombs.note(50_000_000, b"iTXt")),
    "png of a million frames": bombs.png(100, 100, None, bombs.frames(1_000_000)),
    "jpeg of 65,000 x 65,000": bombs.jpeg(65_000, 65_000),
    "jpeg of 2,000 scans": bombs.jpeg(8, 8, 2_000),
    "gif of 60,000 x 60,000": bombs.gif(60_000, 60_000),
    "gif with a frame larger than itself": bombs.gif(2, 60_000, 1, 60_000),
    "gif of many frames": bombs.gif(2_000, 2_000, 50),
    "webp of 16,384 x 16,384": bombs.webp(bombs.lossless(16_384, 16_384)),
    "webp with a canvas of 16 million squared": bombs.webp(bombs.canvas(1 << 24, 1 << 24), bombs.lossless()),
    "webp of many frames": bombs.webp(bombs.canvas(4_000, 4_000), *[bombs.moving(4_000, 4_000)] * 20),
    "webp with a frame larger than itself": bombs.webp(bombs.canvas(2, 2), bombs.moving(1 << 24, 1 << 24)),
}
NONE = {
    "nothing": b"",
    "a page in HTML": b"<html>404 not found</html>",
    "a document": bombs.pdf("Oi"),
    "a sound in WebP's container": b"RIFF\x04\0\0\0WAVE",
    "the beginning of a png": bombs.png()[:20],
    "the beginning of a jpeg": bombs.jpeg()[:6],
    "the beginning of a gif": bombs.gif()[:20],
    "a webp without a picture": bombs.webp((b"EXIF", b"x")),
    "a png of no width": bombs.png(0, 5, b""),
}


@pytest.mark.parametrize("name", [*BOMBS, *NONE])
def test_what_is_no_picture_or_too_much_of_one_is_refused(name: str) -> None:
    with pytest.raises(UnreadableError):
        read((BOMBS | NONE)[name], "image/jpeg", 100)


@given(st.sampled_from([content for content, _ in HONEST.values()]), st.data())
def test_damage_is_refused_or_makes_no_difference(content: bytes, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(content) - 1))
    end = begin + data.draw(st.integers(0, 3))
    damaged = content[:begin] + data.draw(st.binary(min_size=1, max_size=4)) + content[end:]
    with contextlib.suppress(UnreadableError):
        assert read(damaged, "image/jpeg", 100).startswith("image/")
