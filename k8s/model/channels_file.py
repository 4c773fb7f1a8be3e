"""The channels files for the gateways: one entry for each number, in the format of gateway/numbers/channels.py.

The gateways know a number, with its credentials and its agent, as a channel. One file is whole, for the operator; a
file for each process of the gateway has only the secrets that the process uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from k8s.model.declared import Agent, FallbackTemplate, Number
from k8s.model.json_object import Json
from k8s.model.observed import Phone, Secrets

#: Keys of the channels Secret. Pods mount only that of their process.
WHOLE_KEY, SERVE_KEY, WORK_KEY = "channels.json", "serve.json", "work.json"
# Secrets that a process does not use: `serve` calls nothing at Meta, and `work` receives nothing from there.
_NOT_FOR = {SERVE_KEY: ("access_token",), WORK_KEY: ("app_secrets", "verify_token")}
# Messages a second, in and out together: developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput
_STANDARD_PER_SECOND, _HIGH_PER_SECOND, _COEXISTENCE_PER_SECOND = 80, 1000, 20


def entry(number: Number, secrets: Secrets, phone: Phone | None, before: Json | None, *, keep_token: bool) -> Json:
    """Return the entry of a number.

    before: the present entry, whose throughput is kept where the phone could not be read; keep_token: keep also its
    access token, because the new one is not known to be good.
    """
    agent, before = number.agent, before or {}
    made: Json = {
        "phone_number_id": number.phone_number_id,
        "waba_id": number.business_account_id,
        "access_token": before.get("access_token", secrets.access_token) if keep_token else secrets.access_token,
        "app_secrets": list(secrets.app_secrets),
        "verify_token": secrets.verify_token,
        "assistant": agent.assistant,
        "locale": agent.locale,
        "context": context(agent),
        "messages_per_second": agent.messages_per_second or _throughput(phone, before),
    }
    if agent.quiet_period_seconds is not None:
        made["quiet_period_seconds"] = agent.quiet_period_seconds
    if agent.fallback_template is not None:
        made["fallback_template"] = _fallback(agent.fallback_template)
    return made


def _fallback(template: FallbackTemplate) -> Json:
    named = {"name": template.name, "language": template.language}
    return {**named, "parameters": template.named_parameters or list(template.parameters)}


def context(agent: Agent) -> Json:
    """Return the context of every run of the agent: the fields that are set, which win over the free context."""
    named: Json = agent.model_dump(mode="json", include={"model", "persona", "tools"}, exclude_none=True)
    if departments := _departments(agent):
        named["departments"] = departments
    if hours := agent.business_hours:
        named["business_hours"] = {"timezone": hours.timezone, "open": [one.plain() for one in hours.open]}
    return {**agent.context, **named}


def _departments(agent: Agent) -> list[str | Json]:
    """Return the names, with the number's own departments in their places; own ones that are not named come last."""
    own = {one.name: one.model_dump(mode="json") for one in agent.own_departments}
    places = dict.fromkeys([*(agent.departments or ()), *own])
    return [own.get(name, name) for name in places]


def merged(content: bytes | None, changed: dict[str, Json | None], known: Iterable[str]) -> bytes:
    """Return the file with some entries replaced or removed (None), and without numbers that are not known any more.

    A content that cannot be read counts as empty: the next check of each number writes its entry again.
    """
    keep = set(known)
    entries = {number_id: one for number_id, one in read(content).items() if number_id in keep}
    for number_id, one in changed.items():
        if one is None:
            entries.pop(number_id, None)
        else:
            entries[number_id] = one
    listed = [entries[number_id] for number_id in sorted(entries)]
    return orjson.dumps({"channels": listed}, option=orjson.OPT_INDENT_2)


def keys(content: bytes) -> dict[str, bytes]:
    """Return the keys of the channels Secret: the whole file, and that of each process."""
    return {WHOLE_KEY: content} | {key: _without(content, others) for key, others in _NOT_FOR.items()}


def are_complete(held: Mapping[str, bytes]) -> bool:
    """Return whether the files of the processes say the same as the whole one."""
    whole = held.get(WHOLE_KEY)
    return whole is not None and all(held.get(key) == content for key, content in keys(whole).items())


def _without(content: bytes, fields: Iterable[str]) -> bytes:
    left_out = set(fields)
    listed = [{name: value for name, value in one.items() if name not in left_out} for one in read(content).values()]
    return orjson.dumps({"channels": listed}, option=orjson.OPT_INDENT_2)


def read(content: bytes | None) -> dict[str, Json]:
    """Return the entries of a channels file by phone number id."""
    try:
        listed = orjson.loads(content)["channels"] if content else []
        return {one["phone_number_id"]: one for one in listed}
    except (orjson.JSONDecodeError, TypeError, KeyError):  # another program wrote it
        return {}


def _throughput(phone: Phone | None, before: Json) -> int:
    if phone is None:
        return int(before.get("messages_per_second", _STANDARD_PER_SECOND))
    if phone.coexists:
        return _COEXISTENCE_PER_SECOND
    return _HIGH_PER_SECOND if phone.throughput == "HIGH" else _STANDARD_PER_SECOND
