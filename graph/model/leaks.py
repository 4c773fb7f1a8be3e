"""What may stand in a model's text and is not for the customer: its thoughts, and tool calls written as text.

Forms as models and servers without the matching parser give them (Qwen, DeepSeek, Mistral, Kimi, gpt-oss, Llama, …).
"""

from __future__ import annotations

import re
from collections.abc import Collection

_THINKING = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|inner_monologue)"
_MARKED = rf"(?:<\|?{{slash}}\s*{_THINKING}(?:\s[^<>]*)?\|?>|\[{{slash}}THINK\]|◁{{slash}}think▷)"
_OPENS = _MARKED.format(slash="")
_CLOSES = _MARKED.format(slash="/")
# gpt-oss speaks on channels; without its parser the marks stay in the text, and the last one is for the customer.
FINAL_CHANNEL = re.compile(r".*<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>", re.DOTALL)
OTHER_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b.*", re.DOTALL)
CHANNEL_MARK = re.compile(r"<\|(?:start|end|return|message|channel|im_end|eot_id|endoftext)\|>")
CLOSED = re.compile(rf"{_OPENS}(?:(?!{_OPENS}).)*?{_CLOSES}", re.DOTALL | re.IGNORECASE)
# Templates that open the thought themselves: the text begins inside it.
BEGUN_BEFORE = re.compile(rf"^.*{_CLOSES}", re.DOTALL | re.IGNORECASE)
NEVER_CLOSED = re.compile(rf"{_OPENS}.*", re.DOTALL | re.IGNORECASE)

CALL_MARKS = re.compile(
    r"</?\|?(?:tool_?calls?|function_?calls?|tool_use|invoke|python_tag|plugin|action)\b"
    r"|<(?:function|parameter)\s*=|\[TOOL_?CALLS?\]|<｜tool|```(?:tool_?(?:call|code|use)s?|function_?call)\b"
    r"|<\|channel\|>\s*commentary\s+to=",
    re.IGNORECASE,
)
# An object that names a tool and gives its arguments, in any notation and also where it is cut off.
NAMES_ONE = r"[\"'](?:name|tool|tool_name|function|function_name|action|recipient_name)[\"']\s*:\s*[\"'{]"
GIVES_ARGUMENTS = r"[\"'](?:arguments|args|parameters|params|input|tool_input|action_input)[\"']\s*:\s*[{\[\"']"
NAMED = re.compile(NAMES_ONE)
GIVEN = re.compile(GIVES_ARGUMENTS)
NAMESPACE = re.compile(r"\bfunctions\.\w+\s*[({:]")


def without_thoughts(text: str) -> str:
    """The text without what the model thought, also where a mark of its beginning or end is missing."""
    heard = OTHER_CHANNEL.sub("", FINAL_CHANNEL.sub("", text))
    before = None
    while before != heard:  # thoughts within thoughts: the innermost first
        before, heard = heard, CLOSED.sub("", heard)
    heard = NEVER_CLOSED.sub("", BEGUN_BEFORE.sub("", heard))
    heard = CHANNEL_MARK.sub("", heard)
    return heard if heard == text else heard.strip()


def holds_call(text: str, tools: Collection[str]) -> bool:
    """Whether a text holds a tool call; ``tools``: the names of those that there are."""
    if CALL_MARKS.search(text) or NAMESPACE.search(text) or (NAMED.search(text) and GIVEN.search(text)):
        return True
    names = "|".join(map(re.escape, sorted(tools)))
    called = rf"(?<![\w.])(?:{names})\s?(?:\(|:?\s*\{{)|{NAMES_ONE}(?:functions\.)?(?:{names})\b"
    return bool(names) and re.search(called, text) is not None
