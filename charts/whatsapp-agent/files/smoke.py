"""`helm test`: a signed webhook is acknowledged, stored by the gateway and processed by a worker; a forged one is not.

The item says that a message nobody ever sent, from a number that is not ours, was read: a worker looks at it and has
to wait for the number. So it is taken out again, and raises no alarm.
"""

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import psycopg

SECONDS = 60
NUMBER = "helm-test"  # no number of ours


def body(wamid: str) -> bytes:
    """A webhook with one status."""
    status = {"id": wamid, "status": "read", "timestamp": str(int(time.time())), "recipient_id": "0"}
    metadata = {"display_phone_number": "0", "phone_number_id": NUMBER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    change = {"field": "messages", "value": value}
    entry = {"id": "0", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def post(url: str, content: bytes, secret: str) -> int:
    """The status of the answer."""
    signature = "sha256=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature}
    request = urllib.request.Request(url, content, headers)  # noqa: S310 - the release's own gateway
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def looks(database: str, wamid: str) -> list[int]:
    """How often a worker has looked at the item: one number a row."""
    with psycopg.connect(database, connect_timeout=10) as connection:
        found = connection.execute(
            "SELECT attempts + (state <> 'new')::int FROM event WHERE strpos(key, %s) > 0", [wamid]
        )
        return [row[0] for row in found]


def take_out(database: str, wamid: str) -> None:
    """Delete the item."""
    with psycopg.connect(database, connect_timeout=10) as connection:
        connection.execute("DELETE FROM event WHERE strpos(key, %s) > 0", [wamid])


def main() -> None:
    """Exit code 0 when all is as it should be."""
    url = os.environ["GATEWAY_URL"] + "/webhook/whatsapp"
    secret = Path(os.environ["APP_SECRET_FILE"]).read_text().split(",")[0].strip()
    database = Path(os.environ["DATABASE_URL_FILE"]).read_text().strip()
    wamid = f"wamid.helm-test-{uuid.uuid4()}"
    content = body(wamid)

    forged = post(url, content, secret + "-forged")
    assert forged in (401, 403), f"a forged webhook was answered with {forged}"
    assert looks(database, wamid) == [], "a forged webhook was stored"
    print(f"forged webhook: refused with {forged}")

    answer = post(url, content, secret)
    assert answer == 200, f"a signed webhook was answered with {answer}"
    assert len(looks(database, wamid)) == 1, "a webhook was acknowledged, but is not stored"
    print("signed webhook: acknowledged and stored")

    end = time.monotonic() + SECONDS
    try:
        while looks(database, wamid) == [0]:
            assert time.monotonic() < end, f"no worker has looked at it within {SECONDS} s"
            time.sleep(0.5)
    finally:
        take_out(database, wamid)
    print("worker: looked at")


if __name__ == "__main__":
    main()
