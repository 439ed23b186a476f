"""When strokes are painted anew: each place at a time of its own, so that the picture stays calm as a whole.

Strokes that are carried for long lose their shape. A little of the new painting in every frame would keep that off, but
it mixes so many paintings that their strokes wash out.
"""

from __future__ import annotations

import cv2
import numpy as np

# Strokes are carried for _CARRIED frames; in each of the next _RENEWING this share of them gives way to new ones. A
# frame that they don't fit at all counts as _WEAR more.
_CARRIED, _RENEWING = 30, 12
_SHARE = 0.11
_WEAR = 10.0
_PATCH = 16  # half-size px: neighbors within about so much are renewed together
_NEW = 0.3  # less left of what was carried: as good as new
_FEATHER = (5, 5)


def scattered(shape: tuple[int, ...], number: int = 0) -> np.ndarray:
    """Ages for a painting that begins with a frame of some `number`: all ages, equally often, in smooth patches.

    A place whose motion can be followed is renewed in the same frames of a clip, whichever frame it began with: so what
    is shown soon doesn't depend on the beginning any more. uint8, in frames.
    """
    height, width = shape
    patches = max(2, height // _PATCH), max(2, width // _PATCH)
    seeds = np.random.default_rng(0).integers(256, size=patches, dtype=np.uint8)
    smooth = cv2.resize(seeds, (width, height), interpolation=cv2.INTER_LINEAR)
    ages = cv2.convertScaleAbs(cv2.equalizeHist(smooth), alpha=(_CARRIED - 1) / 255)
    return ((ages.astype(np.int64) + number) % (_CARRIED + _RENEWING)).astype(np.uint8)


def renewed(ages: np.ndarray, ends: np.ndarray, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next frame's ages, and how much of what is carried is kept: `fit` where nothing is being renewed.

    `ages` are the frame before's, `ends` the (x, y) that each pixel comes from, `fit` in [0, 1].
    """
    carried = cv2.remap(ages, ends, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    wear = 1 + _WEAR * (1 - fit)
    cv2.add(carried, wear, carried, dtype=cv2.CV_8U)
    giving_way = (carried >= _CARRIED).astype(np.float32) * wear
    kept = fit * np.maximum(1 - np.float32(_SHARE) * cv2.blur(giving_way, _FEATHER), 0)
    carried[(carried >= _CARRIED + _RENEWING) | (kept < _NEW)] = 0
    return carried, kept
