"""Styles as functions from frames to frames, with a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from reconet_cli.engines import LoadedStyle
from reconet_cli.errors import EvaluationError
from reconet_cli.stylizing.deflicker import Deflicker


class Painter(Protocol):
    """Paints RGB uint8 frames, one after the other; `rate` is how many a second."""

    def __call__(self, frame: np.ndarray) -> np.ndarray: ...

    @property
    def rate(self) -> float: ...

    def restart(self) -> None:
        """The next frame is another clip's first."""


class StylePainter:
    """A style, for frames of any size. Asked for the same frame again, it gives the same painting."""

    def __init__(self, style: LoadedStyle) -> None:
        self._style = style
        self._sizes: set[tuple[int, ...]] = set()
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._seconds = 0.0
        self._count = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint a frame."""
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._paint(frame)
        return self._last[1]

    def _paint(self, frame: np.ndarray) -> np.ndarray:
        if frame.shape not in self._sizes:
            self._sizes.add(frame.shape)
            self._style(frame)  # the first one is slow: it is no part of the rate
        began = time.perf_counter()
        painted = self._style(frame)
        self._seconds += time.perf_counter() - began
        self._count += 1
        return painted

    @property
    def rate(self) -> float:
        """Frames a second, painted one after the other."""
        return self._count / self._seconds

    def restart(self) -> None:
        """Every frame stands alone."""


class DeflickeredPainter:
    """A style whose paintings are without flicker."""

    def __init__(self, painter: StylePainter, strength: float) -> None:
        self._painter = painter
        self._strength = strength
        self._seconds = 0.0
        self._count = 0
        self.restart()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint the next frame and take out its flicker."""
        painted = self._painter(frame)
        began = time.perf_counter()
        still = self._deflicker(frame, painted)
        self._seconds += time.perf_counter() - began
        self._count += 1
        return still

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
        painter = StylePainter(style)
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
