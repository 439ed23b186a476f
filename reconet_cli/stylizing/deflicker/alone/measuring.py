"""How light and color change from one frame to the next, along the motion, with what moves left out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.alone.grid import Grid
from reconet_cli.stylizing.deflicker.carrying import sample
from reconet_cli.stylizing.deflicker.following import coordinates
from reconet_cli.stylizing.deflicker.motion import Motion

# Values are compared as log(value + DARK), of 255: noise in the dark is no change of light.
DARK = 8.0
_CLIPPED = 250  # of 255: from here on a value may have been anything brighter
_AROUND = (13, 13)  # px over which patterns are brought to the same brightness and contrast
_FAINT = 5.0  # levels: contrast below this is noise
_SPREAD = 40.0
_BLANK = 3.0  # levels of curvature that a place has at least where it can be followed
_NEIGHBORHOOD = (41, 41)  # px
_MISFIT = 0.6  # of a pattern's own contrast: more is another thing
_BLOCK = 16  # px: the side of the places whose grain is compared
_CUT = 0.8  # share of the pattern that motion leaves unexplained


@dataclass(frozen=True)
class Change:
    """From one frame to the next.

    `values` float16 `(count, 3)` are natural logarithms as `Grid` has them; `unlike` is the share of the texture that
    motion does not explain; `grain` is the standard deviation of what else is new in each frame, in levels of 255.
    """

    values: np.ndarray
    unlike: float
    grain: float

    @property
    def cut(self) -> bool:
        """True where another scene begins."""
        return self.unlike > _CUT


class Meter:
    """Measures the changes of a clip; call it with each small frame, in order."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._motion = Motion()
        self._places = coordinates((grid.size[1], grid.size[0]))
        self._left: np.ndarray | None = None
        self._before: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    def __call__(self, frame: np.ndarray) -> Change | None:
        """The change from the frame before to this one, RGB uint8 `(h, w, 3)`; None for the first."""
        luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        pattern, trust = evened(luma), textured(luma)
        before, self._before = self._before, (frame, pattern, luma)
        if before is None:
            return None
        frame_before, pattern_before, luma_before = before
        ends = self._places + guided(self._motion(pattern, pattern_before), trust)
        gap = cv2.absdiff(pattern, sample(pattern_before, ends))
        unlike = float((gap * trust).sum() / ((np.abs(pattern - np.float32(128)) + 1) * trust).sum())
        # A soft frame keeps half a pixel of motion from looking like a change of light.
        now, then = (cv2.blur(each, (3, 3)) for each in (frame, sample(frame_before, ends)))
        change = np.log((now + np.float32(DARK)) / (then + np.float32(DARK)))
        clipped = np.maximum(frame, then).max(2) >= _CLIPPED
        # A blank place has no pattern to compare, and needs none: it has the same color wherever it comes from.
        values = self._grid.measured(change, self._like(gap * trust, ends), clipped).astype(np.float16)
        light = cv2.resize(self._grid.composed(values).mean(2), self._grid.size, interpolation=cv2.INTER_LINEAR)
        expected = (sample(luma_before, ends) + DARK) * np.exp(light) - DARK
        left = luma - expected
        left -= cv2.blur(left, _AROUND)
        left_before, self._left = self._left, left
        return Change(values, unlike, 0.0 if left_before is None else grain(left, sample(left_before, ends)))

    def _like(self, gap: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Pixels that show the same thing in both frames, `(h, w)` bool."""
        width, height = self._grid.size
        x, y = cv2.split(ends)
        inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
        like: np.ndarray = inside & (cv2.blur(gap, (5, 5)) < _MISFIT * _SPREAD)
        return like


def evened(luma: np.ndarray) -> np.ndarray:
    """uint8 `(h, w)` with the same brightness and contrast everywhere, so that flow sees no change of light; uint8."""
    pattern = luma.astype(np.float32)
    # Twice: once would leave enough of a band of light for flow to follow it.
    for _ in range(2):
        pattern -= cv2.blur(pattern, _AROUND)
    contrast = np.sqrt(np.maximum(cv2.blur(pattern * pattern, _AROUND), 0)) + _FAINT
    return cv2.convertScaleAbs(np.clip(128 + _SPREAD * pattern / contrast, 0, 255))


def textured(luma: np.ndarray) -> np.ndarray:
    """How far each place has what can be followed, `(h, w)` in (0, 1]."""
    texture = cv2.blur(np.abs(cv2.Laplacian(cv2.blur(luma, (3, 3)), cv2.CV_32F)), (5, 5))
    trust: np.ndarray = texture**4 / (texture**4 + _BLANK**4) + 1e-6
    return trust


def guided(flow: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Flow `(h, w, 2)` that comes from the neighborhood where `trust` in its own is low, `(h, w)` in [0, 1].

    On a blank wall, flow would follow a band of light.
    """
    trust = trust[..., None]
    everywhere = (flow * trust).mean((0, 1)) / (trust.mean() + 1e-6)
    around = cv2.blur(trust[..., 0], _NEIGHBORHOOD)[..., None] + 0.1
    filled = (cv2.blur(flow * trust, _NEIGHBORHOOD) + 0.1 * everywhere) / around
    result: np.ndarray = filled + trust * (flow - filled)
    return result


def grain(now: np.ndarray, before: np.ndarray) -> float:
    """The standard deviation of what is new in each frame, by two differences between neighbors, float32 `(h, w)`.

    What comes with a frame goes with the next one, so the product of the differences is minus its power. That of what
    motion leaves, because it was not followed well, is not: it goes on.
    """
    height, width = now.shape
    power = cv2.resize(now * before, (width // _BLOCK, height // _BLOCK), interpolation=cv2.INTER_AREA)
    return float(np.sqrt(max(0, -np.median(power))))
