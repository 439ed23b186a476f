"""The stage that paints, with one network or several whose pictures are blended, and the stages behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from reconet_cli.engines.kinds import Engine
from reconet_cli.stylizing.deflicker import Deflicker, DeflickerStage
from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.stylizing.effects.blend import blend, blend_by_mask
from reconet_cli.stylizing.effects.masks import Mask
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.ffmpeg.pixels import Frame


class Network(Stage):
    """Paints frames with one of its styles or a blend of two.

    Two styles are blended in their pictures, not in their weights: that is right for any two networks, and weights
    that were not trained from one another have nothing painterly between them. It costs both networks' time, but only
    while both are seen. `style_at(time)` is the number of the style at a time in seconds; 1.25 is three quarters of
    the second and one of the third.
    """

    def __init__(self, engines: Sequence[Engine], style_at: Callable[[Fraction], float] = lambda time: 0.0) -> None:
        self.concurrency = min(engine.concurrency for engine in engines)
        self._engines = engines
        self._style_at = style_at

    @property
    def settled(self) -> list[list[str]]:
        """What each network came to run on, and in which precision."""
        return [[engine.description, engine.precision] for engine in self._engines]

    def apply(self, source: Frame, painted: Frame, prepared: Any) -> Frame:
        """Paint a frame."""
        return replace(painted, pixels=self._paint(painted.pixels, self._style_at(source.time)))

    def _paint(self, pixels: np.ndarray, style: float) -> np.ndarray:
        share, first = math.modf(style)
        painted = self._engines[int(first)](pixels)
        return blend(painted, self._engines[int(first) + 1](pixels), share) if share > 0 else painted


class InParts(Network):
    """Paints with the first of two styles where a mask says so, and with the second everywhere else.

    Each network runs only where anything of it is seen.
    """

    def __init__(self, engines: Sequence[Engine], mask: Mask) -> None:
        super().__init__(engines)
        self._mask = mask

    def prepare(self, source: Frame) -> np.ndarray | None:
        """Fetch the mask's next frame."""
        return self._mask.fetch(source)

    def apply(self, source: Frame, painted: Frame, prepared: np.ndarray | None) -> Frame:
        """Paint a frame."""
        share = self._mask.share(source, prepared)
        if share.min() == 1 or share.max() == 0:
            return replace(painted, pixels=self._engines[int(share.max() == 0)](painted.pixels))
        first, second = (engine(painted.pixels) for engine in self._engines)
        return replace(painted, pixels=blend_by_mask(second, first, share))


def after_network(effects: Effects, mask: Mask | None = None) -> list[Stage]:
    """Deflicker, where it is asked for, and effects."""
    stages: list[Stage] = [DeflickerStage(Deflicker(effects.deflicker))] if effects.deflicker else []
    return [*stages, EffectsStage(effects, mask)]
