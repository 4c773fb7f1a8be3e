"""A declared template in Meta's JSON, and whether Meta's template is the same.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates/components.
"""

from __future__ import annotations

import re

from k8s.model.declared import Body, Button, Footer, Header, Template, fingerprint
from k8s.model.json_object import Json

_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")
_CASE_INSENSITIVE_KEYS = {"type", "format", "otp_type"}  # Meta accepts and returns these values in either case


def to_meta(template: Template, media_handle: str | None = None) -> list[Json]:
    """Return the components as the API takes them; media_handle: Meta's handle of an uploaded sample."""
    parts, named = template.components, template.parameter_format == "NAMED"
    components: list[Json] = []
    if parts.header:
        components.append(_header(parts.header, template.samples.header, named, media_handle))
    if parts.body or template.category == "AUTHENTICATION":
        components.append(_body(parts.body or Body(), template.samples.body, named))
    if parts.footer:
        components.append(_footer(parts.footer))
    if parts.buttons:
        components.append({"type": "BUTTONS", "buttons": [_button(button) for button in parts.buttons]})
    return [*components, *parts.further]


def content_fingerprint(template: Template) -> str:
    """Return a fingerprint of the declared template as customers see it: without samples and category."""
    return fingerprint([_without_examples(component) for component in to_meta(template)])


def remote_fingerprint(components: list[Json]) -> str:
    """Return a fingerprint of Meta's components, without samples: these are links that change with every reading."""
    return fingerprint([_without_examples(component) for component in components])


def is_opaque(template: Template) -> bool:
    """Return whether Meta rewrites parts of the template, so that `matches` cannot see every change."""
    return template.category == "AUTHENTICATION" or bool(template.components.further)


def matches(template: Template, components: list[Json]) -> bool:
    """Return whether Meta's components are the declared ones, as far as that can be seen; samples do not count."""
    declared = {_kind(component): component for component in to_meta(template)}
    observed = {_kind(component): component for component in components}
    if template.category == "AUTHENTICATION":  # Meta turns its button into a URL button of its own
        declared.pop("BUTTONS", None)
        observed.pop("BUTTONS", None)
    hidden = {_kind(component) for component in template.components.further}
    wanted = {kind: component for kind, component in declared.items() if kind not in hidden}
    return declared.keys() == observed.keys() and all(_covers(wanted[kind], observed[kind]) for kind in wanted)


def _header(header: Header, sample: str | None, named: bool, media_handle: str | None) -> Json:
    component: Json = {"type": "HEADER", "format": header.format}
    if header.text is not None:
        component["text"] = header.text
    if sample is not None:
        name = _variables(header.text or "")[0]
        component["example"] = (
            {"header_text_named_params": [{"param_name": name, "example": sample}]}
            if named
            else {"header_text": [sample]}
        )
    if media_handle is not None:
        component["example"] = {"header_handle": [media_handle]}
    return component


def _body(body: Body, samples: dict[str, str], named: bool) -> Json:
    component: Json = {"type": "BODY"}
    if body.text is not None:
        component["text"] = body.text
    if body.add_security_recommendation is not None:
        component["add_security_recommendation"] = body.add_security_recommendation
    if samples and named:
        pairs = [{"param_name": name, "example": samples[name]} for name in _variables(body.text or "")]
        component["example"] = {"body_text_named_params": pairs}
    elif samples:
        component["example"] = {"body_text": [[samples[number] for number in sorted(samples, key=int)]]}
    return component


def _footer(footer: Footer) -> Json:
    if footer.code_expiration_minutes is not None:
        return {"type": "FOOTER", "code_expiration_minutes": footer.code_expiration_minutes}
    return {"type": "FOOTER", "text": footer.text}


def _button(button: Button) -> Json:
    # The field names are Meta's already, in snake case.
    made: Json = button.model_dump(mode="json", exclude_none=True, by_alias=False)
    if button.type == "URL" and button.example is not None:
        made["example"] = [button.example]
    return made


def _variables(text: str) -> list[str]:
    """Return the names of the variables in a text, each once, in order."""
    return list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(text)))


def _kind(component: Json) -> str:
    return str(component.get("type", "")).upper()


def _without_examples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_examples(one) for key, one in value.items() if key != "example"}
    return [_without_examples(one) for one in value] if isinstance(value, list) else value


def _covers(declared: object, observed: object, key: str = "") -> bool:
    """Return whether observed contains all of declared; Meta adds fields of its own."""
    if isinstance(declared, dict) and isinstance(observed, dict):
        return all(_covers(one, observed.get(name), name) for name, one in declared.items() if name != "example")
    if isinstance(declared, list) and isinstance(observed, list):
        return len(declared) == len(observed) and all(map(_covers, declared, observed))
    if isinstance(declared, bool) or observed is None:
        return declared == observed
    left, right = str(declared).strip(), str(observed).strip()
    return left.upper() == right.upper() if key in _CASE_INSENSITIVE_KEYS else left == right
