"""The demo model's use of tools: arguments from their JSON schemas, words from their results."""

import json
import re
from dataclasses import dataclass

from simulator.json_type import Json
from simulator.model.text_helpers import plain, shorten

NUMBER = re.compile(r"(^|_)(id|number|numero|code)$")
SUBJECT_LENGTH = 60
URGENT = re.compile(r"\b(urgente?|urgencia|rapido|hoje ainda|dor|sangr\w+)\b")
LABELS = {"id": "Número", "order_id": "Pedido", "ticket_id": "Chamado", "status": "Situação", "tracking": "Rastreio"}


@dataclass(frozen=True)
class Call:
    """One tool call."""

    name: str
    arguments: Json


@dataclass(frozen=True)
class Tool:
    """A tool that the request offers."""

    name: str
    description: str
    parameters: Json

    @classmethod
    def of(cls, tool: Json) -> "Tool":
        """Return the tool as the request describes it."""
        function = tool["function"]
        return cls(function["name"], function.get("description") or "", function.get("parameters") or {})

    @property
    def required(self) -> list[str]:
        """The names of the required arguments."""
        return list(self.parameters.get("required", []))

    @property
    def takes_number(self) -> bool:
        """Whether a required argument is the number of an object."""
        return any(NUMBER.search(name.lower()) for name in self.required)

    def lookup(self, number: str) -> Call:
        """Return the call that looks up this number."""
        name = next((name for name in self.required if NUMBER.search(name.lower())), self.required[0])
        schema = self.parameters.get("properties", {}).get(name, {})
        return Call(self.name, {name: int(number) if schema.get("type") == "integer" else number})


def fill(schema: Json, text: str) -> Json:
    """Return arguments for a schema, made of the customer's text; optional ones keep their defaults."""
    properties = schema.get("properties", {})
    definitions = schema.get("$defs", {})
    wanted = [name for name in properties if name in schema.get("required", []) or "priorit" in name.lower()]
    return {name: _value(name, _resolved(properties[name], definitions), text) for name in wanted}


def result_text(result: str) -> str:
    """Return a tool's result in words: text as it is, JSON as lines of names and values."""
    try:
        value = json.loads(result)
    except ValueError:
        return result.strip()
    return _describe(value)


def _describe(value: object) -> str:
    match value:
        case dict():
            known = {name: item for name, item in value.items() if item is not None}
            return ". ".join(f"{LABELS.get(name, name)}: {_describe(item)}" for name, item in known.items())
        case list():
            return "\n".join(f"• {_describe(item)}" for item in value) or "Nada encontrado."
        case _:
            return str(value)


def _resolved(schema: Json, definitions: Json) -> Json:
    """Follow a reference and the first real choice of a union."""
    if "$ref" in schema:
        return _resolved(definitions.get(schema["$ref"].rsplit("/", 1)[-1], {}), definitions)
    union: list[Json] = schema.get("anyOf") or schema.get("allOf") or []
    choices = [choice for choice in union if choice.get("type") != "null"]
    return schema | _resolved(choices[0], definitions) if choices else schema


def _value(name: str, schema: Json, text: str) -> object:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _choice(schema, text)
    match schema.get("type", "string"):
        case "integer" | "number":
            numbers = re.findall(r"\d+", text)
            return int(numbers[0]) if numbers else schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [_value(name, schema["items"], text)] if schema.get("minItems") and "items" in schema else []
        case "object":
            return fill(schema, text)
        case _:
            short = re.search("subject|title|assunto|titulo|reason|motivo|name", name.lower())
            return shorten(text, min(schema.get("maxLength", 4000), SUBJECT_LENGTH if short else 4000))


def _choice(schema: Json, text: str) -> object:
    """Return one of the allowed values: the urgent one for a customer in a hurry, else the default or a middle one."""
    choices = schema["enum"]
    if URGENT.search(plain(text)):
        urgent = [c for word in ("urg", "high", "alta") for c in choices if word in str(c).lower()]
        return urgent[0] if urgent else choices[0]
    middle = next((c for c in choices if re.search("norm|med", str(c).lower())), choices[0])
    return schema.get("default", middle)
