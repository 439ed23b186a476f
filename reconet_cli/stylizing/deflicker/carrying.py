"""A picture moved along with what it shows, and how well it fits there."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.scratch import Scratch

# What is carried fits while its source's texture (luma without its mean over _AROUND) differs by less than _NOISE +
# _EDGES x local contrast gray levels, and its mean by less than _LIGHT; at _LOST times that it does not fit at all.
_NOISE = 3.0
_EDGES = 0.6
_LIGHT = 24.0
_AROUND = (15, 15)
_NEAR = (3, 3)
_LOST = 1.6
# Half-size pixels between the ways of the neighbors on either side: so much a picture may be stretched, and at twice
# that it is torn, at an edge that covers or uncovers what lies behind.
_STRETCHED = 1.6
# Half way between two pixels. Chosen so that what is sampled over and over, bilinearly between these and the pixels, at
# any places, neither loses nor gains up to half of the highest frequency; a gain would engrave the strokes.
_BETWEEN = np.array([0.02, -0.15, 0.63, 0.63, -0.15, 0.02], np.float32)


def moved(picture: np.ndarray, flow: np.ndarray, scratch: Scratch) -> np.ndarray:
    """RGBA `(H, W, 4)` sampled at the ends of half-size `flow`; the result lies in `scratch`."""
    height, width = picture.shape[:2]
    ends = _ends(flow, scratch)[:height, :width]
    return sample(doubled(picture, scratch), ends, scratch("moved", picture.shape, picture.dtype))


def _ends(flow: np.ndarray, scratch: Scratch) -> np.ndarray:
    """Where each pixel comes from in a picture of twice the size, by half-size flow (a quarter of that): (x, y)."""
    height, width = flow.shape[:2]
    centers = scratch("centers", flow.shape, np.float32)
    centers[..., 0], centers[..., 1] = np.arange(1, 4 * width, 4), np.arange(1, 4 * height, 4)[:, None]
    ends = scratch("ends", (2 * height, 2 * width, 2), np.float32)
    cv2.resize(cv2.scaleAdd(flow, 4, centers, centers), (2 * width, 2 * height), ends, interpolation=cv2.INTER_LINEAR)
    # Beyond the outermost centers it repeats them; the pixels' own places go on.
    ends[:, 0, 0] -= 1
    ends[:, -1, 0] += 1
    ends[0, :, 1] -= 1
    ends[-1, :, 1] += 1
    return ends


def over(below: np.ndarray, above: np.ndarray, share: np.ndarray, scratch: Scratch) -> np.ndarray:
    """RGBA `above` over `below` with a half-size `share` in [0, 1]; the result lies in `scratch`, `above` is lost.

    In whole numbers of the pictures' own depth it takes half the time of `blend_by_mask`.
    """
    height, width = below.shape[:2]
    most = np.iinfo(below.dtype).max
    shares = cv2.resize((share * most + 0.5).astype(below.dtype), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    every = scratch("shares", below.shape, below.dtype)
    cv2.merge([shares[:height, :width]] * 4, every)
    cv2.multiply(above, every, above, 1 / most)
    rest = cv2.multiply(below, cv2.bitwise_not(every, every), every, 1 / most)
    return cv2.add(above, rest, rest)


def doubled(picture: np.ndarray, scratch: Scratch) -> np.ndarray:
    """RGBA `(H, W, 4)` with a new sample behind each one, across and down: `(2H, 2W, 4)`, in `scratch`.

    Bilinear samples of this are better than cubic ones of the picture itself, at a third of the time.
    """
    height, width = picture.shape[:2]
    across = scratch("across", picture.shape, picture.dtype)
    cv2.filter2D(picture, -1, _BETWEEN[None], across, anchor=(2, 0), borderType=cv2.BORDER_REPLICATE)
    result = scratch("doubled", (2 * height, 2 * width, 4), picture.dtype)
    # A pixel is moved about as one value, four times as fast.
    pixel = np.int32 if picture.dtype == np.uint8 else np.float64
    parts: list[np.ndarray] = [part.view(pixel)[..., 0] for part in (picture, across)]
    pairs: np.ndarray = result.view(pixel).reshape(2 * height, width, 2)[::2]
    cv2.merge(parts, pairs)
    wide, below = result[::2], result[1::2]
    cv2.filter2D(wide, -1, _BETWEEN[:, None], below, anchor=(0, 2), borderType=cv2.BORDER_REPLICATE)
    return result


def fitting(stretched: np.ndarray, ends: np.ndarray, now: np.ndarray, carried: np.ndarray) -> np.ndarray:
    """How far `carried`, the luma at the `ends` of ways, shows what `now` does: float32 in [0, 1].

    `stretched` is how much the picture has been stretched on the way (see `stretch`).
    """
    height, width = now.shape
    whole = np.clip(2 - stretched / _STRETCHED, 0, 1)
    whole[cv2.inRange(ends, (-0.5, -0.5), (width - 0.5, height - 0.5)) == 0] = 0
    share: np.ndarray = _fit(now, carried) * whole
    return share


def stretch(ways: np.ndarray) -> np.ndarray:
    """How far apart the ways of each pixel's neighbors are, float32 in half-size pixels."""
    across, down = np.abs(ways[:, 2:] - ways[:, :-2]), np.abs(ways[2:] - ways[:-2])
    widest = np.zeros(ways.shape[:2], np.float32)
    widest[:, 1:-1] = np.maximum(across[..., 0], across[..., 1])
    np.maximum(widest[1:-1], np.maximum(down[..., 0], down[..., 1]), out=widest[1:-1])
    return widest


def sample(picture: np.ndarray, places: np.ndarray, result: np.ndarray | None = None) -> np.ndarray:
    """Bilinear samples at (x, y) places; beyond the border it continues."""
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, result, cv2.BORDER_REPLICATE)


def local_contrast(luma: np.ndarray) -> np.ndarray:
    """Mean slope around each pixel in gray levels a pixel, float32."""
    across, down = (cv2.Sobel(luma, cv2.CV_32F, x, 1 - x, ksize=3, scale=1 / 8) for x in (1, 0))
    return cv2.blur(np.abs(across) + np.abs(down), _NEAR)


def texture(picture: np.ndarray) -> np.ndarray:
    """How far each pixel is from the mean around it, float32."""
    return cv2.absdiff(picture, cv2.blur(picture, _AROUND))


def _fit(now: np.ndarray, carried: np.ndarray) -> np.ndarray:
    change = cv2.subtract(now, carried, dtype=cv2.CV_32F)
    light = cv2.blur(change, _AROUND)
    grain = cv2.blur(cv2.absdiff(change, light), _NEAR)
    misfit = cv2.max(grain / (_NOISE + _EDGES * local_contrast(now)), np.abs(light) / _LIGHT)
    fit: np.ndarray = np.clip((_LOST - misfit) / (_LOST - 1), 0, 1)
    return fit
