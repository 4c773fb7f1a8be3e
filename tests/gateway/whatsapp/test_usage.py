"""Meta's own count of calls."""

import json

import pytest

from gateway.whatsapp.usage import calls_used


def test_the_highest_of_several_kinds_of_use_counts_for_each_account():
    usage = {
        "200": [{"type": "whatsapp_business_management", "call_count": 12}, {"type": "whatsapp", "call_count": 40}],
        "201": [{"type": "whatsapp_business_management", "call_count": 130}],
        "202": "of another shape",
    }
    assert calls_used({"x-business-use-case-usage": json.dumps(usage)}) == {"200": 0.4, "201": 1.3}


@pytest.mark.parametrize(
    "odd",
    ["", "{", "[]", "null", "7", '{"200": []}', '{"200": 5}', '{"200": [{}]}', '{"200": [{"call_count": "x"}]}',
     '{"200": [{"call_count": NaN}]}', '{"200": [{"call_count": Infinity}]}'],
)  # fmt: skip
def test_another_shape_says_nothing(odd):
    assert calls_used({"x-business-use-case-usage": odd}) == {}


def test_no_header_says_nothing():
    assert calls_used({}) == {}
