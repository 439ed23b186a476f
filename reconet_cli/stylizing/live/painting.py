"""Styles that take turns: the next one is loaded while the last one is still painting."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from reconet_cli.engines.kinds import Engine
from reconet_cli.engines.loaded_style import LoadedStyle
from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.video.ffmpeg.pixels import Frame


class Painting:
    """Paints frames of one size (width, height) with any of its `styles`; `keep_color` as in `Effects`."""

    def __init__(self, styles: Sequence[LoadedStyle], size: tuple[int, int], *, keep_color: bool = False) -> None:
        self._styles = styles
        self._size = size
        self._keep_color = keep_color
        self._engines: dict[int, Future[Engine]] = {}
        self._seen: Engine | None = None
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")

    def ready(self, style: int) -> bool:
        """True where a style, by its number, can paint at once; otherwise it is being loaded from here on.

        Raises what is wrong with it.
        """
        if style not in self._engines:
            self._engines[style] = self._loader.submit(self._load, style)
        return self._engines[style].done() and self._engines[style].result() is not None

    def wait(self, style: int) -> None:
        """Wait until a style can paint. Raises what is wrong with it."""
        self.ready(style)
        self._engines[style].result()

    def __call__(self, source: Frame, style: int, strength: float) -> Frame:
        """Paint a uint8 frame: with the last style that painted, until another one is ready."""
        if self.ready(style):
            self._seen = self._engines[style].result()
        if self._seen is None or strength <= 0:
            return source
        effects = EffectsStage(Effects(strength, self._keep_color))
        return effects.apply(source, replace(source, pixels=self._seen(source.pixels)), None)

    def close(self) -> None:
        """Load nothing more."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _load(self, style: int) -> Engine:
        width, height = self._size
        return self._styles[style].engine(height, width)


def eight_bits(frame: Frame) -> Frame:
    """An opaque frame in uint8."""
    pixels = frame.pixels if frame.pixels.dtype == np.uint8 else (frame.pixels >> 8).astype(np.uint8)
    return replace(frame, pixels=pixels, alpha=None)
