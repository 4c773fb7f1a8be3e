"""Code fences as models write them, made into the fences of CommonMark (spec 0.31, section 4.5).

Models write three things that CommonMark reads otherwise, with words lost: text on the opening line that is no language
(there it is an info string), text after the closing fence (there the block goes on), and a fence at the end of a line.
"""

import re

_FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
#: Info strings that name a language; anything else on an opening line is content.
_LANGUAGES = frozenset(
    {
        "bash", "c", "cpp", "cs", "csharp", "css", "csv", "diff", "dockerfile", "go", "html", "http", "ini",
        "java", "javascript", "js", "json", "kotlin", "latex", "lua", "makefile", "markdown", "md", "php",
        "plain", "plaintext", "powershell", "properties", "python", "py", "ruby", "rust", "sh", "shell",
        "sql", "swift", "text", "toml", "ts", "txt", "typescript", "xml", "yaml", "yml",
    }
)  # fmt: skip


def normalised(lines: list[str]) -> list[str]:
    """Return the lines with each fence on a line of its own, at most a language behind it, and each block closed."""
    done: list[str] = []
    closing: str | None = None  # the fence that ends the block we are in
    waiting = [*reversed(lines)]
    while waiting:
        line = waiting.pop()
        closing = _outside(line, done, waiting) if closing is None else _inside(line, closing, done, waiting)
    return done if closing is None else [*done, closing]


def _outside(line: str, done: list[str], waiting: list[str]) -> str | None:
    opening = _FENCE.match(line)
    if opening is None or (opening["fence"][0] == "`" and "`" in opening["info"]):  # that is code within a line
        done.append(line)
        return None
    fence, info = opening["indent"] + opening["fence"], opening["info"].strip()
    if info and not is_language(info):
        waiting.append(opening["indent"] + info)
        info = ""
    done.append(fence + info)
    return fence


def _inside(line: str, closing: str, done: list[str], waiting: list[str]) -> str | None:
    fence = closing.strip()
    indent = closing.removesuffix(fence)
    before, found, after = line.partition(fence)
    if not found:
        done.append(line)
        return closing
    after = after.lstrip(fence[0])
    if before.strip():
        done.append(before.rstrip())
    done.append(closing)
    if is_language(after.strip()) and not before.strip():  # the next block, where this one was never closed
        waiting.append(closing + after.strip())
    elif after.strip():
        waiting.append(indent + after.strip())
    return None


def is_language(info: str) -> bool:
    """Return whether the text behind an opening fence names a language."""
    return info.strip().lower() in _LANGUAGES
