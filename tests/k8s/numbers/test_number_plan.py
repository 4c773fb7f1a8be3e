"""The plans for a number, in the cases of cases/numbers.yaml."""

from __future__ import annotations

import pytest
import yaml

from k8s.model import channels_file
from k8s.model.declared import Number, fingerprint
from k8s.model.json_object import Json
from k8s.model.observed import ObservedNumber, Phone, Problem, Secrets, Subscription, Token
from tests.k8s.support.cases import CASES, before, cases, check, made, plain, planned


@pytest.mark.parametrize("case", cases("numbers.yaml"))
def test_number(case: Json) -> None:
    base = yaml.safe_load((CASES / "numbers.yaml").read_text())
    declared = {**base["base"], **case.get("declared", {})}
    number = Number.model_validate({key: value for key, value in declared.items() if value is not None})
    observed = {**plain(base["observed"]), **case.get("observed", {})}
    seen = ObservedNumber(
        secrets=made(Secrets, observed.get("secrets")),
        missing=tuple(observed.get("missing", ())),
        token=made(Token, observed.get("token")),
        phone=made(Phone, observed.get("phone")),
        subscription=made(Subscription, observed.get("subscription")),
        profile=observed.get("profile"),
        channel_entry=_channel_entry(number, base)
        if observed.get("channel_entry") == "CHANNEL_ENTRY"
        else observed.get("channel_entry"),
        channel_files_complete=observed.get("channel_files_complete", True),
        duplicate_of=observed.get("duplicate_of"),
        callback_conflicts=observed.get("callback_conflicts", {}),
        foreign_callback=observed.get("foreign_callback", False),
        failures={name: Problem(**one) for name, one in observed.get("failures", {}).items()},
    )
    status = before(case)
    if status.get("applied", {}).get("profile") == "SAME":
        status["applied"]["profile"] = fingerprint(number.profile.fields())
    check(planned(number, seen, status, case["now"]), case["expect"])


def _channel_entry(number: Number, base: Json) -> Json:
    secrets, phone = made(Secrets, base["observed"]["secrets"]), made(Phone, base["observed"]["phone"])
    return channels_file.entry(number, secrets, phone, None, keep_token=False)
