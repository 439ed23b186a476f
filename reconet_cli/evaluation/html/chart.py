"""Curves as SVG: a line a clip, over the frames' index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# In units of the picture's own coordinates; the page scales it.
_WIDTH, _HEIGHT = 760, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 10, 10, 34
_INTERVALS = 4
_STEPS = (1, 2, 2.5, 5, 10)
# More points than the picture has columns cannot be told apart.
_MOST_POINTS = 1400

# Index and value; a line is broken where indices are more than `Chart.stride` apart.
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Line:
    """A named curve; `color` counts the page's colors, None is the quiet one of the original."""

    name: str
    points: Points
    color: int | None

    @property
    def kind(self) -> str:
        """The class that the page gives its color by."""
        return "quiet" if self.color is None else f"c{self.color}"


@dataclass(frozen=True)
class Chart:
    """Curves over one axis from 0 to `last`, or to the last point; `stride` is the usual distance of two points."""

    title: str
    lines: list[Line]
    stride: int = 1
    last: int = 0

    def svg(self) -> str:
        """The picture, with its axes and without a legend."""
        last = max([1, self.last, *(index for line in self.lines for index, _ in line.points)])
        highest = max((value for line in self.lines for _, value in line.points), default=0.0)
        step = nice_step(highest)
        top = step * max(1, math.ceil(highest / step - 1e-9))
        parts = [_horizontal(step * number, top, step) for number in range(round(top / step) + 1)]
        parts += _vertical(last)
        parts += [_curve(line, last, top, self.stride) for line in self.lines if line.points]
        label = escape(f"{self.title}: {', '.join(line.name for line in self.lines)}", quote=True)
        return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def nice_step(highest: float) -> float:
    """The distance of grid lines for values from 0 to `highest`: 1, 2, 2.5 or 5 times a power of ten."""
    rough = max(highest, 1e-9) / _INTERVALS
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(step for step in _STEPS if step * power >= rough * (1 - 1e-9))


def _x(index: float, last: int) -> float:
    return _LEFT + index / last * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)


def _horizontal(value: float, top: float, step: float) -> str:
    y = _y(value, top)
    text = f"{value:.{max(0, 1 - math.floor(math.log10(step)))}f}" if value else "0"
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _vertical(last: int) -> list[str]:
    step = max(1, round(nice_step(last)))
    return [
        f'<text x="{_x(index, last):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{index}</text>'
        for index in range(0, last + 1, step)
    ]


def _curve(line: Line, last: int, top: float, stride: int) -> str:
    run = max(1, math.ceil(2 * len(line.points) / _MOST_POINTS))
    path = "".join(_piece(thin(piece, run), last, top) for piece in _pieces(line.points, 2 * stride))
    return f'<path class="{line.kind}" d="{path}"><title>{escape(line.name)}</title></path>'


def _pieces(points: Points, reach: int) -> list[list[tuple[int, float]]]:
    """Points in pieces, within which indices are at most `reach` apart."""
    pieces: list[list[tuple[int, float]]] = []
    before = -math.inf
    for point in points:
        if point[0] - before > reach:
            pieces.append([])
        pieces[-1].append(point)
        before = point[0]
    return pieces


def _piece(points: Points, last: int, top: float) -> str:
    places = [f"{_x(index, last):.1f} {_y(value, top):.1f}" for index, value in points]
    # A lonely point becomes a line to itself, which round ends make visible.
    return f"M{'L'.join(places if len(places) > 1 else places * 2)}"


def thin(points: Points, run: int) -> list[tuple[int, float]]:
    """Of each `run` of neighbors the lowest and the highest, in their order."""
    kept: list[tuple[int, float]] = []
    for start in range(0, len(points), run):
        part = points[start : start + run]
        kept += sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
    return kept
