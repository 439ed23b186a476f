"""Styles as functions from frames to frames, with a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from reconet_cli.engines import LoadedStyle
from reconet_cli.errors import EvaluationError
from reconet_cli.stylizing.deflicker import Deflicker


class Painter:
    """A style that paints RGB uint8 frames of any size, one after the other, and knows how many a second.

    Asked for the same frame again, it gives the same painting.
    """

    def __init__(self, style: LoadedStyle) -> None:
        self._style = style
        self._sizes: set[tuple[int, ...]] = set()
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._seconds = 0.0
        self._count = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint a frame."""
        if self._last is None or self._last[0] is not frame:
            if frame.shape not in self._sizes:
                self._sizes.add(frame.shape)
                self._style(frame)  # the first one is slow: it is no part of the rate
            self._last = frame, self._timed(lambda: self._style(frame))
        return self._last[1]

    def _timed(self, paint: Callable[[], np.ndarray]) -> np.ndarray:
        began = time.perf_counter()
        painted = paint()
        self._seconds += time.perf_counter() - began
        self._count += 1
        return painted

    @property
    def rate(self) -> float:
        """Frames a second, painted one after the other."""
        return self._count / self._seconds

    def restart(self) -> None:
        """The next frame is another clip's first."""


class DeflickeredPainter(Painter):
    """A style whose paintings are without flicker; `painter` paints them."""

    def __init__(self, painter: Painter, strength: float) -> None:
        super().__init__(painter._style)
        self._painter = painter
        self._strength = strength
        self.restart()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint the next frame and take out its flicker."""
        painted = self._painter(frame)
        return self._timed(lambda: self._deflicker(frame, painted))

    @property
    def rate(self) -> float:
        """Frames a second, painted and deflickered one after the other."""
        return 1 / (1 / self._painter.rate + self._seconds / self._count)

    def restart(self) -> None:
        """Begin anew with the next frame."""
        self._deflicker = Deflicker(self._strength)


def painters(styles: Mapping[str, LoadedStyle], deflicker: float) -> dict[str, Painter]:
    """A painter a style by its column's name, with `deflicker` followed by the same one without flicker."""
    found: dict[str, Painter] = {}
    for name, style in styles.items():
        painter = Painter(style)
        found[name] = painter
        if deflicker:
            found[f"{name} (deflicker)"] = DeflickeredPainter(painter, deflicker)
    return found


def column_names(clips: Sequence[str], styles: Sequence[str]) -> list[str]:
    """Short names for painted clips and styles, whole ones where short ones are not distinct."""
    whole = [*clips, *styles]
    short = [Path(name).name for name in clips]
    short += ["/".join(Path(name).parts[-2:]).removesuffix(".safetensors") for name in styles]
    names = [s if short.count(s) == 1 else w for s, w in zip(short, whole, strict=True)]
    if len(set(names)) < len(names):
        raise EvaluationError(f"{max(names, key=names.count)} is named twice", "name every clip and style once")
    return names
