"""The stage that decides how a painting is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reconet_cli.stylizing.effects.blend import blend, blend_by_mask, side_by_side, split, with_colours_of
from reconet_cli.stylizing.effects.masks import Mask
from reconet_cli.stylizing.effects.settings import Effects
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.ffmpeg.pixels import Frame


class EffectsStage(Stage):
    """The source's colors, strength and mask, comparison, in this order."""

    def __init__(self, effects: Effects, mask: Mask | None = None) -> None:
        self._effects = effects
        self._mask = mask

    def prepare(self, source: Frame) -> np.ndarray | None:
        """Fetch the mask's next frame."""
        return self._mask.fetch(source) if self._mask else None

    def apply(self, source: Frame, painted: Frame, prepared: np.ndarray | None) -> Frame:
        """Show a painting; side by side with its source it is twice as wide."""
        effects, before, pixels = self._effects, source.pixels, painted.pixels
        if effects.keep_color:
            pixels = with_colours_of(before, pixels)
        if self._mask:
            share = self._mask.share(source, prepared)
            pixels = blend_by_mask(before, pixels, share * np.float32(effects.strength))
        elif effects.strength < 1:
            pixels = blend(before, pixels, effects.strength)
        if effects.compare == "split":
            pixels = split(before, pixels)
        if effects.compare == "side":
            return side_by_side(source, replace(source, pixels=pixels))
        return replace(source, pixels=pixels)
