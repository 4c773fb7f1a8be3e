"""A plot of lines as SVG, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, TOP, RIGHT, BOTTOM = 50, 40, 190, 40  # margins; the names of the lines are at the right
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f")
STEPS = 5  # of each axis


@dataclass(frozen=True)
class Line:
    """A named line; both axes begin at zero."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def plot(title: str, lines: Sequence[Line]) -> str:
    """Return an SVG document with these lines, each with its name and its last value."""
    most_x, most_y = (max(max(values) for values in axis) for axis in ([n.x for n in lines], [n.y for n in lines]))
    body = [_text(LEFT, 22, title, size=15), *_axes(most_x, most_y)]
    for number, (line, colour) in enumerate(zip(lines, COLOURS, strict=False)):
        points = " ".join(f"{_x(x, most_x):.1f},{_y(y, most_y):.1f}" for x, y in zip(line.x, line.y, strict=True))
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body.append(_text(WIDTH - RIGHT + 10, TOP + 12 + 20 * number, f"{line.name}: {line.y[-1]:.1f}", fill=colour))
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([frame, '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>", ""])


def _axes(most_x: float, most_y: float) -> list[str]:
    made = []
    for step in range(STEPS + 1):
        x, y = most_x * step / STEPS, most_y * step / STEPS
        made.append(f'<path d="M{LEFT} {_y(y, most_y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        made.append(_text(LEFT - 8, _y(y, most_y) + 4, f"{y:.0f}", anchor="end"))
        made.append(_text(_x(x, most_x), HEIGHT - BOTTOM + 18, f"{x:.0f}", anchor="middle"))
    return made


def _x(value: float, most: float) -> float:
    return LEFT + value / most * (WIDTH - LEFT - RIGHT)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, *, anchor: str = "start", fill: str = "#333", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-size="{size}">{escape(text)}</text>'
    )
