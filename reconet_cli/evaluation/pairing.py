"""Frames of several clips side by side, paired by their index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from reconet_cli.errors import EvaluationError

_FEWEST = 2


def together(
    source: Iterable[np.ndarray], painted: Mapping[str, Iterable[np.ndarray]]
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Each source frame with the painted clips' frames of the same index.

    Raises `EvaluationError` at the end where the numbers of frames differ or are below two.
    """
    names = ["the original", *painted]
    clips = [iter(clip) for clip in (source, *painted.values())]
    count = 0
    while True:
        frames = [next(clip, None) for clip in clips]
        there = [frame for frame in frames if frame is not None]
        if len(there) < len(frames):
            break
        yield there[0], there[1:]
        count += 1
    if there:
        rests = (frame is not None and 1 + sum(1 for _ in clip) for frame, clip in zip(frames, clips, strict=True))
        raise _uneven({name: count + rest for name, rest in zip(names, rests, strict=True)})
    if count < _FEWEST:
        raise EvaluationError(f"there {'is a single frame' if count else 'are no frames'}", "flicker needs two or more")


def _uneven(counts: dict[str, int]) -> EvaluationError:
    listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
    return EvaluationError(
        f"the clips differ in their number of frames: {listed}",
        f"frames are paired by their index; --frames {min(counts.values())} measures the common beginning",
    )
