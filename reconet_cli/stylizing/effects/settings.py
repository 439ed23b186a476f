"""What a user asks for, apart from the style."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True)
class Effects:
    """How a painted frame is shown.

    `strength` is the share of the painting in [0, 1], the rest is the source; `keep_color` takes luma from the
    painting and chroma from the source; `mask` names a picture, a clip or a color key; `compare` puts source and
    result side by side or on either side of a line. `mix` is the share of the second of two styles in [0, 1];
    `transition` moves it from 0 to 1 between two times in seconds. `deflicker` in [0, 1] is how much of the painting is
    carried along with the motion, before everything but the blend of styles.
    """

    strength: float = 1.0
    keep_color: bool = False
    mask: str | None = None
    compare: Literal["side", "split"] | None = None
    mix: float = 0.0
    transition: tuple[Fraction, Fraction] | None = None
    deflicker: float = 0.0

    @property
    def mask_file(self) -> str | None:
        """The mask, where it is a file and no color key."""
        return None if self.mask is None or self.mask.startswith("#") else self.mask

    @property
    def columns(self) -> int:
        """How many pictures stand side by side in a frame."""
        return 2 if self.compare == "side" else 1

    def share(self, time: Fraction) -> float:
        """The share of the second style in a frame shown at `time` (seconds)."""
        if self.transition is None:
            return self.mix
        start, end = self.transition
        return float(min(max((time - start) / (end - start), Fraction(0)), Fraction(1)))
