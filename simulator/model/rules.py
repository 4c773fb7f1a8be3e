"""The requests for chat completions that OpenAI refuses, in its words and error format.

Source: OpenAI API reference, "Create chat completion" and "Error codes"; messages as its server gives them.
"""

import re
from typing import Any, NoReturn

from simulator.json_type import Json

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
FUNCTION_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
TOOLS_LIMIT = 128
PARTS = ("text", "image_url", "input_audio", "file", "refusal")


class ChatError(Exception):
    """A refused request."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    def body(self) -> Json:
        """Return the error in OpenAI's format."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        kind = {401: "authentication_error", 429: "requests"}.get(self.status, kind)
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def check(body: object) -> None:
    """Raise ChatError for a request that OpenAI would refuse."""
    if not isinstance(body, dict):
        raise ChatError(400, "We could not parse the JSON body of your request. The API expects a JSON payload.")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise ChatError(400, "you must provide a model parameter")
    _check_tools(body)
    messages = body.get("messages")
    if not isinstance(messages, list):
        _refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not messages:
        _refuse("Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages", "empty_array")
    for index, message in enumerate(messages):
        _check_message(index, message)
    _check_pairs(messages)


def _check_tools(body: Json) -> None:
    tools = body.get("tools")
    if tools is None:
        if body.get("tool_choice") not in {None, "none"}:
            _refuse("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
        return
    if not isinstance(tools, list) or not 1 <= len(tools) <= TOOLS_LIMIT:
        _refuse(f"Invalid 'tools': expected an array of 1 to {TOOLS_LIMIT} items.", "tools")
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict):
            _refuse(f"Missing required parameter: 'tools[{index}].function'.", f"tools[{index}].function")
        if not FUNCTION_NAME.match(str(function.get("name", ""))):
            where = f"tools[{index}].function.name"
            pattern = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            _refuse(f"Invalid '{where}': string does not match pattern. {pattern}", where, "invalid_value")
        if function.get("parameters", {}).get("type", "object") != "object":
            _refuse(f"Invalid schema for function '{function['name']}': schema must be type 'object'.", "tools")


def _check_message(index: int, message: object) -> None:
    where = f"messages[{index}]"
    if not isinstance(message, dict):
        _refuse(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
    role = message.get("role")
    if role not in ROLES:
        supported = ", ".join(f"'{name}'" for name in ROLES[:-1]) + f", and '{ROLES[-1]}'"
        _refuse(f"Invalid value: '{role}'. Supported values are: {supported}.", f"{where}.role", "invalid_value")
    content = message.get("content")
    if content is None and not (role == "assistant" and message.get("tool_calls")):
        _refuse(f"Invalid value for 'content': expected a string, got null. ({where})", f"{where}.content")
    if isinstance(content, list):
        _check_parts(where, content)
    elif content is not None and not isinstance(content, str):
        expected = "expected one of a string or array of objects"
        _refuse(f"Invalid type for '{where}.content': {expected}.", f"{where}.content", "invalid_type")
    if "tool_calls" in message:
        _check_calls(where, message["tool_calls"])


def _check_parts(where: str, content: list[Any]) -> None:
    for position, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in PARTS or kind not in part:
            param = f"{where}.content[{position}]"
            _refuse(f"Invalid value: '{kind}'. Supported values are: {', '.join(PARTS)}.", param, "invalid_value")


def _check_calls(where: str, calls: object) -> None:
    if not isinstance(calls, list) or not calls:
        param = f"{where}.tool_calls"
        _refuse(f"Invalid '{param}': empty array. Expected an array with minimum length 1.", param, "empty_array")
    for position, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if not isinstance(arguments, str) or not isinstance(call.get("id"), str):
            param = f"{where}.tool_calls[{position}]"
            _refuse(f"Invalid type for '{param}': id, function.name, function.arguments are strings.", param)


def _check_pairs(messages: list[Json]) -> None:
    """Check that every tool call is followed by its answer, and every answer follows its call. Raises ChatError."""
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                _refuse(f"Invalid parameter: {text}", f"messages.[{index}].role")
            waiting.remove(message["tool_call_id"])
            continue
        _refuse_unanswered(waiting, index)
        waiting = [call["id"] for call in message.get("tool_calls", [])]
    _refuse_unanswered(waiting, len(messages))


def _refuse_unanswered(waiting: list[str], index: int) -> None:
    if waiting:
        text = "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
        text += "'tool_call_id'. The following tool_call_ids did not have response messages: " + ", ".join(waiting)
        _refuse(text, f"messages.[{index}].role")


def _refuse(message: str, param: str | None = None, code: str | None = None) -> NoReturn:
    raise ChatError(400, message, param, code)
