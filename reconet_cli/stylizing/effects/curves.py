"""Values that change with a frame's time: straight lines between points."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from reconet_cli.errors import StyleError

# Seconds and the value that is reached then, in the order of their times; before the first and after the last point
# the value stays.
Curve = tuple[tuple[Fraction, float], ...]
_Number = float | Fraction


def value_at(curve: Curve, time: Fraction) -> float:
    """The curve's value at a time in seconds. Of two points at one time the later one holds from there on."""
    if time < curve[0][0]:
        return curve[0][1]
    for (start, first), (end, second) in pairwise(curve):
        if start <= time < end:
            return first + (second - first) * float((time - start) / (end - start))
    return curve[-1][1]


def strength_of(strength: float | Sequence[tuple[_Number, float]]) -> float | Curve:
    """A strength as `Effects` have it. Raises StyleError."""
    return strength if isinstance(strength, float | int) else strength_curve(strength)


def transition_of(given: tuple[_Number, _Number] | Sequence[tuple[_Number, _Number]] | None) -> Curve | None:
    """A transition as `Effects` have it, from one span or several. Raises StyleError."""
    if given is None:
        return None
    spans = [given] if isinstance(given[0], float | int | Fraction) else given
    return transition_curve(spans)  # type: ignore[arg-type]


def strength_curve(points: Sequence[tuple[_Number, float]]) -> Curve:
    """The curve through points of a time in seconds and a strength. Raises StyleError."""
    curve = tuple((Fraction(time), float(value)) for time, value in points)
    if not curve or not all(0 <= value <= 1 for _, value in curve):
        raise StyleError("a strength is not between 0 and 1", "give times and strengths, such as 0:0.2,5:1")
    if any(first[0] > second[0] for first, second in pairwise(curve)):
        raise StyleError("the times of the strengths are not in order", "write the earliest first")
    return curve


def transition_curve(spans: Sequence[tuple[_Number, _Number]]) -> Curve:
    """The number of the style that is seen, from 0 on: in each span, seconds, the next one comes. Raises StyleError."""
    curve: list[tuple[Fraction, float]] = []
    for number, (start, end) in enumerate(spans):
        if start >= end:
            raise StyleError(f"a transition from {float(start):g} to {float(end):g} s ends before it begins")
        if curve and start < curve[-1][0]:
            raise StyleError(f"a transition at {float(start):g} s begins before the last one ends")
        curve += [(Fraction(start), float(number)), (Fraction(end), float(number + 1))]
    if not curve:
        raise StyleError("a transition without times", "say from when to when")
    return tuple(curve)
