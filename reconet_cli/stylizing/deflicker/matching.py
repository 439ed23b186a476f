"""The light, contrast and sharpness of a carried painting, kept at those of the one just painted."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.scratch import Scratch

_CELL = 52  # px: colors and contrast are compared over neighborhoods of about this size
# Contrast that cells without any are taken to have, in levels of 255, and the most that it is changed by in a frame.
_FAINT = 2.0
_LEAST, _MOST = 0.8, 1.4
# Changes of color of more than _STAINED levels of 255 are no flicker, and at twice that nothing is carried. Of those up
# to _LITTLE levels a share of _SLOWLY is followed in a frame.
_STAINED = 25.0
_LITTLE, _SLOWLY = 6.0, 0.5
_BLUR = (3, 3)
_LINES = 64  # detail is measured in one row and column of so many
_CURVATURE = np.array([[1, -2, 1]], np.float32)


def matched(carried: np.ndarray, fresh: np.ndarray, scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
    """`carried` with the mean color and the contrast that `fresh` has in each neighborhood, both RGBA.

    The transfer of Reinhard et al. (IEEE CG&A 21, 2001) in RGB, one gain for all three. A network's colors follow what
    the whole frame shows, so those painted earlier grow wrong; and mixing two paintings takes contrast. Little changes
    are followed slowly: most of them are flicker. The result lies in `scratch`.

    The second result says how far the colors were alike, float32 in [0, 1] for each neighborhood. A thing tints what is
    painted around it. When it has gone, the ground still fits, and the stain would be carried on.
    """
    height, width = fresh.shape[:2]
    most = np.iinfo(fresh.dtype).max
    small = _quarter(carried)
    (mean, spread), (wanted, wide) = _moments(small), _moments(_quarter(fresh))
    faint, little = (_FAINT / 255 * most) ** 2, _LITTLE / 255 * most
    gain = np.sqrt((wide + faint) / (spread + faint)).clip(_LEAST, _MOST)[..., None]
    change = wanted - mean
    alike = np.clip(2 - np.abs(change).max(2) * (255 / most / _STAINED), 0, 1).astype(np.float32)
    change -= (1 - _SLOWLY) * change.clip(-little, little)
    # What is added, over a middle gray: (gain - 1) * (small - mean) + change.
    middle = (most + 1) // 2
    gains, shifts = (
        cv2.resize(part, small.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        for part in (np.repeat(gain - 1, 4, 2), change - (gain - 1) * mean + middle)
    )
    depth = cv2.CV_8U if fresh.dtype == np.uint8 else cv2.CV_16U
    added = cv2.add(cv2.multiply(small, gains, gains), shifts, dtype=depth)
    whole = scratch("added", fresh.shape, fresh.dtype)
    cv2.resize(added, (width, height), whole, interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(carried, 1, whole, 1, -middle, scratch("matched", fresh.shape, fresh.dtype)), alike


def sharpened(picture: np.ndarray, amount: float, scratch: Scratch) -> np.ndarray:
    """RGBA with `amount` of its difference from a blurred one (unsharp masking) added; in `scratch`."""
    blurred = cv2.GaussianBlur(picture, _BLUR, 0, scratch("sharpened", picture.shape, picture.dtype))
    return cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0, blurred)


def detail(picture: np.ndarray) -> float:
    """Mean curvature along rows and columns, which blur takes away."""
    lines = picture[::_LINES], np.ascontiguousarray(picture[:, ::_LINES].swapaxes(0, 1))
    return sum(float(np.mean(cv2.mean(np.abs(cv2.filter2D(each, cv2.CV_32F, _CURVATURE)))[:3])) for each in lines)


def _quarter(picture: np.ndarray) -> np.ndarray:
    """A quarter of the size, float32. Twice a half takes less time."""
    for _ in range(2):
        height, width = picture.shape[:2]
        picture = cv2.resize(picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    return picture.astype(np.float32)


def _moments(small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means `(h, w, 4)` and variance over all colors `(h, w)` of neighborhoods."""
    mean, power = _around(small), _around(cv2.multiply(small, small))
    variance = (power - mean * mean)[..., :3].mean(2)
    return mean, np.maximum(variance, 0)


def _around(small: np.ndarray) -> np.ndarray:
    height, width = small.shape[:2]
    cells = max(1, 4 * width // _CELL), max(1, 4 * height // _CELL)
    return cv2.GaussianBlur(cv2.resize(small, cells, interpolation=cv2.INTER_AREA), (0, 0), 1)
