"""Frames of several clips side by side, paired by their index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from reconet_cli.errors import EvaluationError

ORIGINAL = "the original"
_FEWEST = 2


def together(
    source: Iterable[np.ndarray], painted: Mapping[str, Iterable[np.ndarray]]
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Each source frame with the painted clips' frames of the same index.

    Raises `EvaluationError` at the end where the numbers of frames differ or are below two.
    """
    names = [ORIGINAL, *painted]
    clips = [iter(clip) for clip in (source, *painted.values())]
    count = 0
    while True:
        frames = [next(clip, None) for clip in clips]
        there = [frame for frame in frames if frame is not None]
        if len(there) < len(frames):
            break
        yield there[0], there[1:]
        count += 1
    rests = (frame is not None and 1 + sum(1 for _ in clip) for frame, clip in zip(frames, clips, strict=True))
    check_lengths({name: count + rest for name, rest in zip(names, rests, strict=True)})


def check_lengths(counts: Mapping[str, int]) -> None:
    """Raise `EvaluationError` unless all numbers of frames, by the clips' names, are the same and two or more."""
    fewest = min(counts.values())
    if fewest < max(counts.values()):
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise EvaluationError(
            f"the clips differ in their number of frames: {listed}",
            f"frames are paired by their index; --frames {fewest} measures the common beginning",
        )
    if fewest < _FEWEST:
        raise EvaluationError(
            f"there {'is a single frame' if fewest else 'are no frames'}", "flicker needs two or more"
        )
