"""Which pixels can be traced from one frame into another, told from true flow."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from reconet_cli.warping import inside_frame, motion_boundaries, visibility_mask

# Neighbors that a shrinking surface puts on one pixel differ by less, two surfaces that cross by more (pixels).
_LARGEST_SPREAD = 1.5


def _with_gaps(flow: np.ndarray, known: np.ndarray) -> Tensor:
    """`(1, 2, H, W)` with NaN where unknown: every comparison in the masks is false there."""
    return torch.from_numpy(np.where(known, flow, np.float32("nan")))[None]


def contested(flow: np.ndarray, known: np.ndarray) -> np.ndarray:
    """True where pixels of a with different motion land on one pixel of b, bool `(H, W)` on a's pixels.

    `flow` is a→b, `(2, H, W)` in pixels, `known` bool `(H, W)`. One of two surfaces that meet is hidden there; which
    one, flow alone cannot say, so both count.
    """
    height, width = known.shape
    y, x = np.nonzero(known)
    motion = flow[:, y, x]
    column, row = np.rint(x + motion[0]), np.rint(y + motion[1])
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    y, x, motion = y[inside], x[inside], motion[:, inside]
    landing = (row[inside] * width + column[inside]).astype(np.int64)
    crossing = np.zeros(height * width, bool)
    for component in motion:
        low, high = (np.full(height * width, value, np.float32) for value in (np.inf, -np.inf))
        np.minimum.at(low, landing, component)
        np.maximum.at(high, landing, component)
        crossing |= high - low > _LARGEST_SPREAD
    found = np.zeros(known.shape, np.uint8)
    found[y, x] = crossing[landing]
    # A surface that grows leaves pixels of b unclaimed in between, and so thin gaps here.
    return cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0


def visible_one_way(flow: np.ndarray, known: np.ndarray, occluded: np.ndarray | None) -> np.ndarray:
    """Pixels of a that can be traced into b by the flow a→b alone, bool `(H, W)`.

    Known, inside the frame, off motion boundaries, and not in `occluded` (bool `(H, W)`), the data set's own map; where
    there is none, not `contested`.
    """
    gappy = _with_gaps(flow, known)
    hidden = contested(flow, known) if occluded is None else occluded
    clear = (inside_frame(gappy) * (1 - motion_boundaries(gappy)))[0, 0].bool().numpy()
    visible: np.ndarray = clear & ~hidden
    return visible


def visible_two_ways(flow: tuple[np.ndarray, np.ndarray], reverse: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Pixels of a that can be traced into b, bool `(H, W)`, by `warping.visibility_mask`.

    `flow` is a→b and `reverse` b→a, each with its known pixels.
    """
    return visibility_mask(_with_gaps(*flow), _with_gaps(*reverse))[0, 0].bool().numpy()
