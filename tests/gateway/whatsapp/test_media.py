import httpx
import pytest

from gateway.whatsapp.api.media import MediaApi, MediaInfo, check_upload
from gateway.whatsapp.errors import (
    AccountBlocked,
    InvalidMessage,
    MediaExpired,
    MediaTooLarge,
    NotSent,
    Permanent,
    Temporary,
)
from gateway.whatsapp.messages import caps

URL = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=3"


async def fetched(api, url=URL, limit=100):
    async with api.download(url, limit=limit) as download:
        return download.mime_type, b"".join([chunk async for chunk in download.chunks()])


async def test_an_upload_is_a_form_with_the_file(meta):
    meta(httpx.Response(200, json={"id": "77"}))
    assert await MediaApi(meta.api()).upload("42", b"\x89PNG", "image/png", "foto.png") == "77"
    [request] = meta.requests
    assert meta.asked == ["POST /42/media"]
    body = request.content
    for piece in (b'name="messaging_product"\r\n\r\nwhatsapp', b'name="type"\r\n\r\nimage/png', b"\x89PNG"):
        assert piece in body
    assert b'name="file"; filename="foto.png"\r\nContent-Type: image/png' in body


async def test_an_upload_in_doubt_is_only_temporary(meta):
    meta(httpx.ReadTimeout("x"), httpx.Response(200, json={}))
    for _ in range(2):
        with pytest.raises(Temporary):
            await MediaApi(meta.api()).upload("42", b"x", "image/png")


async def test_where_a_medium_is(meta):
    answer = {"url": URL, "mime_type": "image/jpeg", "sha256": "abc", "file_size": "303833", "id": "77"}
    meta(httpx.Response(200, json=answer))
    assert await MediaApi(meta.api()).info("77", "42") == MediaInfo("77", URL, "image/jpeg", "abc", 303833)
    assert meta.asked == ["GET /77?phone_number_id=42"]


async def test_a_medium_that_is_gone_blocks_no_number(meta):
    gone = {"error": {"code": 100, "error_subcode": 33, "message": "Unsupported get request"}}
    meta(httpx.Response(400, json=gone), httpx.Response(404), httpx.Response(401, json={"error": {"code": 190}}))
    media = MediaApi(meta.api())
    for kind in (MediaExpired, MediaExpired, AccountBlocked):
        with pytest.raises(kind):
            await media.info("77")


async def test_deleting(meta):
    meta(httpx.Response(200, json={"success": True}))
    await MediaApi(meta.api()).delete("77")
    assert meta.asked == ["DELETE /77"]


async def test_a_download_carries_the_token(meta):
    meta(httpx.Response(200, content=b"abc", headers={"content-type": "image/jpeg"}))
    assert await fetched(MediaApi(meta.api())) == ("image/jpeg", b"abc")
    assert meta.requests[0].headers["authorization"] == f"Bearer {meta.token}"


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com.evil.example/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://evil.example/lookaside.fbsbx.com",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//lookaside.fbsbx.com/x",
        "https://\x00",
        "",
    ],
)
async def test_no_other_host_is_asked_and_none_gets_the_token(meta, url):
    with pytest.raises(Permanent):
        await fetched(MediaApi(meta.api()), url)
    assert meta.requests == []


async def test_the_hosts_are_a_setting(meta):
    meta(httpx.Response(200, content=b"abc"))
    media = MediaApi(meta.api(), ["http://127.0.0.1:8100"])
    assert (await fetched(media, "http://127.0.0.1:8100/media/77"))[1] == b"abc"
    with pytest.raises(Permanent):
        await fetched(media)


async def test_a_redirect_is_not_followed(meta):
    meta(httpx.Response(302, headers={"location": "https://evil.example/"}))
    with pytest.raises(Permanent):
        await fetched(MediaApi(meta.api()))
    assert len(meta.requests) == 1


async def test_too_large_by_its_own_word_or_by_its_bytes(meta):
    async def without_length():
        for _ in range(11):
            yield b"0123456789"

    meta(httpx.Response(200, content=b"x" * 101), httpx.Response(200, content=without_length()))
    for _ in range(2):
        with pytest.raises(MediaTooLarge, match="100 bytes"):
            await fetched(MediaApi(meta.api()))


async def test_exactly_the_limit_is_fine(meta):
    meta(httpx.Response(200, content=b"x" * 100))
    assert len((await fetched(MediaApi(meta.api())))[1]) == 100


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(404), MediaExpired),
        (httpx.Response(401), MediaExpired),
        (httpx.Response(503), Temporary),
        (httpx.Response(429), Temporary),
        (httpx.Response(400), Permanent),
        (httpx.ConnectError("x"), NotSent),
        (httpx.ReadTimeout("x"), Temporary),
    ],
)
async def test_what_can_go_wrong_with_a_download(meta, answer, kind):
    meta(answer)
    with pytest.raises(kind) as caught:
        await fetched(MediaApi(meta.api()))
    assert type(caught.value) is kind


async def test_a_connection_that_breaks_in_the_middle_is_temporary(meta):
    async def broken():
        yield b"abc"
        raise httpx.ReadError("x")

    meta(httpx.Response(200, content=broken()))
    with pytest.raises(Temporary):
        await fetched(MediaApi(meta.api()))


@pytest.mark.parametrize(
    ("kind", "mime_type"),
    [
        ("image", "image/jpeg"),
        ("audio", "audio/ogg; codecs=opus"),
        ("video", "video/mp4"),
        ("document", "application/x-anything"),
        ("sticker", "image/webp"),
    ],
)
def test_uploads_on_both_sides_of_their_limit(kind, mime_type):
    limit = caps.MEDIA_BYTES[kind]
    check_upload(kind, mime_type, limit)
    with pytest.raises(InvalidMessage) as caught:
        check_upload(kind, mime_type, limit + 1)
    assert (caught.value.limit, caught.value.length) == (limit, limit + 1)


@pytest.mark.parametrize(
    ("kind", "mime_type"), [("audio", "audio/opus"), ("image", "image/gif"), ("song", "audio/mp4")]
)
def test_types_that_meta_does_not_take(kind, mime_type):
    with pytest.raises(InvalidMessage):
        check_upload(kind, mime_type, 1)
