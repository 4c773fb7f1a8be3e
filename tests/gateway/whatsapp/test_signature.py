import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.webhooks.signature import sign, verify

BODY = b'{"object":"whatsapp_business_account","entry":[]}'


def test_the_header_of_a_known_body():
    # echo -n 'hello' | openssl dgst -sha256 -hmac secret
    assert sign(b"hello", "secret") == "sha256=88aab3ede8d3adf94d26ab90d3bafd4a2083070c3bcce9c014ee04a443847c0b"


@given(st.binary(), st.text(min_size=1))
def test_what_is_signed_verifies(body, secret):
    assert verify(body, sign(body, secret), [secret])


def test_current_and_previous_secret_both_count():
    for secret in ("current", "previous"):
        assert verify(BODY, sign(BODY, secret), ["current", "previous"])


@pytest.mark.parametrize(
    "header",
    [None, "", "sha256=", "sha1=abc", sign(BODY, "other"), sign(BODY, "s")[7:], sign(BODY + b" ", "s"), "sha256=é€"],
)
def test_anything_else_is_refused(header):
    assert not verify(BODY, header, ["s"])


def test_an_empty_secret_and_no_secret_refuse_all():
    assert not verify(BODY, sign(BODY, ""), [""])
    assert not verify(BODY, sign(BODY, "s"), [])
