"""The light, contrast and sharpness of a carried painting, kept at those of the one just painted."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.stylizing.deflicker.scratch import Scratch

_CELL = 40  # px: colors and contrast are compared over neighborhoods of about this size
# Contrast that cells without any are taken to have, in levels of 255, and the most that it is changed by in a frame.
_FAINT = 2.0
_LEAST, _MOST = 0.8, 1.4
_BLUR = (5, 5)
_LINES = 32  # detail is measured in one row and column of so many
_CURVATURE = np.array([[1, -2, 1]], np.float32)


def matched(carried: np.ndarray, fresh: np.ndarray, scratch: Scratch) -> np.ndarray:
    """`carried` with the mean color and the contrast that `fresh` has in each neighborhood, both RGBA.

    The transfer of Reinhard et al. (IEEE CG&A 21, 2001) in RGB, one gain for all three. A network's colors follow what
    the whole frame shows, so those painted earlier grow wrong; and mixing two paintings takes contrast. The result lies
    in `scratch`.
    """
    height, width = fresh.shape[:2]
    (mean, spread), (wanted, wide) = _moments(carried), _moments(fresh)
    faint = (_FAINT / 255 * np.iinfo(fresh.dtype).max) ** 2
    gain = np.sqrt((wide + faint) / (spread + faint)).clip(_LEAST, _MOST)[..., None]
    shift = wanted - gain * mean
    gains, shifts = (
        cv2.resize(part, (width, height), scratch(name, fresh.shape, np.float32), interpolation=cv2.INTER_LINEAR)
        for name, part in (("gains", np.repeat(gain, 4, 2)), ("shifts", shift))
    )
    scaled = cv2.multiply(carried, gains, gains, dtype=cv2.CV_32F)
    depth = cv2.CV_8U if fresh.dtype == np.uint8 else cv2.CV_16U
    return cv2.add(scaled, shifts, scratch("matched", fresh.shape, fresh.dtype), dtype=depth)


def sharpened(picture: np.ndarray, amount: float, scratch: Scratch) -> np.ndarray:
    """RGBA with `amount` of its difference from a blurred one (unsharp masking) added; in `scratch`."""
    blurred = cv2.GaussianBlur(picture, _BLUR, 0, scratch("sharpened", picture.shape, picture.dtype))
    return cv2.addWeighted(picture, 1 + amount, blurred, -amount, 0, blurred)


def detail(picture: np.ndarray) -> float:
    """Mean curvature along rows and columns, which blur takes away."""
    lines = picture[::_LINES], np.ascontiguousarray(picture[:, ::_LINES].swapaxes(0, 1))
    return sum(float(np.mean(cv2.mean(np.abs(cv2.filter2D(each, cv2.CV_32F, _CURVATURE)))[:3])) for each in lines)


def _moments(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means `(h, w, 4)` and variance over all colors `(h, w)` of neighborhoods."""
    height, width = picture.shape[:2]
    size = max(1, width // 2), max(1, height // 2)
    half = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    mean, power = _around(half), _around(cv2.multiply(half, half))
    variance = (power - mean * mean)[..., :3].mean(2)
    return mean, np.maximum(variance, 0)


def _around(half: np.ndarray) -> np.ndarray:
    height, width = half.shape[:2]
    cells = max(1, 2 * width // _CELL), max(1, 2 * height // _CELL)
    return cv2.GaussianBlur(cv2.resize(half, cells, interpolation=cv2.INTER_AREA), (0, 0), 1)
