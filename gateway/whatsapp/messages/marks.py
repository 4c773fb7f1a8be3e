"""Runs of formatted text, written with WhatsApp's marks where a phone reads them: *bold*, _italic_, ~strike~, `code`.

WhatsApp's rule: a mark opens after no letter or digit and before no space, closes the other way round, and neither
spans lines nor holds itself (faq.whatsapp.com/539178204879377, and tried on phones). Where a pair of marks would not
be read, it is left out: the words matter, the stars do not.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

BOLD, ITALIC, STRIKE, CODE = "*", "_", "~", "`"
_NESTING = (BOLD, ITALIC, STRIKE)


class Run(NamedTuple):
    """A piece of text, and the marks that hold for it; code takes no other mark's character for a mark."""

    text: str
    marks: frozenset[str] = frozenset()


def marked(runs: Sequence[Run]) -> str:
    """Return the runs as WhatsApp's text; marks end with each line and begin again in the next one."""
    return "\n".join(_nested(line, _NESTING, "", "") for line in _lines(runs))


def plain(runs: Sequence[Run]) -> str:
    """Return the text of the runs without marks."""
    return "".join(run.text for run in runs)


def _lines(runs: Sequence[Run]) -> Iterator[list[Run]]:
    line: list[Run] = []
    for run in runs:
        first, *others = run.text.split("\n")
        line.append(Run(first, run.marks))
        for other in others:
            yield line
            line = [Run(other, run.marks)]
    yield line


def _nested(runs: Sequence[Run], nesting: Sequence[str], before: str, after: str) -> str:
    """Return runs of one line, between the characters before and after them."""
    runs = [run for run in runs if run.text]
    if not nesting:
        return _code(runs)
    mark, *inner = nesting
    groups = [(has, [*group]) for has, group in groupby(runs, lambda run: mark in run.marks)]
    written = ""
    for index, (has, group) in enumerate(groups):
        following = groups[index + 1][1][0].text[0] if index + 1 < len(groups) else after
        preceding = written[-1:] or before
        if has and _reads(mark, group, preceding, following):
            written += _around(mark, group, inner)
        else:
            written += _nested(group, inner, preceding, following)
    return written


def _reads(mark: str, group: Sequence[Run], before: str, after: str) -> bool:
    """Return whether a phone reads the mark around these runs."""
    text = plain(group)
    if not text.strip() or mark in text:
        return False
    outside_left = text[0] if text[0].isspace() else before
    outside_right = text[-1] if text[-1].isspace() else after
    return not outside_left.isalnum() and not outside_right.isalnum()


def _around(mark: str, group: Sequence[Run], inner: Sequence[str]) -> str:
    written = _nested(group, inner, mark, mark)
    words = written.strip()
    left, _, right = written.partition(words)
    return f"{left}{mark}{words}{mark}{right}"


def _code(runs: Sequence[Run]) -> str:
    # WhatsApp has no way to put a backtick into code.
    return "".join(
        f"{CODE}{run.text}{CODE}" if CODE in run.marks and CODE not in run.text else run.text for run in runs
    )
