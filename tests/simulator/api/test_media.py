"""Media in both directions: uploads, five-minute addresses, limits, samples, and people's attachments."""

import io

import httpx
import pypdf
import pytest

from simulator.meta.media import MB, is_animated
from simulator.meta.samples import SAMPLES, sample
from tests.simulator.support.helpers import Business, eventually

MARIA, NUMBER = "5511987654321", "100000000000001"
PNG = b"\x89PNG\r\n\x1a\n picture"


@pytest.fixture
def graph(simulator):
    headers = {"Authorization": f"Bearer {simulator.access_token}"}
    with httpx.Client(base_url=f"{simulator.url}/v26.0", headers=headers, trust_env=False, timeout=30) as client:
        yield client


def upload(graph, content=PNG, mime_type="image/png", **form):
    data = {"messaging_product": "whatsapp", "type": mime_type} | form
    return graph.post(f"/{NUMBER}/media", data=data, files={"file": ("a.png", content, mime_type)})


def test_what_was_uploaded_comes_back(graph, simulator) -> None:
    media_id = upload(graph).json()["id"]
    facts = graph.get(f"/{media_id}", params={"phone_number_id": NUMBER}).json()
    assert (facts["mime_type"], facts["file_size"], facts["id"]) == ("image/png", len(PNG), media_id)
    assert facts["url"].startswith(simulator.url)
    assert graph.get(facts["url"]).content == PNG
    assert httpx.get(facts["url"], trust_env=False).status_code == 401
    other = graph.get(f"/{media_id}", params={"phone_number_id": "1"}).json()["error"]
    assert (other["code"], other["error_subcode"]) == (100, 33)
    assert graph.delete(f"/{media_id}").json() == {"success": True}
    assert graph.get(f"/{media_id}").json()["error"]["error_subcode"] == 33
    assert graph.delete(f"/{media_id}").status_code == 400


def test_addresses_and_ids_end(graph, simulator) -> None:
    media_id = upload(graph).json()["id"]
    url = graph.get(f"/{media_id}").json()["url"]
    simulator.post("clock", advance_seconds=301)
    assert graph.get(url).status_code == 404
    assert graph.get(graph.get(f"/{media_id}").json()["url"]).content == PNG
    simulator.post("clock", advance_seconds=30 * 24 * 3600)
    assert graph.get(f"/{media_id}").json()["error"]["error_subcode"] == 33


@pytest.mark.parametrize(
    ("content", "mime_type", "form", "code"),
    [
        (PNG, "image/gif", {}, 100),
        (PNG, "audio/opus", {}, 131053),
        (b"", "image/png", {}, 100),
        (PNG, "image/png", {"messaging_product": "sms"}, 100),
        (b"x" * (5 * MB + 1), "image/jpeg", {}, 131053),
        (b"x" * (100 * 1024 + 1), "image/webp", {}, 131053),
    ],
)
def test_wrong_uploads_are_refused(graph, content, mime_type, form, code) -> None:
    answer = upload(graph, content, mime_type, **form)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_the_largest_are_taken(graph) -> None:
    assert upload(graph, b"x" * 5 * MB, "image/jpeg").is_success
    animated = b"RIFF0000WEBPVP8X0000\x02" + b"x" * (400 * 1024)
    assert is_animated(animated)
    assert upload(graph, animated, "image/webp").is_success
    missing = graph.post(f"/{NUMBER}/media", data={"messaging_product": "whatsapp"}, files={"other": b"x"})
    assert "file" in missing.json()["error"]["message"]


def test_media_has_faults(graph, simulator) -> None:
    media_id = upload(graph).json()["id"]
    url = graph.get(f"/{media_id}").json()["url"]
    simulator.fault("media", "expired", match={"what": "download"})
    assert graph.get(url).status_code == 404
    assert graph.get(url).content == PNG
    simulator.fault("media", "error", match={"what": "url"}, status=500, code=131000)
    assert graph.get(f"/{media_id}").status_code == 500
    simulator.fault("media", "expired", match={"what": "url", "id": media_id})
    assert graph.get(f"/{media_id}").json()["error"]["error_subcode"] == 33
    simulator.fault("media", "cut", match={"what": "upload"})
    with pytest.raises(httpx.RemoteProtocolError):
        upload(graph)


