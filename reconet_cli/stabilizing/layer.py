"""What was painted earlier, shown where its pixels have moved to by now."""

from __future__ import annotations

import functools

import cv2
import numpy as np

# What is carried fits while its source's texture (luma without its mean over _AROUND) differs by less than _NOISE +
# _EDGES x local contrast grey levels, and its mean by less than _LIGHT; at _LOST times that it does not fit at all.
_NOISE = 4.0
_EDGES = 0.35
_LIGHT = 24.0
_AROUND = (21, 21)
_NEAR = (5, 5)
_LOST = 1.5
# Half-size pixels between the ways of the neighbours on either side: so much a picture may be stretched, and at twice
# that it is torn, at an edge that covers or uncovers what lies behind.
_STRETCHED = 1.0
# A sample half way between pixels, by cubic convolution (Keys, 1981, with a = -_SHARP). Sharper than the usual -0.5 to
# -0.75, because bilinear samples blur once more; so what is carried ten times keeps its edges.
_SHARP = 1.15
_BETWEEN = np.array([-_SHARP / 8, (4 + _SHARP) / 8, (4 + _SHARP) / 8, -_SHARP / 8], np.float32)


class Layer:
    """A painted frame `(H, W, 3)` with the way that each pixel has gone since, and how well it fits there.

    Ways and fit are kept for half the size. Ways add up from frame to frame while the picture stays as it was painted:
    each showing samples it once, so it does not blur with age. `fit` is how far the layer can be used, float32
    `(H/2, W/2)` in [0, 1].
    """

    def __init__(self, painted: np.ndarray, luma: np.ndarray) -> None:
        """Begin with a painted frame and the half-size luma of its source, uint8."""
        self._painted, self._luma = doubled(painted), luma
        self._ways: np.ndarray = np.zeros((*luma.shape, 2), np.float32)
        self.fit: np.ndarray = np.ones(luma.shape, np.float32)

    def move(self, flow: np.ndarray, grid: np.ndarray, luma: np.ndarray, contrast: np.ndarray) -> None:
        """Go on by one frame: half-size flow to the frame before, its pixels, luma and contrast.

        Where the layer has once ceased to fit it stays lost.
        """
        targets = cv2.add(grid, flow)
        self._ways = cv2.add(sample(self._ways, targets), flow)
        ends = cv2.add(grid, self._ways)
        fit = fitting(stretch(self._ways), ends, luma, sample(self._luma, ends), contrast)
        self.fit = cv2.min(sample(self.fit, targets), fit)

    def show(self, places: np.ndarray) -> np.ndarray:
        """The picture as it looks now; `places` are the full-size pixels' in a doubled picture."""
        return moved(self._painted, self._ways, places)


def moved(picture: np.ndarray, ways: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A `doubled` picture sampled at the ends of half-size `ways` from full-size pixels' `places` in it."""
    height, width = places.shape[:2]
    ways = cv2.resize(ways, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return sample(picture, cv2.scaleAdd(ways, 4, places))


def doubled(picture: np.ndarray) -> np.ndarray:
    """RGBA `(H, W, 4)` with a new sample behind each one, across and down: `(2H, 2W, 4)`.

    Bilinear samples of it are nearly as good as cubic ones of the picture itself, at a third of the time.
    """
    height, width = picture.shape[:2]
    between = cv2.filter2D(picture, -1, _BETWEEN[None], anchor=(1, 0), borderType=cv2.BORDER_REPLICATE)
    # A pixel is moved about as one value, four times as fast.
    pixel = np.int32 if picture.dtype == np.uint8 else np.float64
    parts: list[np.ndarray] = [part.view(pixel)[..., 0] for part in (picture, between)]
    pairs = cv2.merge(parts)
    wide = pairs.view(picture.dtype).reshape(height, 2 * width, 4)
    result = np.empty((2 * height, 2 * width, 4), picture.dtype)
    result[::2] = wide
    result[1::2] = cv2.filter2D(wide, -1, _BETWEEN[:, None], anchor=(0, 1), borderType=cv2.BORDER_REPLICATE)
    return result


def fitting(
    stretched: np.ndarray, ends: np.ndarray, luma: np.ndarray, carried: np.ndarray, contrast: np.ndarray
) -> np.ndarray:
    """How far `carried`, the luma at the `ends` of ways, shows what `luma` does: float32 in [0, 1].

    `stretched` is how much the picture has been stretched on the way (see `stretch`).
    """
    height, width = luma.shape
    x, y = cv2.split(ends)
    there = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
    whole = np.clip(2 - stretched / _STRETCHED, 0, 1)
    return _fit(luma, carried, contrast) * (there * whole)


def stretch(ways: np.ndarray) -> np.ndarray:
    """How far apart the ways of each pixel's neighbours are, float32 in half-size pixels."""
    slopes = (cv2.Sobel(part, cv2.CV_32F, x, 1 - x, ksize=1) for part in cv2.split(ways) for x in (1, 0))
    return functools.reduce(cv2.max, map(np.abs, slopes))


def sample(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Bilinear samples at (x, y) places; beyond the border it continues."""
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]


def local_contrast(luma: np.ndarray) -> np.ndarray:
    """Mean slope around each pixel in grey levels a pixel, float32."""
    across, down = (cv2.Sobel(luma, cv2.CV_32F, x, 1 - x, ksize=3, scale=1 / 8) for x in (1, 0))
    return cv2.blur(np.abs(across) + np.abs(down), _NEAR)


def texture(picture: np.ndarray) -> np.ndarray:
    """How far each pixel is from the mean around it, float32."""
    return cv2.absdiff(picture, cv2.blur(picture, _AROUND))


def _fit(luma: np.ndarray, carried: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    change = cv2.subtract(luma, carried, dtype=cv2.CV_32F)
    light = cv2.blur(change, _AROUND)
    grain = cv2.blur(cv2.absdiff(change, light), _NEAR)
    misfit = cv2.max(grain / (_NOISE + _EDGES * contrast), np.abs(light) / _LIGHT)
    return np.clip((_LOST - misfit) / (_LOST - 1), 0, 1)
