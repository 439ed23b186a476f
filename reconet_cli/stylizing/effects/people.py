"""Masks of people: found by a small network in a small frame, then brought to the full size along the frame's edges."""

from __future__ import annotations

import cv2
import numpy as np

from reconet_cli.engines.people import SIZES, kind_of, load_people_engine
from reconet_cli.stylizing.effects.masks import Mask
from reconet_cli.video.ffmpeg.pixels import Frame

# The guided filter's window in the small frame (a radius of 2), and its regularization for values in [0, 1].
_WINDOW = (5, 5)
_SMOOTHNESS = 1e-3
# Shares below the first are nobody, above the second somebody: what is between is the feathered edge.
_EDGE = (0.2, 0.8)


class PeopleMask(Mask):
    """Paints people, or the background behind them. Frames are looked at one by one, so they come in any order."""

    def __init__(self, size: tuple[int, int], *, background: bool) -> None:
        """A mask for frames of `size` (width, height). Raises `StyleError` where the network's weights are missing."""
        kind = kind_of(size[1], size[0])
        self._small = SIZES[kind]
        self._engine = load_people_engine(kind)
        self._background = background

    def __exit__(self, *error: object) -> None:
        """Nothing to close."""

    def fetch(self, frame: Frame) -> np.ndarray | None:
        """Nothing: the frame itself says it all."""
        return None

    def share(self, frame: Frame, fetched: np.ndarray | None) -> np.ndarray:
        """See `Mask`."""
        pixels = frame.pixels
        small = reduced(pixels, self._small)
        share = feathered(along_edges(self._engine(small), small, pixels))
        return 1 - share if self._background else share


def reduced(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame RGB (H, W, 3), uint8 or uint16, at another size (height, width), uint8."""
    height, width = frame.shape[:2]
    # Averages of whole pixels first, which is ten times as fast.
    factor = min(height // size[0], width // size[1])
    while factor > 1 and (height % factor or width % factor):
        factor -= 1
    if factor > 1:
        frame = cv2.resize(frame, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    near = frame.shape[0] < 1.5 * size[0]
    small = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_LINEAR if near else cv2.INTER_AREA)
    return small if small.dtype == np.uint8 else np.right_shift(small, 8).astype(np.uint8)


def feathered(found: np.ndarray) -> np.ndarray:
    """How much is painted where so much of a person is found: all or nothing but for a soft edge."""
    low, high = _EDGE
    share: np.ndarray = found - np.float32(low)
    share *= 1 / (high - low)
    return np.clip(share, 0, 1, out=share)


def along_edges(mask: np.ndarray, small: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """A mask of a small frame at the size of the full one, with edges where the full frame has its own.

    The fast guided filter by luma (He and Sun, arXiv 1505.00996): a line from luma to mask is fitted around each pixel
    of the small frame, and the lines are spread over the full one. `mask` is float32 (h, w), `small` RGB uint8
    (h, w, 3), `frame` RGB (H, W, 3), uint8 or uint16; float32 (H, W) comes out.
    """
    guide = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) * np.float32(1 / 255)
    guide_mean, mask_mean, product, square = (
        cv2.blur(values, _WINDOW) for values in (guide, mask, guide * mask, guide * guide)
    )
    slope = (product - guide_mean * mask_mean) / (square - guide_mean * guide_mean + _SMOOTHNESS)
    offset = mask_mean - slope * guide_mean
    slopes, offsets = (cv2.resize(cv2.blur(values, _WINDOW), frame.shape[1::-1]) for values in (slope, offset))
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    scale = 1 / np.iinfo(frame.dtype).max
    # Fresh memory would take as long as the arithmetic.
    return cv2.add(cv2.multiply(luma, slopes, slopes, scale, cv2.CV_32F), offsets, offsets)
