"""WhatsApp's marks as HTML: *bold*, _italic_, ~strike~, `code`, blocks, lists, quotes, links. All else is text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

_TAGS = {"*": "strong", "_": "em", "~": "s"}
# A mark opens after no letter and before no space, and closes the other way round: snake_case and 2*3*4 stay.
_INLINE = re.compile(
    r"```(?P<block>.+?)```|`(?P<code>[^`\n]+)`"
    r"|(?P<url>https?://[^\s<>\"]{1,2000}[^\s<>\".,;:!?)\]}'*_~])"
    r"|(?<!\w)(?P<mark>[*_~])(?=\S)(?P<marked>(?:(?!(?P=mark))[^\n])*\S)(?P=mark)(?!\w)",
    re.DOTALL,
)
_BLOCK = re.compile(r"(```.+?```)", re.DOTALL)
_ITEM = re.compile(r"(?:[*-] |(?P<number>\d{1,3})\. |(?P<quote>> ?))(?P<rest>.*)")
_DEEPEST = 4


def formatted(text: str) -> Markup:
    """Return the text of a message as paragraphs, lists, quotes and blocks of code."""
    return Markup("").join(
        Markup("<pre><code>{}</code></pre>").format(part[3:-3].strip("\n"))
        if index % 2
        else Markup("").join(_blocks(part))
        for index, part in enumerate(_BLOCK.split(text))
    )


def flat(text: str) -> str:
    """Return the text on one line, for previews."""
    return " ".join(text.replace("```", "").split())


def _blocks(text: str) -> Iterator[Markup]:
    for kind, lines in groupby(text.strip("\n").split("\n"), _kind):
        yield _block(kind, list(lines))


def _kind(line: str) -> str:
    found = _ITEM.fullmatch(line)
    if found is None:
        return "text"
    return "quote" if found["quote"] else "ol" if found["number"] else "ul"


def _block(kind: str, lines: list[str]) -> Markup:
    if kind == "text":
        text = "\n".join(lines).strip("\n")
        return Markup("<p>{}</p>").format(_inline(text)) if text else Markup("")
    found = [match for line in lines if (match := _ITEM.fullmatch(line))]
    if kind == "quote":
        return Markup("<blockquote>{}</blockquote>").format(_inline("\n".join(match["rest"] for match in found)))
    items = Markup("").join(Markup("<li>{}</li>").format(_inline(match["rest"])) for match in found)
    if kind == "ol":
        return Markup('<ol start="{}">{}</ol>').format(found[0]["number"], items)
    return Markup("<ul>{}</ul>").format(items)


def _inline(text: str, depth: int = 0) -> Markup:
    pieces, end = [], 0
    for match in _INLINE.finditer(text) if depth < _DEEPEST else ():
        pieces += [escape(text[end : match.start()]), _node(match, depth)]
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])


def _node(match: re.Match[str], depth: int) -> Markup:
    if url := match["url"]:
        return Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(url)
    if mark := match["mark"]:
        return Markup("<{0}>{1}</{0}>").format(Markup(_TAGS[mark]), _inline(match["marked"], depth + 1))  # noqa: S704  # ours
    return Markup("<code>{}</code>").format(match["code"] or match["block"])
