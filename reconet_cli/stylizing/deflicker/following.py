"""What becomes of the things in sight, from each source frame to the next."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.deflicker.carrying import fitting, sample, stretch, texture
from reconet_cli.stylizing.deflicker.motion import ContinuedMotion, half_luma
from reconet_cli.stylizing.deflicker.renewing import renewed, scattered

# Another scene has begun where motion leaves more than this share of the texture unexplained (clips: up to 0.35, one
# with 70 px a frame 0.8; cuts: from 0.96), or where less than this share of the picture fits.
_UNEXPLAINED = 0.7
_FITTING = 0.3
_FEATHER = (7, 7)
_LARGEST = 16383  # px a side: OpenCV samples pictures of less than 32768, and they are doubled


@dataclass(frozen=True)
class Seen:
    """What of a clip is remembered to follow it on, at half the size (rounded up): `(h, w)` arrays, never written to.

    `luma` uint8; `flow` float32 `(h, w, 2)`, to the frame before, zero without one; `stretched` float32, how much the
    strokes shown there have been stretched; `ages` uint8, for how many frames they have been carried.
    """

    luma: np.ndarray
    flow: np.ndarray
    stretched: np.ndarray
    ages: np.ndarray


@dataclass(frozen=True)
class Change:
    """From one frame to the next, at half the size.

    `flow` current→previous `(h, w, 2)` in half-size pixels; `kept` `(h, w)` in [0, 1], how much of what was shown there
    may be shown again. Both float32.
    """

    flow: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Followed:
    """A frame: what is remembered of it, and what has become in it of the frame before. None: another scene."""

    seen: Seen
    change: Change | None


class Follower:
    """Follows a clip; call it with each source frame, in order. It never sees paintings."""

    def __init__(self) -> None:
        self._motion = ContinuedMotion()
        self._shape: tuple[int, ...] = ()
        self._grid = np.empty(0)
        self._seen: Seen | None = None

    def resume(self, shape: tuple[int, ...], seen: Seen) -> None:
        """Go on behind the frame, `(H, W, 3)`, of which this was remembered."""
        self._shape, self._seen = shape, seen

    def __call__(self, source: np.ndarray, number: int = 0) -> Followed:
        """Follow RGB `(H, W, 3)`, uint8 or uint16, the frame of some `number` of its clip.

        Raises `MediaError` for frames that are too large for OpenCV.
        """
        if source.shape != self._shape:
            self._begin(source.shape)
        now = half_luma(source)
        shape = now.shape
        if self._grid.shape[:2] != shape:
            self._grid = coordinates(shape)
        followed = self._follow(now, self._seen) if self._seen else None
        if followed is None:
            still, stretched = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
            followed = Followed(Seen(now, still, stretched, scattered(shape, number)), None)
        self._seen = followed.seen
        return followed

    def _begin(self, shape: tuple[int, ...]) -> None:
        height, width = shape[:2]
        if max(height, width) > _LARGEST:
            raise MediaError(
                f"frames of {width}x{height} cannot be steadied", f"paint at most {_LARGEST} pixels a side"
            )
        self._shape, self._seen = shape, None

    def _follow(self, now: np.ndarray, before: Seen) -> Followed | None:
        flow = self._motion(now, before.luma, before.flow)
        ends = cv2.add(self._grid, flow)
        carried = sample(before.luma, ends)
        stretched = cv2.add(sample(before.stretched, ends), stretch(flow))
        fit = fitting(stretched, ends, now, carried)
        if fit.mean() < _FITTING or _unexplained(now, carried) > _UNEXPLAINED:
            return None
        ages, kept = renewed(before.ages, ends, _inner(fit))
        # What another frame has replaced is as good as new.
        return Followed(Seen(now, flow, stretched * kept, ages), Change(flow, kept))


def coordinates(shape: tuple[int, ...]) -> np.ndarray:
    """Each pixel's own (x, y), float32 `(H, W, 2)`."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.dstack([x, y])


def _inner(fit: np.ndarray) -> np.ndarray:
    """Without its edge: a stroke reaches beyond what it was painted for."""
    inner: np.ndarray = np.maximum(1.5 * cv2.blur(fit, _FEATHER) - 0.5, 0)
    return inner


def _unexplained(luma: np.ndarray, carried: np.ndarray) -> float:
    """The texture that is left of a frame without the one before, as a share of the frame's own."""
    left = texture(cv2.subtract(luma, carried, dtype=cv2.CV_16S))
    return float(left.mean() / (texture(luma).mean() + 1))
