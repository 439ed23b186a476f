"""Styles as functions from frames to frames, with a stopwatch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reconet_cli import console
from reconet_cli.errors import EvaluationError


class Painter(Protocol):
    """Paints RGB uint8 frames, one after the other; `rate` is how many a second."""

    def __call__(self, frame: np.ndarray) -> np.ndarray: ...

    @property
    def rate(self) -> float: ...

    def restart(self) -> None:
        """The next frame is another clip's first."""


class StylePainter:
    """A style, for frames of any size. Asked for the same frame again, it gives the same painting."""

    def __init__(self, style: str, options: dict[str, Any]) -> None:
        self._style = style
        self._network = {name: options[name] for name in ("variant", "device", "precision")}
        self._backend = options["engine"]
        self._engines: dict[tuple[int, int], Any] = {}
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        self._seconds = 0.0
        self._count = 0

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint a frame."""
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._paint(frame)
        return self._last[1]

    def _paint(self, frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        if (height, width) not in self._engines:
            from reconet_cli.engine import load_engine

            engine = load_engine(self._style, height=height, width=width, backend=self._backend, **self._network)
            if not self._engines:
                console.note(engine.description)
            self._engines[height, width] = engine
            engine(frame)  # the first one is slow: it is no part of the rate
        began = time.perf_counter()
        painted: np.ndarray = self._engines[height, width](frame)
        self._seconds += time.perf_counter() - began
        self._count += 1
        return painted

    @property
    def rate(self) -> float:
        """Frames a second, painted one after the other."""
        return self._count / self._seconds

    def restart(self) -> None:
        """Every frame stands alone."""


class SteadyPainter:
    """A style whose paintings are made steady."""

    def __init__(self, painter: StylePainter, strength: float) -> None:
        self._painter = painter
        self._strength = strength
        self._seconds = 0.0
        self._count = 0
        self.restart()

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint and steady the next frame."""
        painted = self._painter(frame)
        began = time.perf_counter()
        steady = self._stabilizer(frame, painted)
        self._seconds += time.perf_counter() - began
        self._count += 1
        return steady

    @property
    def rate(self) -> float:
        """Frames a second, painted and steadied one after the other."""
        return 1 / (1 / self._painter.rate + self._seconds / self._count)

    def restart(self) -> None:
        """Begin anew with the next frame."""
        from reconet_cli.stabilizing import Stabilizer

        self._stabilizer = Stabilizer(self._strength)


def painters(names: Sequence[str], styles: Sequence[str], options: dict[str, Any]) -> dict[str, Painter]:
    """A painter a style by its column's name, with `--stabilize` followed by the same one made steady."""
    found: dict[str, Painter] = {}
    for name, style in zip(names, styles, strict=True):
        painter = StylePainter(style, options)
        found[name] = painter
        if options["stabilize"]:
            found[f"{name} (steady)"] = SteadyPainter(painter, options["stabilize"])
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
