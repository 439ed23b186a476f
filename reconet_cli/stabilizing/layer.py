"""A painted frame that is shown later, where its pixels have moved to by then."""

from __future__ import annotations

import cv2
import numpy as np

# A layer fits while its source's texture (luma without its mean over _AROUND) differs by less than _NOISE + _EDGES x
# local contrast grey levels, and its mean by less than _LIGHT; at _LOST times that it does not fit at all.
_NOISE = 4.0
_EDGES = 0.6
_LIGHT = 24.0
_AROUND = (21, 21)
_NEAR = (7, 7)
_LOST = 3.0
_TORN = 2.0  # half-size pixels between the ways of neighbours


class Layer:
    """A painted frame `(H, W, 3)` with the way that each pixel has gone since, and how well it fits there.

    Ways and fit are kept for half the size. Ways add up from frame to frame while the picture stays as it was painted:
    each showing samples it once, so it does not blur with age.
    """

    def __init__(self, painted: np.ndarray, luma: np.ndarray) -> None:
        """Begin with a painted frame and the half-size luma of its source, uint8."""
        self._painted = painted
        self._luma = luma
        self._state = np.zeros((*luma.shape, 3), np.float32)  # way x, way y, fit
        self._state[..., 2] = 1

    @property
    def fit(self) -> np.ndarray:
        """How far the layer can be used, float32 `(H/2, W/2)` in [0, 1]."""
        return self._state[..., 2]

    def move(self, flow: np.ndarray, grid: np.ndarray, luma: np.ndarray, contrast: np.ndarray) -> np.ndarray:
        """Go on by one frame: half-size flow to the frame before, its pixels, luma and contrast.

        Returns how well the layer fits at this moment; what has been lost stays lost.
        """
        state = cv2.remap(self._state, grid + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        state[..., :2] += flow
        ends = grid + state[..., :2]
        height, width = luma.shape
        there = (ends > -0.5).all(2) & (ends[..., 0] < width - 0.5) & (ends[..., 1] < height - 0.5)
        fit = _fit(luma, cv2.remap(self._luma, ends, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), contrast)  # type: ignore[call-overload]
        fit *= there & ~_torn(state[..., :2])
        state[..., 2] = np.minimum(state[..., 2], fit)
        self._state = state
        return fit

    def show(self, pixels: np.ndarray) -> np.ndarray:
        """The picture as it looks now; `pixels` are the coordinates of the full size."""
        height, width = self._painted.shape[:2]
        ways = cv2.resize(self._state[..., :2], None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
        return cv2.remap(self._painted, pixels + 2 * ways, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]


def local_contrast(luma: np.ndarray) -> np.ndarray:
    """Mean slope around each pixel in grey levels a pixel, float32."""
    across, down = (cv2.Sobel(luma, cv2.CV_32F, x, 1 - x, ksize=3, scale=1 / 8) for x in (1, 0))
    return cv2.blur(np.abs(across) + np.abs(down), _NEAR)


def texture(picture: np.ndarray) -> np.ndarray:
    """How far each pixel is from the mean around it, float32."""
    return cv2.absdiff(picture, cv2.blur(picture, _AROUND))


def _torn(ways: np.ndarray) -> np.ndarray:
    """True where neighbours have gone different ways: at an edge that covers or uncovers what is behind it."""
    around = np.ones((3, 3), np.uint8)
    return cv2.subtract(cv2.dilate(ways, around), cv2.erode(ways, around)).max(2) > _TORN


def _fit(luma: np.ndarray, carried: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    change = cv2.subtract(luma, carried, dtype=cv2.CV_32F)
    light = cv2.blur(change, _AROUND)
    grain = cv2.blur(cv2.absdiff(change, light), _NEAR)
    misfit = cv2.max(grain / (_NOISE + _EDGES * contrast), np.abs(light) / _LIGHT)
    return np.clip((_LOST - misfit) / (_LOST - 1), 0, 1)
