"""Arithmetic on RGB (H, W, 3), uint8 or uint16 over its whole range; a millisecond or two at 640×360 in uint8."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from reconet_cli.video.ffmpeg.pixels import LUMA, Frame

_DEPTHS = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U}
_LINES = 320  # a dividing line takes one in so many columns


def blend(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """`second` over `first` with a `share` in [0, 1], rounded to nearest; 0 and 1 give either frame exactly."""
    return cv2.addWeighted(first, 1 - share, second, share, 0)


def blend_by_mask(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`second` over `first` with a share for every pixel, float32 (H, W) in [0, 1]."""
    if first.dtype == np.uint8:
        return cv2.blendLinear(first, second, 1 - share, share)
    change = cv2.subtract(second, first, dtype=cv2.CV_32F) * share[..., None]
    return cv2.add(first, change, dtype=cv2.CV_16U)


def with_colors_of(source: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """The painting's luma with the source's chroma.

    Chroma is B - Y and R - Y, so it stays as it is when red, green and blue all change by the difference in luma.
    Where that leaves the range the color is clipped.
    """
    change = cv2.transform(cv2.subtract(painted, source, dtype=cv2.CV_32F), LUMA)
    return cv2.add(source, cv2.merge([change, change, change]), dtype=_DEPTHS[source.dtype.name])


def side_by_side(source: Frame, painted: Frame) -> Frame:
    """The source on the left, the painting on the right: (H, 2W, 3)."""
    alpha = None
    if source.alpha is not None and painted.alpha is not None:
        alpha = np.hstack([source.alpha, painted.alpha])
    return replace(painted, pixels=np.hstack([source.pixels, painted.pixels]), alpha=alpha)


def split(source: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """The source's left half and the painting's right one, with a white line between them."""
    middle, line = source.shape[1] // 2, max(2, source.shape[1] // _LINES)
    result: np.ndarray = painted.copy()
    result[:, :middle] = source[:, :middle]
    result[:, middle - line // 2 : middle - line // 2 + line] = np.iinfo(source.dtype).max
    return result