def test_samples_are_what_they_say() -> None:
    made = {name: sample(name) for name in SAMPLES}
    assert made["image"][0].startswith(b"\x89PNG")
    assert made["voice"][0].count(b"OggS") == 5
    assert b"OpusHead" in made["voice"][0]
    assert "Receita" in pypdf.PdfReader(io.BytesIO(made["pdf"][0])).pages[0].extract_text()
    with pytest.raises(ValueError, match="there is no sample 'gif'"):
        sample("gif")


@pytest.mark.parametrize(
    ("name", "kind"), [("image", "image"), ("voice", "audio"), ("pdf", "document"), ("sticker", "sticker")]
)
def test_people_attach_samples(business, graph, simulator, name, kind) -> None:
    simulator.post(f"personas/{MARIA}/messages", media={"sample": name, "caption": "veja"})
    item = eventually(lambda: business.items("messages"))[0]
    part = item[kind]
    assert (item["type"], part["mime_type"]) == (kind, sample(name)[1])
    assert part.get("voice") == (True if kind == "audio" else None)
    assert part.get("filename") == ("receita.pdf" if kind == "document" else None)
    assert graph.get(graph.get(f"/{part['id']}").json()["url"]).content == sample(name)[0]


def test_people_attach_files_of_their_own(business, graph, simulator) -> None:
    form = simulator.control.post("/_sim/media", files={"file": ("foto.jpg", b"jpeg", "image/jpeg")}).json()
    raw = simulator.control.post("/_sim/media", content=b"webm", headers={"Content-Type": "audio/ogg; codecs=opus"})
    assert simulator.control.get(form["url"]).content == b"jpeg"
    for medium in (form, raw.json()):
        simulator.post(f"personas/{MARIA}/messages", media={"media_id": medium["id"]})
    types = [
        item["type"] for item in eventually(lambda: len(business.items("messages")) == 2 and business.items("messages"))
    ]
    assert types == ["image", "audio"]
    simulator.post("clock", advance_seconds=7 * 24 * 3600 + 1)
    assert graph.get(f"/{form['id']}").status_code == 400
    assert simulator.control.get(form["url"]).content == b"jpeg"  # the phone keeps it


def test_too_large_arrives_as_an_error(business, simulator) -> None:
    simulator.post(f"personas/{MARIA}/messages", media={"kind": "video", "too_large": True})
    item = eventually(lambda: business.items("messages"))[0]
    assert (item["type"], item["errors"][0]["code"], "video" in item) == ("video", 131052, False)


def test_a_link_is_fetched_or_fails(business, cloud, simulator) -> None:
    files = Business()
    try:
        body = {"messaging_product": "whatsapp", "to": f"+{MARIA}", "type": "image"}
        assert cloud.post("/messages", json=body | {"image": {"link": files.url}}).is_success  # answers 403 to a GET
        status = eventually(lambda: business.items("statuses"))[0]
        assert (status["status"], status["errors"][0]["code"]) == ("failed", 131053)
        media_id = cloud.post(
            "/media", data={"messaging_product": "whatsapp"}, files={"file": ("a.pdf", b"%PDF", "application/pdf")}
        ).json()["id"]
        assert cloud.post("/messages", json=body | {"image": {"id": media_id}}).is_success
        wrong = eventually(lambda: len(business.items("statuses")) == 2 and business.items("statuses"))[1]
        assert "cannot be sent as image" in wrong["errors"][0]["error_data"]["details"]
        unknown = cloud.post("/messages", json=body | {"image": {"id": "1"}}).json()["error"]
        assert unknown["code"] == 131009
    finally:
        files.close()


def test_resumable_uploads_give_handles(graph, simulator) -> None:
    app = simulator.get("accounts")["app"]["id"]
    session = graph.post(f"/{app}/uploads", params={"file_length": 3, "file_type": "image/png"}).json()["id"]
    headers = {"file_offset": "0", "Authorization": "OAuth simulator-token"}
    assert graph.post(f"/{session}", content=b"abc", headers=headers).json()["h"]
    assert graph.post(f"/{app}/uploads").json()["error"]["code"] == 100


def test_players_get_ranges(simulator) -> None:
    url = simulator.control.post("/_sim/media", json={"sample": "voice"}).json()["url"]
    content = sample("voice")[0]
    for wanted, status, expected in [
        ("bytes=0-", 206, content), ("bytes=10-19", 206, content[10:20]), ("bytes=9999-", 416, b""),
        ("x", 200, content),
    ]:  # fmt: skip
        answer = simulator.control.get(url, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (status, expected)
    ranged = simulator.control.get(url, headers={"Range": "bytes=2-5"})
    assert ranged.headers["content-range"] == f"bytes 2-5/{len(content)}"
