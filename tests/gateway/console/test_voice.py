"""Voice notes for browsers that do not play Ogg: the same packets in CAF, within bounds, whatever customers send."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.console.conversation.voice import NotOpusError, caf
from gateway.store.people.people import Role
from simulator.meta.samples import SAMPLES
from tests.gateway.console.conftest import person

HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)
NOTE = SAMPLES["voice"][0]()


def page(*packets: bytes, samples: int = 0) -> bytes:
    sizes = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    return b"OggS" + struct.pack("<BBqIIIB", 0, 0, samples, 7, 0, 0, len(sizes)) + sizes + b"".join(packets)


def chunks(content: bytes) -> dict[str, bytes]:
    found, place = {}, 8
    while place < len(content):
        name, size = struct.unpack_from(">4sq", content, place)
        found[name.decode()] = content[place + 12 : place + 12 + size]
        place += 12 + size
    return found


def test_the_packets_are_the_same_and_the_table_tells_their_sizes() -> None:
    packets = [b"\x08" + bytes(299), b"\x08\x01", b"\x08" + bytes(254)]  # 20 ms each
    found = chunks(caf(page(HEAD) + page(b"OpusTags") + page(*packets, samples=2500)))
    assert list(found) == ["desc", "chan", "pakt", "data"]
    assert struct.unpack(">d4sIIIII", found["desc"]) == (48000.0, b"opus", 0, 0, 960, 1, 0)
    assert struct.unpack(">qqii", found["pakt"][:24]) == (3, 2500 - 312, 312, 2880 - 2500)
    assert found["pakt"][24:] == bytes([0x82, 0x2C, 2, 0x81, 0x7F])
    assert found["data"][4:] == b"".join(packets)


def test_packets_of_different_lengths_are_told_each() -> None:
    found = chunks(caf(page(HEAD) + page(b"OpusTags") + page(b"\x08a", b"\x18b", samples=3840)))
    assert struct.unpack(">d4sIIIII", found["desc"])[4] == 0
    assert found["pakt"][24:] == bytes([2, 0x87, 0x40, 2, 0x96, 0x40])


@pytest.mark.parametrize("wrong", [
    b"", b"OggS", NOTE[:-1], b"ID3" + NOTE, page(HEAD) + page(b"OpusTags") + page(b"\x08", b"\x0b"),
    page(HEAD[:9] + b"\x03" + HEAD[10:]) + page(b"OpusTags") + page(b"\x08"), page(b"x" * 20, b"y", b"z"),
])  # fmt: skip
def test_others_are_refused(wrong: bytes) -> None:
    with pytest.raises(NotOpusError):
        caf(wrong)


@given(st.binary(max_size=200), st.integers(0, len(NOTE)))
def test_damaged_notes_raise_nothing_else(junk: bytes, place: int) -> None:
    for damaged in (NOTE[:place] + junk + NOTE[place + len(junk) :], page(HEAD, b"OpusTags", junk)):
        try:
            caf(damaged)
        except NotOpusError:
            continue


def test_the_most_expensive_recording_takes_less_than_a_second() -> None:
    started = time.process_time()
    with pytest.raises(NotOpusError, match="pieces"):
        caf(page(HEAD) + page(b"OpusTags") + page(*[b"\x08"] * 255) * 20_000)
    assert time.process_time() - started < 1


async def test_a_browser_gets_parts_of_it_and_a_link_to_save_the_note(desk, open_console, pool, tmp_path) -> None:
    (tmp_path / "v").write_bytes(NOTE)
    (tmp_path / "p").write_bytes(b"%PDF-")
    conversation = desk.conversation("Carla", "5511987654321")
    note = desk.said(conversation, kind="audio", media={"voice": True, "status": "stored"})
    voice = desk.file(note, "audio", "audio/ogg; codecs=opus", "v", len(NOTE))
    other = desk.file(desk.said(conversation, kind="document"), "document", "application/pdf", "p", 5)
    browser = await open_console(media_url=f"file://{tmp_path}")
    assert (await browser.get(f"/console/media/{voice}/caf")).status_code in (302, 401)
    await person(pool, "ana", Role.VIEWER)
    await browser.sign_in("ana")
    shown = (await browser.get(f"/console/conversations/{conversation}")).text
    assert f'<source src="/console/media/{voice}" type="audio/ogg; codecs=opus">' in shown
    assert f'<source src="/console/media/{voice}/caf" type="audio/x-caf">' in shown
    assert f'href="/console/media/{voice}" download="audio.ogg">Salvar o áudio</a>' in shown
    assert "Transcrição automática" not in shown
    async with pool.connection() as conn:
        await conn.execute("UPDATE media SET transcript = '<b>Quero</b> trocar' WHERE id = %s", (voice,))
    shown = (await browser.get(f"/console/conversations/{conversation}")).text
    assert "Transcrição automática</p><p>&lt;b&gt;Quero&lt;/b&gt; trocar</p>" in shown
    whole = await browser.get(f"/console/media/{voice}/caf")
    assert (whole.headers["content-type"], whole.content) == ("audio/x-caf", caf(NOTE))
    part = await browser.get(f"/console/media/{voice}/caf", headers={"range": "bytes=0-1"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (
        206, b"ca", f"bytes 0-1/{len(whole.content)}"
    )  # fmt: skip
    assert (await browser.get(f"/console/media/{other}/caf")).status_code == 404
    (tmp_path / "v").write_bytes(b"OggS")
    assert (await browser.get(f"/console/media/{voice}/caf")).status_code == 404
    (tmp_path / "v").unlink()
    assert (await browser.get(f"/console/media/{voice}/caf")).status_code == 410
