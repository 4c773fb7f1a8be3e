import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.whatsapp.json_bytes import canonical, decode, encode

text = st.text(alphabet=st.characters(), max_size=20)  # lone surrogates and NUL included
integers = st.integers(-(2**63), 2**64 - 1)  # larger ones may become floats
scalars = st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | text
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4))


@given(anything)
def test_what_is_encoded_decodes_to_the_same(value):
    assert decode(encode(value)) == value


@given(anything)
def test_encoded_bytes_are_utf8_and_json(value):
    assert json.loads(encode(value).decode("utf-8")) == value


@given(st.dictionaries(text, anything, min_size=2, max_size=5))
def test_the_canonical_form_does_not_know_the_order_of_keys(value):
    assert canonical(value) == canonical(dict(reversed(value.items())))


@pytest.mark.parametrize(
    "body",
    [
        b'"\\ud800"',
        b'{"text":"a\\u0000b\\udfff"}',
        b"1" * 5000,
        b"1e999",
        b"-1e999",
        b"123456789012345678901234567890",
        b"[" * 900 + b'"\\ud800"' + b"]" * 900,
        b'{"a":' * 500 + b"1" + b"}" * 500,
    ],
)
def test_odd_but_valid_json_survives(body):
    value = decode(body)
    assert decode(encode(value)) == value


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"[Infinity]", b"[" * 100_000, "[]".encode("utf-16")])
def test_what_is_no_json_is_a_value_error(body):
    with pytest.raises(ValueError):  # noqa: PT011 - each decoder words it in its own way
        decode(body)
