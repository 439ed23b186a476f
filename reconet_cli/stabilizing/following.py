"""What becomes of the things in sight, from each source frame to the next."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.stabilizing.carrying import fitting, local_contrast, sample, stretch, texture
from reconet_cli.stabilizing.motion import Motion, half_luma

# So much of what is carried gives way in each frame to what has just been painted. It takes away what sampling the same
# strokes again and again would do to them.
_RENEWED = 0.08
# Another scene has begun where motion leaves more than this share of the texture unexplained (clips: up to 0.35, one
# with 70 px a frame 0.8; cuts: from 0.96), or where less than this share of the picture fits.
_UNEXPLAINED = 0.7
_FITTING = 0.3
_FEATHER = (5, 5)
_LARGEST = 16383  # px a side: OpenCV samples pictures of less than 32768, and they are doubled


@dataclass(frozen=True)
class Change:
    """From one frame to the next, for half the size (rounded up).

    `flow` current→previous `(h, w, 2)` in half-size pixels; `kept` `(h, w)` in [0, 1], how much of what was shown there
    may be shown again. Both float32.
    """

    flow: np.ndarray
    kept: np.ndarray


class Follower:
    """Follows a clip; call it with each source frame, in order. It never sees paintings."""

    def __init__(self) -> None:
        self._motion = Motion()
        self._shape: tuple[int, ...] = ()
        self._luma = self._grid = self._stretched = np.empty(0)

    def __call__(self, source: np.ndarray) -> Change | None:
        """What has become of the frame before in this one, RGB `(H, W, 3)`, uint8 or uint16; None: another scene.

        Raises `MediaError` for frames that are too large for OpenCV.
        """
        known = source.shape == self._shape
        if not known and max(source.shape) > _LARGEST:
            height, width = source.shape[:2]
            raise MediaError(
                f"frames of {width}x{height} cannot be steadied", f"paint at most {_LARGEST} pixels a side"
            )
        luma = half_luma(source)
        change = self._change(luma, self._luma) if known else None
        if not known:
            self._shape, self._grid = source.shape, coordinates(luma.shape)
        if change is None:
            self._stretched = np.zeros(luma.shape, np.float32)
        self._luma = luma
        return change

    def _change(self, luma: np.ndarray, before: np.ndarray) -> Change | None:
        flow = self._motion(luma, before)
        targets = cv2.add(self._grid, flow)
        carried = sample(before, targets)
        stretched = cv2.add(sample(self._stretched, targets), stretch(flow))
        fit = fitting(stretched, targets, luma, carried, local_contrast(luma))
        if fit.mean() < _FITTING or _unexplained(luma, carried) > _UNEXPLAINED:
            return None
        kept = _inner(fit) * np.float32(1 - _RENEWED)
        # What another frame has replaced is as good as new.
        self._stretched = stretched * kept
        return Change(flow, kept)


def coordinates(shape: tuple[int, ...]) -> np.ndarray:
    """Each pixel's own (x, y), float32 `(H, W, 2)`."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.dstack([x, y])


def _inner(fit: np.ndarray) -> np.ndarray:
    """Without its edge: a stroke reaches beyond what it was painted for."""
    return np.maximum(1.5 * cv2.blur(fit, _FEATHER) - 0.5, 0)


def _unexplained(luma: np.ndarray, carried: np.ndarray) -> float:
    """The texture that is left of a frame without the one before, as a share of the frame's own."""
    left = texture(cv2.subtract(luma, carried, dtype=cv2.CV_32F))
    return float(left.mean() / (texture(luma.astype(np.float32)).mean() + 1))
