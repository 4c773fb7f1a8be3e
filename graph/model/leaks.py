"""Parts of a model's text that are not for the customer: its reasoning, and tool calls written as text.

The forms are those of models on servers without the matching parser (Qwen, DeepSeek, Mistral, Kimi, gpt-oss, Llama, …).
"""

from __future__ import annotations

import re
from collections.abc import Collection

_THINKING = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|inner_monologue)"
_MARKED = rf"(?:<\|?{{slash}}\s*{_THINKING}(?:\s[^<>]*)?\|?>|\[{{slash}}THINK\]|◁{{slash}}think▷)"
_OPENS = _MARKED.format(slash="")
_CLOSES = _MARKED.format(slash="/")
# gpt-oss writes on channels; without its parser the marks stay in the text, and the last channel is for the customer.
FINAL_CHANNEL = re.compile(r".*<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>", re.DOTALL)
OTHER_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b.*", re.DOTALL)
CHANNEL_MARK = re.compile(r"<\|(?:start|end|return|message|channel|im_end|eot_id|endoftext)\|>")
CLOSED = re.compile(rf"{_OPENS}(?:(?!{_OPENS}).)*?{_CLOSES}", re.DOTALL | re.IGNORECASE)
# Some templates open the reasoning themselves, so that the text begins inside it.
BEGUN_BEFORE = re.compile(rf"^.*{_CLOSES}", re.DOTALL | re.IGNORECASE)
NEVER_CLOSED = re.compile(rf"{_OPENS}.*", re.DOTALL | re.IGNORECASE)

CALL_MARKS = re.compile(
    r"</?\|?(?:tool_?calls?|function_?calls?|tool_use|invoke|python_tag|plugin|action)\b"
    r"|<(?:function|parameter)\s*=|\[TOOL_?CALLS?\]|<｜tool|```(?:tool_?(?:call|code|use)s?|function_?call)\b"
    r"|<\|channel\|>\s*commentary\s+to=",
    re.IGNORECASE,
)
# An object that names a tool and gives its arguments, in any notation, also if it is cut off.
NAMES_ONE = r"[\"'](?:name|tool|tool_name|function|function_name|action|recipient_name)[\"']\s*:\s*[\"'{]"
GIVES_ARGUMENTS = r"[\"'](?:arguments|args|parameters|params|input|tool_input|action_input)[\"']\s*:\s*[{\[\"']"
NAMED = re.compile(NAMES_ONE)
GIVEN = re.compile(GIVES_ARGUMENTS)
NAMESPACE = re.compile(r"\bfunctions\.\w+\s*[({:]")


def without_thoughts(text: str) -> str:
    """Return the text without the model's reasoning, also if a mark of its beginning or end is missing."""
    answer = OTHER_CHANNEL.sub("", FINAL_CHANNEL.sub("", text))
    before = None
    while before != answer:  # nested reasoning: the innermost first
        before, answer = answer, CLOSED.sub("", answer)
    answer = NEVER_CLOSED.sub("", BEGUN_BEFORE.sub("", answer))
    answer = CHANNEL_MARK.sub("", answer)
    return answer if answer == text else answer.strip()


def holds_call(text: str, tools: Collection[str]) -> bool:
    """Return whether a text holds a tool call; `tools`: the names of all tools."""
    if CALL_MARKS.search(text) or NAMESPACE.search(text) or (NAMED.search(text) and GIVEN.search(text)):
        return True
    names = "|".join(map(re.escape, sorted(tools)))
    called = rf"(?<![\w.])(?:{names})\s?(?:\(|:?\s*\{{)|{NAMES_ONE}(?:functions\.)?(?:{names})\b"
    return bool(names) and re.search(called, text) is not None
