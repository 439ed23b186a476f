"""How a film is cut for a cluster: by times that are known before anything is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

# Workers get at least so many segments each, so that none waits long for the last one, of so many frames at least.
_SEGMENTS_A_WORKER = 4
_SHORTEST = 50


@dataclass(frozen=True)
class Span:
    """The frames shown from `start` on and before `end` (seconds on the output's clock; None: first, last).

    Reading begins at `warm`, where there is anything before: at the frame in front of `start`, which says whether two
    segments fit together, or earlier, where deflicker needs a history.
    """

    number: int
    start: Fraction | None
    end: Fraction | None
    warm: Fraction | None

    @property
    def name(self) -> str:
        """The segment as people are told of it."""
        return f"segment {self.number + 1}"


def segment_length(total: int, workers: int, longest: int) -> int:
    """The number of frames in a segment: `longest` unless there would be too few segments for all workers."""
    return max(_SHORTEST, min(longest, math.ceil(total / (_SEGMENTS_A_WORKER * workers))))


def cut(first: Fraction, rate: Fraction, total: int, length: int, warm_up: int, after: Fraction | None) -> list[Span]:
    """Segments of `length` frames each, for `total` frames at a nominal `rate` whose first one is shown at `first`.

    Segments are bounded half way between frames. Where `after` is given, everything up to that frame is done already.
    """
    if after is None:
        begin, left = first - Fraction(1, 2) / rate, total
    else:
        begin = after + Fraction(1, 2) / rate
        left = total - round((after - first) * rate) - 1
    bounds = [begin + number * length / rate for number in range(max(1, math.ceil(left / length)))]
    starts = [None if after is None else bounds[0], *bounds[1:]]
    return [
        Span(number, start, end, None if start is None else start - warm_up / rate)
        for number, (start, end) in enumerate(zip(starts, [*bounds[1:], None], strict=True))
    ]
