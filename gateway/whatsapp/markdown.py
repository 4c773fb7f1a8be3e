"""Markdown, as models write it, in WhatsApp's formatting: *bold*, _italic_, ~strike~, `code`, lists and quotes.

What WhatsApp has no form for becomes text: a heading is a bold line, a link is its words and address, a table is a list
of rows. WhatsApp's own rules: faq.whatsapp.com/539178204879377. Apply once: a single *star* is italic in Markdown and
bold in WhatsApp.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from gateway.whatsapp.text import clean_text

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^\s{0,3}={2,}\s*$")  # dashes count as a rule: that is what models mean by them
_RULE = re.compile(r"^\s{0,3}([-*_])\s*(?:\1\s*){2,}$")
_BULLET = re.compile(r"^(\s*)[-*+]\s+(?=\S)")
_TASK = re.compile(r"^(\s*- )\[([ xX])\]\s+")
_TABLE_LINE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_CELL_END = re.compile(r"(?<!\\)\|")

_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!~|>])")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*<?((?:[^\s()<>]|\([^\s()<>]*\))+)>?(?:\s+[\"'(][^\"')]*[\"')])?\s*\)")
_ADDRESS = re.compile(r"<(https?://[^\s<>]+)>|(https?://[^\s<>*\0]*[^\s<>*\0_~.,;:!?)\]}\"'])", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_BOLD_ITALIC = re.compile(r"\*\*\*(?=[^\s*])(.+?)(?<=[^\s*])\*\*\*")
_BOLD = re.compile(r"\*\*(?=[^\s*])(.+?)(?<=\S)\*\*(?!\*)|(?<!\w)__(?=[^\s_])(.+?)(?<=[^\s_])__(?!\w)")
_ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])|(?<!\w)_(?=[^\s_])(.+?)(?<=[^\s_])_(?!\w)")
_STRIKE = re.compile(r"~~(?=[^\s~])(.+?)(?<=[^\s~])~~")
_KEPT = re.compile("\0(\\d+)\0")

_MARK = "\1"  # stands for a bold star until the italics are done


class _Marks(NamedTuple):
    """What goes around formatted text."""

    bold: str = "*"
    italic: str = "_"
    strike: str = "~"
    code: str = "`"


_WHATSAPP = _Marks()
_NONE = _Marks("", "", "", "")


def to_whatsapp(markdown: str) -> str:
    """Turn Markdown into WhatsApp's formatting; text without Markdown stays as it is."""
    lines = _tidy(markdown).split("\n")
    done: list[str] = []
    while lines:
        _block(lines, done)
    return "\n".join(done).strip("\n")


def to_plain(markdown: str) -> str:
    """Take inline Markdown off text that WhatsApp shows unformatted: titles, headers, footers."""
    return _inline(_tidy(markdown), _NONE)


def _tidy(markdown: str) -> str:
    # The control characters are used as marks below.
    return clean_text(markdown).replace(_MARK, "").replace("\r\n", "\n").replace("\r", "\n")


def _block(lines: list[str], done: list[str]) -> None:
    """Move the next block of lines to `done`, formatted."""
    if _FENCE.match(lines[0]):
        _code_block(lines, done)
    elif len(lines) > 1 and "|" in lines[0] and "|" in lines[1] and _TABLE_LINE.match(lines[1]):
        _table(lines, done)
    elif _RULE.match(lines[0]):
        _rule(lines, done)
    elif len(lines) > 1 and lines[0].strip() and _UNDERLINE.match(lines[1]):
        done.append(_heading(lines[0].strip()))
        del lines[:2]
    else:
        done.append(_line(lines.pop(0)))


def _rule(lines: list[str], done: list[str]) -> None:
    """Write a rule as one empty line, whatever empty lines are around it."""
    lines.pop(0)
    while lines and not lines[0].strip():
        lines.pop(0)
    if done and done[-1].strip():
        done.append("")


def _code_block(lines: list[str], done: list[str]) -> None:
    opening = lines.pop(0)
    fence = opening.strip()[:3]
    inside = []
    while lines and not lines[0].strip().startswith(fence):
        inside.append(lines.pop(0))
    if lines:
        lines.pop(0)
    done.append("\n".join(["```", *inside, "```"]))


def _table(lines: list[str], done: list[str]) -> None:
    """Write each row as `- header: cell; header: cell`."""
    header = [_inline(cell, _NONE) for cell in _cells(lines.pop(0))]
    lines.pop(0)
    rows = []
    while lines and "|" in lines[0] and lines[0].strip():
        rows.append([_inline(cell, _WHATSAPP) for cell in _cells(lines.pop(0))])
    if not rows:
        done.append(", ".join(header))
    for row in rows:
        named = zip([*header, *[""] * len(row)], row, strict=False)
        done.append("- " + "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell))


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    cells = _CELL_END.split(line)
    return [cell.strip() for cell in (cells[:-1] if line.endswith("|") and not cells[-1].strip() else cells)]


def _line(line: str) -> str:
    heading = _HEADING.match(line)
    if heading:
        return _heading(heading.group(1))
    line = _BULLET.sub(r"\1- ", line.rstrip())
    line = _TASK.sub(lambda m: m.group(1) + ("☐ " if m.group(2) == " " else "☑ "), line)
    return _inline(line, _WHATSAPP)


def _heading(text: str) -> str:
    text = _inline(text, _NONE).strip()
    return f"*{text}*" if text else ""


def _inline(text: str, marks: _Marks) -> str:
    """Format one line. Code, escaped characters and addresses are put aside first: nothing in them is Markdown."""
    kept: list[str] = []

    def keep(piece: str) -> str:
        kept.append(piece)
        return f"\0{len(kept) - 1}\0"

    text = _CODE.sub(lambda m: keep(_code(m.group(2), marks)), text)
    text = _ESCAPED.sub(lambda m: keep(m.group(1)), text)
    text = _LINK.sub(lambda m: _link(m.group(1), m.group(2), keep), text)
    text = _ADDRESS.sub(lambda m: keep(m.group(1) or m.group(2)), text)
    text = _emphasis(_BREAK.sub("\n", text), marks)
    while _KEPT.search(text):  # an address may hold an escaped character
        text = _KEPT.sub(lambda m: kept[int(m.group(1))], text)
    return text


def _code(inside: str, marks: _Marks) -> str:
    # WhatsApp has no way to put a backtick into code.
    return inside.strip() if "`" in inside else f"{marks.code}{inside}{marks.code}"


def _link(words: str, address: str, keep: Callable[[str], str]) -> str:
    shown = re.sub(r"^(mailto|tel):", "", address)
    if not words.strip() or words.strip() in (address, shown):
        return keep(shown)
    return f"{words} ({keep(shown)})"


def _emphasis(text: str, marks: _Marks) -> str:
    bold = _MARK if marks.bold else ""
    text = _BOLD_ITALIC.sub(rf"{bold}{marks.italic}\1{marks.italic}{bold}", text)
    text = _BOLD.sub(lambda m: f"{bold}{m.group(1) or m.group(2)}{bold}", text)
    text = _ITALIC.sub(lambda m: f"{marks.italic}{m.group(1) or m.group(2)}{marks.italic}", text)
    text = _STRIKE.sub(rf"{marks.strike}\1{marks.strike}", text)
    return text.replace(_MARK, "*")
