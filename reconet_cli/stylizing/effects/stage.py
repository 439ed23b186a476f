"""How a painting is shown: what a user asks for, and the stage that does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from reconet_cli.stylizing.effects.blend import blend, blend_by_mask, side_by_side, split, with_colors_of
from reconet_cli.stylizing.effects.curves import Curve, value_at
from reconet_cli.stylizing.effects.masks import PEOPLE, Mask
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.ffmpeg.pixels import Frame


@dataclass(frozen=True)
class Effects:
    """How a painted frame is shown.

    `strength` is the share of the painting in [0, 1], the rest is the source, or that share over time; `keep_color`
    takes luma from the painting and chroma from the source; `mask` names a picture, a clip, a color key, or what is
    found in the frames: `person`, `background`; `compare` puts source and result side by side or on either side of a
    line. `mix` is the share of the second of two styles in [0, 1]; `transition` is the number of the style that is seen
    over time, from 0 on, and 0.25 a blend of the first two. `deflicker` in [0, 1] is how much of the painting is
    carried along with the motion, before everything but the blend of styles.
    """

    strength: float | Curve = 1.0
    keep_color: bool = False
    mask: str | None = None
    compare: Literal["side", "split"] | None = None
    mix: float = 0.0
    transition: Curve | None = None
    deflicker: float = 0.0

    @property
    def mask_file(self) -> str | None:
        """The mask, where it is a file."""
        return None if self.mask is None or self.mask.startswith("#") or self.mask in PEOPLE else self.mask

    @property
    def in_parts(self) -> bool:
        """Whether a second style, where there is one, paints what the mask leaves out."""
        return self.mask in PEOPLE and not self.mix and self.transition is None

    @property
    def columns(self) -> int:
        """How many pictures stand side by side in a frame."""
        return 2 if self.compare == "side" else 1

    @property
    def moving(self) -> str:
        """What changes with time, empty where nothing does."""
        return "transition" if self.transition else "" if isinstance(self.strength, float | int) else "strength"

    def style_at(self, time: Fraction) -> float:
        """The number of the style in a frame shown at `time` (seconds), between two numbers a blend."""
        return self.mix if self.transition is None else value_at(self.transition, time)

    def strength_at(self, time: Fraction) -> float:
        """The share of the painting in a frame shown at `time` (seconds)."""
        return self.strength if isinstance(self.strength, float | int) else value_at(self.strength, time)


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
        strength = effects.strength_at(source.time)
        if effects.keep_color:
            pixels = with_colors_of(before, pixels)
        if self._mask:
            share = self._mask.share(source, prepared)
            pixels = blend_by_mask(before, pixels, share * np.float32(strength))
        elif strength < 1:
            pixels = blend(before, pixels, strength)
        if effects.compare == "split":
            pixels = split(before, pixels)
        if effects.compare == "side":
            return side_by_side(source, replace(source, pixels=pixels))
        return replace(source, pixels=pixels)
